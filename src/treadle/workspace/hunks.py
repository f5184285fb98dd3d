"""A change set in pieces that a person takes or leaves one by one. Exact to the byte."""

from collections.abc import Collection
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

from treadle.protocol.errors import UsageError
from treadle.workspace.changes import EXECUTABLE, REGULAR, Change, ChangeSet
from treadle.workspace.diffs import takes_long
from treadle.workspace.view import MergedView

CONTEXT = 3
"""Unchanged lines shown around a hunk; changes nearer than twice that are one hunk, as git has it."""

_BINARY_LOOK = 8000
_AUTOJUNK_LINES = 3000
"""From here on, lines that occur very often no longer guide the comparison: it would take too long."""

Kind = Literal["lines", "file", "mode"]


class Hunk(Struct, frozen=True):
    """A piece of one file's change. `name` is `path#1`, `path#2`, … in the file's order.

    Of kind `lines`, `old` lines from row `start` (from 0) become `new`; lines keep their ends. A `file` hunk is the
    whole of a file that is new, deleted, binary or of another kind now; a `mode` hunk its being executable or not.
    """

    name: str
    path: str
    kind: Kind
    start: int = 0
    old: tuple[bytes, ...] = ()
    new: tuple[bytes, ...] = ()


def hunks_of(
    old: bytes | None, new: bytes | None, path: str, old_mode: int | None = None, mode: int = REGULAR
) -> tuple[Hunk, ...]:
    """The pieces of one file's change, in its order; () where nothing differs. None is no file."""
    turned = old is not None and new is not None and old_mode is not None and old_mode != mode
    if (
        old is None
        or new is None
        or is_binary(old)
        or is_binary(new)
        or (turned and not _plain(old_mode, mode))
    ):
        whole = Hunk(f"{path}#1", path, "file", 0, lines_of(old or b""), lines_of(new or b""))
        return (whole,) if old != new or turned else ()
    pieces: list[Hunk] = [Hunk("", path, "mode")] if turned else []
    before, after = lines_of(old), lines_of(new)
    for first_old, end_old, first_new, end_new in _changed(before, after):
        pieces.append(Hunk("", path, "lines", first_old, before[first_old:end_old], after[first_new:end_new]))
    return tuple(
        Hunk(f"{path}#{number}", path, p.kind, p.start, p.old, p.new) for number, p in enumerate(pieces, 1)
    )


def hunks_in(changes: ChangeSet, base: MergedView) -> tuple[Hunk, ...]:
    """The pieces of a whole change set over what stands in `base`, by path."""
    return tuple(hunk for path in changes.paths for hunk in _of_path(changes, base, path))


def take(changes: ChangeSet, base: MergedView, names: Collection[str]) -> ChangeSet:
    """What of `changes` the named hunks make over what stands in `base`; all of them make `changes` itself.

    Raises: `UsageError` for a name that no hunk has.
    """
    wanted, known = set(names), set[str]()
    taken: dict[str, Change] = {}
    for path in changes.paths:
        hunks = _of_path(changes, base, path)
        known.update(hunk.name for hunk in hunks)
        chosen = tuple(hunk for hunk in hunks if hunk.name in wanted)
        if len(chosen) == len(hunks):
            taken[path] = changes.changes[path]
        elif chosen:
            taken[path] = _part(changes.changes[path], base.read(path), base.mode(path), hunks, chosen)
    if not wanted <= known:
        raise UsageError(f"no hunk is called {', '.join(sorted(wanted - known))}")
    return ChangeSet(taken)


def lines_of(content: bytes) -> tuple[bytes, ...]:
    """The lines with their ends, of which the last may have none. Only a line feed ends a line."""
    lines = content.split(b"\n")
    last = lines.pop()
    return (*(line + b"\n" for line in lines), *((last,) if last else ()))


def _of_path(changes: ChangeSet, base: MergedView, path: str) -> tuple[Hunk, ...]:
    change = changes.changes[path]
    there = base.exists(path)
    old, old_mode = (base.read(path), base.mode(path)) if there else (None, None)
    return hunks_of(old, change.content, path, old_mode, change.mode)


def _part(
    change: Change, old: bytes, old_mode: int, hunks: tuple[Hunk, ...], chosen: tuple[Hunk, ...]
) -> Change:
    """The change that some of a file's hunks make."""
    lines: list[bytes] = []
    row, before = 0, lines_of(old)
    for hunk in chosen:
        if hunk.kind == "lines":
            lines += [*before[row : hunk.start], *hunk.new]
            row = hunk.start + len(hunk.old)
    lines += before[row:]
    has_mode = any(hunk.kind == "mode" for hunk in hunks)
    mode = old_mode if has_mode and all(hunk.kind != "mode" for hunk in chosen) else change.mode
    return Change(b"".join(lines), mode, change.before, change.mode_before)


def _changed(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> list[tuple[int, int, int, int]]:
    """The rows that differ, as (first, end) before and (first, end) after; near ones together."""
    same = 0
    shortest = min(len(before), len(after))
    while same < shortest and before[same] == after[same]:
        same += 1
    end = 0
    while end < shortest - same and before[-1 - end] == after[-1 - end]:
        end += 1
    a, b = before[same : len(before) - end], after[same : len(after) - end]
    found: list[tuple[int, int, int, int]] = []
    for is_same, i1, i2, j1, j2 in compared(a, b):
        if is_same:
            continue
        if found and same + i1 - found[-1][1] <= 2 * CONTEXT:
            found[-1] = (found[-1][0], same + i2, found[-1][2], same + j2)
        else:
            found.append((same + i1, same + i2, same + j1, same + j2))
    return found


def compared(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> list[tuple[bool, int, int, int, int]]:
    """Both texts in runs of lines, as whether they are the same, (first, end) before and (first, end) after."""
    often = len(after) > _AUTOJUNK_LINES
    if takes_long(before, after, autojunk=often):
        return [(False, 0, len(before), 0, len(after))]
    matcher = SequenceMatcher(None, before, after, autojunk=often)
    return [(tag == "equal", i1, i2, j1, j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes()]


def is_binary(content: bytes) -> bool:
    """Whether the content is taken for no text, as git does: there is a zero byte near its begin."""
    return b"\0" in content[:_BINARY_LOOK]


def _plain(*modes: int | None) -> bool:
    return all(mode in (REGULAR, EXECUTABLE) for mode in modes)
