"""The one writer of the user's files: all of a change set, or nothing of it, whatever happens meanwhile."""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from treadle.protocol.errors import Busy, PathError, WriteConflict
from treadle.workspace import beneath, checkpoints, folders, swap
from treadle.workspace.base import file_mode, read_file
from treadle.workspace.changes import EXECUTABLE, REGULAR, Change, ChangeSet, digest
from treadle.workspace.checkpoints import Checkpoint, Saved
from treadle.workspace.paths import clean, parents
from treadle.workspace.refused import not_writable
from treadle.workspace.state import sync_folder, write_private

_WAIT_S = 5.0


OnCheckpoint = Callable[[str], None]


def write_changes(
    root: Path,
    changes: ChangeSet,
    state: Path,
    on_checkpoint: OnCheckpoint | None = None,
    *,
    bits: dict[str, int] | None = None,
    again: str = "treadle runs apply",
) -> str:
    """Writes `changes` to the files under `root`, and says the id of the checkpoint taken before it.

    `on_checkpoint` hears that id when the checkpoint is durable and nothing is written yet. `bits` are permissions
    by path where files and folders (ending in a slash) come back as they were; `again` is the command that tries it
    once more.

    `state` is the repository's own (`state_dir`). Each file must still hold the bytes that its change was made
    from, or already those that it is to hold. Raises: `WriteConflict` when one does not, `PathError` for a path
    that may not be written, `NotWritable`, `Busy`, `OSError`: the files are then as they were.
    """
    root = Path(os.path.realpath(root))
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(state):
        _recover(root, state)
        return _write_or_tell(root, changes, state, bits or {}, again, on_checkpoint)


def restore_checkpoint(root: Path, state: Path, checkpoint: str, *, force: bool = False) -> str:
    """Puts back what stood before the write of that checkpoint; says the id of a new one taken before this, so
    that undoing it can be undone.

    Raises: `WriteConflict` when a file was changed since that write (`force` puts the old one back over it: its
    bytes are then in the new checkpoint), `TraceError` for no such checkpoint, `NotWritable`.
    """
    root = Path(os.path.realpath(root))
    with _alone(state):
        _recover(root, state)
        found = checkpoints.load(state, checkpoint)
        back: dict[str, Change] = {}
        bits: dict[str, int] = {}
        for saved in found.paths:
            content = checkpoints.blob(state, found, saved) if saved.blob else None
            before = _digest(root, saved.path) if force else saved.after
            back[saved.path] = Change(content, saved.mode, before)
            bits[saved.path] = saved.bits
        bits.update((folder + "/", folder_bits) for folder, folder_bits in found.folders.items())
        return _write_or_tell(root, ChangeSet(back), state, bits, "treadle runs rewind")


def recover(root: Path, state: Path) -> tuple[str, ...]:
    """Takes back a write that was cut short, and says which paths were put back, sorted; () where none was.

    To be called before anything reads the tree. Files that somebody changed since keep what they hold.
    Raises: `Busy` while another process writes.
    """
    if not (state / "journal").exists():
        return ()
    with _alone(state):
        return _recover(Path(os.path.realpath(root)), state)


def _write_or_tell(
    root: Path,
    changes: ChangeSet,
    state: Path,
    bits: dict[str, int],
    again: str,
    on_checkpoint: OnCheckpoint | None = None,
) -> str:
    """`_write`, with a place that this user may not write to told as such; `again` is what to do after."""
    try:
        return _write(root, changes, state, bits, on_checkpoint)
    except OSError as error:
        refused = not_writable(root, error, again)
        if refused is None:
            raise
        raise refused from error


def _write(
    root: Path,
    changes: ChangeSet,
    state: Path,
    bits: dict[str, int],
    on_checkpoint: OnCheckpoint | None = None,
) -> str:
    """`bits` are permissions by path where known; a folder's path ends in a slash."""
    _check_paths(root, changes)
    todo = _unlike(root, changes)
    checkpoint = checkpoints.take(root, state, todo)
    raced = tuple(s.path for s in checkpoint.paths if s.before != todo.changes[s.path].before)
    if raced:
        raise _conflict(raced)
    if on_checkpoint is not None:
        on_checkpoint(checkpoint.id)
    _write_journal(state, "writing", checkpoint)
    try:
        _apply(root, todo, checkpoint, bits)
        _write_journal(state, "written", checkpoint)
    except swap.Raced as error:
        _take_back(root, state, checkpoint)
        raise _conflict((str(error),)) from None
    except BaseException:
        _take_back(root, state, checkpoint)
        raise
    _finish(root, state, checkpoint)
    checkpoints.sweep(state, keep=checkpoint.id)
    return checkpoint.id


def _check_paths(root: Path, changes: ChangeSet) -> None:
    for path in changes:
        if clean(path) != path:
            raise PathError(f"not a plain path: {path!r}")
        for folder in parents(path):
            if os.path.islink(root / folder):
                raise PathError(f"{folder} is a link, so {path} is not written through it")


def _unlike(root: Path, changes: ChangeSet) -> ChangeSet:
    """The part of `changes` that is not there yet; a file keeps its mode where only its content was changed.

    Raises: `WriteConflict` for files changed since.
    """
    todo: dict[str, Change] = {}
    raced = []
    for path, change in changes.changes.items():
        content = read_file(root, path)
        there = file_mode(root, path)
        mode = there if change.keeps_mode and there in (REGULAR, EXECUTABLE) else change.mode
        if content == change.content and (content is None or there == mode):
            found = beneath.status(root, path) if content is None else None
            if found is not None and not stat.S_ISDIR(found.st_mode):
                raced.append(path)
            continue
        now = None if content is None else digest(content)
        if now != change.before and content != change.content:
            raced.append(path)
        todo[path] = Change(change.content, mode, now)
    if raced:
        raise _conflict(tuple(sorted(raced)))
    return ChangeSet(todo)


def _conflict(paths: tuple[str, ...]) -> WriteConflict:
    named = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return WriteConflict(
        f"changed since treadle read it, nothing was written: {named}",
        paths=paths,
        hint="run it again on the files as they are now",
    )


def _apply(root: Path, changes: ChangeSet, checkpoint: Checkpoint, bits: dict[str, int]) -> None:
    """Whatever needs room on the disk first, so that taking the rest back needs none. Deletions before writes,
    so that a file can take a folder's place and a folder a file's."""
    puts = [saved for saved in checkpoint.paths if saved.after is not None]
    for saved in puts:
        change = changes.changes[saved.path]
        assert change.content is not None
        swap.prepare(root, saved.path, saved.temporary, change.content, change.mode, bits.get(saved.path))
    dirty: set[str] = set()
    for saved in checkpoint.paths:
        if saved.after is None:
            swap.take(root, saved.path, saved.temporary, saved.before)
            dirty.update((folders.above(saved.path), folders.above(saved.temporary)))
    for saved in puts:
        if beneath.is_folder(root, saved.path):
            folders.clear(root, saved.path)
        folders.make(root, saved.path, {**_folder_bits(checkpoint), **bits}, dirty)
        swap.put(root, saved.path, saved.temporary, saved.before)
        dirty.update((folders.above(saved.path), folders.above(saved.temporary)))
    folders.sync(root, dirty)


def _finish(root: Path, state: Path, checkpoint: Checkpoint) -> None:
    """Removes what a write left beside the files, and the folders that it left empty."""
    dirty: set[str] = set()
    for saved in checkpoint.paths:
        _give_late_back(root, saved)
        beneath.unlink(root, saved.temporary)
    for saved in checkpoint.paths:
        if saved.after is None:
            folders.remove_empty(root, saved.path, dirty)
    folders.sync(root, dirty)
    _end_journal(state)


def _give_late_back(root: Path, saved: Saved) -> None:
    """Puts the old file back where somebody, who had it open when it was swapped out, has saved into it since."""
    late = read_file(root, saved.temporary) if saved.before is not None else None
    if late is not None and digest(late) != saved.before and _digest(root, saved.path) == saved.after:
        swap.give_back(root, saved.path, saved.temporary)


def _take_back(root: Path, state: Path, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Puts back what the checkpoint saved, wherever what treadle wrote stands, and ends the journal."""
    dirty: set[str] = set()
    back: list[str] = []
    for saved in sorted(checkpoint.paths, key=lambda s: (s.after is None, s.path)):
        if saved.after is None and saved.before is not None:
            folders.unmake(root, checkpoint, under=saved.path)
        if _take_back_one(root, state, checkpoint, saved, dirty):
            back.append(saved.path)
    folders.unmake(root, checkpoint)
    folders.sync(root, dirty)
    checkpoints.make_void(state, checkpoint)
    _end_journal(state)
    return tuple(sorted(back))


def _take_back_one(root: Path, state: Path, checkpoint: Checkpoint, saved: Saved, dirty: set[str]) -> bool:
    try:
        now = _digest(root, saved.path)
        there = beneath.status(root, saved.path)
        written = now == saved.after
        if saved.before == saved.after:
            written = written and (there is None or stat.S_IMODE(there.st_mode) != saved.bits)
        if not written or (saved.before is None and there is None):
            # Not there yet, or somebody's newer text: what waits beside it is a copy of no more use.
            beneath.unlink(root, saved.temporary)
            return False
    except PathError:
        return False  # somebody has put a link in the way since
    dirty.update((folders.above(saved.path), folders.above(saved.temporary)))
    if saved.before is None:
        beneath.unlink(root, saved.path)
        return True
    folders.make(root, saved.path, _folder_bits(checkpoint), dirty)
    if beneath.status(root, saved.temporary) is None:
        content = checkpoints.blob(state, checkpoint, saved)
        swap.prepare(root, saved.path, saved.temporary, content, saved.mode, saved.bits)
    swap.give_back(root, saved.path, saved.temporary)
    return True


def _recover(root: Path, state: Path) -> tuple[str, ...]:
    try:
        phase, _, mark = (state / "journal").read_text().partition(" ")
    except FileNotFoundError:
        return ()
    checkpoint = checkpoints.load(state, mark)
    if phase == "written":
        _finish(root, state, checkpoint)
        return ()
    return _take_back(root, state, checkpoint)


def _write_journal(state: Path, phase: str, checkpoint: Checkpoint) -> None:
    write_private(state / "journal", f"{phase} {checkpoint.id}".encode())


def _end_journal(state: Path) -> None:
    (state / "journal").unlink(missing_ok=True)
    sync_folder(state)


def _digest(root: Path, path: str) -> str | None:
    content = read_file(root, path)
    return None if content is None else digest(content)


def _folder_bits(checkpoint: Checkpoint) -> dict[str, int]:
    return {folder + "/": bits for folder, bits in checkpoint.folders.items()}


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Holds the repository's write lock, which dies with the process. Raises: `Busy` when another keeps it."""
    fd = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise Busy("another treadle is writing to this repository") from None
                time.sleep(0.02)
        yield
    finally:
        os.close(fd)
