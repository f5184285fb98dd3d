"""Reads the report file that a reporter wrote while tests ran."""

import json
import re
from pathlib import Path

import msgspec

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.runners.base import Seen
from treadle.protocol.messages import Json

_FIELDS = ("path", "line", "message", "traceback", "source", "call", "expected", "got", "refused")


def read_records(scratch: Path) -> list[dict[str, Json]]:
    """The records in order; [] where there is no report. A torn or foreign line is left out."""
    file = scratch / "report.jsonl"
    if not file.is_file():
        return []
    records = []
    for line in file.read_bytes().splitlines():
        try:
            record = _read(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("ev"), str):
            records.append(record)
    return records


def _read(line: bytes) -> Json:
    """The line's value; bytes that are no UTF-8 may stand in it as lone surrogates. Raises: `ValueError`."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return json.loads(line)


def fold_records(records: list[dict[str, Json]], runner: str, duration_s: float) -> Seen:
    """What the records say, as one value; collected ids keep the order they were told in."""
    fold = _Fold()
    for record in records:
        getattr(fold, f"on_{record['ev']}", fold.skip)(record)
    failed = tuple(fold.failed.values())
    report = TestReport(
        runner=fold.runner or runner,
        collected=tuple(fold.collected),
        passed=tuple(
            i for i, outcome in fold.outcomes.items() if outcome == "passed" and i not in fold.failed
        ),
        failed=failed,
        skipped=tuple(
            i for i, outcome in fold.outcomes.items() if outcome == "skipped" and i not in fold.failed
        ),
        duration_s=duration_s,
    )
    broken = tuple(fold.broken)
    if fold.collecting and not fold.was_collected and not fold.finished:
        broken += (
            FailedTest(
                id=fold.collecting, path=fold.collecting, message="the process ended while it was imported"
            ),
        )
    return Seen(report, broken, tuple(fold.running), fold.finished)


class _Fold:
    """The fold's state; one method per kind of record."""

    def __init__(self) -> None:
        self.runner = ""
        self.collected: dict[str, None] = {}
        self.outcomes: dict[str, str] = {}
        self.failed: dict[str, FailedTest] = {}
        self.broken: list[FailedTest] = []
        self.running: dict[str, None] = {}
        self.collecting = ""
        self.was_collected = False
        self.finished = False

    def skip(self, record: dict[str, Json]) -> None:
        """A record of a kind that says nothing of the outcome."""

    def on_meta(self, record: dict[str, Json]) -> None:
        self.runner = str(record.get("runner", ""))

    def on_collecting(self, record: dict[str, Json]) -> None:
        self.collecting = str(record.get("path", ""))

    def on_collected(self, record: dict[str, Json]) -> None:
        self.was_collected = True
        self.collected.update(dict.fromkeys(map(str, record.get("ids", ()))))

    def on_collect_error(self, record: dict[str, Json]) -> None:
        self.broken.append(_failed(str(record.get("path", "")), record))

    def on_start(self, record: dict[str, Json]) -> None:
        test = str(record["id"])
        self.collected.setdefault(test)
        self.running[test] = None

    def on_drop(self, record: dict[str, Json]) -> None:
        test = str(record["id"])
        self.collected.pop(test, None)
        self.running.pop(test, None)

    def on_end(self, record: dict[str, Json]) -> None:
        test = str(record["id"])
        self.collected.setdefault(test)
        self.running.pop(test, None)
        outcome = str(record.get("outcome"))
        self.outcomes[test] = outcome
        if outcome == "failed":
            self.failed.setdefault(test, _failed(test, record))

    def on_group_error(self, record: dict[str, Json]) -> None:
        """The set-up of a class or module failed: its tests did. A clean-up's failure is its last test's."""
        group = str(record.get("group", ""))
        held = re.search(r"\((.*)\)", group)
        prefix = (held.group(1) if held else group) + "."
        tests = [test for test in self.collected if test.startswith(prefix)]
        if group.startswith("tearDown"):
            tests = [test for test in tests if test in self.outcomes][-1:]
        for test in tests:
            told = {**record, "message": f"{group.split(' ')[0]}: {record.get('message', '')}"}
            self.failed.setdefault(test, _failed(test, told))

    def on_done(self, record: dict[str, Json]) -> None:
        self.finished = True


def _failed(test: str, record: dict[str, Json]) -> FailedTest:
    known = {
        name: record[name]
        for name in _FIELDS
        if isinstance(record.get(name), (int if name == "line" else str))
    }
    return FailedTest(id=test, **known)
