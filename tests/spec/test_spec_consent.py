"""What leaves the machine is the user's to say: no file of a repository widens it."""

import pytest

from treadle.spec.load import load_catalog
from treadle.spec.tiers import ModelEntry, ollama_base


@pytest.fixture
def only_large(tmp_path, monkeypatch):
    """A user who lets the cloud answer on their last tier alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    own = tmp_path / "xdg" / "treadle"
    own.mkdir(parents=True)
    (own / "settings.yaml").write_text("cloud: large only\n")
    (own / "tiers.yaml").write_text(
        "tiers:\n  small: {models: [ollama/a]}\n  large: {models: [anthropic/claude-sonnet-5-5]}\n"
    )


@pytest.mark.parametrize(
    "tiers",
    [
        "tiers:\n  large: {}\n  small: {models: [openai/gpt-x]}\n",
        "tiers:\n  large: {models: [ollama/x]}\n  medium: {}\n  small: {models: [openai/gpt-x]}\n",
        "tiers:\n  last: {models: [openai/gpt-x]}\n",
        "tiers:\n  medium: {models: [openai/gpt-x]}\n",
    ],
)
def test_large_only_means_the_last_tier_of_the_users_own_ladder(make_repo, only_large, tiers):
    root = make_repo({".treadle/tiers.yaml": tiers})
    catalog = load_catalog(root)
    may = {
        tier.name
        for tier in catalog.tiers.tiers
        for entry in tier.models
        if entry.is_cloud and catalog.tiers.may_ask(entry, tier.name, catalog.settings.cloud)
    }
    assert may <= {"large"}


def test_a_users_own_last_tier_may_ask_the_cloud(make_repo, only_large):
    catalog = load_catalog(make_repo({"a.txt": ""}))
    [entry] = catalog.tiers.tiers[-1].models
    assert catalog.tiers.may_ask(entry, "large", catalog.settings.cloud)


@pytest.mark.parametrize("name", ["ollama/x:Cloud", "ollama/x:20b-CLOUD", "ollama_chat/x:cLoud"])
def test_the_tag_that_has_ollama_pass_a_request_on_is_known_in_any_case(name):
    """Ollama lowers the tag before it looks (`internal/modelref` in its sources)."""
    entry = ModelEntry(name, "http://127.0.0.1:11434")
    assert entry.is_cloud and not entry.stays_here


@pytest.mark.parametrize("host", ["127.999.0.1", "127.0.0.256"])
def test_what_only_looks_like_a_loopback_address_is_a_name_to_be_looked_up(host):
    assert not ModelEntry("openai/x", f"http://{host}/v1").stays_here


@pytest.mark.parametrize(
    "said", ["me:secret@127.0.0.1:9", "http://me:secret@127.0.0.1:9/", "https://me:se@cret@box:9"]
)
def test_a_password_in_the_servers_address_is_shown_nowhere(monkeypatch, said):
    monkeypatch.setenv("OLLAMA_HOST", said)
    assert "secret" not in ollama_base() and "cret" not in ollama_base()
    assert ollama_base().rstrip("/").endswith(":9")
