"""A person who has set treadle up already, no servers, no keys, and a screen that paints at once."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _set_up(_own_folders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set-up is not offered, nothing answers on this machine, and what changed is painted soon."""
    user = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle"
    user.mkdir(parents=True, exist_ok=True)
    with (user / "settings.yaml").open("a") as settings:
        settings.write("cloud: never\n")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name == "NO_COLOR":
            monkeypatch.delenv(name)
    monkeypatch.setattr("treadle.tui.app._FLUSH_S", 0.04)
    monkeypatch.setattr("treadle.tui.task_area._WAIT_S", 0.02)
    monkeypatch.setattr("treadle.tui.gate_bar._WORD_S", 0.02)
    # The pilot's own waiting after each key: shorter, and not for a run that works in another thread.
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004, raising=False)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.003, raising=False)
