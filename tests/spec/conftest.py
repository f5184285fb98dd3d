"""Layers for the tests of the spec room: a small built-in one of their own, and a repository beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from treadle.spec.catalog import Catalog
from treadle.spec.faults import Faults
from treadle.spec.layers import Folder, repository_folder
from treadle.spec.load import load_folders

HERE = Path(__file__).parent


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, with the test's own built-in layer in its folder `base`; the working directory."""
    root = tmp_path.resolve()
    shutil.copytree(HERE / "base", root / "base")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def load(repository: Path) -> Callable[..., tuple[Catalog, Faults]]:
    """Loads the test's built-in layer, the user's (`user=` a folder) and the repository's."""

    def loading(user: Path | None = None) -> tuple[Catalog, Faults]:
        users = [Folder("user", user)] if user else []
        base = Folder("built-in", repository / "base")
        return load_folders([base, *users, repository_folder(repository)])

    return loading


@pytest.fixture
def write(repository: Path) -> Callable[[str, str], Path]:
    """Writes a text to a path below the repository."""

    def writing(path: str, text: str) -> Path:
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    return writing
