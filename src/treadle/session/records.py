"""The runs of a repository on disk: listed, found by a part of their id, read back for a resume."""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from treadle.checks.base import TestReport
from treadle.engine.state import StepResult
from treadle.protocol.errors import Busy, TraceError
from treadle.protocol.events import (
    BaseMarked,
    ChangesWriting,
    ChangesWritten,
    Envelope,
    RunFinished,
    RunStarted,
    StepFinished,
)
from treadle.session.trace import TRACE_FILE, lock_run, read_blob, read_trace
from treadle.session.view import View, fold
from treadle.spec.catalog import Catalog
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY, ChangeSet
from treadle.workspace.marks import Marks
from treadle.workspace.state import state_dir
from treadle.workspace.view import MergedView

T = TypeVar("T")


def runs_of(root: Path) -> Path:
    """The folder that holds the repository's runs, one folder each."""
    return state_dir(root) / "runs"


def list_runs(root: Path) -> tuple[str, ...]:
    """The ids of the repository's runs, newest first."""
    folder = runs_of(root)
    if not folder.is_dir():
        return ()
    return tuple(sorted((p.name for p in folder.iterdir() if (p / TRACE_FILE).exists()), reverse=True))


class Recent(Struct, frozen=True):
    """A run as a list shows it; `outcome` "" has no end on record, `at` is UTC epoch seconds of its start."""

    run: str
    loop: str
    task: str
    outcome: str
    at: float


def recent_runs(root: Path, most: int = 8) -> tuple[Recent, ...]:
    """The repository's last runs, newest first; one whose trace can't be read is left out."""
    found: list[Recent] = []
    for name in list_runs(root)[:most]:
        try:
            envelopes = list(read_trace(runs_of(root) / name))
        except TraceError:
            continue
        if envelopes and isinstance(start := envelopes[0].event, RunStarted):
            end = next((x.event for x in reversed(envelopes) if isinstance(x.event, RunFinished)), None)
            outcome = end.outcome if end is not None else ""
            found.append(Recent(name, start.loop, start.task, outcome, envelopes[0].at))
    return tuple(found)


def find_run(root: Path, part: str = "") -> Path:
    """The folder of the one run whose id begins or ends with `part`; "" is the newest.

    Raises: `TraceError` when there is none, or more than one.
    """
    ids = list_runs(root)
    if not ids:
        raise TraceError("no run of this repository is on record", hint="start one: treadle run --loop NAME")
    found = [i for i in ids if i.startswith(part) or i.endswith(part)] if part else [ids[0]]
    if len(found) != 1 and part not in ids:
        what = "no run" if not found else f"{len(found)} runs"
        raise TraceError(f"{what} match `{part}`", hint="treadle runs list")
    return runs_of(root) / (part if part in ids else found[0])


def view_of(folder: Path) -> View:
    """The view folded from a run's trace. Raises: `TraceError` where it can't be read or holds no start."""
    begin_of(folder)
    return fold(read_trace(folder))


def with_end(folder: Path, view: View) -> View:
    """The view as a result tells it: one without an end on record is an error, `running` or `unfinished`."""
    if view.outcome:
        return view
    if is_running(folder):
        return structs.replace(view, outcome="running", exit_code=Busy.exit_code, reason="still going on")
    return structs.replace(
        view,
        outcome="unfinished",
        exit_code=1,
        reason="the run was killed before its end",
        hint=f"treadle runs resume {folder.name}",
    )


def is_running(folder: Path) -> bool:
    """Whether a process holds the run."""
    try:
        lock_run(folder).close()
    except Busy:
        return True
    return False


def finished_steps(folder: Path) -> tuple[tuple[str, StepFinished], ...]:
    """The run's finished steps with their places, in the order in which they finished."""
    return tuple((x.step, x.event) for x in read_trace(folder) if isinstance(x.event, StepFinished))


def changes_of(folder: Path, step: str = "") -> ChangeSet:
    """The change set of a run, or as it stood after a step.

    `step` is a place, a step's name (its last visit), or its number in `finished_steps`, from 1.
    Raises: `TraceError` for a step that the run has not.
    """
    steps = finished_steps(folder)
    if not step:
        return _changes(folder, steps[-1][1].changes) if steps else EMPTY
    found = [event for place, event in steps if place == step or place.split("@")[0] == step]
    if not found and step.isdecimal() and 0 < int(step) <= len(steps):
        found = [steps[int(step) - 1][1]]
    if not found:
        known = ", ".join(f"{n} {place}" for n, (place, _) in enumerate(steps[:20], 1))
        raise TraceError(
            f"run {folder.name} has no finished step `{step}`; it has {f'1 to {len(steps)}' if steps else 'none'}",
            hint=f"one of: {known}{', …' if len(steps) > 20 else ''}" if known else "",
        )
    return _changes(folder, found[-1].changes)


def diff_of_run(root: Path, folder: Path, step: str = "") -> str:
    """The diff that a run ended with; with `step`, of its change set after that step against the base as it is now.

    Bytes that are no UTF-8 stand as lone surrogates.
    """
    view = view_of(folder)
    if not step and view.diff:
        return read_blob(folder, view.diff).decode("utf-8", "surrogateescape")
    return MergedView(open_base(root, begin_of(folder).base), changes_of(folder, step)).diff()


class Writes(Struct, frozen=True):
    """What a run wrote and what of it was not put back since, with the checkpoints before that, oldest first."""

    ever: ChangeSet
    now: ChangeSet
    marks: tuple[str, ...]


def writes_of(folder: Path) -> Writes:
    """What a run has written by now."""
    ever = now = EMPTY
    marks: dict[str, None] = {}
    for envelope in read_trace(folder):
        event = envelope.event
        if isinstance(event, ChangesWriting):
            marks[event.checkpoint] = None
        elif isinstance(event, ChangesWritten) and event.changes:
            # A loop that writes after each step sees its own writes as the base: sets need not hold the earlier.
            changes = _changes(folder, event.changes)
            ever, now = ever.then(changes), now.then(changes)
        elif isinstance(event, ChangesWritten):
            now = EMPTY
            marks.clear()
    return Writes(ever, now, tuple(marks))


def begin_of(folder: Path) -> RunStarted:
    """A run's first record. Raises: `TraceError` where the trace is empty, broken, or begins with another."""
    first = next(read_trace(folder), None)
    if first is None or not isinstance(first.event, RunStarted):
        raise TraceError(f"run {folder.name} has no start on record")
    return first.event


def _changes(folder: Path, blob: str) -> ChangeSet:
    if not blob:
        return EMPTY
    try:
        return ChangeSet.from_json(read_blob(folder, blob))
    except (msgspec.DecodeError, ValueError) as fault:
        raise TraceError(f"the trace's blob {blob[:12]} is no change set: {fault}") from None


class Recorded(Struct, frozen=True):
    """What a resume needs of a trace: how it began, its last record, and every step's result by place.

    `marks` is what the base looked like then, {} where the run was killed before it had looked.
    """

    started: RunStarted
    last: Envelope
    view: View
    catalog: Catalog
    results: dict[str, StepResult]
    written: ChangeSet
    marks: Marks


def recorded(folder: Path) -> Recorded:
    """A run's record. Raises: `TraceError` where the trace is empty or holds no start, or can't be read."""
    started = begin_of(folder)
    envelopes = list(read_trace(folder))
    results = {x.step: _result(folder, x.event) for x in envelopes if isinstance(x.event, StepFinished)}
    catalog = _decoded(folder, started.spec, Catalog)
    marked = next((x.event.marks for x in envelopes if isinstance(x.event, BaseMarked)), "")
    marks: Marks = _decoded(folder, marked, dict[str, str]) if marked else {}
    return Recorded(started, envelopes[-1], fold(envelopes), catalog, results, writes_of(folder).now, marks)


def _result(folder: Path, event: StepFinished) -> StepResult:
    changes = _changes(folder, event.changes)
    tests = _decoded(folder, event.tests, TestReport) if event.tests else None
    return StepResult(
        event.verdict, event.summary, changes, event.output, tests, event.unproven, event.cause, event.hint
    )


def _decoded(folder: Path, blob: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_blob(folder, blob), type=kind)
    except msgspec.DecodeError as fault:
        raise TraceError(f"the trace's blob {blob[:12]} is no {kind.__name__}: {fault}") from None
