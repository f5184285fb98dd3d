"""The ladder: rungs in order, each left only on a `fail` that a check said, or when it can't be had."""

import asyncio

from msgspec import Struct, structs

from treadle.engine.attempt import propose
from treadle.engine.budget import Meter
from treadle.engine.job import Attempt, Job
from treadle.engine.judge import NOT_JUDGED, Candidate, Judgement
from treadle.engine.pending import how
from treadle.engine.run import Run
from treadle.engine.state import StepResult
from treadle.protocol.errors import BudgetError, NothingBound, ProviderError, RateLimited
from treadle.protocol.events import AttemptFinished, AttemptStarted, Place, RungUnavailable
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS, Usage
from treadle.spec.agent import Rung
from treadle.spec.loop import Budget

LANES = 1000
"""The attempts of a race are numbered `attempt * LANES + lane`, so that no other attempt has their number."""


class Tried(Struct, frozen=True):
    """How an attempt ended: the candidate that counts and what was said of it."""

    judgement: Judgement
    candidate: Candidate | None
    tier: str
    usage: Usage


async def climb(run: Run, job: Job) -> StepResult:
    """What the step came to: the first result that the checks let through, else `fail` with all receipts.

    Two attempts in a row on one rung without progress by the checks end that rung. `error` ends the step at
    once; a ladder of which no rung could be tried ends `error` with cause `unavailable`.
    """
    receipts: tuple[str, ...] = ()
    missing: ProviderError | None = None
    best: Tried | None = None
    said: list[str] = []
    number = 0
    for index, rung in enumerate(job.agent.ladder):
        failing: list[int] = []
        start = (
            job
            if not rung.from_best or best is None or best.candidate is None
            else _from(job, best.candidate)
        )
        for _ in range(rung.limits.attempts):
            number += 1
            try:
                tried = await _race(run, start, rung, index, number, receipts)
            except ProviderError as fault:
                missing = _more_telling(missing, fault)
                where = Place(job.place, number)
                run.emit(where, RungUnavailable(rung.tier, index, fault.message, fault.hint))
                break
            if tried.judgement.verdict != FAIL:
                return _result(job, tried, run.catalog.settings.unproven == "allow")
            receipts += (f"On tier {tried.tier}: {tried.judgement.receipt or tried.judgement.summary}",)
            said.append(f"{tried.tier}: {tried.judgement.summary}")
            failing.append(tried.judgement.failing)
            if tried.candidate is not None and (
                best is None or tried.judgement.failing < best.judgement.failing
            ):
                best = tried
            if len(failing) > 1 and failing[-1] >= failing[-2]:
                break
    if not receipts and missing is not None:
        cause = "rate-limited" if isinstance(missing, RateLimited) else "unavailable"
        return StepResult(ERROR, missing.message, job.base, cause=cause, hint=missing.hint)
    why = "; ".join(said) or "the ladder has no rung"
    hint = f"a stronger rung was not to be had: {missing.message}; {missing.hint}" if missing else ""
    return StepResult(FAIL, why, job.base, hint=hint, unproven=job.state.unproven)


def _more_telling(known: ProviderError | None, fault: ProviderError) -> ProviderError:
    """Of two rungs that could not be had, the reason that a person can act on: a limit that passes, then a model that
    is bound and did not answer, the stronger one first; that nothing is bound comes last."""
    if known is None or isinstance(known, NothingBound):
        return fault
    return known if isinstance(known, RateLimited) or isinstance(fault, NothingBound) else fault


def _result(job: Job, tried: Tried, unproven_allowed: bool) -> StepResult:
    """The step's result from an attempt that ended it; `none` goes on as `pass` where the user allows unproven."""
    judgement, candidate = tried.judgement, tried.candidate or Candidate(job.base)
    if judgement.verdict == ERROR:
        return StepResult(ERROR, judgement.summary, job.base, cause=judgement.cause, hint=judgement.hint)
    verdict = judgement.verdict
    if verdict == PASS and job.agent.verdicts and isinstance(candidate.output, dict):
        verdict = str(candidate.output.get("verdict", verdict))
    if verdict == NONE and unproven_allowed:
        verdict = PASS
    return StepResult(
        verdict,
        candidate.summary or judgement.summary,
        candidate.changes,
        candidate.output,
        unproven=job.state.unproven or (judgement.verdict == NONE and candidate.changes != job.base),
        cause=judgement.cause,
        hint=judgement.hint,
    )


def _from(job: Job, best: Candidate) -> Job:
    """The job begun from the best candidate so far instead of the step's base."""
    return structs.replace(job, base=best.changes)


async def _race(run: Run, job: Job, rung: Rung, index: int, number: int, receipts: tuple[str, ...]) -> Tried:
    """One attempt, or, for a rung that races, one a tier side by side, of which one is kept."""
    if not rung.race:
        return await _attempt(run, job, rung, rung.tier, index, number, receipts)
    running = {
        asyncio.create_task(_attempt(run, job, rung, tier, index, number * LANES + lane, receipts)): tier
        for lane, tier in enumerate(rung.race)
    }
    ended: list[Tried] = []
    faults: list[ProviderError] = []
    try:
        pending = set(running)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                fault = task.exception()
                if isinstance(fault, ProviderError):
                    faults.append(fault)
                    run.note(job.place, f"tier {running[task]} could not run: {fault.message}")
                elif fault is not None:
                    raise fault
                else:
                    ended.append(task.result())
            if rung.pick == "first" and any(t.judgement.verdict in (PASS, NONE) for t in ended):
                break
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if not ended:
        raise faults[0]
    return await _pick(run, job, rung, ended)


async def _pick(run: Run, job: Job, rung: Rung, ended: list[Tried]) -> Tried:
    """The attempt of a race that is kept: of those that passed the first, the cheapest, or the person's choice."""
    passed = [t for t in ended if t.judgement.verdict == PASS] or [
        t for t in ended if t.judgement.verdict == NONE
    ]
    if not passed:
        return min(ended, key=lambda t: t.judgement.failing)
    if rung.pick == "cheapest":
        return min(passed, key=lambda t: t.usage.cost_usd if t.usage.cost_usd is not None else float("inf"))
    if rung.pick == "ask" and len(passed) > 1:
        answer = await run.gate.ask(
            job.place, "pick", "which attempt is kept?", tuple(t.tier for t in passed)
        )
        return next(t for t in passed if t.tier == answer.answer)
    return passed[0]


async def _attempt(
    run: Run, job: Job, rung: Rung, tier: str, index: int, number: int, receipts: tuple[str, ...]
) -> Tried:
    """One try on one tier, with its pair of events, however it ends.

    Raises: a `ProviderError` that does not climb when the tier can't be had.
    """
    model = "" if rung.solver else run.models.pick(tier).name
    place = Place(job.place, number)
    limits = rung.limits
    meter = Meter(Budget(limits.cost_usd, None, limits.wall_s, limits.turns), clock=run.clock)
    run.emit(place, AttemptStarted(tier, index, place.attempt, how(rung), model))
    desk = _Desk(run, job, place)
    started, checks_before = run.clock.now(), run.judge.checks_s
    verdict, summary = ERROR, "it did not end"
    try:
        attempt = Attempt(job, _on(rung, tier), place, meter, desk.offer, desk.say, receipts, index)
        try:
            async with run.clock.limit(None if rung.solver else limits.wall_s):
                await propose(run, attempt)
        except TimeoutError:
            desk.say(f"the limit wall_s: {limits.wall_s} was reached")
        except BudgetError as limit:
            if limit.meter is not meter:
                raise
            desk.say(limit.message)
        except ProviderError as fault:
            if not fault.climbs:
                raise
            desk.say(f"no usable reply ({type(fault).__name__}): {fault.message}")
        tried = Tried(desk.judgement(), desk.kept, tier, meter.used)
        verdict, summary = tried.judgement.verdict, tried.judgement.summary
        if verdict == PASS and tried.candidate is not None:
            summary = tried.candidate.summary or summary
        return tried
    except asyncio.CancelledError:
        verdict, summary = NONE, "cancelled"
        raise
    except Exception as fault:
        summary = str(fault)
        raise
    finally:
        kept = desk.kept if desk.kept is not None and desk.kept.changes != job.base else None
        run.emit(
            place,
            AttemptFinished(
                tier,
                verdict,
                summary,
                meter.answered or model,
                desk.count,
                run.keep_changes(kept.changes) if kept else "",
                run.keep(desk.receipt.encode("utf-8", "replace")) if desk.receipt else "",
                meter.used,
                run.judge.checks_s - checks_before,
                run.clock.now() - started,
            ),
        )


def _on(rung: Rung, tier: str) -> Rung:
    """The rung as it stands for one tier of a race."""
    return structs.replace(rung, tier=tier)


class _Desk:
    """Where an attempt's candidates are judged: keeps the one that counts, and what was said."""

    def __init__(self, run: Run, job: Job, place: Place) -> None:
        self._run, self._job, self._place = run, job, place
        self._judged: list[Judgement] = []
        self._said = ""
        self.kept: Candidate | None = None
        self.count = 0

    async def offer(self, candidate: Candidate) -> Judgement:
        """The judgement of a candidate; the best so far is kept, by fewest failing tests."""
        job = self._job
        judgement = await self._run.judge.judge(
            self._place,
            job.agent,
            candidate,
            self._run.view(job.base),
            target=job.target,
            baseline=job.baseline,
        )
        self.count += 1
        best = min((j.failing for j in self._judged), default=None)
        if judgement.verdict != FAIL or best is None or judgement.failing < best:
            self.kept = candidate
        self._judged.append(judgement)
        return judgement

    def say(self, text: str) -> None:
        """Adds why the attempt ended without a candidate that passed."""
        self._said = text

    @property
    def receipt(self) -> str:
        """What climbs: what was tried and what the checks said of it."""
        failed = [j.receipt or j.summary for j in self._judged if j.verdict == FAIL]
        return "\n".join([*failed[-2:], self._said]).strip()

    def judgement(self) -> Judgement:
        """What the attempt comes to: its last judgement unless that failed, else `fail` with the receipt."""
        if self._judged and self._judged[-1].verdict != FAIL:
            return self._judged[-1]
        failing = min((j.failing for j in self._judged), default=NOT_JUDGED)
        count = f"none of {len(self._judged)} candidate(s) passed" if self._judged else ""
        last = self._judged[-1].summary if self._judged else ""
        said = self._said.splitlines()[0] if self._said else ""
        summary = "; ".join(part for part in (count, last, said) if part) or "no candidate"
        return Judgement(FAIL, summary, self.receipt, failing)
