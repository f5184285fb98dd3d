"""How one sees, without reading it again, that what a run was proven on has changed since."""

from treadle.workspace.base import StoredBase, TreeBase, git_mode, open_base
from treadle.workspace.view import Base

Marks = dict[str, str]
"""By path, something that changes when the file does: size, time and mode on disk, the object's name in git."""


def marks_of(base: Base, spec: str) -> Marks:
    """The marks of what `spec` names in the repository of `base` as it stands now, ignored files left out."""
    now = open_base(base.root, spec)
    if isinstance(now, StoredBase):
        return {path: f"{mode:o} {oid}" for path, (mode, oid) in now.entries().items()}
    assert isinstance(now, TreeBase)
    return {
        path: f"{found.st_size} {found.st_mtime_ns} {git_mode(found.st_mode)}"
        for path, found in now.look().items()
    }


def moved(before: Marks, now: Marks, aside: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that changed, came or went, but for those `aside`, sorted."""
    paths = before.keys() | now.keys()
    return tuple(sorted(p for p in paths if before.get(p) != now.get(p) and p not in aside))
