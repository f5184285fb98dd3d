"""What a person does with a run's changes afterwards: writes them, or takes them back. Both go on its record."""

import time
from pathlib import Path

from msgspec import structs

from treadle.protocol.errors import TraceError
from treadle.protocol.events import ChangesWriting, ChangesWritten, Envelope
from treadle.session.joining import joined, taken_back
from treadle.session.records import begin_of, changes_of, writes_of
from treadle.session.trace import TraceWriter, lock_run, read_trace
from treadle.session.trust import carried
from treadle.workspace.base import file_mode, read_file
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.checkpoints import is_void, load
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import recover, write_changes


def apply_run(root: Path, folder: Path, step: str = "") -> tuple[str, ...]:
    """Writes what of a run's change set is not in the tree yet; the paths written. A person's act, so unproven
    changes too. What changed in those files since is joined with it. It is put on record, so that `rewind_run` takes
    it back. Raises: `TraceError` where there is nothing to write, `WriteConflict` when a file changed since in the
    same place, `Busy` while the run goes on.
    """
    begin_of(folder)
    with lock_run(folder):
        writes, changes = writes_of(folder), changes_of(folder, step)
        if not step:
            changes = writes.ever.then(changes)
        recover(root, state_dir(root))
        rest = _unlike(root, joined(root, folder, _rest(root, changes, writes.now)))
        if not rest:
            why = "it is in the tree already" if changes else "it changed nothing"
            raise TraceError(f"run {folder.name} has nothing to write: {why}")
        log = _Log(folder)
        try:
            for change in rest.changes.values():
                if change.content is not None:
                    log.keep(change.content)
            with carried(root, rest.paths, by_person=True):
                mark = write_changes(
                    root, rest, state_dir(root), lambda mark: log.add(ChangesWriting(rest.paths, mark))
                )
            log.add(ChangesWritten(log.keep(writes.now.then(changes).to_json()), rest.paths, mark))
        finally:
            log.close()
    return rest.paths


def rewind_run(root: Path, folder: Path) -> tuple[str, ...]:
    """Puts back what stood in the tree before the run wrote; the paths put back, sorted. All of them or none.

    What others changed in those files since stays, where it can be told from the run's part. The change set stays in
    the run: `apply_run` writes it again. Raises: `TraceError` where nothing of the run is in the tree,
    `WriteConflict` when a file changed since in the same place, `Busy` while the run goes on.
    """
    begin_of(folder)
    state = state_dir(root)
    with lock_run(folder):
        recover(root, state)
        marks = [mark for mark in reversed(writes_of(folder).marks) if not is_void(state, mark)]
        back = taken_back(root, state, folder, [load(state, mark) for mark in marks])
        paths = back.changes.paths
        if not paths:
            raise TraceError(f"there is nothing to put back: nothing of run {folder.name} is in the tree")
        log = _Log(folder)
        try:
            with carried(root, paths, by_person=True):
                undo = write_changes(root, back.changes, state, bits=back.bits, again="treadle runs rewind")
            log.add(ChangesWritten("", paths, undo))
        finally:
            log.close()
    return paths


def _rest(root: Path, changes: ChangeSet, written: ChangeSet) -> ChangeSet:
    """What of `changes` the tree does not hold yet; made from what was `written`, where that stands there."""
    rest: dict[str, Change] = {}
    for path, change in changes.changes.items():
        now = read_file(root, path)
        earlier = written.get(path)
        if earlier is not None and now == earlier.content:
            mode, before = (None, None) if now is None else (earlier.mode, digest(now))
            change = structs.replace(change, before=before, mode_before=mode)
        if now == change.content and (
            now is None or change.keeps_mode or file_mode(root, path) == change.mode
        ):
            continue
        rest[path] = change
    return ChangeSet(rest)


def _unlike(root: Path, changes: ChangeSet) -> ChangeSet:
    """The part of `changes` that does not stand there."""
    return ChangeSet(
        {
            path: change
            for path, change in changes.changes.items()
            if read_file(root, path) != change.content
            or not (change.content is None or change.keeps_mode or file_mode(root, path) == change.mode)
        }
    )


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
