"""`treadle models` with a server shaped like Ollama: its models in the list, a pull through it, and what is missing."""

import pytest

from ollama_shaped import CODER, SENT_ON, OllamaShaped


@pytest.fixture
def user(monkeypatch, tmp_path):
    """A folder of settings and weights of its own; OLLAMA_HOST as the test says."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    (tmp_path / "config" / "treadle").mkdir(parents=True)
    return tmp_path


def test_the_list_holds_what_the_server_has(treadle, user, monkeypatch):
    with OllamaShaped(CODER, SENT_ON) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        said = treadle(user, "models", "list")
        models = {m["name"]: m for m in treadle(user, "models", "list", "--output", "json").result["models"]}
    assert said.code == 0
    (line,) = (x for x in said.out.splitlines() if x.startswith("ollama/qwen2.5-coder:1.5b"))
    assert line.split() == [
        "ollama/qwen2.5-coder:1.5b",
        "986",
        "MB",
        "-",
        "here",
        "in",
        "Ollama,",
        "1.5B",
        "Q4_K_M",
    ]
    assert models["ollama/qwen2.5-coder:1.5b"]["here"]
    assert not models["ollama/qwen3-coder:480b-cloud"]["here"]
    assert "local/qwen2.5-coder-1.5b" in models


def test_names_from_a_server_are_no_terminal_control(treadle, user, monkeypatch):
    with OllamaShaped({**CODER, "name": "x\x1b[31m:1b"}) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        assert "\x1b" not in treadle(user, "models", "list").out


def test_without_a_server_the_list_is_as_ever_and_a_pull_says_how_to_start_one(treadle, user, monkeypatch):
    with OllamaShaped(CODER) as server:
        gone = server.host
    monkeypatch.setenv("OLLAMA_HOST", gone)
    said = treadle(user, "models", "list")
    assert (said.code, "ollama/" in said.out, "ollama" in said.err.lower()) == (0, False, False)
    said = treadle(user, "models", "pull", "ollama/qwen2.5-coder:1.5b")
    assert said.code == 4
    assert f"nobody answers at {gone}: Connection refused" in said.err
    assert "ollama serve" in said.err


def test_settings_that_say_offline_keep_a_server_elsewhere_from_being_asked(treadle, user, monkeypatch):
    with OllamaShaped(CODER) as server:
        elsewhere = server.host.replace(
            "127.0.0.1", "127.1"
        )  # no address that treadle knows for this machine's
        monkeypatch.setenv("OLLAMA_HOST", elsewhere)
        assert "ollama/" in treadle(user, "models", "list").out
        server.asked.clear()
        (user / "config" / "treadle" / "settings.yaml").write_text("offline: true\n")
        assert "ollama/" not in treadle(user, "models", "list").out
        (user / "config" / "treadle" / "settings.yaml").write_text("offline: perhaps\n")
        assert "ollama/" not in treadle(user, "models", "list").out
        assert server.asked == []
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        assert "ollama/" in treadle(user, "models", "list").out


def test_a_pull_through_the_server_tells_how_far_it_is(treadle, user, monkeypatch):
    with OllamaShaped() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        said = treadle(user, "models", "pull", "ollama/qwen2.5-coder:1.5b")
        assert said.code == 0
        assert said.out == "ollama/qwen2.5-coder:1.5b\n"
        assert "100 %" in said.err
        assert "ollama/qwen2.5-coder:1.5b is ready" in said.err
        assert "/api/pull" in server.asked
        said = treadle(user, "models", "pull", "ollama/nothing:9b", "--output", "json")
    assert said.code == 4
    assert said.result["is_error"]


@pytest.mark.parametrize("words", [("ollama/",), ("ollama/x", "--from", "weights.gguf")])
def test_a_pull_that_cannot_be_meant_is_a_usage_error(treadle, user, words):
    assert treadle(user, "models", "pull", *words).code == 2
