"""The result of a run as a face hands it out: one value, the same for text and JSON."""

from pathlib import Path

from msgspec import Struct

from treadle.protocol.messages import Json
from treadle.session.answer import answering, as_text
from treadle.session.parts import AttemptView, StepView
from treadle.session.trace import read_blob
from treadle.session.view import View
from treadle.workspace.changes import ChangeSet


class StepLine(Struct, frozen=True):
    """A finished step in short: the tier and model are those of the attempt that its verdict comes from."""

    step: str
    what: str
    verdict: str
    summary: str
    item: str = ""
    tier: str = ""
    model: str = ""
    attempts: int = 0
    duration_s: float = 0.0


class Result(Struct, frozen=True, kw_only=True):
    """What a run came to. `outcome` is `error` where no run began; `written` are paths in the user's tree.

    `answer` is what the last step of a run without changes gave out, as text, and `output` the same as it came: a
    claim of the model `said_by`, of which checks saw no more than `evidence`. `chosen` is why the dispatcher took the
    loop, "" where it was named.
    Bytes that are no UTF-8 stand in `diff` and in paths as lone surrogates.
    """

    type: str = "result"
    is_error: bool = True
    exit_code: int = 0
    outcome: str = "error"
    reason: str = ""
    hint: str = ""
    run: str = ""
    loop: str = ""
    task: str = ""
    sandbox: str = ""
    proven: bool = False
    written: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    diff: str = ""
    answer: str = ""
    output: Json = None
    said_by: str = ""
    evidence: tuple[str, ...] = ()
    chosen: str = ""
    steps: tuple[StepLine, ...] = ()
    notes: tuple[str, ...] = ()
    model_calls: int = 0
    usage: dict[str, Json] = {}
    total_cost_usd: float | None = 0.0
    duration_s: float = 0.0

    def lines(self) -> tuple[str, ...]:
        """The result's last words for a person: outcome, what was written or kept, cost, and what to do next."""
        mark = "✓" if self.exit_code == 0 else "✗"
        cost = "unpriced" if self.total_cost_usd is None else f"${self.total_cost_usd:.4f}"
        calls = f"{self.model_calls} model call(s), {cost}" if self.model_calls else "no model was asked"
        lines = [
            f"{mark} {self.outcome}: {self.reason or 'nothing to do'} · {calls} · {self.duration_s:.1f} s"
        ]
        if self.changed and not self.written:
            state = "proven" if self.proven else "unproven"
            lines.append(
                f"  {len(self.changed)} {state} change(s) kept, not written: treadle runs apply {self.run}"
            )
        if self.answer:
            seen = "; ".join(self.evidence) or "nothing checked it"
            lines.append(f"  what {self.said_by or 'it'} says is a claim ({seen})")
        if self.hint and self.exit_code:
            lines.append(f"  next: {self.hint}")
        return tuple(lines)


def result_of(folder: Path, view: View, exit_code: int) -> Result:
    """The result of a run that ended; `exit_code` is the one the face ends with."""
    changes = ChangeSet.from_json(read_blob(folder, view.changes)) if view.changes else ChangeSet()
    step = answering(view)
    said = _settled(step) if step and step.attempts else None
    return Result(
        is_error=exit_code != 0,
        exit_code=exit_code,
        outcome=view.outcome,
        reason=view.reason,
        hint=view.hint,
        run=view.run,
        loop=view.loop,
        task=view.task,
        sandbox=view.sandbox,
        proven=view.proven and step is None,
        written=view.written,
        changed=changes.paths,
        diff=read_blob(folder, view.diff).decode("utf-8", "surrogateescape") if view.diff else "",
        answer=as_text(step.output) if step else "",
        output=step.output if step else None,
        said_by=said.model if said else "",
        evidence=tuple(check.summary for check in said.checks if check.check != "schema") if said else (),
        chosen=view.chosen,
        steps=tuple(_line(step) for step in view.steps),
        notes=view.notes,
        model_calls=view.calls,
        usage={"input_tokens": view.usage.input_tokens, "output_tokens": view.usage.output_tokens},
        total_cost_usd=view.usage.cost_usd,
        duration_s=round(view.duration_s, 3),
    )


def _line(step: StepView) -> StepLine:
    last = _settled(step) if step.attempts else None
    return StepLine(
        step.place,
        step.what,
        step.verdict,
        step.summary,
        step.item,
        last.tier if last else "",
        last.model if last else "",
        len(step.attempts),
        round(step.duration_s, 3),
    )


def _settled(step: StepView) -> AttemptView:
    """The attempt that the step's verdict comes from; the step has one or more."""
    return ([a for a in step.attempts if a.verdict == step.verdict] or list(step.attempts))[-1]
