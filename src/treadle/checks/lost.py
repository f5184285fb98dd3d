"""What ran on the base and does not run any more: fewer tests than on the base is not a pass."""

import re
from collections import Counter

from treadle.checks.base import TestReport
from treadle.checks.describe import name_some

_NUMBERED = re.compile(r"#\d+$")
_UNSTEADY = re.compile(r" \(line \d+\)| at 0x[0-9a-fA-F]+")


def lost(now: TestReport, before: TestReport) -> str:
    """Which tests ran on the base and neither passed nor failed now, in words; "" for none.

    Only what was asked to run counts. Where the base's ids are no names but numbers, the counts are compared.
    """
    asked = set(now.asked)
    wanted = [i for i in (*before.passed, *before.failed_ids) if not asked or i in asked]
    if wanted and all(_NUMBERED.match(i) for i in before.passed):
        ran, had = len(now.passed) + len(now.failed), len(before.passed) + len(before.failed)
        return f"fewer tests than on the base: {ran} of {had}" if ran < had and not asked else ""
    left = Counter(map(_steady, (*now.passed, *now.failed_ids)))
    skipped = set(map(_steady, now.skipped))
    gone: list[str] = []
    aside: list[str] = []
    for test in wanted:
        name = _steady(test)
        if left[name]:
            left[name] -= 1
        else:
            (aside if name in skipped else gone).append(test)
    said = [f"ran on the base and no longer runs: {name_some(tuple(gone))}"] if gone else []
    said += [f"ran on the base and is skipped now: {name_some(tuple(aside))}"] if aside else []
    return "; ".join(said)


def not_run(report: TestReport) -> tuple[str, ...]:
    """The tests that were collected and have no outcome, in order."""
    ended = {*report.passed, *report.failed_ids, *report.skipped}
    return tuple(i for i in report.collected if i not in ended)


def _steady(test: str) -> str:
    """The id without what changes though the test does not: a documentation test's line, an object's address."""
    return _UNSTEADY.sub("", test)
