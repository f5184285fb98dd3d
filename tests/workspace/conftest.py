import os
import tempfile
from pathlib import Path

import pytest
from workspace_helpers import git

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace.base import open_base
from treadle.workspace.sandbox import open_sandbox


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.fixture
def repo(tmp_path):
    """A repository with two sources, a link, a program and an ignored folder."""
    root = tmp_path / "repo"
    (root / "src").mkdir(parents=True)
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "src" / "x.py").write_text("X = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.txt")
    (root / ".gitignore").write_text("build/\n*.log\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


@pytest.fixture
def quick_path(tmp_path):
    """A folder in memory where there is one: its fsyncs wait for no disk that others keep busy."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def sandbox(tmp_path, request):
    """Opens a sandbox on a root and base (the work tree if not named)."""
    opened = []

    def open_(root, spec="tree", choice="overlay"):
        try:
            runner = open_sandbox(root, open_base(root, spec), tmp_path / "state", choice)
        except ProtectionMissing as error:
            if choice not in ("auto", "overlay") or "no_namespaces" in request.fixturenames:
                raise
            pytest.skip(f"this machine allows no overlay: {error}")
        opened.append(runner)
        return runner

    yield open_
    for runner in opened:
        runner.close()
