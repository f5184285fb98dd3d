"""A small project on disk, judged by a check in the real sandbox."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protection import level_here
from treadle.checks.base import CheckResult, Subject
from treadle.checks.registry import get_check
from treadle.spec.agent import CheckSpec
from treadle.spec.settings import Settings, TestSettings
from treadle.workspace.base import open_base
from treadle.workspace.sandbox import open_sandbox
from treadle.workspace.view import MergedView


class Project:
    """Files at `root`; `view` and `run` take edits that stay in a change set."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.base = open_base(root)
        self.runner = open_sandbox(root, self.base, state, level_here())

    def view(self, edits: dict[str, str | None] | None = None) -> MergedView:
        view = MergedView(self.base)
        for path, text in (edits or {}).items():
            view = view.delete(path) if text is None else view.write(path, text)
        return view

    def subject(self, edits: dict[str, str | None] | None = None, **fields: Any) -> Subject:
        view = self.view(edits)
        tests = TestSettings(**fields.pop("tests", {}))
        settings = Settings(python=fields.pop("python", sys.executable), tests=tests)
        return Subject(view, self.runner, settings, view.changes, **fields)

    async def run(
        self, edits: dict[str, str | None] | None = None, check: str = "tests", **fields: Any
    ) -> CheckResult:
        command = fields.pop("command", "")
        return await get_check(CheckSpec(check, command)).run(self.subject(edits, **fields))


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Project]:
    """Lays files out and gives the project."""

    def lay(files: dict[str, str]) -> Project:
        number = len(list(tmp_path.glob("project*")))
        root = tmp_path / f"project{number}"
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return Project(root, tmp_path / f"state{number}")

    return lay
