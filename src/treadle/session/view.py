"""The view: what a face draws, folded from a trace's envelopes by a pure function.

Ephemeral events only touch `streams`, which no durable state depends on: a view folded without them is equal
once the text that was streaming is complete.
"""

from collections.abc import Iterable

from msgspec import Struct, structs

from treadle.protocol import events as e
from treadle.protocol.messages import Usage
from treadle.session.parts import AttemptView as AttemptView
from treadle.session.parts import CheckView as CheckView
from treadle.session.parts import QuestionView as QuestionView
from treadle.session.parts import StepView as StepView
from treadle.session.parts import StreamView as StreamView

LIVE_CHARS = 4000


class View(Struct, frozen=True):
    """All that a face shows of a run. `outcome` "" is still running; `seq` is the last record folded in.

    `planned` are the loop's steps in their order; `thread` is the run that this one follows; `streams` are the
    replies that stream just now, the one that began last at the end; `latencies` hold (tier, seconds) for each
    model call, in the order in which they ended; a cap None is no limit; `chosen` is why the dispatcher took the
    loop, "" where somebody named it.
    `refused` is the blob of the diff that a person left out, `written_unproven` says that a person had something
    written that nothing judged.
    """

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
    planned: tuple[str, ...] = ()
    thread: str = ""
    root: str = ""
    base: str = ""
    write: bool = True
    chosen: str = ""
    cost_cap_usd: float | None = None
    wall_cap_s: float | None = None
    started_at: float = 0.0
    refused: str = ""
    written_unproven: bool = False
    latencies: tuple[tuple[str, float], ...] = ()
    streams: tuple[StreamView, ...] = ()

    @property
    def live(self) -> str:
        """The reply that began last, as far as it has come; "" while none streams."""
        return self.streams[-1].text if self.streams else ""


def reduce(view: View, envelope: e.Envelope) -> View:
    """The view after one more envelope. Pure; any prefix of a trace folds."""
    event = envelope.event
    match event:
        case e.TextDelta():
            return structs.replace(view, streams=_streamed(view.streams, envelope, event.text))
        case e.RunStarted():
            view = _begun(view, event, envelope.at)
        case e.StepStarted():
            step = StepView(
                envelope.step, event.what, event.visit, event.item, started_at=envelope.at, items=event.items
            )
            view = structs.replace(view, steps=(*view.steps, step))
        case e.GateAsked():
            question = QuestionView(
                event.question, event.point, event.subject, event.options, envelope.step, event.pending
            )
            view = structs.replace(view, question=question, asked=view.asked + 1)
        case e.GateAnswered():
            unasked = view.question is None or view.question.question != event.question
            view = structs.replace(view, question=None, asked=view.asked + unasked)
        case e.Noted():
            view = structs.replace(view, notes=(*view.notes, event.text))
        case e.ModeChanged():
            view = structs.replace(view, mode=event.mode)
        case e.ModelReplied() | e.ModelFailed():
            view = _called(_within_step(view, envelope), envelope, event)
        case e.ChangesWriting() | e.ChangesWritten() | e.ChangesRefused():
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
    streams = _silenced(view.streams, envelope) if view.streams else ()
    return structs.replace(view, seq=envelope.seq or view.seq, streams=streams)


def _begun(view: View, event: e.RunStarted, at: float) -> View:
    return structs.replace(
        view,
        run=event.run,
        task=event.task,
        loop=event.loop,
        mode=event.mode,
        sandbox=event.sandbox,
        planned=event.steps,
        thread=event.thread,
        root=event.root,
        base=event.base,
        write=event.write,
        chosen=event.chosen,
        cost_cap_usd=event.cost_cap_usd,
        wall_cap_s=event.wall_cap_s,
        started_at=at,
    )


def _streamed(streams: tuple[StreamView, ...], envelope: e.Envelope, text: str) -> tuple[StreamView, ...]:
    """The streams after one more piece of one of them."""
    place, attempt = envelope.step, envelope.attempt
    for index, stream in enumerate(streams):
        if stream.place == place and stream.attempt == attempt:
            more = StreamView(place, attempt, envelope.turn, (stream.text + text)[-LIVE_CHARS:])
            return (*streams[:index], more, *streams[index + 1 :])
    return (*streams, StreamView(place, attempt, envelope.turn, text[-LIVE_CHARS:]))


def _silenced(streams: tuple[StreamView, ...], envelope: e.Envelope) -> tuple[StreamView, ...]:
    """The streams that still go on after a durable event: a record of the attempt itself ends its own."""
    if isinstance(envelope.event, e.RunFinished | e.RunResumed):
        return ()
    if isinstance(envelope.event, e.GateAsked | e.GateAnswered | e.ModeChanged | e.Noted):
        return streams
    return tuple(s for s in streams if (s.place, s.attempt) != (envelope.step, envelope.attempt))


def _called(view: View, envelope: e.Envelope, event: e.ModelReplied | e.ModelFailed) -> View:
    """The view after a model call ended."""
    attempt = next(
        (
            a
            for step in reversed(view.steps)
            if step.place == envelope.step
            for a in step.attempts
            if a.number == envelope.attempt
        ),
        None,
    )
    latency = (attempt.tier if attempt else "", event.duration_s)
    return structs.replace(
        view,
        usage=view.usage + event.usage,
        calls=view.calls + 1,
        latencies=(*view.latencies, latency),
    )


def _with_write(view: View, event: e.ChangesWriting | e.ChangesWritten | e.ChangesRefused) -> View:
    """The view after a write began, ended, was taken back, or was refused."""
    if isinstance(event, e.ChangesRefused):
        return structs.replace(view, refused=event.diff)
    if isinstance(event, e.ChangesWriting):
        return structs.replace(view, checkpoints=(*view.checkpoints, event.checkpoint))
    if not event.changes:
        return structs.replace(view, written=(), checkpoints=())
    written = tuple(dict.fromkeys((*view.written, *event.paths)))
    forced = view.written_unproven or event.unproven
    refused = view.refused if not view.outcome else ""
    return structs.replace(
        view, changes=event.changes, written=written, written_unproven=forced, refused=refused
    )


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
                tests=event.tests,
                output=event.output,
                duration_s=envelope.at - step.started_at,
            )
        case e.RungUnavailable():
            step = structs.replace(step, skipped_rungs=(*step.skipped_rungs, f"{event.tier}: {event.reason}"))
        case e.AttemptStarted():
            attempt = AttemptView(
                event.attempt, event.tier, event.how, event.model, started_at=envelope.at, rung=event.rung
            )
            step = structs.replace(step, attempts=(*step.attempts, attempt))
        case e.CheckFinished():
            check = CheckView(
                event.check,
                event.verdict,
                event.summary,
                event.on,
                event.tests,
                event.detail,
                event.duration_s,
            )
            known = next((a for a in step.attempts if a.number == envelope.attempt), None)
            if known is not None:
                step = _with_attempt(step, envelope.attempt, checks=(*known.checks, check))
            else:
                step = structs.replace(step, checks=(*step.checks, check))
        case e.ToolFinished() if event.changes:
            step = _with_attempt(step, envelope.attempt, changes=event.changes)
        case e.AttemptFinished() | e.ModelRequested() | e.ModelReplied() | e.ModelFailed():
            step = _with_attempt(step, envelope.attempt, **_of_attempt(event))
        case _:
            return view
    return structs.replace(view, steps=(*view.steps[:index], step, *view.steps[index + 1 :]))


def _of_attempt(
    event: e.AttemptFinished | e.ModelRequested | e.ModelReplied | e.ModelFailed,
) -> dict[str, object]:
    """The fields of an attempt that the event settles."""
    match event:
        case e.AttemptFinished():
            return {
                "model": event.model,
                "verdict": event.verdict,
                "summary": event.summary,
                "candidates": event.candidates,
                "usage": event.usage,
                "duration_s": event.duration_s,
                "checks_s": event.checks_s,
                "changes": event.changes,
                "receipt": event.receipt,
            }
        case e.ModelRequested():
            return {
                "request": event.request,
                "reply": "",
                "parts": event.parts,
                "tokens": event.input_tokens_estimate,
                "window": event.window,
                "max_tokens": event.max_tokens,
            }
        case _:
            return {"reply": event.reply}


def _with_attempt(step: StepView, number: int, **fields: object) -> StepView:
    attempts = tuple(structs.replace(a, **fields) if a.number == number else a for a in step.attempts)
    return structs.replace(step, attempts=attempts)


def fold(envelopes: Iterable[e.Envelope]) -> View:
    """The view of a whole trace, or of any prefix of one."""
    view = View()
    for envelope in envelopes:
        view = reduce(view, envelope)
    return view
