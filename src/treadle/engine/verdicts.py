"""What a check's result counts for an agent's candidate: against what was asked for, and against the base. Pure."""

from msgspec import structs

from treadle.checks.base import CheckResult, TestReport
from treadle.checks.lost import lost
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS
from treadle.spec.agent import CheckSpec

_CANDIDATES_OWN = {"collection", "crash", "timeout"}
"""Causes of an `error` that a candidate brought about itself: the base ran through, or had no tests at all."""


def relative(
    spec: CheckSpec, result: CheckResult, baseline: TestReport | None, target: tuple[str, ...]
) -> CheckResult:
    """The result with the verdict that counts.

    No tests is `none`, and a `fail` where the base had some. What broke the test run where the base ran is a
    `fail`. What failed on the base and is not the target is not held against a candidate that keeps all that
    ran. Where a `fail` was asked for, it takes a new test that was collected and seen to fail; nothing else is one.
    """
    if result.cause == "no_tests":
        had = baseline is not None and bool(baseline.collected)
        return structs.replace(result, verdict=FAIL if had else NONE)
    if spec.name != "tests":
        return as_asked(spec, result)
    if result.verdict == ERROR and result.cause in _CANDIDATES_OWN:
        return structs.replace(result, verdict=FAIL)
    if result.tests is None or result.verdict not in (PASS, FAIL):
        return result
    if spec.expect == FAIL:
        return _red(result, result.tests, baseline)
    if result.verdict == FAIL and baseline is not None and _as_before(result.tests, baseline, target):
        return structs.replace(result, verdict=PASS, summary=f"{result.summary}, as before")
    return result


def as_asked(spec: CheckSpec, result: CheckResult) -> CheckResult:
    """The result as `pass` where its verdict is the one asked for; what is no `pass` or `fail` stays as it is."""
    if spec.expect == PASS or result.verdict not in (PASS, FAIL):
        return result
    return structs.replace(result, verdict=PASS if result.verdict == spec.expect else FAIL)


def _red(result: CheckResult, report: TestReport, baseline: TestReport | None) -> CheckResult:
    """`pass` for a run in which a new test fails and none that passed before does."""
    now = set(report.failed_ids)
    passed = set(baseline.passed) if baseline else set()
    known = set(baseline.collected) if baseline else set()
    fresh = sorted(now - known)
    if fresh and not now & passed and (baseline is None or not lost(report, baseline)):
        return structs.replace(result, verdict=PASS, summary=f"fails, as asked: {', '.join(fresh)}")
    why = "no new test fails" if not fresh else "it breaks a test that passed"
    return structs.replace(result, verdict=FAIL, summary=f"{why} ({result.summary})")


def _as_before(report: TestReport, baseline: TestReport, target: tuple[str, ...]) -> bool:
    """Whether all that fails failed on the base too, the target passes, and all that ran there still runs."""
    failed_before = set(baseline.failed_ids) - set(target)
    return (
        set(report.failed_ids) <= failed_before
        and set(target) <= set(report.passed)
        and not lost(report, baseline)
    )


def merge_reports(base: TestReport, newer: TestReport) -> TestReport:
    """The base's report with what a newer, perhaps partial, run saw put over it; the base's order."""
    seen = set(newer.collected) | set(newer.passed) | set(newer.failed_ids)
    green = set(newer.passed)
    kept = tuple(i for i in base.passed if i not in seen or i in green)
    return TestReport(
        base.runner,
        tuple(dict.fromkeys((*base.collected, *newer.collected))),
        tuple(dict.fromkeys((*kept, *newer.passed))),
        tuple(f for f in base.failed if f.id not in seen) + newer.failed,
        base.skipped,
        max(base.duration_s, newer.duration_s),
    )
