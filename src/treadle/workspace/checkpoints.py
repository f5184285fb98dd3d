"""What stood in the user's tree before a write, kept so that it can be put back."""

import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from treadle.protocol.errors import TraceError
from treadle.workspace import beneath
from treadle.workspace.base import git_mode, read_file
from treadle.workspace.changes import ChangeSet, digest
from treadle.workspace.paths import parents
from treadle.workspace.state import sync_folder, write_private

_VOID = "taken-back"
_NEW = ".new-"

CAP_BYTES = 2 << 30
"""How much the checkpoints of one repository may hold, from notes/safety.md A9; less where the disk has little left."""
_SHARE = 20
"""At most this part of the free space: one twentieth."""
_EVERY = 16
"""After how many checkpoints their sizes are added up."""


class Saved(Struct, frozen=True):
    """One path before a write and after it. `blob` names its bytes then ("" for no file), `bits` are its
    permissions; `after` is the digest of what was written (None: deleted). `temporary` is the path, relative to the
    root and on the same file system, where the new file waits before the write, and the old one after it."""

    path: str
    blob: str
    mode: int
    bits: int
    before: str | None
    after: str | None
    temporary: str


class Checkpoint(Struct, frozen=True):
    """The paths that a write changed, sorted, and `folders` with their permissions, that it may have removed
    (above 0) or made (-1)."""

    id: str
    root: str
    paths: tuple[Saved, ...]
    folders: dict[str, int]


def take(root: Path, state: Path, changes: ChangeSet) -> Checkpoint:
    """Saves what `changes` is about to replace under `root`; durable when this returns. Ids sort by time."""
    now = time.time_ns()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 10**9))
    mark = f"{stamp}.{now // 1000 % 10**6:06d}-{secrets.token_hex(3)}"
    home = state / "checkpoints"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home / f"{_NEW}{mark}"
    folder.mkdir(mode=0o700)
    try:
        put = {path for path, change in changes.changes.items() if change.content is not None}
        spares = [_beside(root, path, put) + f".treadle-{mark}-{n}" for n, path in enumerate(changes)]
        saved = [
            _save(root, folder, changes, path, spare) for path, spare in zip(changes, spares, strict=True)
        ]
        above = {above: _folder_bits(root, above) for path in changes for above in parents(path)}
        checkpoint = Checkpoint(mark, str(root), tuple(saved), above)
        write_private(folder / "checkpoint.json", msgspec.json.encode(_encodable(checkpoint)))
        os.rename(folder, home / mark)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync_folder(home)
    return checkpoint


def load(state: Path, mark: str) -> Checkpoint:
    """The checkpoint of that id. Raises: `TraceError` where there is none, or it can't be read."""
    try:
        data = (state / "checkpoints" / mark / "checkpoint.json").read_bytes()
        return _decoded(msgspec.json.decode(data, type=Checkpoint))
    except FileNotFoundError:
        hint = "the oldest go first once they hold too much; what a run wrote stays in the run: treadle runs diff"
        raise TraceError(f"no checkpoint {mark}: it was never there, or is gone", hint=hint) from None
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise TraceError(f"no checkpoint {mark}: {error}") from None


def sweep(state: Path, *, keep: str = "", cap: int = CAP_BYTES) -> tuple[str, ...]:
    """Removes what a kill left half made, and the oldest checkpoints beyond `cap` bytes; the ids of the latter.

    To be called by whoever holds the repository's write lock. `keep` and what a journal needs stay. Looks at sizes
    once in a while only.
    """
    home = state / "checkpoints"
    names = sorted(os.listdir(home)) if home.is_dir() else []
    for name in names:
        if name.startswith(_NEW):
            shutil.rmtree(home / name, ignore_errors=True)
    marks = [name for name in names if not name.startswith(".")]
    if cap == CAP_BYTES and len(marks) % _EVERY:
        return ()
    cap = min(cap, shutil.disk_usage(state).free // _SHARE)
    sizes = {mark: _size(home / mark) for mark in marks}
    total = sum(sizes.values())
    gone: list[str] = []
    for mark in marks:
        if total <= cap:
            break
        if mark != keep:
            # Renamed first: what is half removed must not pass for a checkpoint.
            os.rename(home / mark, home / f"{_NEW}{mark}")
            shutil.rmtree(home / f"{_NEW}{mark}", ignore_errors=True)
            total -= sizes[mark]
            gone.append(mark)
    return tuple(gone)


def _size(folder: Path) -> int:
    with os.scandir(folder) as found:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in found)


def make_void(state: Path, checkpoint: Checkpoint) -> None:
    """Marks a checkpoint whose write was taken back: nothing of that write is in the tree."""
    write_private(state / "checkpoints" / checkpoint.id / _VOID, b"")


def is_void(state: Path, mark: str) -> bool:
    """Whether the write after that checkpoint was taken back."""
    return (state / "checkpoints" / mark / _VOID).exists()


def blob(state: Path, checkpoint: Checkpoint, saved: Saved) -> bytes:
    """The bytes that `saved` held."""
    return (state / "checkpoints" / checkpoint.id / saved.blob).read_bytes()


def _save(root: Path, folder: Path, changes: ChangeSet, path: str, spare: str) -> Saved:
    change = changes.changes[path]
    content = read_file(root, path)
    name, mode, bits = "", change.mode, 0o644
    if content is not None:
        there = beneath.status(root, path)
        found = there.st_mode if there is not None else 0o100644
        name, mode, bits = spare.rpartition("-")[2], git_mode(found) or change.mode, stat.S_IMODE(found)
        _put(folder / name, content)
    return Saved(
        path=path,
        blob=name,
        mode=mode,
        bits=bits,
        before=None if content is None else digest(content),
        after=None if change.content is None else digest(change.content),
        temporary=spare,
    )


def _put(path: Path, content: bytes) -> None:
    """Writes a new file whose bytes last; its name does once its folder is synced."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)


def _beside(root: Path, path: str, put: set[str]) -> str:
    """The nearest folder above `path` that is there and stays one, "" or ending in a slash."""
    for folder in parents(path):
        if beneath.is_folder(root, folder) and folder not in put and not put.intersection(parents(folder)):
            return folder + "/"
    return ""


def _folder_bits(root: Path, folder: str) -> int:
    try:
        found = beneath.status(root, folder)
    except OSError:
        return -1
    return stat.S_IMODE(found.st_mode) if found is not None and stat.S_ISDIR(found.st_mode) else -1


def _encodable(checkpoint: Checkpoint) -> Checkpoint:
    """File names that are no UTF-8 as JSON can hold them."""
    return _mapped(checkpoint, lambda name: os.fsencode(name).decode("latin-1"))


def _decoded(checkpoint: Checkpoint) -> Checkpoint:
    return _mapped(checkpoint, lambda name: os.fsdecode(name.encode("latin-1")))


def _mapped(checkpoint: Checkpoint, change: Callable[[str], str]) -> Checkpoint:
    return Checkpoint(
        checkpoint.id,
        change(checkpoint.root),
        tuple(
            msgspec.structs.replace(saved, path=change(saved.path), temporary=change(saved.temporary))
            for saved in checkpoint.paths
        ),
        {change(folder): bits for folder, bits in checkpoint.folders.items()},
    )
