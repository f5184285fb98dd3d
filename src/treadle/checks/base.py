"""What a check is given, and what it says."""

from typing import Protocol

from msgspec import Struct

from treadle.protocol.messages import Json, Verdict
from treadle.spec.settings import Settings
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Runner
from treadle.workspace.view import MergedView


class FailedTest(Struct, frozen=True):
    """A test that was seen to fail. `path` and `line` are where it failed, as far as the runner says.

    `message` is the assertion or error in one line; `traceback` its text, cut; `call`, `expected` and
    `got` are filled where the test is a plain equality. `refused` is the error by which the network refused
    the test, where the runner's reporter saw one.
    """

    id: str
    path: str = ""
    line: int = 0
    message: str = ""
    traceback: str = ""
    source: str = ""
    call: str = ""
    expected: str = ""
    got: str = ""
    refused: str = ""


class TestReport(Struct, frozen=True):
    """What a test run saw. Ids are the runner's own, so that each can be run again by itself.

    `asked` are the ids that alone were to run, () for the whole suite.
    """

    __test__ = False

    runner: str
    collected: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    failed: tuple[FailedTest, ...] = ()
    skipped: tuple[str, ...] = ()
    duration_s: float = 0.0
    asked: tuple[str, ...] = ()

    @property
    def failed_ids(self) -> tuple[str, ...]:
        """The ids of the failed tests, in the order they ran."""
        return tuple(f.id for f in self.failed)


class CheckResult(Struct, frozen=True):
    """A verdict and its evidence.

    `cause` says why a verdict is `error` or `none`, one of: missing_runner, no_tests, collection, network,
    timeout, crash, ''. `hint` is the next thing to do. `duration_s` counts the check's own seconds.
    """

    check: str
    verdict: Verdict
    summary: str
    detail: str = ""
    tests: TestReport | None = None
    cause: str = ""
    hint: str = ""
    duration_s: float = 0.0


class Subject(Struct, frozen=True):
    """What is judged: the merged view, the agent's output, and against what.

    `target` are test ids that must pass (empty: all); `baseline` is the report of the same tests on the base.
    `changes` is what the attempt changed, `schema` the JSON Schema of `output`.
    """

    view: MergedView
    runner: Runner
    settings: Settings
    changes: ChangeSet
    target: tuple[str, ...] = ()
    baseline: TestReport | None = None
    output: Json = None
    schema: dict[str, Json] | None = None
    network: bool = False


class Check(Protocol):
    """One way to judge. Never raises for what it judges: what it can't judge is `error` or `none`."""

    name: str

    async def run(self, subject: Subject) -> CheckResult:
        """The verdict with its evidence."""
        ...
