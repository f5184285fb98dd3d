"""What a run's record still knows of the files it changed: enough to join its changes with newer ones."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import TraceError, WriteConflict
from treadle.session.records import changes_of, writes_of
from treadle.session.trace import read_blob
from treadle.workspace.base import file_mode, read_file
from treadle.workspace.changes import LINK, Change, ChangeSet, digest
from treadle.workspace.checkpoints import Checkpoint, blob
from treadle.workspace.merge import merge, weave


class Contents:
    """The bytes that a run read or wrote, by digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, bytes] = {}
        for changes in (writes_of(folder).ever, changes_of(folder)):
            for change in changes.changes.values():
                if change.content is not None:
                    self._known[digest(change.content)] = change.content

    def get(self, name: str | None) -> bytes | None:
        """The bytes of that digest, None where the record does not hold them."""
        if name is None or name in self._known:
            return self._known.get(name or "")
        try:
            return read_blob(self._folder, name)
        except TraceError:
            return None


def joined(root: Path, folder: Path, changes: ChangeSet) -> ChangeSet:
    """`changes` of a run over the files as they stand now. Raises: `WriteConflict` naming what can't be joined."""
    contents = Contents(folder)
    found = weave(root, changes, lambda _, change: contents.get(change.before))
    if found.clashes:
        raise _clash("the run was made from it", "written", found.clashes, folder)
    return found.changes


class PutBack(Struct, frozen=True):
    """A change set that takes a run's writes back; `bits` are the permissions of what comes back as it was;
    a folder's path ends in a slash."""

    changes: ChangeSet
    bits: dict[str, int]


def taken_back(root: Path, state: Path, folder: Path, points: Iterable[Checkpoint]) -> PutBack:
    """What makes the files as they were before the writes at `points` (newest first), newer edits of others kept.

    Raises: `WriteConflict` naming the files where those can't be told from the run's part.
    """
    contents = Contents(folder)
    first: dict[str, bytes | None] = {}
    now: dict[str, bytes | None] = {}
    modes: dict[str, int | None] = {}
    bits: dict[str, int] = {}
    clashes: set[str] = set()
    for point in points:
        bits.update((above + "/", kept) for above, kept in point.folders.items())
        for saved in point.paths:
            path = saved.path
            if path not in now:
                first[path] = now[path] = read_file(root, path)
                modes[path] = file_mode(root, path)
            before = blob(state, point, saved) if saved.blob else None
            content = now[path]
            held = None if content is None else digest(content)
            if held == saved.after or held == saved.before:
                now[path], modes[path], bits[path] = before, saved.mode, saved.bits
            elif content is None or before is None or LINK in (saved.mode, modes[path]):
                clashes.add(path)
            else:
                both = merge(contents.get(saved.after) or b"", before, content)
                if both is None or contents.get(saved.after) is None:
                    clashes.add(path)
                now[path] = both
                bits.pop(path, None)
    if clashes:
        raise _clash("the run wrote it", "put back", sorted(clashes), folder)
    changes: dict[str, Change] = {}
    for path, content in now.items():
        was = first[path]
        if content != was or (content is not None and modes[path] != file_mode(root, path)):
            mode = modes[path]
            assert mode is not None
            changes[path] = Change(content, mode, None if was is None else digest(was))
    return PutBack(ChangeSet(changes), bits)


def _clash(since: str, what: str, paths: Iterable[str], folder: Path) -> WriteConflict:
    named = tuple(sorted(paths))
    return WriteConflict(
        f"changed since {since}, and the two can't be joined; nothing was {what}: {', '.join(named)}",
        paths=named,
        hint=f"do it by hand: treadle runs diff {folder.name}",
    )
