"""Which adapter serves which name, what is missing and the next command, and what a reply cost."""

import importlib.util
import os
import subprocess
import sys

import pytest

from treadle.models.open import check_available, kind_of, open_model
from treadle.models.prices import price_of
from treadle.protocol.errors import NoSuchModel, Refused
from treadle.protocol.messages import Usage
from treadle.spec.tiers import ModelEntry, Price


def test_a_name_that_nobody_serves_says_what_works():
    for attempt in (open_model, check_available):
        with pytest.raises(NoSuchModel, match="no provider is known") as caught:
            attempt(ModelEntry("whatever"))
        assert "treadle models pull qwen2.5-coder-1.5b" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "endpoint", "kind"),
    [
        ("anthropic/claude-opus-5", "", "cloud"),
        ("claude-opus-5", "", "cloud"),
        ("gpt-5", "", "cloud"),
        ("some-host/model", "", "cloud"),
        ("anthropic/claude-opus-5", "http://gateway:8000", "cloud"),
        ("openai/gpt-5", "http://gateway:8000/v1", "endpoint"),
        ("local/mine", "http://gpu:8000/v1", "endpoint"),
        ("local/mine", "", "local"),
        ("ollama/qwen3", "", "ollama"),
    ],
)
def test_each_name_has_its_adapter(name, endpoint, kind):
    assert kind_of(ModelEntry(name, endpoint)) == kind


def test_ollamas_own_address_is_not_taken_for_an_openai_one():
    for name in ("ollama/qwen3", "ollama_chat/qwen3"):
        entry = ModelEntry(name, endpoint="http://127.0.0.1:11434")
        assert kind_of(entry) == "ollama"
        check_available(entry)
        assert open_model(entry).name == name
    with pytest.raises(Refused, match="http"):
        check_available(ModelEntry("ollama/qwen3", endpoint="gpu:11434"))


def test_an_endpoint_is_available_with_an_address_and_its_key(monkeypatch):
    monkeypatch.delenv("GPU_KEY", raising=False)
    check_available(ModelEntry("openai/my-vllm", endpoint="http://gpu:8000/v1"))
    with pytest.raises(Refused, match="GPU_KEY"):
        check_available(ModelEntry("openai/my-vllm", endpoint="http://gpu:8000/v1", key_env="GPU_KEY"))
    for address in ("gpu:8000", "file:///etc/passwd", "http://", "http://gpu:port/"):
        with pytest.raises(Refused, match="address"):
            check_available(ModelEntry("openai/my-vllm", endpoint=address))


def test_missing_weights_and_a_missing_engine_name_the_next_command(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: n == "xllamacpp" or real(n))
    with pytest.raises(NoSuchModel) as caught:
        check_available(ModelEntry("local/qwen2.5-coder-1.5b-instruct"))
    assert caught.value.hint == "treadle models pull qwen2.5-coder-1.5b"
    with pytest.raises(NoSuchModel) as caught:
        check_available(ModelEntry("local/mine"))
    assert str(tmp_path) in caught.value.hint
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "xllamacpp" else real(n))
    with pytest.raises(NoSuchModel) as caught:
        check_available(ModelEntry("local/mine"))
    assert caught.value.hint.endswith("-m pip install 'xllamacpp>=2026.10'")


def test_options_of_a_local_model_are_whole_numbers():
    with pytest.raises(Refused, match="context_tokens"):
        open_model(ModelEntry("local/mine", options={"context_tokens": "4k"}))


def test_opening_a_script_loads_no_other_adapter(tmp_path):
    script = tmp_path / "s.yaml"
    script.write_text("replies: []")
    code = (
        "import sys\n"
        "from treadle.models.open import open_model\n"
        "from treadle.spec.tiers import ModelEntry\n"
        f"open_model(ModelEntry('scripted/{script}'))\n"
        "print([m for m in ('h11', 'xllamacpp', 'treadle.models.chat') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_prices_by_exact_name_then_the_longest_pattern():
    prices = {
        "a/*": Price(1, 2),
        "a/b*": Price(10, 20, cached=1),
        "a/bc": Price(100, 200),
        "ollama/*": Price(0, 0),
    }
    usage = Usage(1_000_000, 500_000, 250_000)
    assert price_of("a/x", prices, usage) == 1 + 1
    assert price_of("a/bx", prices, usage) == 7.5 + 0.25 + 10
    assert price_of("a/bc", prices, usage) == 100 + 100
    assert price_of("ollama/any/thing", prices, usage) == 0
    assert price_of("b/x", prices, usage) is None
    assert price_of("A/x", prices, usage) is None
