"""What happens inside a step: attempts and what they ask of models, tools, solvers and checks.

`protocol.events` has the rest, and the order in which all of them come.
"""

from msgspec import Struct

from treadle.protocol.event import Event
from treadle.protocol.messages import Json, Usage, Verdict
from treadle.protocol.pending import ContextPart


class TestCounts(Struct, frozen=True, omit_defaults=True):
    """How many tests a check collected, saw pass, fail and skip: the evidence in short."""

    collected: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0


class AttemptStarted(Event, frozen=True, tag="attempt_started"):
    """One try on one rung begins. `how` is `solver NAME`, `protocol NAME` or `tools`."""

    tier: str
    rung: int
    attempt: int
    how: str
    model: str = ""


class AttemptFinished(Event, frozen=True, tag="attempt_finished"):
    """The try ended. `model` is the one that really answered; a failed try's `changes` are dropped."""

    tier: str
    verdict: Verdict
    summary: str = ""
    model: str = ""
    candidates: int = 0
    changes: str = ""
    receipt: str = ""
    usage: Usage = Usage()
    checks_s: float = 0.0
    duration_s: float = 0.0


class RungUnavailable(Event, frozen=True, tag="rung_unavailable"):
    """A rung was left untried: `reason` says what is missing, `hint` how to get it."""

    tier: str
    rung: int
    reason: str
    hint: str = ""


class ModelRequested(Event, frozen=True, tag="model_requested"):
    """A request is about to leave; `request` is the blob with the whole of it, `parts` what fills the window.

    `window` is the one asked for in tokens, 0 for the model's own; `max_tokens` the reply's limit.
    """

    model: str
    request: str
    input_tokens_estimate: int
    question: str = ""
    parts: tuple[ContextPart, ...] = ()
    window: int = 0
    max_tokens: int = 0
    tier: str = ""


class ModelReplied(Event, frozen=True, tag="model_replied"):
    """The reply is complete; `reply` is the blob with the whole of it."""

    model: str
    reply: str
    finish: str
    usage: Usage
    duration_s: float = 0.0


class ModelFailed(Event, frozen=True, tag="model_failed"):
    """No usable reply; `error` is the class's name in `errors`, `reply` the blob of what came, if any."""

    model: str
    error: str
    reason: str
    reply: str = ""
    usage: Usage = Usage()
    duration_s: float = 0.0


class ToolStarted(Event, frozen=True, tag="tool_started"):
    """A tool call is about to run."""

    call_id: str
    name: str
    arguments: dict[str, Json]


class ToolFinished(Event, frozen=True, tag="tool_finished"):
    """The call ended; `result` is the blob of the text that the model is shown."""

    call_id: str
    name: str
    is_error: bool
    result: str
    changes: str = ""
    duration_s: float = 0.0


class SolverStarted(Event, frozen=True, tag="solver_started"):
    """A deterministic solver begins."""

    solver: str


class SolverFinished(Event, frozen=True, tag="solver_finished"):
    """The solver ended; `tried` counts candidates, `detail` is the blob of suspects and near misses."""

    solver: str
    found: bool
    tried: int = 0
    summary: str = ""
    detail: str = ""
    duration_s: float = 0.0


class CheckStarted(Event, frozen=True, tag="check_started"):
    """A check begins; `on` is `base` or `candidate`."""

    check: str
    on: str = "candidate"
    target: tuple[str, ...] = ()


class CheckFinished(Event, frozen=True, tag="check_finished"):
    """The check's verdict and the evidence it stands on; `detail` is the blob of the cut output."""

    check: str
    verdict: Verdict
    summary: str
    on: str = "candidate"
    tests: TestCounts | None = None
    cause: str = ""
    detail: str = ""
    cached: bool = False
    duration_s: float = 0.0


class TextDelta(Event, frozen=True, tag="text_delta"):
    """Ephemeral: a piece of a reply as it streams."""

    text: str
