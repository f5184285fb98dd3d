"""The merged view: change set first, then base. The only way to files."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from treadle.workspace.changes import EMPTY, ChangeSet


class Base(Protocol):
    """What is read, checked and changed: the work tree, the index or a commit. Read only.

    `delta` is the base as a change set over the work tree (empty for the work tree itself), so that commands
    see the base by an overlay while ignored files (environments, caches) stay in sight.
    """

    kind: str
    root: Path
    delta: ChangeSet

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
    """A base with a change set over it. Writing gives a new view; nothing on disk changes."""

    base: Base
    changes: ChangeSet = EMPTY

    # read(path) -> bytes            raises PathError (outside the root, no such file)
    # text(path) -> str              utf-8, surrogateescape
    # exists(path) -> bool
    # files() -> tuple[str, ...]     merged, sorted
    # write(path, content, mode=None) -> MergedView
    # delete(path) -> MergedView
    # diff() -> str                  unified diff of the change set against the base, git's form
