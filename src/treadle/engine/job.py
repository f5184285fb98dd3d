"""What an agent is asked to do at one step: the whole of it as one value."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from treadle.checks.base import TestReport
from treadle.engine.budget import Meter
from treadle.engine.judge import Candidate, Judgement
from treadle.engine.state import Item, LoopState
from treadle.protocol.events import Place
from treadle.spec.agent import AgentSpec, Rung
from treadle.workspace.changes import ChangeSet


class Job(Struct, frozen=True):
    """One agent step. `base` is the change set it starts from, `target` the tests that must come to pass."""

    agent: AgentSpec
    place: str
    base: ChangeSet
    state: LoopState
    item: Item | None = None
    target: tuple[str, ...] = ()
    baseline: TestReport | None = None


Offer = Callable[[Candidate], Awaitable[Judgement]]
"""Has a candidate judged at once. A `pass`, a `none` and an `error` end the attempt; a `fail` may be answered."""


Say = Callable[[str], None]
"""Tells why an attempt ended without a candidate that passed: a line for the receipt."""


class Attempt(Struct, frozen=True):
    """One try of a job on one rung (`index` in the ladder): where it stands, what it may use, what climbed up to it."""

    job: Job
    rung: Rung
    place: Place
    meter: Meter
    offer: Offer
    say: Say
    receipts: tuple[str, ...] = ()
    index: int = 0

    @property
    def meters(self) -> tuple[Meter, ...]:
        """What counts the attempt's calls beside the run: its own limits and those of the inner loops around it."""
        return (self.meter, *self.job.state.meters)
