"""The view: what a face draws, folded from a trace's envelopes by a pure function.

Ephemeral events only touch `live`, which no durable state depends on: a view folded without them is equal
once the text that was streaming is complete.
"""

from collections.abc import Iterable

from msgspec import Struct, structs

from treadle.protocol import events as e
from treadle.protocol.messages import Usage


class CheckView(Struct, frozen=True):
    """A check as it is drawn."""

    check: str
    verdict: str
    summary: str
    on: str


class AttemptView(Struct, frozen=True):
    """An attempt as it is drawn; `verdict` "" is still running."""

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


class StepView(Struct, frozen=True):
    """A visit of a step, or one item of it; `verdict` "" is still running."""

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


class QuestionView(Struct, frozen=True):
    """An open question at the gate."""

    question: str
    point: str
    subject: str
    options: tuple[str, ...]


class View(Struct, frozen=True):
    """All that a face shows of a run. `outcome` "" is still running; `seq` is the last record folded in."""

    run: str = ""
    task: str = ""
    loop: str = ""
    mode: str = ""
    sandbox: str = ""
    seq: int = 0
    steps: tuple[StepView, ...] = ()
    question: QuestionView | None = None
    notes: tuple[str, ...] = ()
    changes: str = ""
    diff: str = ""
    written: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    usage: Usage = Usage()
    calls: int = 0
    asked: int = 0
    outcome: str = ""
    exit_code: int = 0
    reason: str = ""
    hint: str = ""
    proven: bool = False
    duration_s: float = 0.0
    live: str = ""


def reduce(view: View, envelope: e.Envelope) -> View:
    """The view after one more envelope. Pure; any prefix of a trace folds."""
    event = envelope.event
    match event:
        case e.TextDelta():
            return structs.replace(view, live=(view.live + event.text)[-4000:])
        case e.RunStarted():
            view = structs.replace(
                view, run=event.run, task=event.task, loop=event.loop, mode=event.mode, sandbox=event.sandbox
            )
        case e.StepStarted():
            step = StepView(envelope.step, event.what, event.visit, event.item, started_at=envelope.at)
            view = structs.replace(view, steps=(*view.steps, step))
        case e.GateAsked():
            question = QuestionView(event.question, event.point, event.subject, event.options)
            view = structs.replace(view, question=question, asked=view.asked + 1)
        case e.GateAnswered():
            unasked = view.question is None or view.question.question != event.question
            view = structs.replace(view, question=None, asked=view.asked + unasked)
        case e.Noted():
            view = structs.replace(view, notes=(*view.notes, event.text))
        case e.ModelReplied() | e.ModelFailed():
            view = structs.replace(view, usage=view.usage + event.usage, calls=view.calls + 1)
        case e.ChangesWriting() | e.ChangesWritten():
            view = _with_write(view, event)
        case e.RunFinished():
            view = structs.replace(
                view,
                outcome=event.outcome,
                exit_code=event.exit_code,
                reason=event.reason,
                hint=event.hint,
                changes=event.changes or view.changes,
                diff=event.diff,
                proven=event.proven,
                duration_s=event.duration_s,
                question=None,
            )
        case e.RunResumed():
            view = structs.replace(
                view, steps=tuple(s for s in view.steps if s.verdict), outcome="", question=None
            )
        case _:
            view = _within_step(view, envelope)
    return structs.replace(view, seq=envelope.seq or view.seq, live="")


def _with_write(view: View, event: e.ChangesWriting | e.ChangesWritten) -> View:
    """The view after a write began, ended, or was taken back."""
    if isinstance(event, e.ChangesWriting):
        return structs.replace(view, checkpoints=(*view.checkpoints, event.checkpoint))
    if not event.changes:
        return structs.replace(view, written=(), checkpoints=())
    written = tuple(dict.fromkeys((*view.written, *event.paths)))
    return structs.replace(view, changes=event.changes, written=written)


def _within_step(view: View, envelope: e.Envelope) -> View:
    """The view after an event that belongs to a running step."""
    index = next((i for i in reversed(range(len(view.steps))) if view.steps[i].place == envelope.step), None)
    if index is None:
        return view
    step = view.steps[index]
    event = envelope.event
    match event:
        case e.StepFinished():
            step = structs.replace(
                step,
                verdict=event.verdict,
                summary=event.summary,
                unproven=event.unproven,
                cause=event.cause,
                hint=event.hint,
                changes=event.changes,
                duration_s=envelope.at - step.started_at,
            )
        case e.RungUnavailable():
            step = structs.replace(step, skipped_rungs=(*step.skipped_rungs, f"{event.tier}: {event.reason}"))
        case e.AttemptStarted():
            attempt = AttemptView(event.attempt, event.tier, event.how, event.model)
            step = structs.replace(step, attempts=(*step.attempts, attempt))
        case e.AttemptFinished():
            step = _with_attempt(
                step,
                envelope.attempt,
                model=event.model,
                verdict=event.verdict,
                summary=event.summary,
                candidates=event.candidates,
                usage=event.usage,
                duration_s=event.duration_s,
                checks_s=event.checks_s,
            )
        case e.CheckFinished():
            check = CheckView(event.check, event.verdict, event.summary, event.on)
            known = next((a for a in step.attempts if a.number == envelope.attempt), None)
            if known is not None:
                step = _with_attempt(step, envelope.attempt, checks=(*known.checks, check))
            else:
                step = structs.replace(step, checks=(*step.checks, check))
        case _:
            return view
    return structs.replace(view, steps=(*view.steps[:index], step, *view.steps[index + 1 :]))


def _with_attempt(step: StepView, number: int, **fields: object) -> StepView:
    attempts = tuple(structs.replace(a, **fields) if a.number == number else a for a in step.attempts)
    return structs.replace(step, attempts=attempts)


def fold(envelopes: Iterable[e.Envelope]) -> View:
    """The view of a whole trace, or of any prefix of one."""
    view = View()
    for envelope in envelopes:
        view = reduce(view, envelope)
    return view
