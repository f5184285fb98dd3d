"""What a test runner of a language gives to the check: a command, and how to read what it left."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from treadle.checks.base import FailedTest, TestReport
from treadle.workspace.command import Command, CommandResult
from treadle.workspace.view import MergedView


class Job(Struct, frozen=True):
    """One test run: `target` ids (empty: all), `timeout_s` of the whole run.

    `room` is the folder that the command may write to, kept between runs; `scratch` a fresh folder in it.
    """

    view: MergedView
    room: Path
    scratch: Path
    target: tuple[str, ...] = ()
    timeout_s: float = 300.0
    network: bool = False


class Seen(Struct, frozen=True):
    """What a test run left to see.

    `broken` are files that could not be collected, `running` tests that began and did not end; `finished` is
    whether the runner came to its own end. `missing` names a program or plugin that is not installed.
    `counted`: only the failed ids are known by name, the others as a count (`#1`, `#2`, …).
    """

    report: TestReport
    broken: tuple[FailedTest, ...] = ()
    running: tuple[str, ...] = ()
    finished: bool = False
    missing: str = ""
    hint: str = ""
    counted: bool = False


class TestRunner(Protocol):
    """How one kind of project is tested. `name` is the runner's, `how` the command as a person would type it.

    `targets`: whether it can run single ids; otherwise a job's target is ignored and the whole suite runs.
    """

    name: str
    how: str
    targets: bool

    def command(self, job: Job) -> Command:
        """The command that runs the job; what it needs is laid into the job's scratch folder."""
        ...

    def read(self, result: CommandResult, job: Job) -> Seen:
        """What the run left to see. Never raises for what the tests printed."""
        ...

    def group(self, test_id: str) -> str:
        """What holds the test and its neighbours: a file, class or package."""
        ...
