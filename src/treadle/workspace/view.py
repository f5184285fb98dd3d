"""The merged view: change set first, then base. The only way to files."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from treadle.protocol.errors import PathError
from treadle.workspace.changes import EMPTY, LINK, REGULAR, Change, ChangeSet, digest
from treadle.workspace.paths import clean, parents


class Base(Protocol):
    """What is read, checked and changed: the work tree, the index or a commit. Read only.

    `delta` is the base as a change set over the work tree (empty for the work tree itself), so that commands
    see the base by an overlay while ignored files (environments, caches) stay in sight.
    """

    kind: str
    root: Path

    @property
    def delta(self) -> ChangeSet:
        """The base over the work tree; worked out when first asked for."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file's bytes (a link's target); None where there is no such file."""
        ...

    def mode(self, path: str) -> int | None:
        """The file's git mode; None where there is no such file."""
        ...

    def files(self) -> tuple[str, ...]:
        """All files but ignored ones, sorted."""
        ...


class MergedView(Struct, frozen=True):
    """A base with a change set over it. Writing gives a new view; nothing on disk changes.

    Paths are posix, relative to the root. Every method raises `PathError` for a path that is absolute, climbs,
    lies in `.git`, or passes through a link that leads out of the root.
    """

    base: Base
    changes: ChangeSet = EMPTY

    def read(self, path: str) -> bytes:
        """The file's bytes; a link's target. Raises: `PathError` where there is no such file."""
        path = clean(path)
        content = self._content(path)
        if content is None:
            raise PathError(f"no such file: {path}")
        return content

    def text(self, path: str) -> str:
        """The file as UTF-8; bytes that are none come as lone surrogates, and go back as they were."""
        return self.read(path).decode("utf-8", "surrogateescape")

    def exists(self, path: str) -> bool:
        """Whether `path` is a file here (a link is one, a folder is not)."""
        return self._mode(clean(path)) is not None

    def mode(self, path: str) -> int:
        """The file's git mode. Raises: `PathError` where there is no such file."""
        path = clean(path)
        mode = self._mode(path)
        if mode is None:
            raise PathError(f"no such file: {path}")
        return mode

    def files(self) -> tuple[str, ...]:
        """All files but ignored ones, sorted."""
        if not self.changes:
            return self.base.files()
        changed = self.changes.changes
        gone = {path for path, change in changed.items() if change.content is None}
        put = changed.keys() - gone
        kept = (path for path in self.base.files() if path not in changed)
        return tuple(sorted([*(p for p in kept if not put or not self._shadowed(p)), *put]))

    def write(self, path: str, content: bytes | str, mode: int | None = None) -> "MergedView":
        """A view in which `path` holds `content` (a str as UTF-8, surrogates as the bytes they stand for).

        `mode` None keeps the file's own. What equals the base again leaves the change set.
        Raises: `PathError` also for a path below a link or a file, and for a link where no mode is given.
        """
        path = clean(path)
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        for folder in parents(path):
            there = self._mode(folder)
            if there is not None:
                kind = "a link" if there == LINK else "a file"
                raise PathError(f"{folder} is {kind}, so {path} can't be written")
        present = self._mode(path)
        if mode is None and present == LINK:
            target = self.read(path).decode("utf-8", "replace")
            raise PathError(f"{path} is a link to {target}", hint="change the file that it points to")
        if mode is None:
            mode = present or REGULAR
        if present is None and self._is_folder(path):
            raise PathError(f"{path} is a folder")
        return self._put(path, content, mode)

    def delete(self, path: str) -> "MergedView":
        """A view without `path`. Raises: `PathError` where there is no such file."""
        path = clean(path)
        mode = self.mode(path)
        return self._put(path, None, mode)

    def with_changes(self, changes: ChangeSet) -> "MergedView":
        """The same base under another change set."""
        return MergedView(self.base, changes)

    def diff(self) -> str:
        """The change set against the base, as `git diff` would write it; "" where nothing differs.

        Files come sorted by path; binary content is only named; text that is not UTF-8 keeps its bytes
        as lone surrogates.
        """
        from treadle.workspace.diffs import unified

        parts = []
        for path in self.changes.paths:
            change = self.changes.changes[path]
            parts.append(
                unified(path, self.base.read(path), self.base.mode(path), change.content, change.mode)
            )
        return "".join(parts)

    def _put(self, path: str, content: bytes | None, mode: int) -> "MergedView":
        before = self.base.read(path)
        if content == before and (content is None or mode == self.base.mode(path)):
            left = {p: c for p, c in self.changes.changes.items() if p != path}
            return MergedView(self.base, ChangeSet(left))
        change = Change(content, mode, None if before is None else digest(before), self.base.mode(path))
        return MergedView(self.base, ChangeSet({**self.changes.changes, path: change}))

    def _content(self, path: str) -> bytes | None:
        change = self.changes.get(path)
        if change is not None:
            return change.content
        return None if self._shadowed(path) else self.base.read(path)

    def _mode(self, path: str) -> int | None:
        change = self.changes.get(path)
        if change is not None:
            return None if change.content is None else change.mode
        return None if self._shadowed(path) else self.base.mode(path)

    def _shadowed(self, path: str) -> bool:
        """Whether a folder above `path` became a file."""
        changed = self.changes.changes
        if not changed:
            return False
        return any(f in changed and changed[f].content is not None for f in parents(path))

    def _is_folder(self, path: str) -> bool:
        below = path + "/"
        changed = self.changes.changes
        if any(p.startswith(below) and c.content is not None for p, c in changed.items()):
            return True
        return any(p.startswith(below) and p not in changed for p in self.base.files())
