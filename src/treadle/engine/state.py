"""Where a run stands: frozen values, replaced by `after`, never changed."""

from typing import Literal

from msgspec import Struct, structs

from treadle.checks.base import FailedTest, TestReport
from treadle.engine.budget import Meter
from treadle.protocol.messages import Json, Verdict
from treadle.workspace.changes import EMPTY, ChangeSet


class StepResult(Struct, frozen=True):
    """What a step came to. `changes` is the run's whole change set after it.

    `unproven` says that something in `changes` was not judged yet. `cause` and `hint` say why a verdict is
    `error` or `none`: the causes of `checks.base.CheckResult`, `unavailable` (no rung could try), `limit`, `no`.
    """

    verdict: Verdict
    summary: str
    changes: ChangeSet = EMPTY
    output: Json = None
    tests: TestReport | None = None
    unproven: bool = False
    cause: str = ""
    hint: str = ""


class Item(Struct, frozen=True):
    """One element of an `each`: its title on the screen, its value, and the failing test where it is one."""

    title: str
    value: Json
    test: FailedTest | None = None


class Outcome(Struct, frozen=True):
    """How a loop ended: `done`, `stop`, `ask` or `limit`; `step` is where, `why` one line."""

    kind: Literal["done", "stop", "ask", "limit"]
    step: str = ""
    why: str = ""


class LoopState(Struct, frozen=True):
    """A position in a loop: the step last finished, visits and last results by step name, and the change set.

    `meters` are the budgets of the inner loops that this one runs in, its own last.
    """

    changes: ChangeSet = EMPTY
    last_step: str = ""
    visits: dict[str, int] = {}
    results: dict[str, StepResult] = {}
    tests: TestReport | None = None
    unproven: bool = False
    item: "Item | None" = None
    meters: tuple[Meter, ...] = ()

    @property
    def last(self) -> StepResult | None:
        """The result of the step last finished, None at the start."""
        return self.results.get(self.last_step)

    def after(self, step: str, result: StepResult) -> "LoopState":
        """The state once `step` has ended with `result`."""
        return structs.replace(
            self,
            changes=result.changes,
            last_step=step,
            visits={**self.visits, step: self.visits.get(step, 0) + 1},
            results={**self.results, step: result},
            tests=result.tests or self.tests,
            unproven=result.unproven,
        )
