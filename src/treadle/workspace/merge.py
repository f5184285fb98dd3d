"""Three-way merge by lines, exact to the byte: two people's edits of one file joined where they are apart."""

from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from treadle.workspace.base import read_file
from treadle.workspace.changes import LINK, Change, ChangeSet, digest
from treadle.workspace.hunks import is_binary, lines_of

_MOST_BYTES = 4 << 20
_AUTOJUNK_LINES = 3000

Edit = tuple[int, int, tuple[bytes, ...]]
"""Lines of the old text from the first row up to the second become these."""


class Woven(Struct, frozen=True):
    """A change set over the files as they stand now. `merged` are the paths whose content holds both edits,
    `clashes` those that can't be joined: they are not in `changes`. Both are sorted."""

    changes: ChangeSet
    merged: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()


def merge(old: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """`old` with the edits of both; None where they touch, or where it is no text of lines.

    Edits that are the same on both sides count once; two edits with no unchanged line between them touch, as git
    has it. A last line without an end of line is a line of its own kind.
    """
    if mine == theirs:
        return mine
    if max(len(old), len(mine), len(theirs)) > _MOST_BYTES or any(map(is_binary, (old, mine, theirs))):
        return None
    before = lines_of(old)
    edits = _joined(_edits(before, lines_of(mine)), _edits(before, lines_of(theirs)))
    if edits is None:
        return None
    parts: list[bytes] = []
    row = 0
    for start, end, new in edits:
        parts += before[row:start]
        parts += new
        row = end
    return b"".join([*parts, *before[row:]])


def weave(root: Path, changes: ChangeSet, old: Callable[[str, Change], bytes | None]) -> Woven:
    """`changes` made anew from what stands under `root`: a file that changed since is merged, or is a clash.

    `old` gives the bytes that a change was made from, None where they are not known. Raises: `PathError`.
    """
    fresh: dict[str, Change] = {}
    merged, clashes = [], []
    for path in changes:
        change = changes.changes[path]
        now = read_file(root, path)
        held = None if now is None else digest(now)
        if held == change.before or now == change.content:
            fresh[path] = change
            continue
        content = _merged(change, now, old(path, change))
        if content is None:
            clashes.append(path)
        else:
            merged.append(path)
            fresh[path] = Change(content, change.mode, held, change.mode_before)
    return Woven(ChangeSet(fresh), tuple(merged), tuple(clashes))


def _merged(change: Change, now: bytes | None, old: bytes | None) -> bytes | None:
    if old is None or now is None or change.content is None or LINK in (change.mode, change.mode_before):
        return None
    return merge(old, change.content, now)


def _edits(old: tuple[bytes, ...], new: tuple[bytes, ...]) -> list[Edit]:
    matcher = SequenceMatcher(None, old, new, autojunk=max(len(old), len(new)) > _AUTOJUNK_LINES)
    return [(a, b, new[c:d]) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]


def _joined(mine: list[Edit], theirs: list[Edit]) -> list[Edit] | None:
    """Both sides' edits by row; None where one touches another of the other side."""
    edits = sorted(set(mine) | set(theirs), key=lambda edit: edit[:2])
    ours, others = set(mine), set(theirs)
    for first, second in pairwise(edits):
        apart = first[1] < second[0]
        alone = {first, second} <= ours or {first, second} <= others
        if not apart and not alone:
            return None
    return edits
