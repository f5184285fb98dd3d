"""Paths as the rooms name them: posix, relative to the root, checked by their letters alone."""

import os
from pathlib import Path

from treadle.protocol.errors import PathError


def clean(path: str) -> str:
    """`path` without `.` and empty parts.

    Raises: `PathError` for one that is absolute, empty, climbs with `..`, holds a NUL or what no file name can, or
    lies in `.git`.
    """
    if not path or "\0" in path or not _is_name(path):
        raise PathError(f"not a path: {path!r}")
    if path.startswith("/"):
        raise PathError(f"absolute path: {path!r}", hint="name files relative to the repository's root")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise PathError(f"not a file: {path!r}")
    if ".." in parts:
        raise PathError(f"path leaves the repository: {path!r}")
    if any(part.lower() == ".git" for part in parts):
        raise PathError(f"git's own folder is not to be touched: {path!r}")
    return "/".join(parts)


def _is_name(path: str) -> bool:
    """Whether the text stands for bytes, as every file name does."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def is_own(path: str) -> bool:
    """Whether `path` lies in `.treadle`, whose files act: no command changes those."""
    return path.partition("/")[0].lower() == ".treadle"


def parents(path: str) -> list[str]:
    """The folders above `path`, the nearest first; the root itself is left out."""
    above: list[str] = []
    while "/" in path:
        path = path.rpartition("/")[0]
        above.append(path)
    return above


def inside(root: Path, path: str) -> Path:
    """Where `path` stands on disk, its last part not followed.

    Raises: `PathError` when a link on the way leads out of `root`.
    """
    full = root / path
    folder = os.path.realpath(full.parent)
    top = os.path.realpath(root)
    if folder != top and not folder.startswith(top.rstrip("/") + "/"):
        raise PathError(f"a link leads out of the repository: {path!r}")
    relative = os.path.relpath(folder, top)
    if any(part.lower() == ".git" for part in relative.split(os.sep)):
        raise PathError(f"git's own folder is not to be touched: {path!r}")
    return full
