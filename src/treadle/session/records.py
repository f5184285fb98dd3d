"""The runs of a repository on disk: listed, found by a part of their id, read back for a resume."""

from pathlib import Path

import msgspec
from msgspec import Struct

from treadle.checks.base import TestReport
from treadle.engine.state import StepResult
from treadle.protocol.errors import TraceError
from treadle.protocol.events import ChangesWritten, Envelope, RunStarted, StepFinished
from treadle.session.trace import TRACE_FILE, read_blob, read_trace
from treadle.session.view import View, fold
from treadle.spec.catalog import Catalog
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY, ChangeSet
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import restore_checkpoint, write_changes
from treadle.workspace.view import MergedView


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
    if len(found) != 1:
        what = "no run" if not found else f"{len(found)} runs"
        raise TraceError(f"{what} match `{part}`", hint="treadle runs list")
    return runs_of(root) / found[0]


def view_of(folder: Path) -> View:
    """The view folded from a run's trace."""
    return fold(read_trace(folder))


def changes_of(folder: Path, step: str = "") -> ChangeSet:
    """The change set of a run, or as it stood after a step (a place, or a step's name: its last visit)."""
    blob, found = "", not step
    for envelope in read_trace(folder):
        event = envelope.event
        if isinstance(event, StepFinished) and (
            not step or envelope.step == step or envelope.step.split("@")[0] == step
        ):
            found = True
            blob = event.changes
    if not found:
        raise TraceError(f"run {folder.name} has no finished step `{step}`")
    return ChangeSet.from_json(read_blob(folder, blob)) if blob else EMPTY


def diff_of_run(root: Path, folder: Path, step: str = "") -> str:
    """The diff that a run ended with; with `step`, of its change set after that step against the base as it is now."""
    view = view_of(folder)
    if not step and view.diff:
        return read_blob(folder, view.diff).decode("utf-8", "replace")
    started = next(iter(read_trace(folder))).event
    base = open_base(root, started.base if isinstance(started, RunStarted) else "tree")
    return MergedView(base, changes_of(folder, step)).diff()


def apply_run(root: Path, folder: Path, step: str = "") -> tuple[str, ...]:
    """Writes a run's change set into the tree; the paths written. A person's act, so unproven changes too.

    Raises: `TraceError` where there is nothing to write, `WriteConflict` when a file changed since.
    """
    view = view_of(folder)
    changes = changes_of(folder, step)
    if not changes or (view.written and not step):
        raise TraceError(
            f"run {folder.name} has nothing to write" + (": it is written already" if view.written else "")
        )
    write_changes(root, changes, state_dir(root))
    return changes.paths


def rewind_run(root: Path, folder: Path) -> str:
    """Puts back what stood in the tree before the run wrote; the checkpoint of what it replaced.

    Raises: `TraceError` where the run wrote nothing.
    """
    checkpoint = (view_of(folder).checkpoints or ("",))[-1]
    if not checkpoint:
        raise TraceError(f"run {folder.name} wrote nothing")
    return restore_checkpoint(root, state_dir(root), checkpoint)


class Recorded(Struct, frozen=True):
    """What a resume needs of a trace: how it began, its last record, and every step's result by place."""

    started: RunStarted
    last: Envelope
    view: View
    catalog: Catalog
    results: dict[str, StepResult]
    written: ChangeSet


def recorded(folder: Path) -> Recorded:
    """A run's record. Raises: `TraceError` where the trace is empty or holds no start."""
    envelopes = list(read_trace(folder))
    if not envelopes or not isinstance(envelopes[0].event, RunStarted):
        raise TraceError(f"run {folder.name} has no start on record")
    started = envelopes[0].event
    results: dict[str, StepResult] = {}
    written = EMPTY
    for envelope in envelopes:
        if isinstance(envelope.event, StepFinished):
            results[envelope.step] = _result(folder, envelope.event)
        elif isinstance(envelope.event, ChangesWritten):
            written = ChangeSet.from_json(read_blob(folder, envelope.event.changes))
    catalog = msgspec.json.decode(read_blob(folder, started.spec), type=Catalog)
    return Recorded(started, envelopes[-1], fold(envelopes), catalog, results, written)


def _result(folder: Path, event: StepFinished) -> StepResult:
    changes = ChangeSet.from_json(read_blob(folder, event.changes)) if event.changes else EMPTY
    tests = msgspec.json.decode(read_blob(folder, event.tests), type=TestReport) if event.tests else None
    return StepResult(
        event.verdict, event.summary, changes, event.output, tests, event.unproven, event.cause, event.hint
    )
