"""What a solver is given, and what it finds."""

from typing import Protocol

from msgspec import Struct

from treadle.spec.settings import Settings
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Runner
from treadle.workspace.view import MergedView


class Suspect(Struct, frozen=True):
    """A line under suspicion. `score` is Ochiai's, 0 to 1; `function` is dotted, `start` to `end` its lines."""

    path: str
    line: int
    score: float
    text: str = ""
    function: str = ""
    start: int = 0
    end: int = 0


class Problem(Struct, frozen=True):
    """What is to be solved. `target` are failing test ids (the first is the item), `passing` must stay so."""

    view: MergedView
    runner: Runner
    settings: Settings
    test_runner: str
    target: tuple[str, ...]
    passing: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    wall_s: float = 20.0


class Solution(Struct, frozen=True):
    """What came of it. `changes` None is nothing found; a solver's claim is judged by the checks all the same.

    `suspects` are ranked, most suspicious first; `tried` counts candidates, `near` describes candidates that
    passed the target and broke another test.
    """

    changes: ChangeSet | None
    summary: str
    tried: int = 0
    suspects: tuple[Suspect, ...] = ()
    near: tuple[str, ...] = ()
    exhausted: bool = False


class Solver(Protocol):
    """A deterministic program for one kind of problem."""

    name: str

    async def solve(self, problem: Problem) -> Solution:
        """The best it found within `wall_s`. Never raises for what it can't solve; raises `ProtectionMissing`."""
        ...
