"""From what a test run left to see to a verdict. Pure."""

from msgspec import Struct, structs

from treadle.checks.base import CheckResult, FailedTest, TestReport
from treadle.checks.describe import cut_middle, describe_failure, name_some
from treadle.checks.lost import lost, not_run
from treadle.checks.network import network_refusal, refusal_of
from treadle.checks.runners.base import Seen
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS
from treadle.workspace.command import CommandResult

IMPORTING = ("pytest", "unittest", "node")
"""The runners that collect by importing: what they print is the project's, not a build tool's."""

DETAIL = 4000
"""Characters of a check's detail."""


class Case(Struct, frozen=True):
    """A finished test run: what was seen, how the command ended, and what was asked of it."""

    seen: Seen
    result: CommandResult
    how: str
    timeout_s: float
    network: bool
    target: tuple[str, ...] = ()
    baseline: TestReport | None = None
    scope: tuple[str, ...] = ()


def judge(case: Case) -> CheckResult:
    """The verdict with its evidence, the first that applies of: missing runner, time limit, broken files,
    failures, network, crash, nothing seen, fewer tests than before, pass.
    """
    seen, report = case.seen, case.seen.report
    if seen.missing:
        return _error(case, "missing_runner", seen.missing, hint=seen.hint, detail=_output(case))
    if case.result.timed_out:
        return _timeout(case)
    if seen.broken:
        return _collection(case)
    real, refused = _split_network(case)
    if real:
        kept = _with_failed(report, tuple(real))
        text = "\n\n".join(describe_failure(test) for test in real)
        return _said(case, FAIL, _failed_summary(case, real, refused), cut_middle(text, DETAIL), kept)
    if refused:
        return _network(case, refused[0][1], tuple(t.id for t, _ in refused), _with_failed(report, ()))
    if not report.collected:
        return _nothing(case)
    if not seen.finished:
        return _crash(case)
    return _compare(case)


def _said(
    case: Case, verdict: str, summary: str, detail: str = "", report: TestReport | None = None
) -> CheckResult:
    return CheckResult(
        "tests", verdict, summary, detail, report or case.seen.report, duration_s=case.result.duration_s
    )


def _error(case: Case, cause: str, summary: str, *, hint: str = "", detail: str = "") -> CheckResult:
    return CheckResult("tests", ERROR, summary, detail, case.seen.report, cause, hint, case.result.duration_s)


def _output(case: Case) -> str:
    return cut_middle(case.result.output.strip(), DETAIL)


def _timeout(case: Case) -> CheckResult:
    running = name_some(case.seen.running)
    what = (
        f"{running} was still running"
        if running
        else "no test had begun"
        if not case.seen.report.collected
        else "it hung"
    )
    return _error(
        case,
        "timeout",
        f"the tests did not end within {case.timeout_s:g} s: {what}",
        hint="a longer limit: `tests: {timeout_s: …}` in the settings",
        detail=_output(case),
    )


def _collection(case: Case) -> CheckResult:
    broken = case.seen.broken
    refusal = "" if case.network else next(filter(None, (_broken_by(case, b) for b in broken)), "")
    if refusal:
        return _network(case, refusal, (), case.seen.report)
    first = broken[0]
    place = f"{first.path}:{first.line}" if first.line else first.path or first.id
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    detail = "\n\n".join(f"{b.path or b.id}\n{b.traceback or b.message}" for b in broken)
    missing = first.message.partition("No module named ")[2].strip("'\" ")
    hint = f"is {missing} installed for the project's interpreter?" if missing else ""
    summary = f"the tests can't be collected: {place}: {first.message}{more}"
    return _error(case, "collection", summary, hint=hint, detail=cut_middle(detail, DETAIL))


def _broken_by(case: Case, broken: FailedTest) -> str:
    """The line by which the network refused what a file needs, "" for none: an error of the file's own, or what
    a build tool printed."""
    runner = case.seen.report.runner
    return refusal_of(broken, runner) or ("" if runner in IMPORTING else network_refusal(broken.traceback))


def _network(case: Case, line: str, tests: tuple[str, ...], report: TestReport) -> CheckResult:
    who = f"{len(tests)} tests need" if len(tests) > 1 else f"{tests[0]} needs" if tests else "the tests need"
    return CheckResult(
        "tests",
        ERROR,
        f"{who} the network, which the sandbox has not: {line}",
        _output(case),
        report,
        "network",
        "--allow-network",
        case.result.duration_s,
    )


def _split_network(case: Case) -> tuple[list[FailedTest], list[tuple[FailedTest, str]]]:
    """(failures of the code, failures for want of the network with the line that shows it)."""
    real: list[FailedTest] = []
    refused: list[tuple[FailedTest, str]] = []
    for test in case.seen.report.failed:
        line = "" if case.network else refusal_of(test, case.seen.report.runner)
        if line:
            refused.append((test, line))
        else:
            real.append(test)
    return real, refused


def _with_failed(report: TestReport, failed: tuple[FailedTest, ...]) -> TestReport:
    return structs.replace(report, failed=failed)


def _failed_summary(case: Case, real: list[FailedTest], refused: list[tuple[FailedTest, str]]) -> str:
    total = len(case.seen.report.collected)
    tests = (
        "tests fails" if len(real) == 1 and total > 1 else "test fails" if len(real) == 1 else "tests fail"
    )
    apart = f"; {len(refused)} need the network, which the sandbox has not" if refused else ""
    short = "" if case.seen.finished else f"; then the process ended{_during(case)}"
    return f"{len(real)} of {total} {tests}: {name_some(tuple(t.id for t in real))}{apart}{short}"


def _nothing(case: Case) -> CheckResult:
    """No test was seen: an error when the command failed, else nothing to judge by."""
    if case.baseline is not None and case.baseline.collected and case.seen.finished:
        return _said(
            case, FAIL, f"no test ran; on the base {len(case.baseline.collected)} did", _output(case)
        )
    refusal = "" if case.network else network_refusal(case.result.output)
    if refusal:
        return _network(case, refusal, (), case.seen.report)
    code = case.result.returncode
    if case.seen.finished or code == 0:
        text = "found no test" if case.seen.finished else "ended well, but nothing in its output shows a test"
        return CheckResult(
            "tests", NONE, f"`{case.how}` {text}", _output(case), case.seen.report, "no_tests",
            duration_s=case.result.duration_s,
        )  # fmt: skip
    last = case.result.output.strip().splitlines()[-1:] or ["no output"]
    return _error(
        case,
        "crash",
        f"`{case.how}` ended with {_code(code)} before any test: {last[0][:200]}",
        detail=_output(case),
    )


def _code(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _crash(case: Case) -> CheckResult:
    code = _code(case.result.returncode)
    return _error(case, "crash", f"the test process ended{_during(case)} with {code}", detail=_output(case))


def _during(case: Case) -> str:
    return f" during {name_some(case.seen.running)}" if case.seen.running else ""


def _compare(case: Case) -> CheckResult:
    """Nothing failed and the runner came to its end: is everything there that must be?"""
    report, before = case.seen.report, case.baseline
    passed = set(report.passed)
    if case.target and not case.seen.counted:
        absent = tuple(test for test in case.target if test not in passed)
        if absent:
            return _said(
                case, FAIL, f"the target did not pass, it did not run: {name_some(absent)}", _output(case)
            )
    if before is not None and (less := lost(report, before)):
        return _said(case, FAIL, less, _output(case))
    if not case.seen.counted and (idle := not_run(report)):
        text = f"{len(idle)} collected tests did not run: {name_some(idle)}"
        return _error(case, "crash", text, detail=_output(case))
    if case.result.returncode != 0:
        last = case.result.output.strip().splitlines()[-1:] or [""]
        code = _code(case.result.returncode)
        return _error(
            case,
            "crash",
            f"{len(passed)} tests pass, but `{case.how}` ended with {code}: {last[0][:200]}",
            detail=_output(case),
        )
    if not passed:
        return CheckResult(
            "tests", NONE, f"all {len(report.skipped)} tests were skipped", _output(case), report, "no_tests",
            duration_s=case.result.duration_s,
        )  # fmt: skip
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    return _said(case, PASS, f"{len(passed)} of {len(report.collected)} tests pass{skipped}")
