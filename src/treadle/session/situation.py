"""What of a repository speaks for a loop before any run: read from git and the runs on record, nothing is run."""

from collections.abc import Callable
from pathlib import Path

from treadle.protocol.errors import TreadleError
from treadle.protocol.events import BaseMarked, CheckFinished, RunStarted
from treadle.protocol.messages import FAIL
from treadle.session.records import list_runs, runs_of
from treadle.session.trace import read_blob, read_trace

RUNS_READ = 10
"""How many of the newest runs are looked through for one that ran the tests on the tree."""


def holds(root: Path, state: str) -> str:
    """What is there of `state` (one of `spec.names.STATES`) in a few words, "" where it does not hold."""
    try:
        return _READERS[state](root)
    except TreadleError:
        return ""


def _conflicts(root: Path) -> str:
    from treadle.workspace.history import conflicted_paths

    return _counted(len(conflicted_paths(root)), "file has conflicts", "files have conflicts")


def _staged(root: Path) -> str:
    from treadle.workspace.history import staged_paths

    return _counted(len(staged_paths(root)), "file is staged", "files are staged")


def _failing_tests(root: Path) -> str:
    """The failing tests of the newest run that ran them on the tree, if the tree is as it was then."""
    for run in list_runs(root)[:RUNS_READ]:
        folder = runs_of(root) / run
        base, marks, failed, seen = "", "", 0, False
        for envelope in read_trace(folder):
            event = envelope.event
            if isinstance(event, RunStarted):
                base = event.base
            elif isinstance(event, BaseMarked):
                marks = event.marks
            elif isinstance(event, CheckFinished) and event.on == "base" and event.tests is not None:
                seen = event.check == "tests"
                failed = event.tests.failed if event.verdict == FAIL else 0
        if base == "tree" and seen:
            as_it_was = failed and marks and not _moved(root, folder, marks)
            return _counted(failed, "test failed", "tests failed") + " in the last run" if as_it_was else ""
    return ""


def _moved(root: Path, folder: Path, blob: str) -> bool:
    import msgspec

    from treadle.protocol.text import valid
    from treadle.workspace.base import open_base
    from treadle.workspace.marks import marks_of, moved

    before = msgspec.json.decode(read_blob(folder, blob), type=dict[str, str])
    return bool(moved(before, valid(marks_of(open_base(root, "tree"), "tree")), ()))


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else ""


_READERS: dict[str, Callable[[Path], str]] = {
    "conflicts": _conflicts,
    "failing_tests": _failing_tests,
    "staged": _staged,
}
