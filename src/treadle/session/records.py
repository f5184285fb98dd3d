"""The runs of a repository on disk: listed, found by a part of their id, read back for a resume."""

import time
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from treadle.checks.base import TestReport
from treadle.engine.state import StepResult
from treadle.protocol.errors import Busy, TraceError, WriteConflict
from treadle.protocol.events import ChangesWriting, ChangesWritten, Envelope, RunStarted, StepFinished
from treadle.session.trace import TRACE_FILE, TraceWriter, lock_run, read_blob, read_trace
from treadle.session.view import View, fold
from treadle.spec.catalog import Catalog
from treadle.workspace.base import file_mode, open_base, read_file
from treadle.workspace.changes import EMPTY, Change, ChangeSet, digest
from treadle.workspace.checkpoints import Checkpoint, load
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes
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
    _begin(folder)
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
    return MergedView(open_base(root, _begin(folder).base), changes_of(folder, step)).diff()


def apply_run(root: Path, folder: Path, step: str = "") -> tuple[str, ...]:
    """Writes what of a run's change set is not in the tree yet; the paths written. A person's act, so unproven
    changes too. It is put on record, so that `rewind_run` takes it back.

    Raises: `TraceError` where there is nothing to write, `WriteConflict` when a file changed since, `Busy` while
    the run goes on.
    """
    _begin(folder)
    with lock_run(folder):
        writes, changes = _writes(folder), changes_of(folder, step)
        if not step:
            changes = writes.ever.then(changes)
        rest = _rest(root, changes, writes.now)
        if not rest:
            why = "it is in the tree already" if changes else "it changed nothing"
            raise TraceError(f"run {folder.name} has nothing to write: {why}")
        log = _Log(folder)
        try:
            mark = write_changes(
                root, rest, state_dir(root), lambda mark: log.add(ChangesWriting(rest.paths, mark))
            )
            log.add(ChangesWritten(log.keep(writes.now.then(changes).to_json()), rest.paths, mark))
        finally:
            log.close()
    return rest.paths


def rewind_run(root: Path, folder: Path) -> tuple[str, ...]:
    """Puts back what stood in the tree before the run wrote; the paths put back, sorted. All of them or none.

    The change set stays in the run: `apply_run` writes it again. Raises: `TraceError` where nothing of the run is
    in the tree, `WriteConflict` when a file changed since, `Busy` while the run goes on.
    """
    _begin(folder)
    state = state_dir(root)
    with lock_run(folder):
        recover(root, state)
        points = [load(state, mark) for mark in reversed(_writes(folder).marks)]
        paths = _to_put_back(root, folder, points)
        if not paths:
            raise TraceError(f"nothing of run {folder.name} is in the tree")
        log = _Log(folder)
        try:
            undo = [restore_checkpoint(root, state, point.id) for point in points]
            log.add(ChangesWritten("", paths, undo[-1]))
        finally:
            log.close()
    return paths


def _to_put_back(root: Path, folder: Path, points: list[Checkpoint]) -> tuple[str, ...]:
    """The paths that differ from what stood before the `points` (newest first), seen before any is touched.

    Raises: `WriteConflict` for those that hold neither what was written nor what was there before.
    """
    first: dict[str, str | None] = {}
    now: dict[str, str | None] = {}
    raced: set[str] = set()
    for point in points:
        for saved in point.paths:
            if saved.path not in now:
                content = read_file(root, saved.path)
                first[saved.path] = now[saved.path] = None if content is None else digest(content)
            if now[saved.path] not in (saved.after, saved.before):
                raced.add(saved.path)
            now[saved.path] = saved.before
    if raced:
        raise WriteConflict(
            f"changed since the run wrote it, nothing was put back: {', '.join(sorted(raced))}",
            paths=tuple(sorted(raced)),
            hint=f"take the run's part out by hand: treadle runs diff {folder.name}",
        )
    return tuple(sorted(path for path, was in now.items() if was != first[path]))


class _Writes(Struct, frozen=True):
    """What a run wrote and what of it was not put back since, with the checkpoints before that, oldest first."""

    ever: ChangeSet
    now: ChangeSet
    marks: tuple[str, ...]


def _writes(folder: Path) -> _Writes:
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
    return _Writes(ever, now, tuple(marks))


def _rest(root: Path, changes: ChangeSet, written: ChangeSet) -> ChangeSet:
    """What of `changes` the tree does not hold yet; made from what was `written`, where that stands there."""
    rest: dict[str, Change] = {}
    for path, change in changes.changes.items():
        now = read_file(root, path)
        if now == change.content and (now is None or file_mode(root, path) == change.mode):
            continue
        earlier = written.get(path)
        if earlier is not None and now == earlier.content:
            change = Change(change.content, change.mode, None if now is None else digest(now))
        rest[path] = change
    return ChangeSet(rest)


class _Log:
    """Appends to the trace of a run that has ended what a person did with it afterwards."""

    def __init__(self, folder: Path) -> None:
        last = list(read_trace(folder))[-1]
        self._run, self._seq = last.run, last.seq
        self._trace = TraceWriter(folder)
        self.keep = self._trace.keep
        self.close = self._trace.close

    def add(self, event: ChangesWriting | ChangesWritten) -> None:
        self._seq += 1
        self._trace.append(Envelope(self._seq, round(time.time(), 4), self._run, event))


def _begin(folder: Path) -> RunStarted:
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
    """What a resume needs of a trace: how it began, its last record, and every step's result by place."""

    started: RunStarted
    last: Envelope
    view: View
    catalog: Catalog
    results: dict[str, StepResult]
    written: ChangeSet


def recorded(folder: Path) -> Recorded:
    """A run's record. Raises: `TraceError` where the trace is empty or holds no start, or can't be read."""
    started = _begin(folder)
    envelopes = list(read_trace(folder))
    results = {x.step: _result(folder, x.event) for x in envelopes if isinstance(x.event, StepFinished)}
    catalog = _decoded(folder, started.spec, Catalog)
    return Recorded(started, envelopes[-1], fold(envelopes), catalog, results, _writes(folder).now)


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
