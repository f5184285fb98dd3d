"""The judge: runs the checks, keeps every verdict, and never runs a check twice on the same change set."""

import time
from collections.abc import Callable

import msgspec
from msgspec import Struct, structs

from treadle.checks.base import CheckResult, Subject, TestReport
from treadle.checks.registry import get_check
from treadle.engine.replies import text_field
from treadle.engine.verdicts import merge_reports, relative
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

_ORDER = {"schema": 0, "places": 1, "parses": 1, "command": 2, "tests": 3}
"""Checks run cheapest first; one that is not named here runs before `tests`."""

NOT_JUDGED = 1 << 30
"""How many tests a candidate counts as failing that reached no test: more than any that did."""


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
        self._passed: dict[tuple[str, str], CheckSpec] = {}
        self.checks_s = 0.0

    @property
    def knows_tests(self) -> bool:
        """Whether a verdict of this run rests on the project's tests."""
        return bool(self._reports)

    @property
    def proofs(self) -> tuple[CheckSpec, ...]:
        """The checks by which something passed in this run, cheapest first; forms of outputs are none."""
        return tuple(sorted(self._passed.values(), key=_order))

    def report(self, changes: ChangeSet) -> TestReport | None:
        """The tests' report on `changes`, None where they did not run on it."""
        return self._reports.get(changes.id())

    def forget(self) -> None:
        """Drops all that was seen: what it was seen on has changed."""
        self._seen.clear()
        self._reports.clear()

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
        held = msgspec.json.encode((output, schema)) if spec.name in ("schema", "places") else b""
        key = (spec.name, spec.command, view.changes.id(), target, held)
        known = self._seen.get(key)
        self._emit(place, CheckStarted(spec.name, on, target))
        started = time.monotonic()
        result = known or await self._run(spec, view, target, baseline, output, schema)
        took = 0.0 if known else time.monotonic() - started
        self.checks_s += took
        self._seen[key] = result
        if spec.name == "tests" and not target and result.tests and result.verdict in (PASS, FAIL):
            self._reports[view.changes.id()] = result.tests
        if result.verdict == PASS and on == "candidate" and spec.name not in ("schema", "places"):
            self._passed[spec.name, spec.command] = structs.replace(spec, expect=PASS)
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
        targeted = self._seen.get((*key, target, b""))
        if targeted is None or targeted.tests is None or not target:
            return
        if len(targeted.tests.collected) >= len(baseline.collected):
            self._seen.setdefault((*key, (), b""), targeted)

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
            return Judgement(FAIL, text, text, NOT_JUDGED)
        if not touched and agent.writes and agent.is_tested:
            return Judgement(FAIL, "nothing was changed", "nothing was changed", NOT_JUDGED)
        if agent.verdicts and (word := text_field(candidate.output, "verdict")) not in agent.verdicts:
            text = f"verdict `{word}` is none of {', '.join(agent.verdicts)}"
            return Judgement(FAIL, text, text, NOT_JUDGED)
        specs = checks_of(agent)
        said: list[str] = []
        report: TestReport | None = None
        failing, verdicts = NOT_JUDGED, set[Verdict]()
        for spec in specs:
            result = await self.check(
                place,
                spec,
                view,
                target=target if spec.name == "tests" else (),
                baseline=baseline,
                output=candidate.output,
                schema=agent.output,
            )
            result = relative(spec, result, baseline, target)
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
            if _proves(spec, result, bool(touched)):
                verdicts.add(result.verdict)
        if not touched and not specs:
            return Judgement(PASS, "an answer; nothing was changed", failing=0)
        weakest = PASS if verdicts == {PASS} else NONE
        if baseline is not None and report is not None and weakest == PASS:
            self._whole(view, baseline, target)
            self.know(candidate.changes, merge_reports(baseline, report))
        return Judgement(weakest, "; ".join(said) or "nothing judged it", failing=failing, tests=report)


def checks_of(agent: AgentSpec) -> tuple[CheckSpec, ...]:
    """The agent's checks in the order in which they run; an output has its form checked, asked for or not."""
    specs = list(agent.checks)
    if agent.output is not None and all(s.name != "schema" for s in specs):
        specs.append(CheckSpec("schema"))
    return tuple(sorted(specs, key=_order))


def _order(spec: CheckSpec) -> int:
    return _ORDER.get(spec.name, 2)


def _proves(spec: CheckSpec, result: CheckResult, writes: bool) -> bool:
    """Whether the result counts: the form of an output proves no file, and a parser may not know a language."""
    if spec.name in ("schema", "places"):
        return not writes
    return spec.name != "parses" or result.verdict != NONE


def _counts(report: TestReport) -> TestCounts:
    return TestCounts(len(report.collected), len(report.passed), len(report.failed), len(report.skipped))
