"""The loop: a pure function from state to next step, and the driver that walks it."""

from treadle.engine.pending import before_step
from treadle.engine.run import Run
from treadle.engine.state import LoopState, Outcome, StepResult
from treadle.engine.steps import run_step, skipped
from treadle.engine.writing import write_proven
from treadle.protocol.messages import PASS, Verdict
from treadle.spec.loop import ASK, DONE, STOP, LoopSpec, StepSpec


def destination(loop: LoopSpec, step: StepSpec, verdict: Verdict) -> str:
    """Where `verdict` leads from `step`: a step's name, `done`, `stop` or `ask`.

    Unnamed, `pass` (and the first answer of a question) goes on, after the last step `done`; all else stops.
    """
    if verdict in step.on:
        return step.on[verdict]
    if verdict == PASS or (step.ask is not None and verdict == step.ask.answers[0]):
        index = loop.steps.index(step) + 1
        return loop.steps[index].name if index < len(loop.steps) else DONE
    return STOP


def next_step(loop: LoopSpec, state: LoopState) -> StepSpec | Outcome:
    """The next step, or how the loop ended. Pure: the same state gives the same answer.

    A step whose `max_visits` is used up leads where its `on: {limit: …}` says, else the loop ends by limit.
    """
    by_name = {step.name: step for step in loop.steps}
    if state.last is None:
        target = loop.steps[0].name
    else:
        target = destination(loop, by_name[state.last_step], state.last.verdict)
    passed: set[str] = set()
    while target in by_name:
        step = by_name[target]
        if step.max_visits is None or state.visits.get(target, 0) < step.max_visits:
            return step
        if "limit" not in step.on or target in passed:
            return Outcome(
                "limit", target, f"step `{target}` was visited {step.max_visits} times (max_visits)"
            )
        passed.add(target)
        target = step.on["limit"]
    ended = {DONE: "done", STOP: "stop", ASK: "ask"}[target]
    return Outcome(ended, state.last_step, state.last.summary if state.last else "")  # type: ignore[arg-type]


async def run_loop(run: Run, loop: LoopSpec, state: LoopState, path: str = "") -> tuple[LoopState, Outcome]:
    """The state and outcome at the loop's end. `path` is the place of the loop in the run, "" at the top.

    Steps that the run has on record (a resumed run) are not run again. Raises what the engine's rooms raise:
    `BudgetError`, `NeedsPerson`, `Aborted`, `ProtectionMissing`.
    """
    while True:
        step = next_step(loop, state)
        if isinstance(step, Outcome):
            return state, step
        place = f"{path}{step.name}@{state.visits.get(step.name, 0) + 1}"
        result = run.on_record(place) or await _visit(run, step, state, place)
        state = state.after(step.name, result)
        if loop.apply == "step" and result.verdict == PASS and not path:
            await write_proven(run, state, place)


async def _visit(run: Run, step: StepSpec, state: LoopState, place: str) -> StepResult:
    """One visit of a step, held at the gate first, with its pair of events."""
    answer = await run.gate.before_step(
        place, step.what, lambda: before_step(run, step, state), hold=step.breakpoint
    )
    run.step_started(place, step.what, state.visits.get(step.name, 0) + 1)
    if answer.skipped:
        result = skipped(state, answer.word)
    else:
        result = await run_step(run, step, state, place, run_loop)
    run.step_finished(place, result)
    return result
