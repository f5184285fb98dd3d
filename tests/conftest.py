"""What every test may use: folders of its own for configuration and state, and a small repository on disk."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from protection import level_here

MakeRepo = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's settings, runs or git configuration; weights stay where they are. What a test
    lays out it trusts: tests of trust take `TREADLE_TRUST` away."""
    monkeypatch.setenv("TREADLE_TRUST", "1")
    home = tmp_path_factory.mktemp("xdg")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    if level_here() == "clone":
        (home / "config" / "treadle").mkdir(parents=True)
        (home / "config" / "treadle" / "settings.yaml").write_text("sandbox: clone\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.invalid")


@pytest.fixture
def make_repo(tmp_path: Path) -> MakeRepo:
    """Lays out files as a repository with one commit; `git=False` leaves git out."""

    def make(files: Mapping[str, str], name: str = "repo", *, git: bool = True) -> Path:
        root = tmp_path / name
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        if git:
            for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
                subprocess.run(["git", *argv], cwd=root, check=True, capture_output=True)
        return root

    return make


class Drive:
    """One run through a session, as a face would drive it: answers in order, envelopes kept."""

    def __init__(self, session, envelopes):
        self.session = session
        self.envelopes = envelopes
        self.view = session.view

    def events(self, kind):
        """The events of one class, in order."""
        return [e.event for e in self.envelopes if isinstance(e.event, kind)]

    @property
    def code(self) -> int:
        return self.view.exit_code


@pytest.fixture
def drive():
    """Runs a loop of a repository's own configuration to its end; `answers` are commands for the gate."""
    from treadle.session.session import Options, Session
    from treadle.spec.load import load_catalog

    async def run(root: Path, loop: str, *, answers=(), resume=None, **options) -> Drive:
        if resume is None:
            session = Session(root, load_catalog(root), Options(loop=loop, attended=bool(answers), **options))
        else:
            session = resume(root, Options(attended=bool(answers), **options))
        for answer in answers:
            session.submit(answer)
        await session.run()
        envelopes = [e async for e in session.events()]
        return Drive(session, envelopes)

    return run
