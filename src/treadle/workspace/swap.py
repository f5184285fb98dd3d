"""Puts one file in the place of another so that bytes nobody has seen are never lost."""

import os
import stat
from pathlib import Path

from treadle.workspace.base import read_file
from treadle.workspace.changes import LINK, digest
from treadle.workspace.layers import permissions

_NOREPLACE, _EXCHANGE = 1, 2
_UNSUPPORTED = (38, 22, 95)


class Raced(Exception):
    """What stood at the path was not what was expected; it stands there again."""


def prepare(place: Path, temporary: Path, content: bytes, mode: int, bits: int | None) -> None:
    """Writes `content` to `temporary`, lasting, with the owner and attributes of `place` where that exists, and
    the permissions `bits` (None: those of `place`)."""
    if mode == LINK:
        os.symlink(os.fsdecode(content), temporary)
        return
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        _dress(fd, place)
        umask = 0 if bits is not None or os.path.lexists(place) else _umask()
        os.fchmod(fd, (permissions(place, mode) if bits is None else bits) & ~umask)
        file.flush()
        os.fsync(fd)


def put(root: Path, path: str, temporary: str, before: str | None) -> None:
    """Moves `temporary` to `path` if that holds bytes of the digest `before` (None: nothing is there), and what
    was there to `temporary` (where the file system can't exchange two names, it is gone).

    Raises: `Raced` when `path` holds something else, also when that came in this very moment.
    """
    place, spare = root / path, root / temporary
    if before is None:
        if not _rename(spare, place, _NOREPLACE):
            raise Raced(path)
        return
    if _digest(root, path) != before:
        raise Raced(path)
    if not _rename(spare, place, _EXCHANGE):
        os.replace(spare, place)
    elif _digest(root, temporary) != before:
        _rename(spare, place, _EXCHANGE)
        raise Raced(path)


def take(root: Path, path: str, temporary: str, before: str | None) -> None:
    """Moves `path` to `temporary` if it holds bytes of the digest `before`. Raises: `Raced` when it does not."""
    if before is None or _digest(root, path) != before:
        raise Raced(path)
    os.rename(root / path, root / temporary)
    if _digest(root, temporary) != before:
        _rename(root / temporary, root / path, _NOREPLACE)
        raise Raced(path)


def give_back(root: Path, path: str, temporary: str) -> None:
    """Moves `temporary` over `path`."""
    os.replace(root / temporary, root / path)


def _digest(root: Path, path: str) -> str | None:
    content = read_file(root, path)
    return None if content is None else digest(content)


def _dress(fd: int, place: Path) -> None:
    """Gives the open file the owner and extended attributes of `place`, as far as this user may."""
    try:
        found = os.lstat(place)
        if not stat.S_ISREG(found.st_mode):
            return
        if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, found.st_uid, found.st_gid)
        for name in os.listxattr(place, follow_symlinks=False):
            os.setxattr(fd, name, os.getxattr(place, name, follow_symlinks=False))
    except (OSError, AttributeError):
        pass


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _rename(source: Path, target: Path, flag: int) -> bool:
    """renameat2 with `flag`. False: for `_NOREPLACE` something is there, for `_EXCHANGE` it can't be done here."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is not None:
        if renameat2(-100, os.fsencode(source), -100, os.fsencode(target), ctypes.c_uint(flag)) == 0:
            return True
        number = ctypes.get_errno()
        if number == 17 and flag == _NOREPLACE:
            return False
        if number not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number), str(target))
    if flag == _EXCHANGE or os.path.lexists(target):
        return False
    os.rename(source, target)
    return True
