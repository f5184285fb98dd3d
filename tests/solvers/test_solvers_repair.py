"""The solver in the proving ground, as the engine calls it."""

import os
from pathlib import Path

import pytest
from solvers_helpers import lay_out

from protection import level_here
from treadle.protocol.errors import ProtectionMissing, UsageError
from treadle.solvers.base import Problem
from treadle.solvers.registry import NAMES, get_solver
from treadle.solvers.repair import localise
from treadle.spec.settings import Settings
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command, CommandResult
from treadle.workspace.sandbox import open_sandbox
from treadle.workspace.view import MergedView

FILES = {
    "stock.py": "def left(stock, sold):\n    return stock + sold  # what remains\n",
    "test_stock.py": "import unittest\nfrom stock import left\n\nclass T(unittest.TestCase):\n"
    "    def test_left(self): self.assertEqual(left(5, 2), 3)\n"
    "    def test_none(self): self.assertEqual(left(5, 0), 5)\n",
}
TARGET, PASSING = ("test_stock.T.test_left",), ("test_stock.T.test_none",)


def problem(
    tmp_path: Path, files: dict[str, str] = FILES, runner: str = "unittest", **more: object
) -> Problem:
    root = lay_out(tmp_path / "project", files)
    base = open_base(root)
    sandbox = open_sandbox(root, base, tmp_path / "state", level_here())
    settings = more.pop("settings", Settings())
    return Problem(MergedView(base), sandbox, settings, runner, TARGET, PASSING, **more)  # type: ignore[arg-type]


async def test_the_change_set_mends_and_the_tree_stays(tmp_path: Path) -> None:
    given = problem(tmp_path)
    solution = await get_solver("repair").solve(given)
    assert solution.changes is not None
    assert solution.changes.paths == ("stock.py",)
    assert given.view.with_changes(solution.changes).text("stock.py") == FILES["stock.py"].replace("+", "-")
    assert solution.summary == "`+` becomes `-` in line 2 of left"
    assert solution.tried >= 1 and solution.suspects[0].line == 2
    root = given.view.base.root
    assert (root / "stock.py").read_text() == FILES["stock.py"]
    assert sorted(os.listdir(root)) == ["stock.py", "test_stock.py"]


async def test_it_starts_from_the_attempts_change_set(tmp_path: Path) -> None:
    given = problem(tmp_path, {**FILES, "stock.py": FILES["stock.py"].replace("+", "-")})
    broken = given.view.write("stock.py", "def left(stock, sold):\n    return stock - sold - 1\n").write(
        "new.txt", "n"
    )
    again = Problem(broken, given.runner, given.settings, "unittest", (*TARGET, *PASSING))
    solution = await get_solver("repair").solve(again)
    assert solution.changes is not None and solution.changes.paths == ("new.txt", "stock.py")
    ran: dict[str, object] = {}
    exec(broken.with_changes(solution.changes).text("stock.py"), ran)
    assert ran["left"](9, 4) == 5  # type: ignore[operator]


async def test_denied_files_are_left_alone(tmp_path: Path) -> None:
    solution = await get_solver("repair").solve(problem(tmp_path, denied=("stock.py",)))
    assert solution.changes is None and not solution.suspects


async def test_suspects_alone(tmp_path: Path) -> None:
    suspects = await localise(problem(tmp_path))
    assert [(s.path, s.line, s.text, s.function, s.start, s.end) for s in suspects] == [
        ("stock.py", 2, "return stock + sold  # what remains", "left", 1, 2)
    ]


async def test_other_runners_are_not_for_it(tmp_path: Path) -> None:
    given = problem(tmp_path, runner="cargo")
    assert (await get_solver("repair").solve(given)).summary == (
        "the search for small edits knows only unittest and pytest, not cargo"
    )
    assert await localise(given) == ()


async def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path) -> None:
    solution = await get_solver("repair").solve(problem(tmp_path, settings=Settings(python="no-such-python")))
    assert solution.changes is None
    assert solution.summary.startswith("the search could not start: python: no-such-python")


async def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    class Broken:
        level = "none"

        async def run(self, command: Command, changes: object, on_output: object = None) -> CommandResult:
            return CommandResult(1, "Traceback\nImportError: no module named resource\n", EMPTY)

    given = problem(tmp_path)
    broken = Problem(given.view, Broken(), given.settings, "unittest", TARGET)
    solution = await get_solver("repair").solve(broken)
    assert solution.summary == "the search could not start: ImportError: no module named resource"


async def test_a_missing_protection_is_not_taken_for_a_search_that_found_nothing(tmp_path: Path) -> None:
    class Fallen:
        level = "none"

        async def run(self, command: Command, changes: object, on_output: object = None) -> CommandResult:
            raise ProtectionMissing("the sandbox does not hold")

    given = problem(tmp_path)
    fallen = Problem(given.view, Fallen(), given.settings, "unittest", TARGET)
    for asked in (get_solver("repair").solve, localise):
        with pytest.raises(ProtectionMissing, match="does not hold"):
            await asked(fallen)


def test_solvers_have_names() -> None:
    assert [get_solver(name).name for name in NAMES] == list(NAMES)
    with pytest.raises(UsageError, match="no solver is called 'guess'"):
        get_solver("guess")
