"""What a step does, by its kind. Each gives back a result and knows nothing of where the loop goes next."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from msgspec import structs

from treadle.checks.base import TestReport
from treadle.engine.budget import Meter
from treadle.engine.job import Job
from treadle.engine.judge import TESTS, Candidate
from treadle.engine.ladder import climb
from treadle.engine.pending import before_step
from treadle.engine.replies import stand_in
from treadle.engine.run import Run
from treadle.engine.state import Item, LoopState, Outcome, StepResult
from treadle.engine.verdicts import as_asked
from treadle.protocol.errors import BudgetError
from treadle.protocol.events import PASSES_ALREADY, Place
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS, Verdict
from treadle.spec.agent import AgentSpec
from treadle.spec.loop import LoopSpec, StepSpec
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command

_WORST = {PASS: 0, NONE: 2, FAIL: 3, ERROR: 4}
"""How bad a verdict is among items; a declared word counts between `pass` and `none`."""


Walk = Callable[[Run, LoopSpec, LoopState, str], Awaitable[tuple[LoopState, Outcome]]]
"""Drives a loop to its end: what a `loop` step asks of the driver that it runs under."""


async def run_step(run: Run, step: StepSpec, state: LoopState, place: str, walk: Walk) -> StepResult:
    """What the step came to, each of its items done where it has `each`; `walk` drives an inner loop."""
    if step.each:
        return await _each(run, step, state, place, walk)
    return await _once(run, step, state, place, walk)


async def _once(run: Run, step: StepSpec, state: LoopState, place: str, walk: Walk) -> StepResult:
    if step.agent:
        return await _agent(run, run.catalog.agents[step.agent], state, place)
    if step.check is not None:
        return await _check(run, step, state, place)
    if step.command:
        return await _command(run, step, state)
    if step.loop:
        return await _loop(run, step, state, place, walk)
    if step.ask is not None:
        answer = await run.gate.ask(place, "ask", step.ask.text, (*step.ask.answers, "abort"))
        return StepResult(
            answer.answer, f"{answer.by} said {answer.answer}", state.changes, unproven=state.unproven
        )
    from treadle.engine.gitstep import git_step

    return await git_step(run, step, state, place)


async def _each(run: Run, step: StepSpec, state: LoopState, place: str, walk: Walk) -> StepResult:
    """One visit per item, in order or `parallel` at a time; the worst item's verdict, `pass` for none."""
    from treadle.engine.inputs import items_of

    items = items_of(run, state, step.each)
    stops = step.on_item == "stop"
    results: list[StepResult] = []
    if step.parallel > 1:
        results, state = await _side_by_side(run, step, state, place, items, walk)
    else:
        for index, item in enumerate(items):
            result = await _item(run, step, state, f"{place}[{index}]", item, len(items), walk)
            results.append(result)
            if result.verdict not in (FAIL, ERROR):
                state = structs.replace(state, changes=result.changes, unproven=result.unproven)
            elif stops or result.verdict == ERROR:
                break
    if not results:
        return StepResult(PASS, "no items", state.changes, unproven=state.unproven)
    worst = max(results, key=lambda r: _WORST.get(r.verdict, 1))
    good = sum(r.verdict == PASS for r in results)
    summary = f"{good} of {len(items)} passed" + ("" if worst.verdict == PASS else f"; {worst.summary}")
    return StepResult(
        worst.verdict,
        summary,
        state.changes,
        [r.output for r in results],
        unproven=state.unproven,
        cause=worst.cause,
        hint=worst.hint,
    )


async def _item(
    run: Run, step: StepSpec, state: LoopState, place: str, item: Item, count: int, walk: Walk
) -> StepResult:
    """One item's visit, from the record where an earlier life of the run did it."""
    known = run.on_record(place)
    if known is not None:
        return known
    answer = await run.gate.before_step(
        place, f"{step.what}: {item.title}", lambda: before_step(run, step, state, item)
    )
    run.step_started(place, step.what, 1, item.title, count)
    if answer.skipped:
        result = skipped(state, answer.word)
    else:
        result = await _once(run, step, structs.replace(state, item=item), place, walk)
    run.step_finished(place, result)
    return result


def skipped(state: LoopState, output: str) -> StepResult:
    """The result of a step that a person left out; `output` stands in for its own."""
    return StepResult(PASS, "skipped", state.changes, output=stand_in(output), unproven=state.unproven)


async def _side_by_side(
    run: Run, step: StepSpec, state: LoopState, place: str, items: Sequence[Item], walk: Walk
) -> tuple[list[StepResult], LoopState]:
    """The items' results, each on a change set of its own; one that clashes with an earlier one is done again."""
    room = asyncio.Semaphore(step.parallel)

    async def alone(index: int, item: Item) -> StepResult:
        async with room:
            return await _item(run, step, state, f"{place}[{index}]", item, len(items), walk)

    results = await together([alone(i, item) for i, item in enumerate(items)])
    start, merged = state.changes, state
    for index, result in enumerate(results):
        if result.verdict in (FAIL, ERROR):
            continue
        mine = _beyond(start, result.changes)
        if merged.changes == start:
            merged = structs.replace(merged, changes=result.changes, unproven=result.unproven)
            continue
        both = structs.replace(
            merged, changes=merged.changes.then(mine), unproven=merged.unproven or result.unproven
        )
        clash = set(mine.paths) & set(_beyond(start, merged.changes).paths)
        if mine and (clash or not await _hold_together(run, step, state, both, place)):
            result = await _item(run, step, merged, f"{place}[{index}]+", items[index], len(items), walk)
            results[index] = result
            if result.verdict in (FAIL, ERROR):
                continue
            both = structs.replace(merged, changes=result.changes, unproven=result.unproven)
        merged = both
    return results, merged


async def _hold_together(run: Run, step: StepSpec, before: LoopState, both: LoopState, place: str) -> bool:
    """Whether changes that passed apart pass together, by the agent's checks; a loop's items are never taken so."""
    if not step.agent:
        return False
    agent = structs.replace(run.catalog.agents[step.agent], output=None, verdicts=(), deny=())
    base = await run.judge.base(Place(place), run.view(before.changes)) if agent.is_tested else None
    judgement = await run.judge.judge(
        Place(place),
        agent,
        Candidate(both.changes),
        run.view(before.changes),
        target=(),
        baseline=base.tests if base else None,
    )
    return judgement.verdict == PASS or (judgement.verdict == NONE and both.unproven)


async def together(work: Sequence[Coroutine[None, None, StepResult]]) -> list[StepResult]:
    """The results in order. When one raises, the others are cancelled and have ended before it goes on."""
    running = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*running))
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _beyond(start: ChangeSet, changes: ChangeSet) -> ChangeSet:
    """What `changes` has that `start` has not."""
    return ChangeSet({p: c for p, c in changes.changes.items() if start.get(p) != c})


async def _agent(run: Run, agent: AgentSpec, state: LoopState, place: str) -> StepResult:
    """The agent's ladder, after a look at the base: what the base itself can't run is never given to an agent."""
    item = state.item
    baseline: TestReport | None = None
    target: tuple[str, ...] = ()
    if agent.is_tested:
        base = await run.judge.base(Place(place), run.view(state.changes))
        if base.verdict == ERROR and base.cause != "no_tests":
            return StepResult(
                ERROR, f"on the base: {base.summary}", state.changes, cause=base.cause, hint=base.hint
            )
        baseline = base.tests
    if (
        item is None
        and baseline is not None
        and any(c.name == "tests" and c.expect == PASS for c in agent.checks)
    ):
        target = run.judge.red_since(baseline)
    if item is not None and item.test is not None:
        target = (item.test.id,)
        if baseline is not None and item.test.id in baseline.passed:
            return StepResult(PASS, PASSES_ALREADY, state.changes, unproven=state.unproven)
    key = (state.changes.id(), f"{agent.name} {item.title.split('[')[0]}") if item and item.test else None
    if key is not None and key in run.stumped:
        return StepResult(
            FAIL,
            f"not tried again on the same code: {run.stumped[key]}",
            state.changes,
            unproven=state.unproven,
        )
    result = await climb(run, Job(agent, place, state.changes, state, item, target, baseline))
    if key is not None and item is not None and result.verdict == FAIL:
        run.stumped[key] = f"{item.title} was not mended either"
    return result


async def _check(run: Run, step: StepSpec, state: LoopState, place: str) -> StepResult:
    """A check on the whole change set; a pass of it proves what was not judged before."""
    assert step.check is not None
    baseline: TestReport | None = None
    if step.check.name == TESTS.name and state.changes:
        baseline = (await run.judge.base(Place(place), run.view(ChangeSet()))).tests
    view, on = run.view(state.changes), "candidate" if state.changes else "base"
    result = await run.judge.check(Place(place), step.check, view, on=on, baseline=baseline)
    verdict = as_asked(step.check, result).verdict
    proves = verdict == PASS and step.check.name in (TESTS.name, "command")
    return StepResult(
        verdict,
        result.summary,
        state.changes,
        tests=result.tests,
        unproven=state.unproven and not proves,
        cause=result.cause,
        hint=result.hint,
    )


async def _command(run: Run, step: StepSpec, state: LoopState) -> StepResult:
    """A command in the proving ground; what it changed joins the change set, not yet judged."""
    result = await run.runner.run(
        Command(("sh", "-c", step.command), network=run.flags.network), state.changes
    )
    changed = result.changes != state.changes
    last = result.output.strip().splitlines()[-1:] or [""]
    if result.timed_out:
        return StepResult(ERROR, f"`{step.command}` did not end in time", state.changes, cause="timeout")
    if result.returncode == 127:
        return StepResult(ERROR, f"`{step.command}`: {last[0]}", state.changes, cause="missing_runner")
    verdict = PASS if result.returncode == 0 else FAIL
    summary = f"exit code {result.returncode}" + (f": {last[0][:160]}" if verdict == FAIL else "")
    changes = result.changes if verdict == PASS else state.changes
    return StepResult(verdict, summary, changes, unproven=state.unproven or (changed and verdict == PASS))


async def _loop(run: Run, step: StepSpec, state: LoopState, place: str, walk: Walk) -> StepResult:
    """An inner loop on the outer one's change set and item, within its own budget; its last step's verdict.

    Its limits end the step as `error` with cause `limit`; an `ask` that nobody answered, with cause `ask`.
    """
    loop = run.catalog.loops[step.loop]
    meter = Meter(loop.budget, clock=run.clock)
    start = LoopState(
        state.changes,
        tests=state.tests,
        unproven=state.unproven,
        item=state.item,
        meters=(*state.meters, meter),
    )
    try:
        async with run.clock.limit(loop.budget.wall_s):
            inner, outcome = await walk(run, loop, start, f"{place}/")
    except TimeoutError:
        why = f"loop {loop.name}: budget wall_s: {loop.budget.wall_s} s are over"
        return StepResult(ERROR, why, state.changes, unproven=state.unproven, cause="limit")
    except BudgetError as limit:
        if limit.meter is not meter:
            raise
        why = f"loop {loop.name}: {limit.message}"
        return StepResult(ERROR, why, state.changes, unproven=state.unproven, cause="limit")
    last = inner.last or StepResult(FAIL, outcome.why)
    if outcome.kind in ("limit", "ask"):
        return StepResult(ERROR, outcome.why, state.changes, unproven=state.unproven, cause=outcome.kind)
    verdict = PASS if _was_yes(loop, inner.last_step, last.verdict) else last.verdict
    kept = inner if verdict not in (FAIL, ERROR) else start
    return StepResult(
        verdict,
        outcome.why or last.summary,
        kept.changes,
        last.output,
        kept.tests,
        kept.unproven,
        last.cause,
        last.hint,
    )


def _was_yes(loop: LoopSpec, step: str, verdict: Verdict) -> bool:
    """Whether the step was a question and `verdict` the answer that goes on."""
    question = next((s.ask for s in loop.steps if s.name == step), None)
    return question is not None and verdict == question.answers[0]
