"""What stays on this machine, what is the user's own network, and what is a cloud."""

import pytest

from treadle.spec.tiers import ModelEntry, is_nearby

NEAR = ["gpu", "localhost", "10.0.0.3", "192.168.1.1", "169.254.1.1", "::1", "fe80::1%eth0", "fd00::1", "box.local",
        "box.lan.", "x.internal", "nas.home.arpa"]  # fmt: skip
FAR = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "example.com", "127.0.0.1.example.com", "internal.example.com",
       "134744072", "0x08080808", "ai.", ""]  # fmt: skip


@pytest.mark.parametrize("host", NEAR)
def test_the_users_own_network_is_near(host):
    assert is_nearby(host)


@pytest.mark.parametrize("host", FAR)
def test_any_other_host_is_not_however_it_is_written(host):
    assert not is_nearby(host)


@pytest.mark.parametrize(
    ("name", "endpoint", "stays", "cloud"),
    [
        ("openai/gpt-5", "", False, True),
        ("gpt-5", "", False, True),
        ("local/x", "", True, False),
        ("scripted//a/b.yaml", "", True, False),
        ("openai/x", "http://127.0.0.1:8000/v1", True, False),
        ("openai/x", "http://gpu:8000/v1", False, False),
        ("openai/x", "https://models.example.com/v1", False, True),
        ("local/x", "https://8.8.8.8/v1", False, True),
        ("anthropic/x", "http://[::1]:8000", True, False),
        ("openai/x", "http://[no-address/v1", False, True),
        ("ollama/qwen3:30b", "", True, False),
        ("ollama/qwen3-coder:480b-cloud", "", False, True),
        ("ollama/gpt-oss:cloud", "http://127.0.0.1:11434", False, True),
    ],
)
def test_where_a_models_requests_go(name, endpoint, stays, cloud, monkeypatch):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    entry = ModelEntry(name, endpoint)
    assert (entry.stays_here, entry.is_cloud) == (stays, cloud)


def test_an_ollama_server_elsewhere_is_not_this_machine(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "gpu:11434")
    assert not ModelEntry("ollama/qwen3").stays_here and not ModelEntry("ollama/qwen3").is_cloud
    monkeypatch.setenv("OLLAMA_HOST", "https://ollama.example.com")
    assert ModelEntry("ollama/qwen3").is_cloud
