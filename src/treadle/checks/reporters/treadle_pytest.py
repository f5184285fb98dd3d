"""Tells treadle what pytest collects and what becomes of each test. A plugin, loaded with `-p`.

Runs in the project's interpreter: standard library and pytest only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

import pytest

if TYPE_CHECKING:
    from treadle.checks.reporters import treadle_network
    from treadle.checks.reporters import treadle_report as common
else:
    import treadle_network
    import treadle_report as common

_SCRATCH = os.environ["TREADLE_SCRATCH"]
_PLAN = common.read_plan(_SCRATCH)
_REPORT = common.Report(_SCRATCH)
_compared: list[tuple[str, str]] = []
_failed_before: set[str] = set()
_refused: dict[str, str] = {}


def pytest_configure(config: Any) -> None:
    """The report's first record; bytecode of changed files is dropped before anything is imported."""
    _REPORT.write("meta", runner="pytest", version=pytest.__version__)
    common.drop_stale_bytecode(_PLAN)
    source = os.path.join(_PLAN["root"], "src")
    if os.path.isdir(source) and source not in sys.path:
        sys.path.append(source)


def pytest_collectstart(collector: Any) -> None:
    """Which file is about to be imported, should the import end the process."""
    if isinstance(collector, pytest.Module):
        _REPORT.write("collecting", path=_relative(str(getattr(collector, "path", collector.name))))


def pytest_exception_interact(node: Any, call: Any, report: Any) -> None:
    """Remembers why a file could not be collected, while the error itself is at hand."""
    if isinstance(node, pytest.Collector):
        _refused[report.nodeid] = treadle_network.refused(call.excinfo.value)


def pytest_collectreport(report: Any) -> None:
    """A file that could not be collected, with why."""
    if report.failed:
        text = report.longreprtext
        lines = [line for line in text.splitlines() if line.startswith("E ")]
        message = " ".join(lines[-1][1:].split()) if lines else text.strip().splitlines()[-1]
        _REPORT.write(
            "collect_error",
            path=report.nodeid.split("::")[0],
            message=common.cut(message, 400),
            traceback=common.cut(text),
            refused=_refused.get(report.nodeid, ""),
        )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keeps the target ids alone, where there are any, and says what was collected."""
    target = set(_PLAN["target"])
    if target:
        dropped = [item for item in items if item.nodeid not in target]
        items[:] = [item for item in items if item.nodeid in target]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
    _REPORT.write("collected", ids=[item.nodeid for item in items])


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test is about to run."""
    _compared.clear()
    _REPORT.write("start", id=nodeid)


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> None:
    """Remembers both sides of the equality that failed."""
    if op == "==":
        _compared[:] = [(common.show(left), common.show(right))]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """The outcome of each phase of a test; a later phase that fails overrides an earlier pass."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        _failed_before.add(report.nodeid)
        fields = _failed(item, call, report)
        if report.when != "call":
            fields["message"] = "%s: %s" % (report.when, fields["message"])
        _REPORT.write("end", id=report.nodeid, outcome="failed", duration=report.duration, **fields)
    elif report.skipped:
        # An expected failure too: no evidence either way, so that marking a red test is not mending it.
        _REPORT.write("end", id=report.nodeid, outcome="skipped", duration=report.duration)
    elif report.when == "call" and report.nodeid not in _failed_before:
        _REPORT.write("end", id=report.nodeid, outcome="passed", duration=report.duration)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any, exitstatus: Any) -> None:
    """The run came to its own end."""
    _REPORT.write("done", code=int(exitstatus))


def _failed(item: Any, call: Any, report: Any) -> dict[str, Any]:
    function: Any = getattr(item, "function", None)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    compared: Optional[tuple[str, str]] = _compared[-1] if _compared else None
    if call.excinfo is None:
        text = report.longreprtext
        message = text.strip().splitlines()[-1] if text.strip() else "failed"
        path, line = item.location[0], (item.location[1] or 0) + 1
        return {"message": message, "traceback": common.cut(text), "path": path, "line": line}
    error = call.excinfo
    fields = common.failure(error.type, error.value, error.tb, _PLAN["root"], code, compared)
    if not fields["path"]:
        fields["path"], fields["line"] = item.location[0], (item.location[1] or 0) + 1
    return fields


def _relative(path: str) -> str:
    return os.path.relpath(os.path.realpath(path), _PLAN["root"])
