"""Solver `repair`: mends a failing Python test by searching through small edits, in the proving ground."""

import json
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from treadle.protocol.errors import ProtectionMissing, TreadleError
from treadle.solvers.base import Problem, Solution, Suspect
from treadle.spec.paths import is_denied, is_test_path, is_test_setting
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command
from treadle.workspace.interpreter import project_python

_HERE = Path(__file__).resolve().parent
_RUNNERS = ("unittest", "pytest")
# What the interpreter and a sandbox need to start, and the worker to end.
_MARGIN_S = 10.0


class _Told(Struct, frozen=True):
    """The worker's response; see `worker/main.py`."""

    found: bool = False
    path: str = ""
    source: str = ""
    was: str = ""
    description: str = ""
    mended: int = 0
    tried: int = 0
    suspects: tuple[Suspect, ...] = ()
    near: tuple[str, ...] = ()
    exhausted: bool = False
    note: str = ""


class Repair:
    """Small edits of suspicious lines, each tried against the failing test and then against those that pass."""

    name = "repair"

    async def solve(self, problem: Problem) -> Solution:
        """The first edit that makes the item's test pass and breaks none of `passing`; all of `target` if it can."""
        if problem.test_runner not in _RUNNERS:
            return Solution(None, _UNKNOWN.format(runner=problem.test_runner or "this runner"))
        told = await _ask(problem, "repair")
        rest = (told.tried, told.suspects, told.near, told.exhausted)
        if not told.found:
            return Solution(None, told.note or _missed(told), *rest)
        changes = _changes(problem, told)
        if changes is None:
            return Solution(None, f"{told.path} may not be changed, or changed during the search", *rest)
        more = f"; {told.mended} failing tests pass" if told.mended > 1 else ""
        return Solution(changes, f"{told.description}{more}", *rest)


async def localise(problem: Problem) -> tuple[Suspect, ...]:
    """The lines under suspicion for the first target, most suspicious first, of ties the later line (Ochiai).

    () where the project is not tested by unittest or pytest, or the test can't be run by itself.
    """
    if problem.test_runner not in _RUNNERS:
        return ()
    return (await _ask(problem, "localise")).suspects


_UNKNOWN = "the search for small edits knows only unittest and pytest, not {runner}"


def _missed(told: _Told) -> str:
    ended = "no small edit helps" if told.exhausted else "time ran out"
    near = f"; {len(told.near)} made it pass and broke another" if told.near else ""
    return f"{ended}: {told.tried} tried{near}"


def _changes(problem: Problem, told: _Told) -> ChangeSet | None:
    """None where the file may not be changed, or is no longer the one that was searched."""
    if told.path in _denied(problem) or problem.view.read(told.path) != told.was.encode("latin-1"):
        return None
    # The response is latin-1 so that every byte of the file comes through JSON.
    return problem.view.write(told.path, told.source.encode("latin-1")).changes


def _denied(problem: Problem) -> tuple[str, ...]:
    """The Python files that may not be changed: what is denied, and in any case all that belongs to the tests."""
    return tuple(
        path
        for path in problem.view.files()
        if path.endswith(".py")
        if is_test_path(path) or is_test_setting(path) or is_denied(path, problem.denied)
    )


async def _ask(problem: Problem, mode: str) -> _Told:
    root = problem.view.base.root
    with tempfile.TemporaryDirectory(prefix="treadle-repair-") as folder:
        scratch = Path(folder)
        request = {
            "runner": problem.test_runner,
            "target": problem.target,
            "passing": problem.passing,
            "denied": _denied(problem),
            "wall_s": problem.wall_s,
            "mode": mode,
        }
        asked, told = scratch / "request.json", scratch / "response.json"
        # The standard library's JSON takes file names that are no UTF-8 across as they are.
        asked.write_text(json.dumps(request))
        try:
            python = project_python(root, problem.settings.python).path
            command = Command(
                (str(python), "-B", str(_HERE / "repair_worker.py"), str(asked), str(told)),
                # The same order of sets in every search, so that it can be repeated.
                env={"TREADLE_SCRATCH": folder, "PYTHONHASHSEED": "0"},
                timeout_s=problem.wall_s + _MARGIN_S,
                scratch=scratch,
                readable=(_HERE,),
            )
            result = await problem.runner.run(command, problem.view.changes)
        except ProtectionMissing:
            raise
        except (TreadleError, FileNotFoundError) as fault:
            return _Told(note=f"the search could not start: {fault}")
        try:
            return msgspec.convert(json.loads(told.read_bytes()), _Told)
        except (FileNotFoundError, ValueError, msgspec.ValidationError):
            last = result.output.strip().splitlines()[-1:] or ["no word of why"]
            return _Told(note=f"the search could not start: {last[0][:200]}")
