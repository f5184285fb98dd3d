"""What happened, in the order it happened: the records of a trace.

Events are frozen, in pairs where something takes time, and refer to large content by blob name
(`sha256` of its bytes). The order within a run:

    run_started (step_started (attempt_started [model_requested model_replied | tool_started
    tool_finished | solver_started solver_finished | check_started check_finished]* attempt_finished)*
    step_finished)* [changes_writing changes_written changes_refused] run_finished

gate_asked and gate_answered, mode_changed, noted, and rung_unavailable may stand anywhere inside the run.
`TextDelta` is ephemeral: live only, never in the trace.
"""

from msgspec import Struct

from treadle.protocol.event import Emit as Emit
from treadle.protocol.event import Event as Event
from treadle.protocol.event import Place as Place
from treadle.protocol.messages import Json, Usage, Verdict
from treadle.protocol.work import AttemptFinished as AttemptFinished
from treadle.protocol.work import AttemptStarted as AttemptStarted
from treadle.protocol.work import CheckFinished as CheckFinished
from treadle.protocol.work import CheckStarted as CheckStarted
from treadle.protocol.work import ModelFailed as ModelFailed
from treadle.protocol.work import ModelReplied as ModelReplied
from treadle.protocol.work import ModelRequested as ModelRequested
from treadle.protocol.work import RungUnavailable as RungUnavailable
from treadle.protocol.work import SolverFinished as SolverFinished
from treadle.protocol.work import SolverStarted as SolverStarted
from treadle.protocol.work import TestCounts as TestCounts
from treadle.protocol.work import TextDelta as TextDelta
from treadle.protocol.work import ToolFinished as ToolFinished
from treadle.protocol.work import ToolStarted as ToolStarted

TRACE_VERSION = 1

PASSES_ALREADY = "it passes already"
"""The summary of an item that something before it has settled."""


class RunStarted(Event, frozen=True, tag="run_started"):
    """First record of a run. `spec` is the blob with the loop, agents and tiers as resolved.

    `write` False is a dry run: nothing of it reaches the user's tree. `steps` are the loop's steps in their order;
    `thread` is the run that this one follows, "" for none. A cap None is no limit. `chosen` is why the dispatcher
    took this loop, "" where somebody named it.
    """

    run: str
    task: str
    loop: str
    base: str
    root: str
    spec: str
    mode: str
    started_at: str
    treadle: str
    sandbox: str = ""
    trace_version: int = TRACE_VERSION
    steps: tuple[str, ...] = ()
    write: bool = True
    thread: str = ""
    cost_cap_usd: float | None = None
    wall_cap_s: float | None = None
    chosen: str = ""


class BaseMarked(Event, frozen=True, tag="base_marked"):
    """What the run's base looked like when it began; `marks` is the blob of that, by path."""

    marks: str


class RunResumed(Event, frozen=True, tag="run_resumed"):
    """A killed run goes on; what follows belongs to the same run. `kept` counts steps not run again."""

    kept: int


class RunFinished(Event, frozen=True, tag="run_finished"):
    """Last record of a run, however it ended. `outcome`: done, failed, stopped or aborted.

    `changes` is the blob of the run's change set, `diff` of its text against the base.
    """

    outcome: str
    exit_code: int
    reason: str = ""
    hint: str = ""
    changes: str = ""
    diff: str = ""
    proven: bool = False
    usage: Usage = Usage()
    duration_s: float = 0.0


class StepStarted(Event, frozen=True, tag="step_started"):
    """A visit of a node of the loop begins. `what` is like `agent NAME`, `item` an `each` item's title."""

    what: str
    visit: int = 1
    item: str = ""
    items: int = 0


class StepFinished(Event, frozen=True, tag="step_finished"):
    """The visit ended; `changes` is the blob of the run's change set after it, "" for none.

    `output` is what later steps may name; `unproven` says that something in `changes` was not judged; `cause`
    and `hint` say why a verdict is `error` or `none`; `tests` is the blob of the test report.
    """

    verdict: Verdict
    summary: str = ""
    output: Json = None
    changes: str = ""
    unproven: bool = False
    cause: str = ""
    hint: str = ""
    tests: str = ""
    duration_s: float = 0.0


class GateAsked(Event, frozen=True, tag="gate_asked"):
    """The run waits for an answer. `question` is unique in the run; `options` are the answers taken.

    `pending` is the blob of a `protocol.pending.Pending`: what is about to happen, "" where there is no more to say.
    """

    question: str
    point: str
    subject: str
    options: tuple[str, ...]
    pending: str = ""


class GateAnswered(Event, frozen=True, tag="gate_answered"):
    """The answer and who gave it: `person`, `policy` or `flag`.

    What a policy or flag lets through without asking has no `gate_asked` before it; `word` then says what.
    """

    question: str
    answer: str
    by: str
    word: str = ""


class ModeChanged(Event, frozen=True, tag="mode_changed"):
    """From here the run waits as `mode` says: `auto`, `step`, `into` or `plan`; `by` is who said so."""

    mode: str
    by: str


class ChangesWriting(Event, frozen=True, tag="changes_writing"):
    """A write begins; `checkpoint` holds what stood in the tree before it."""

    paths: tuple[str, ...]
    checkpoint: str


class ChangesWritten(Event, frozen=True, tag="changes_written"):
    """The change set stands in the user's tree; `checkpoint` restores what was there before.

    `diff` is the blob of the text of what this write changed; `unproven` says that a person had it written though
    nothing judged it. With `changes` "" the run's writes were taken back: `paths` hold again what stood there
    before it.
    """

    changes: str
    paths: tuple[str, ...]
    checkpoint: str
    unproven: bool = False
    diff: str = ""


class ChangesRefused(Event, frozen=True, tag="changes_refused"):
    """A person left these changes out, with a `word` on why; `diff` is the blob of their text. They stay in the run."""

    diff: str
    paths: tuple[str, ...]
    word: str = ""


class Noted(Event, frozen=True, tag="noted"):
    """A line the user should see that is no fault: something cut, degraded or left alone."""

    text: str


AnyEvent = (
    RunStarted
    | BaseMarked
    | RunResumed
    | RunFinished
    | StepStarted
    | StepFinished
    | AttemptStarted
    | AttemptFinished
    | RungUnavailable
    | ModelRequested
    | ModelReplied
    | ModelFailed
    | ToolStarted
    | ToolFinished
    | SolverStarted
    | SolverFinished
    | CheckStarted
    | CheckFinished
    | GateAsked
    | GateAnswered
    | ModeChanged
    | ChangesWriting
    | ChangesWritten
    | ChangesRefused
    | Noted
    | TextDelta
)

EPHEMERAL = (TextDelta,)


class Envelope(Struct, frozen=True, omit_defaults=True):
    """An event with its place. `seq` counts from 1 without gaps in the trace; `at` is UTC epoch seconds.

    `step` is a path such as `mend@1[2]` or `tasks@1[0]/check@2`; ephemeral events carry `seq` 0.
    """

    seq: int
    at: float
    run: str
    event: AnyEvent
    step: str = ""
    attempt: int = 0
    turn: int = 0
