"""How a run ends: outcome, exit code, reason and the next thing to do, from where its loop came to a stop."""

from msgspec import Struct, structs

from treadle.engine.run import Run
from treadle.engine.state import LoopState, Outcome
from treadle.engine.writing import Taken, diff, write, write_proven
from treadle.protocol.errors import Aborted, BudgetError, TreadleError
from treadle.protocol.events import RunFinished
from treadle.protocol.messages import ERROR, NONE, PASS, Usage
from treadle.workspace.changes import ChangeSet

_CAUSES = {
    "ask": 3,
    "no_tests": 2,
    "missing_runner": 2,
    "network": 3,
    "timeout": 5,
    "limit": 5,
    "unavailable": 4,
    "rate-limited": 75,
}
"""The exit codes of an `error` by its cause; with any other, something ran and nothing usable came: 1."""


class Ending(Struct, frozen=True):
    """The last words of a run. `proven` says that checks judged all of its changes."""

    outcome: str
    exit_code: int
    reason: str = ""
    hint: str = ""
    proven: bool = False


def ending_of(state: LoopState, outcome: Outcome, *, unproven_allowed: bool) -> Ending:
    """The ending of a loop that came to its own end."""
    last = state.last
    proven = not state.unproven
    if outcome.kind == "done":
        if state.changes and state.unproven and not unproven_allowed:
            hint = "look at it with `treadle runs diff`, take it with `treadle runs apply`"
            return Ending("stopped", 3, "done, but nothing judged the changes: they are unproven", hint)
        return Ending("done", 0, outcome.why, proven=proven)
    proven = proven and bool(state.changes)
    if outcome.kind == "limit":
        return Ending("failed", 5, outcome.why, proven=proven)
    if outcome.kind == "ask":
        return Ending(
            "stopped", 3, f"step `{outcome.step}` ended {last.verdict if last else ''} and asks a person"
        )
    if last is None or last.verdict == PASS:
        return Ending("stopped", 0, outcome.why, proven=proven)
    reason = f"step `{outcome.step}`: {last.summary}"
    if last.verdict == ERROR:
        return Ending("failed", _CAUSES.get(last.cause, 1), reason, last.hint, proven)
    if last.verdict == NONE:
        hint = last.hint or "look at it with `treadle runs diff`, take it with `treadle runs apply`"
        return Ending("stopped", 3, f"{reason} (unproven)", hint)
    return Ending("failed", 1, reason, last.hint, proven)


async def settled(run: Run, state: LoopState, outcome: Outcome) -> Ending:
    """The ending of a loop that came to its own end, once its changes were written, refused, or left alone.

    Raises what the write raises: `WriteConflict`, `Declined`, `Aborted`.
    """
    ending = ending_of(state, outcome, unproven_allowed=run.catalog.settings.unproven == "allow")
    if not state.changes:
        return ending
    if not run.may_write():
        return _planned(ending, run.gate.mode)
    if ending.outcome == "done":
        taken = await write_proven(run, state)
    elif run.review and run.gate.attended and _is_unproven(state, outcome):
        taken = await write(run, state.changes, unproven=True)
        ending = Ending("done", 0, outcome.why)
    else:
        return ending
    if not run.may_write():
        return _planned(ending, run.gate.mode)
    return _wrote(ending, taken, left=run.left is not None)


def _is_unproven(state: LoopState, outcome: Outcome) -> bool:
    """Whether the loop came through, with changes that nothing judged."""
    if not (state.changes and state.unproven):
        return False
    return outcome.kind == "done" or (
        outcome.kind == "stop" and state.last is not None and state.last.verdict == NONE
    )


def _wrote(ending: Ending, taken: Taken, *, left: bool) -> Ending:
    """The ending of a run whose changes a person has taken, all or (`left`) in part."""
    said = [ending.reason] if ending.reason else []
    if taken.unproven:
        said.append("written unproven, by a person's decision")
    if left:
        said.append("a part was refused and is kept in the run")
    hint = "take the rest with `treadle runs apply`" if left else ending.hint
    proven = ending.proven and not taken.unproven
    return structs.replace(ending, reason="; ".join(said), hint=hint, proven=proven)


def _planned(ending: Ending, mode: str) -> Ending:
    """The ending of a run that may not write: in mode `plan` it says so."""
    if mode != "plan" or ending.outcome != "done":
        return ending
    reason = "; ".join(part for part in (ending.reason, "nothing was written: mode plan") if part)
    return structs.replace(ending, reason=reason, hint="write it with `treadle runs apply`")


def finished(run: Run, ending: Ending, changes: ChangeSet, used: Usage, duration_s: float) -> RunFinished:
    """The last record of a run that ends with `changes`; a base that is gone leaves its diff out."""
    try:
        text = diff(run, changes)
    except TreadleError:
        text = ""
    return RunFinished(
        ending.outcome,
        ending.exit_code,
        ending.reason,
        ending.hint,
        run.keep_changes(changes),
        run.keep(text.encode("utf-8", "surrogateescape")) if text else "",
        ending.proven,
        used,
        duration_s,
    )


def ending_by(fault: BaseException, *, proven: bool = False) -> Ending:
    """The ending of a run that an error ended; `proven` says that checks judged the changes it had so far."""
    match fault:
        case Aborted():
            return Ending("aborted", fault.exit_code, fault.message, fault.hint, proven)
        case BudgetError():
            return Ending("failed", fault.exit_code, fault.message, fault.hint, proven)
        case TreadleError():
            return Ending("stopped", fault.exit_code, fault.message, fault.hint, proven)
        case _:
            text = f"internal error: {type(fault).__name__}: {fault}"
            return Ending("failed", 70, text, "nothing was changed; the trace holds the details")
