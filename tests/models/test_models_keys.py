"""Which variables hold whose key, by name: what is found, what is missing, never a value."""

import pytest

from treadle.models.keys import found_keys, key_names, missing, provider_of, providers


def test_a_provider_is_found_when_all_its_variables_are_set_and_none_is_empty():
    assert found_keys({}) == ()
    assert found_keys({"OPENAI_API_KEY": " "}) == ()
    found = found_keys({"OPENAI_API_KEY": "a", "AZURE_API_KEY": "b", "ANTHROPIC_API_KEY": "c"})
    assert [p.name for p in found] == ["anthropic", "openai"]


def test_another_name_of_the_key_does_as_well():
    assert [p.name for p in found_keys({"GOOGLE_API_KEY": "a"})] == ["gemini"]


def test_what_is_missing_is_told_by_name():
    azure = next(p for p in providers() if p.name == "azure")
    assert missing(azure, {"AZURE_API_KEY": "a"}) == ("AZURE_API_BASE", "AZURE_API_VERSION")


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("anthropic/claude-opus-5", ("ANTHROPIC_API_KEY",)),
        ("claude-opus-5", ("ANTHROPIC_API_KEY",)),
        ("gpt-5", ("OPENAI_API_KEY",)),
        ("openrouter/openai/gpt-5", ("OPENROUTER_API_KEY",)),
        ("some-host/model", ("SOME_HOST_API_KEY",)),
        ("ollama/qwen3", ()),
        ("local/mine", ()),
        ("scripted//a/b.yaml", ()),
        ("whatever", ()),
    ],
)
def test_the_variables_of_a_model(model, names):
    assert key_names(model) == names


def test_a_default_model_belongs_to_its_provider():
    for provider in providers():
        for tier in ("small", "medium", "large"):
            if name := provider.default(tier):
                assert provider_of(name) == provider
        assert provider.default("code") == ""
