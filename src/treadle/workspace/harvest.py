"""What a command did, read from its upper folder: a change set, and ignored outputs for the run's layer."""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from treadle.workspace.base import TreeBase
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.git import GitFailed, git, paths
from treadle.workspace.layers import Upper, load, merge, scan
from treadle.workspace.paths import is_own, parents
from treadle.workspace.view import Base
from treadle.workspace.walk import is_cache

_UNSEEN = "changed while the command ran"
"""In the place of a digest: no file's bytes have this one, so that the write is a conflict."""

_PYC = re.compile(r"(?:(?P<folder>.*)/)?__pycache__/(?P<stem>[^/]+?)\.[^/]*\.pyc$", re.DOTALL)


class Harvest(Struct, frozen=True):
    """The whole change set after a command; `note` says what it could not hold, "" for nothing."""

    changes: ChangeSet
    note: str = ""


def harvest(
    base: Base,
    upper: Path,
    layer: Path,
    *,
    below: tuple[Path, ...],
    given: ChangeSet,
    touched: Iterable[str],
    masks: frozenset[str],
    since_ns: int = 0,
) -> Harvest:
    """Reads `upper`, in which `given` was laid out, and moves ignored outputs to `layer`.

    Compiled files of sources that changed are dropped: Python takes one for fresh by its source's second and
    size alone. `masks` are whiteouts that were put there for the same reason. A file that the user changed after
    `since_ns`, when the command began, can't be told from what the command read: its change will not be written.
    """
    found = scan(upper, skip=masks)
    files = base.files()
    known = frozenset(files)
    ignored = _ignored(base.root, upper, found, known, given)
    changed, left_out = _changed(upper, found, ignored, given)
    gone = _gone(found, ignored, files, known, given)
    after: dict[str, Change] = {}
    for path in changed.keys() | gone:
        earlier = given.get(path)
        fresh = not (isinstance(base, TreeBase) and base.has_read(path))
        content, mode = base.read(path), base.mode(path)
        if earlier is not None:
            before = earlier.before
        elif content is None:
            before = None
        else:
            before = _UNSEEN if fresh and _changed_since(base, path, since_ns) else digest(content)
        was = earlier.mode_before if earlier else mode
        now = changed.get(path)
        if now is None:
            if content is not None:
                after[path] = Change(None, mode or 0o100644, before, was)
        elif now.content != content or now.mode != mode:
            after[path] = Change(now.content, now.mode, before, was)
    left_out += _put_back_own(after, given)
    stale = {*touched, *after}
    dropped = {path for path in ignored if _source(path) in stale}
    kept = {*masks, *dropped, *(p for p in (*found.entries, *found.gone) if p not in ignored)}
    _move(upper, layer, kept, below)
    note = "".join(f"\n[not kept: {path}]" for path in sorted(left_out)[:20])
    return Harvest(ChangeSet(after), note)


def _put_back_own(after: dict[str, Change], given: ChangeSet) -> list[str]:
    """Makes what the command did to treadle's own settings undone; gives those paths."""
    done = [p for p in {*after, *given.changes} if is_own(p) and after.get(p) != given.get(p)]
    for path in done:
        earlier = given.get(path)
        if earlier is None:
            del after[path]
        else:
            after[path] = earlier
    return done


def _changed_since(base: Base, path: str, since_ns: int) -> bool:
    """Whether the work tree's own file was changed after the command began."""
    try:
        return bool(since_ns) and os.lstat(base.root / path).st_mtime_ns >= since_ns
    except OSError:
        return False


def pyc_files(source: str, folders: Iterable[Path]) -> list[str]:
    """The compiled files of the Python file `source` that lie in any of `folders`, relative to it."""
    folder, _, name = source.rpartition("/")
    if not name.endswith(".py"):
        return []
    cache = f"{folder}/__pycache__" if folder else "__pycache__"
    start = name[:-2]
    found: set[str] = set()
    for top in folders:
        try:
            names = os.listdir(top / cache)
        except OSError:
            continue
        found.update(f"{cache}/{n}" for n in names if n.startswith(start) and n.endswith(".pyc"))
    return sorted(found)


def _source(path: str) -> str:
    """The Python file that a compiled file was made from; "" for no compiled file."""
    match = _PYC.match(path)
    if match is None:
        return ""
    folder = match["folder"]
    return f"{folder}/{match['stem']}.py" if folder else f"{match['stem']}.py"


def _ignored(root: Path, upper: Path, found: Upper, known: frozenset[str], given: ChangeSet) -> set[str]:
    """Which of the found paths are outputs: ignored by git's rules, or caches, and not known as files."""
    asked = [p for p in (*found.entries, *found.gone) if p not in known and p not in given.changes]
    ignored = {path for path in asked if is_cache(path)} | _foreign(root, upper, asked)
    rest = [p for p in asked if p not in ignored]
    own = {p.rpartition("/")[0] for p in rest if p.endswith("/.gitignore") and p in found.entries}
    marked = {folder for folder in own if folder in _self_ignoring(found, own)}
    ignored.update(p for p in rest if any(folder in marked for folder in parents(p)))
    rest = [p for p in rest if p not in ignored]
    ignored.update(_by_git(root, rest))
    return ignored


def _foreign(root: Path, upper: Path, asked: Iterable[str]) -> set[str]:
    """Those of `asked` that lie in a repository of their own (a submodule, a clone): no part of this one's files."""
    own: dict[str, bool] = {"": False}

    def is_foreign(folder: str) -> bool:
        if folder not in own:
            own[folder] = is_foreign(folder.rpartition("/")[0]) or any(
                os.path.lexists(top / folder / ".git") for top in (root, upper)
            )
        return own[folder]

    return {path for path in asked if is_foreign(path.rpartition("/")[0])}


def _by_git(root: Path, asked: list[str]) -> set[str]:
    """Which of `asked` git's rules ignore, as they stand in the work tree. None without git."""
    # Below a link git would refuse to answer at all.
    rest = [p for p in asked if not any(os.path.islink(root / folder) for folder in parents(p))]
    if not rest or not os.path.lexists(root / ".git"):
        return set()
    data = b"".join(os.fsencode(path) + b"\0" for path in rest)
    try:
        return set(paths(git(root, "check-ignore", "--no-index", "-z", "--stdin", stdin=data, ok=(0, 1))))
    except GitFailed:
        return set()


def _self_ignoring(found: Upper, folders: set[str]) -> set[str]:
    """Folders whose new `.gitignore` is as short as tools write it to ignore the folder itself."""
    return {folder for folder in folders if found.entries[folder + "/.gitignore"].st_size <= 64}


def _changed(
    upper: Path, found: Upper, ignored: set[str], given: ChangeSet
) -> tuple[dict[str, Change], list[str]]:
    changed: dict[str, Change] = {}
    left_out: list[str] = []
    for path, entry in found.entries.items():
        if path in ignored:
            continue
        earlier = given.get(path)
        now = load(upper, path, entry)
        if now is None:
            left_out.append(path)
            if earlier is not None:
                changed[path] = earlier
        else:
            changed[path] = now
    return changed, left_out


def _gone(
    found: Upper, ignored: set[str], files: tuple[str, ...], known: frozenset[str], given: ChangeSet
) -> set[str]:
    """The base's files that are no more: under a whiteout, in a folder made anew, or where a folder or file
    took the place of the other."""
    there = found.entries.keys()
    gone = {p for p, c in given.changes.items() if c.content is None and p in known}
    gone.update(path for path in found.gone if path in known)
    hiding = {*found.gone, *found.opaque, *(path for path in there if path not in known)}
    for path in hiding:
        start = path + "/"
        at = bisect_left(files, start)
        while at < len(files) and files[at].startswith(start):
            gone.add(files[at])
            at += 1
    for path in there:
        if path not in known and path not in ignored:
            gone.update(folder for folder in parents(path) if folder in known)
    return gone - there


def _move(upper: Path, layer: Path, kept: set[str], below: tuple[Path, ...]) -> None:
    """Moves everything but `kept` from `upper` to `layer`."""
    above = {folder for path in kept for folder in parents(path)}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for name in os.listdir(upper / folder):
            path = f"{folder}/{name}" if folder else name
            if path in kept or name == ".git":
                continue
            if path in above:
                waiting.append(path)
            else:
                merge(upper, layer, path, below)
