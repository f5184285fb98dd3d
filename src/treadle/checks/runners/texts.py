"""Evidence from the text that test tools print, where no reporter could be put into them."""

import re

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.runners.base import Seen
from treadle.checks.runners.cargo import read_cargo
from treadle.checks.runners.golang import read_go

_TAP = re.compile(
    r"^(\s*)(not )?ok\b(?: (\d+))?(?: - |\s+)?([^#\n]*)(#\s*(?:skip|todo)\b.*)?$", re.IGNORECASE
)
_GO_LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(", re.MULTILINE)
_UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s$", re.MULTILINE)
_UNITTEST_FAIL = re.compile(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)", re.MULTILINE)
_PYTEST = re.compile(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.:]+\S*.*$", re.MULTILINE)
_PYTEST_FAIL = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?: - (.*))?$", re.MULTILINE)


def read_text(output: str, duration_s: float, ended: bool, runner: str) -> Seen:
    """What the first tool that is recognised in `output` says; a report with nothing collected for none."""
    if re.search(r'^\{"Time":.*"Action":', output, re.MULTILINE):
        return read_go(output, duration_s, ended)
    if re.search(r"^test result: (ok|FAILED)\.", output, re.MULTILINE) or "could not compile" in output:
        return read_cargo(output, duration_s, ended)
    if re.search(r"^(TAP version 1\d|1\.\.\d+)\s*$", output, re.MULTILINE):
        return _tap(output, duration_s, runner)
    if _GO_LINE.search(output):
        return _go_text(output, duration_s, runner)
    if _UNITTEST.search(output):
        names = [
            (f"{m[2]}" if m[2].endswith("." + m[1]) else f"{m[2]}.{m[1]}", "")
            for m in _UNITTEST_FAIL.finditer(output)
        ]
        total = sum(int(m[1]) for m in _UNITTEST.finditer(output))
        skipped = sum(int(m) for m in re.findall(r"skipped=(\d+)", output))
        return _counted(names, total, skipped, duration_s, runner, output)
    found = list(_PYTEST.finditer(output))
    if found:
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", found[-1][1])}
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        total = counts.get("passed", 0) + counts.get("xfailed", 0) + failed + counts.get("skipped", 0)
        names = [(m[1], m[2] or "") for m in _PYTEST_FAIL.finditer(output)]
        return _counted(names, total, counts.get("skipped", 0), duration_s, runner, output)
    return Seen(TestReport(runner=runner, duration_s=duration_s))


def _counted(
    names: list[tuple[str, str]], total: int, skipped: int, duration_s: float, runner: str, output: str
) -> Seen:
    """A report of which only the failed tests have names; the others are numbered."""
    failed = tuple(
        FailedTest(id=name, message=message, traceback=_section(output, name))
        for name, message in dict(names).items()
    )
    passed = tuple(f"#{n}" for n in range(1, max(0, total - skipped - len(failed)) + 1))
    dropped = tuple(f"#skipped {n}" for n in range(1, skipped + 1))
    collected = (*passed, *(f.id for f in failed), *dropped)
    report = TestReport(runner, collected, passed, failed, dropped, duration_s)
    return Seen(report, (), (), True, counted=True)


def _section(output: str, name: str) -> str:
    last = re.split(r"[.:]", name)[-1]
    at = re.search(rf"^(?:FAIL: |ERROR: |_+ ){re.escape(last)}\b", output, re.MULTILINE)
    return output[at.start() : at.start() + 2000] if at else ""


def _tap(output: str, duration_s: float, runner: str) -> Seen:
    """Test Anything Protocol: top-level points; the lines after a failed one are its diagnostics."""
    outcomes: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    last, planned = "", 0
    for line in output.splitlines():
        point = _TAP.match(line)
        if point and not point[1]:
            last = (point[4] or "").strip() or f"test {point[3] or len(outcomes) + 1}"
            while last in outcomes:
                last += "'"
            outcomes[last] = "skipped" if point[5] else "failed" if point[2] else "passed"
        elif re.match(r"1\.\.(\d+)", line):
            planned = int(line[3:].split()[0])
        elif last:
            notes.setdefault(last, []).append(line)
    failed = tuple(
        _tap_failed(t, "\n".join(notes.get(t, []))) for t, how in outcomes.items() if how == "failed"
    )
    report = TestReport(
        runner,
        tuple(outcomes),
        tuple(t for t, how in outcomes.items() if how == "passed"),
        failed,
        tuple(t for t, how in outcomes.items() if how == "skipped"),
        duration_s,
    )
    return Seen(report, (), (), len(outcomes) >= planned)


def _tap_failed(test: str, notes: str) -> FailedTest:
    said = {
        m[1]: m[2].strip("'\" ")
        for m in re.finditer(r"^\s*(error|message|expected|actual): (.+)$", notes, re.MULTILINE)
    }
    message = said.get("error") or said.get("message") or "failed"
    return FailedTest(
        test,
        message=message,
        traceback=notes[:3000],
        expected=said.get("expected", ""),
        got=said.get("actual", ""),
    )


def _go_text(output: str, duration_s: float, runner: str) -> Seen:
    outcomes = {m[2]: m[1] for m in _GO_LINE.finditer(output) if "/" not in m[2]}
    report = TestReport(
        runner,
        tuple(outcomes),
        tuple(t for t, how in outcomes.items() if how == "PASS"),
        tuple(FailedTest(t, traceback=_section(output, t)) for t, how in outcomes.items() if how == "FAIL"),
        tuple(t for t, how in outcomes.items() if how == "SKIP"),
        duration_s,
    )
    return Seen(report, (), (), True)
