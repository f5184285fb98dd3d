"""The three bases: the work tree, the index, a commit. Read only."""

import os
import re
import stat
from pathlib import Path

from treadle.protocol.errors import PathError, UsageError
from treadle.workspace import beneath
from treadle.workspace.blobs import Blobs, blob_id
from treadle.workspace.changes import EMPTY, EXECUTABLE, LINK, REGULAR, Change, ChangeSet, digest
from treadle.workspace.git import GitFailed, git, paths, top_level
from treadle.workspace.paths import inside
from treadle.workspace.view import Base
from treadle.workspace.walk import walk

_KEPT_BYTES = 64 << 20
"""How much of the tree's content is kept; of larger ones only a digest."""

MOST_BYTES = 512 << 20
"""The largest file that treadle reads or writes: it holds each whole, several times."""

_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def open_base(root: Path, spec: str = "tree") -> Base:
    """The base that `spec` names (`tree`, `index` or a commit) of the repository at `root`.

    An unborn HEAD is an empty commit. Raises: `UsageError` for a commit that does not exist, and for the
    index or a commit without git.
    """
    root = Path(os.path.realpath(root))
    versioned = top_level(root) == root
    if spec == "tree":
        return TreeBase(root, versioned)
    if not versioned:
        raise UsageError(
            f"base {spec}: {root.name} is not a git repository", hint="use the base `tree`, or run git init"
        )
    if spec == "index":
        return StoredBase(root, "index", _index_entries(root))
    return StoredBase(root, "commit", _commit_entries(root, spec))


def read_file(root: Path, path: str) -> bytes | None:
    """The bytes of the file (or the target of the link) at `path` on disk; None for no file.

    Raises: `PathError` for one outside of `root`, unreadable, or of more than `MOST_BYTES`.
    """
    try:
        return beneath.read_bytes(root, path, MOST_BYTES)
    except _NO_FILE:
        return None
    except OSError as error:
        raise PathError(f"can't read {path}: {error.strerror}") from None


def file_mode(root: Path, path: str) -> int | None:
    """The git mode of what stands at `path` on disk; None for no file."""
    try:
        found = beneath.status(root, path, links=True)
    except OSError:
        return None
    return None if found is None else git_mode(found.st_mode)


def git_mode(mode: int) -> int | None:
    """The git mode for a `st_mode`; None for what git holds no files of (folders, pipes, devices)."""
    if stat.S_ISLNK(mode):
        return LINK
    if not stat.S_ISREG(mode):
        return None
    return EXECUTABLE if mode & 0o100 else REGULAR


class TreeBase:
    """The work tree, each file as it was when it was first read.

    So what is made from a file is made from the bytes that were looked at, and a file that the user changes
    meanwhile is seen to have changed when it comes to the write.
    """

    kind = "tree"
    delta = EMPTY

    def __init__(self, root: Path, versioned: bool) -> None:
        self.root = root
        self._versioned = versioned
        self._files: tuple[str, ...] | None = None
        self._kept: dict[str, bytes | None] = {}
        self._digests: dict[str, str] = {}
        self._modes: dict[str, int | None] = {}
        self._room = _KEPT_BYTES

    def read(self, path: str) -> bytes | None:
        """The file's bytes (a link's target) as first read; None where there was no such file.

        Raises: `PathError` for a file too large to be kept that has changed since.
        """
        if path in self._kept:
            return self._kept[path]
        self.mode(path)
        content = read_file(self.root, path)
        size = len(content or b"")
        if content is None or size <= self._room:
            self._room -= size
            self._kept[path] = content
        elif self._digests.setdefault(path, digest(content)) != digest(content):
            raise PathError(f"{path} changed while it was worked on")
        return content

    def has_read(self, path: str) -> bool:
        """Whether the file was read before."""
        return path in self._kept or path in self._digests

    def mode(self, path: str) -> int | None:
        """The file's git mode as first seen; None where there was no such file."""
        if path not in self._modes:
            self._modes[path] = file_mode(self.root, path)
        return self._modes[path]

    def files(self) -> tuple[str, ...]:
        """All files but ignored ones, sorted; listed once."""
        if self._files is None:
            self._files = tuple(sorted(self.look()))
        return self._files

    def look(self) -> dict[str, os.stat_result]:
        """All files but ignored ones by path, as they stand there now."""
        return _on_disk(self.root, self._listed())

    def _listed(self) -> list[str]:
        if not self._versioned:
            return walk(self.root)
        return paths(git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))


class StoredBase:
    """The index or a commit: what git has stored, whatever stands in the work tree."""

    def __init__(self, root: Path, kind: str, entries: dict[str, tuple[int, str]]) -> None:
        self.root = root
        self.kind = kind
        self._entries = entries
        self._blobs = Blobs(root)
        self._clean = _clean_entries(root)
        self._delta: ChangeSet | None = None

    @property
    def delta(self) -> ChangeSet:
        """The base over the work tree: paths that differ take its content, files it lacks are deleted."""
        if self._delta is None:
            self._delta = self._work_out_delta()
        return self._delta

    def read(self, path: str) -> bytes | None:
        """The file's bytes (a link's target); None where there is no such file."""
        entry = self._entries.get(path)
        if entry is None:
            return None
        if self._as_on_disk(path, entry[1]):
            return read_file(self.root, path)
        return self._blobs.read(entry[1])

    def mode(self, path: str) -> int | None:
        """The file's git mode; None where there is no such file."""
        entry = self._entries.get(path)
        return None if entry is None else entry[0]

    def entries(self) -> dict[str, tuple[int, str]]:
        """Mode and object's name by path; an unmerged path has no object."""
        return dict(self._entries)

    def files(self) -> tuple[str, ...]:
        """All files that are stored, sorted."""
        return tuple(sorted(self._entries))

    def _as_on_disk(self, path: str, oid: str) -> bool:
        """Whether git holds the work tree's file for unchanged (so filters and line ends are settled)."""
        known = self._clean.get(path)
        if not oid:
            return True
        if known is None or known[0] != oid:
            return False
        try:
            found = os.lstat(inside(self.root, path))
        except (OSError, PathError):
            return False
        return (found.st_mtime_ns, found.st_size) == known[1:] and git_mode(found.st_mode) == self._entries[
            path
        ][0]

    def _work_out_delta(self) -> ChangeSet:
        changes: dict[str, Change] = {}
        for path, (mode, oid) in self._entries.items():
            if self._as_on_disk(path, oid):
                continue
            there = _try_read(self.root, path)
            if there is None or blob_id(there, oid) != oid or _try_mode(self.root, path) != mode:
                changes[path] = Change(self._blobs.read(oid), mode, None if there is None else digest(there))
        for path in TreeBase(self.root, True).files():
            if path not in self._entries:
                there = _try_read(self.root, path)
                if there is not None:
                    changes[path] = Change(None, _try_mode(self.root, path) or REGULAR, digest(there))
        return ChangeSet(changes)


def _try_read(root: Path, path: str) -> bytes | None:
    try:
        return read_file(root, path)
    except PathError:
        return None


def _try_mode(root: Path, path: str) -> int | None:
    try:
        return file_mode(root, path)
    except PathError:
        return None


def _on_disk(root: Path, listed: list[str]) -> dict[str, os.stat_result]:
    """Those of `listed` that are files or links there, and not reached through a linked folder."""
    found: dict[str, os.stat_result] = {}
    linked: dict[str, bool] = {"": False}
    top = f"{root}/"

    def is_linked(folder: str) -> bool:
        if folder not in linked:
            linked[folder] = is_linked(folder.rpartition("/")[0]) or os.path.islink(top + folder)
        return linked[folder]

    for path in listed:
        try:
            here = os.lstat(top + path)
        except OSError:
            continue
        if git_mode(here.st_mode) is not None and not is_linked(path.rpartition("/")[0]):
            found[path] = here
    return found


def _index_entries(root: Path) -> dict[str, tuple[int, str]]:
    """Mode and object by path. An unmerged path has no object: it is read from the work tree."""
    entries: dict[str, tuple[int, str]] = {}
    for line in git(root, "ls-files", "-z", "--stage").split(b"\0"):
        if line:
            mode, oid, rest = line.split(b" ", 2)
            stage, _, name = rest.partition(b"\t")
            if mode != b"160000":
                entries[os.fsdecode(name)] = (int(mode, 8), oid.decode() if stage == b"0" else "")
    return entries


def _commit_entries(root: Path, spec: str) -> dict[str, tuple[int, str]]:
    if spec.startswith("-"):
        raise UsageError(f"not a commit: {spec}")
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", spec + "^{commit}").decode().strip()
    except GitFailed:
        if spec == "HEAD":
            return {}
        raise UsageError(f"no such commit: {spec}") from None
    entries: dict[str, tuple[int, str]] = {}
    for line in git(root, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, kind, oid = head.split()
            if kind == b"blob":
                entries[os.fsdecode(name)] = (int(mode, 8), oid.decode())
    return entries


_DEBUG = re.compile(
    rb"(?P<mode>\d{6}) (?P<oid>[0-9a-f]+) (?P<stage>\d)\t(?P<name>[^\0]+)\0"
    rb"  ctime: \d+:\d+\n  mtime: (?P<s>\d+):(?P<ns>\d+)\n  dev: \d+\tino: \d+\n  uid: \d+\tgid: \d+\n"
    rb"  size: (?P<size>\d+)\tflags: [0-9a-f]+\n"
)


def _clean_entries(root: Path) -> dict[str, tuple[str, int, int]]:
    """Object, mtime in ns and size of each index entry, as git saw the file; racily clean ones left out."""
    try:
        index = os.fsdecode(git(root, "rev-parse", "--git-path", "index").rstrip(b"\n"))
        written = os.stat(os.path.join(root, index)).st_mtime_ns
        listed = git(root, "ls-files", "-z", "--stage", "--debug")
    except (OSError, GitFailed):
        return {}
    clean: dict[str, tuple[str, int, int]] = {}
    for found in _DEBUG.finditer(listed):
        mtime = int(found["s"]) * 10**9 + int(found["ns"])
        if found["stage"] == b"0" and mtime < written:
            clean[os.fsdecode(found["name"])] = (found["oid"].decode(), mtime, int(found["size"]))
    return clean
