"""A change set on record as a face shows it: file by file, hunk by hunk, line by line."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from treadle.protocol.errors import TraceError, TreadleError
from treadle.session.records import begin_of
from treadle.session.trace import read_blob
from treadle.workspace.base import open_base
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.hunks import CONTEXT, Hunk, compared, hunks_of, is_binary, lines_of

Status = Literal["added", "deleted", "modified", "binary", "mode"]


class LineReview(Struct, frozen=True):
    """A line of a hunk: ` ` is there before and after, `-` before, `+` after. Rows count from 1, 0 is none.

    `text` is without its line feed, as UTF-8 with U+FFFD for what is none; `ends` False: it has no line feed.
    """

    kind: Literal[" ", "-", "+"]
    text: str
    old: int = 0
    new: int = 0
    ends: bool = True


class HunkReview(Struct, frozen=True):
    """A piece that is taken or left: `name` is what `Take` calls it, `header` what git would head it with."""

    name: str
    header: str
    lines: tuple[LineReview, ...] = ()


class FileReview(Struct, frozen=True):
    """One file's change. `known` False: what stood there before is not to be had, so its hunks are not told."""

    path: str
    status: Status
    hunks: tuple[HunkReview, ...]
    known: bool = True


def review_of(folder: Path, blob: str) -> tuple[FileReview, ...]:
    """The change set of `blob` in a run's folder, files by path; the hunks are those that `Take` names.

    Raises: `TraceError` where the blob is missing or no change set.
    """
    try:
        changes = ChangeSet.from_json(read_blob(folder, blob))
    except ValueError as fault:
        raise TraceError(f"the trace's blob {blob[:12]} is no change set: {fault}") from None
    reads = _Befores(folder)
    return tuple(_file(path, changes.changes[path], reads) for path in changes.paths)


class _Befores:
    """What files held before: from the trace's blobs, else from the base where that still holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base: Callable[[str], bytes | None] | None = None

    def of(self, path: str, change: Change) -> bytes | None:
        """The bytes. Raises: `TraceError` where they are not to be had."""
        if change.before is None:
            return None
        try:
            return read_blob(self._folder, change.before)
        except TraceError:
            if self._base is None:
                started = begin_of(self._folder)
                try:
                    self._base = open_base(Path(started.root), started.base).read
                except TreadleError:
                    self._base = lambda _: None
            found = self._base(path)
            if found is None or digest(found) != change.before:
                raise
            return found


def _file(path: str, change: Change, reads: _Befores) -> FileReview:
    try:
        old = reads.of(path, change)
    except TraceError:
        return FileReview(path, "deleted" if change.content is None else "modified", (), known=False)
    hunks = hunks_of(old, change.content, path, change.mode_before, change.mode)
    return FileReview(path, _status(old, change, hunks), tuple(_hunk(h, old, change) for h in _placed(hunks)))


def _status(old: bytes | None, change: Change, hunks: tuple[Hunk, ...]) -> Status:
    if is_binary(old or b"") or is_binary(change.content or b""):
        return "binary"
    if old is None:
        return "added"
    if change.content is None:
        return "deleted"
    return "mode" if all(hunk.kind == "mode" for hunk in hunks) else "modified"


class _Placed(Struct, frozen=True):
    """A hunk with how far the ones before it have moved the rows."""

    hunk: Hunk
    moved: int


def _placed(hunks: tuple[Hunk, ...]) -> list[_Placed]:
    placed, moved = [], 0
    for hunk in hunks:
        placed.append(_Placed(hunk, moved))
        moved += len(hunk.new) - len(hunk.old)
    return placed


def _hunk(placed: _Placed, old: bytes | None, change: Change) -> HunkReview:
    hunk = placed.hunk
    if hunk.kind == "mode":
        return HunkReview(hunk.name, f"mode {change.mode_before or 0:o} → {change.mode:o}")
    if is_binary(old or b"") or is_binary(change.content or b""):
        sizes = f"{len(old or b'')} → {len(change.content or b'')} bytes"
        return HunkReview(hunk.name, f"binary, {sizes}")
    before = lines_of(old or b"") if hunk.kind == "lines" else ()
    start, end = hunk.start, hunk.start + len(hunk.old)
    above = before[max(0, start - CONTEXT) : start]
    below = before[end : end + CONTEXT]
    first_old = start - len(above) + 1
    first_new = first_old + placed.moved
    lines: list[LineReview] = []
    row_old, row_new = first_old, first_new
    for kind, texts in (*((" ", (t,)) for t in above), *_changes(hunk), *((" ", (t,)) for t in below)):
        for text in texts:
            lines.append(_line(kind, text, row_old, row_new))
            row_old += kind != "+"
            row_new += kind != "-"
    counts = len(above) + len(below)
    header = (
        f"@@ -{_range(first_old, counts + len(hunk.old))} +{_range(first_new, counts + len(hunk.new))} @@"
    )
    return HunkReview(hunk.name, header, tuple(lines))


def _changes(hunk: Hunk) -> list[tuple[Literal[" ", "-", "+"], tuple[bytes, ...]]]:
    """The hunk's lines in runs: what goes, what comes, and what stays between two changes that are near."""
    runs: list[tuple[Literal[" ", "-", "+"], tuple[bytes, ...]]] = []
    for is_same, i1, i2, j1, j2 in compared(hunk.old, hunk.new):
        if is_same:
            runs.append((" ", hunk.old[i1:i2]))
            continue
        runs += [("-", hunk.old[i1:i2]), ("+", hunk.new[j1:j2])]
    return runs


def _line(kind: Literal[" ", "-", "+"], text: bytes, old: int, new: int) -> LineReview:
    return LineReview(
        kind,
        text.removesuffix(b"\n").decode("utf-8", "replace"),
        0 if kind == "+" else old,
        0 if kind == "-" else new,
        text.endswith(b"\n"),
    )


def _range(first: int, count: int) -> str:
    """A range as git writes it: an empty one begins at the row before it, a count of one is left out."""
    return f"{first if count else first - 1}" + ("" if count == 1 else f",{count}")
