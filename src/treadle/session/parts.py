"""The parts of a view: what is drawn of a step, an attempt, a check, a question and a reply as it streams."""

from msgspec import Struct

from treadle.protocol.events import TestCounts
from treadle.protocol.messages import Json, Usage
from treadle.protocol.pending import ContextPart


class CheckView(Struct, frozen=True):
    """A check as it is drawn; `detail` is the blob of its cut output."""

    check: str
    verdict: str
    summary: str
    on: str
    tests: TestCounts | None = None
    detail: str = ""
    duration_s: float = 0.0


class AttemptView(Struct, frozen=True):
    """An attempt as it is drawn; `verdict` "" is still running.

    `changes` is the blob of its last candidate, `receipt` of what climbs from it, `request` and `reply` of the newest
    call, whose window (tokens, 0 the model's own) `parts` fill. `started_at` is UTC epoch seconds.
    """

    number: int
    tier: str
    how: str
    model: str = ""
    verdict: str = ""
    summary: str = ""
    candidates: int = 0
    usage: Usage = Usage()
    duration_s: float = 0.0
    checks_s: float = 0.0
    checks: tuple[CheckView, ...] = ()
    started_at: float = 0.0
    rung: int = 0
    changes: str = ""
    receipt: str = ""
    request: str = ""
    reply: str = ""
    parts: tuple[ContextPart, ...] = ()
    tokens: int = 0
    window: int = 0
    max_tokens: int = 0


class StepView(Struct, frozen=True):
    """A visit of a step, or one item of it (`items` in all); `verdict` "" is still running.

    `changes` is the blob of the run's change set after it, `tests` that of its test report; `output` is what later
    steps may name.
    """

    place: str
    what: str
    visit: int = 1
    item: str = ""
    verdict: str = ""
    summary: str = ""
    unproven: bool = False
    cause: str = ""
    hint: str = ""
    changes: str = ""
    started_at: float = 0.0
    duration_s: float = 0.0
    attempts: tuple[AttemptView, ...] = ()
    checks: tuple[CheckView, ...] = ()
    skipped_rungs: tuple[str, ...] = ()
    items: int = 0
    tests: str = ""
    output: Json = None


class QuestionView(Struct, frozen=True):
    """An open question at the gate; `place` is the step's, `pending` the blob of what is about to happen."""

    question: str
    point: str
    subject: str
    options: tuple[str, ...]
    place: str = ""
    pending: str = ""


class StreamView(Struct, frozen=True):
    """A reply as it streams: its last 4,000 characters."""

    place: str
    attempt: int
    turn: int
    text: str
