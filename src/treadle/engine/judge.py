"""The judge: runs the checks, keeps every verdict, and never runs a check twice on the same change set."""

import time
from collections.abc import Callable

from msgspec import Struct, structs

from treadle.checks.base import CheckResult, Subject, TestReport
from treadle.checks.registry import get_check
from treadle.protocol.errors import NothingToTest
from treadle.protocol.events import CheckFinished, CheckStarted, Emit, Place, TestCounts
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS, Json, Verdict
from treadle.spec.agent import AgentSpec, CheckSpec
from treadle.spec.paths import denied_paths
from treadle.spec.settings import Settings
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Runner
from treadle.workspace.view import MergedView

TESTS = CheckSpec("tests")

_ORDER = {"schema": 0, "parses": 1, "command": 2, "tests": 3}
"""Checks run cheapest first; one that is not named here runs before `tests`."""

_CANDIDATES_OWN = {"collection", "crash", "timeout"}
"""Causes of an `error` that a candidate brought about itself, where the base ran through."""


class Candidate(Struct, frozen=True):
    """One answer inside an attempt: the whole change set it would make, and its output."""

    changes: ChangeSet
    output: Json = None
    summary: str = ""


class Judgement(Struct, frozen=True):
    """What the checks said of a candidate. `failing` counts its failing tests; `receipt` is for the next rung."""

    verdict: Verdict
    summary: str
    receipt: str = ""
    failing: int = 0
    tests: TestReport | None = None
    cause: str = ""
    hint: str = ""


class Judge:
    """Runs checks in the proving ground. One judge a run, so that its memory spans the run."""

    def __init__(
        self,
        runner: Runner,
        settings: Settings,
        emit: Emit,
        keep: Callable[[bytes], str],
        *,
        network: bool = False,
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._emit = emit
        self._keep = keep
        self._network = network
        self._seen: dict[tuple[object, ...], CheckResult] = {}
        self._reports: dict[str, TestReport] = {}
        self.checks_s = 0.0

    def know(self, changes: ChangeSet, report: TestReport) -> None:
        """Takes in a report of the whole suite on `changes`, from a record or composed."""
        self._reports[changes.id()] = report

    async def check(
        self,
        place: Place,
        spec: CheckSpec,
        view: MergedView,
        *,
        on: str = "candidate",
        target: tuple[str, ...] = (),
        baseline: TestReport | None = None,
        output: Json = None,
        schema: dict[str, Json] | None = None,
    ) -> CheckResult:
        """One check's result on the view, from memory where it ran before on the same change set."""
        key = (
            spec.name,
            spec.command,
            view.changes.id(),
            target,
            repr(output) if spec.name == "schema" else "",
        )
        known = self._seen.get(key)
        self._emit(place, CheckStarted(spec.name, on, target))
        started = time.monotonic()
        result = known or await self._run(spec, view, target, baseline, output, schema)
        took = 0.0 if known else time.monotonic() - started
        self.checks_s += took
        self._seen[key] = result
        if spec.name == "tests" and not target and result.tests and result.verdict in (PASS, FAIL):
            self._reports[view.changes.id()] = result.tests
        counts = _counts(result.tests) if result.tests else None
        detail = self._keep(result.detail.encode("utf-8", "replace")) if result.detail else ""
        self._emit(
            place,
            CheckFinished(
                spec.name,
                result.verdict,
                result.summary,
                on,
                counts,
                result.cause,
                detail,
                known is not None,
                took,
            ),
        )
        return result

    async def _run(
        self,
        spec: CheckSpec,
        view: MergedView,
        target: tuple[str, ...],
        baseline: TestReport | None,
        output: Json,
        schema: dict[str, Json] | None,
    ) -> CheckResult:
        subject = Subject(
            view, self._runner, self._settings, view.changes, target, baseline, output, schema, self._network
        )
        try:
            return await get_check(spec).run(subject)
        except NothingToTest as nothing:
            return CheckResult(spec.name, ERROR, nothing.message, cause="no_tests", hint=nothing.hint)

    async def base(self, place: Place, view: MergedView) -> CheckResult:
        """The whole suite on a step's base: what `fewer` and `was passing` are measured against."""
        report = self._reports.get(view.changes.id())
        if report is not None:
            verdict = FAIL if report.failed else PASS
            return CheckResult("tests", verdict, f"{len(report.failed)} fail on the base", tests=report)
        return await self.check(place, TESTS, view, on="base")

    def _whole(self, view: MergedView, baseline: TestReport, target: tuple[str, ...]) -> None:
        """Takes a targeted result that ran all tests for the whole suite's on the same change set."""
        key = (TESTS.name, "", view.changes.id())
        targeted = self._seen.get((*key, target, ""))
        if targeted is None or targeted.tests is None or not target:
            return
        if len(targeted.tests.collected) >= len(baseline.collected):
            self._seen.setdefault((*key, (), ""), targeted)

    def red_since(self, report: TestReport) -> tuple[str, ...]:
        """The failing tests of `report` that the run's own base does not have: written red in this run."""
        first = self._reports.get(ChangeSet().id())
        return tuple(i for i in report.failed_ids if i not in first.collected) if first is not None else ()

    async def judge(
        self,
        place: Place,
        agent: AgentSpec,
        candidate: Candidate,
        view: MergedView,
        *,
        target: tuple[str, ...],
        baseline: TestReport | None,
    ) -> Judgement:
        """The verdict of all the agent's checks on a candidate, stopping at the first `fail` or `error`.

        `none` when nothing judged it, or one of them could not (a language that no parser here knows apart).
        """
        touched = [p for p, c in candidate.changes.changes.items() if view.changes.get(p) != c]
        touched += [p for p in view.changes if candidate.changes.get(p) is None]
        forbidden = denied_paths(touched, agent.deny)
        view = view.with_changes(candidate.changes)
        if forbidden:
            text = f"it changed {', '.join(forbidden)}, which it may not"
            return Judgement(FAIL, text, text)
        specs = list(agent.checks)
        if agent.output is not None and all(s.name != "schema" for s in specs):
            specs.append(CheckSpec("schema"))
        said: list[str] = []
        report: TestReport | None = None
        failing, verdicts = 0, set[Verdict]()
        for spec in sorted(specs, key=lambda s: _ORDER.get(s.name, 2)):
            result = await self.check(
                place,
                spec,
                view,
                target=target if spec.name == "tests" else (),
                baseline=baseline,
                output=candidate.output,
                schema=agent.output,
            )
            result = _relative(spec, result, baseline, target if spec.name == "tests" else ())
            report = result.tests or report
            failing = len(result.tests.failed) if result.tests else failing
            said.append(f"{spec.name}: {result.summary}")
            if result.verdict in (FAIL, ERROR):
                receipt = f"{spec.name} says {result.verdict}: {result.summary}\n{result.detail}".rstrip()
                return Judgement(
                    result.verdict,
                    f"{spec.name}: {result.summary}",
                    receipt,
                    failing,
                    report,
                    result.cause,
                    result.hint,
                )
            if result.verdict != NONE or spec.name != "parses":
                verdicts.add(result.verdict)
        weakest = PASS if verdicts == {PASS} else NONE
        if baseline is not None and report is not None and weakest == PASS:
            self._whole(view, baseline, target)
            self.know(candidate.changes, merge_reports(baseline, report))
        return Judgement(weakest, "; ".join(said) or "nothing judged it", failing=failing, tests=report)


def _relative(
    spec: CheckSpec, result: CheckResult, baseline: TestReport | None, target: tuple[str, ...]
) -> CheckResult:
    """The result as it counts for an agent: against what was expected, and against the base."""
    verdict = result.verdict
    if result.cause == "no_tests":
        return structs.replace(result, verdict=NONE)
    if verdict == ERROR and result.cause in _CANDIDATES_OWN and spec.name == "tests":
        verdict = FAIL
    if spec.name == "tests" and baseline is not None and result.tests is not None:
        before, now = set(baseline.failed_ids), set(result.tests.failed_ids)
        if spec.expect == FAIL:
            broken = now & set(baseline.passed)
            fresh = now - before - set(baseline.passed)
            if result.verdict == FAIL and fresh and not broken:
                return structs.replace(
                    result, verdict=PASS, summary=f"fails, as asked: {', '.join(sorted(fresh))}"
                )
            return structs.replace(result, verdict=FAIL, summary=f"no new test fails ({result.summary})")
        ran = set(result.tests.collected)
        must = set(baseline.passed) if len(ran) >= len(baseline.collected) else set(baseline.passed) & ran
        kept = must <= set(result.tests.passed)
        if (
            verdict == FAIL
            and now <= before - set(target)
            and kept
            and set(target) <= set(result.tests.passed)
        ):
            return structs.replace(result, verdict=PASS, summary=f"{result.summary}, as before")
    if spec.expect != PASS and verdict in (PASS, FAIL):
        verdict = PASS if verdict == spec.expect else FAIL
    return structs.replace(result, verdict=verdict)


def merge_reports(base: TestReport, newer: TestReport) -> TestReport:
    """The base's report with what a newer, perhaps partial, run saw put over it; the base's order."""
    seen = set(newer.collected) | set(newer.passed) | set(newer.failed_ids)
    fresh = tuple(i for i in newer.passed if i not in set(base.collected))
    return TestReport(
        base.runner,
        tuple(dict.fromkeys((*base.collected, *newer.collected))),
        tuple(i for i in base.passed if i not in seen or i in set(newer.passed))
        + tuple(i for i in newer.passed if i not in set(base.passed) and i not in fresh)
        + fresh,
        tuple(f for f in base.failed if f.id not in seen) + newer.failed,
        base.skipped,
        max(base.duration_s, newer.duration_s),
    )


def _counts(report: TestReport) -> TestCounts:
    return TestCounts(len(report.collected), len(report.passed), len(report.failed), len(report.skipped))
