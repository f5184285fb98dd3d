"""Puts one file in the place of another so that bytes nobody has seen are never lost.

Paths are relative to the root; every one is reached through `beneath`, so a link that comes in between stops the write.
"""

import errno
import os
import stat
from pathlib import Path

from treadle.workspace import beneath
from treadle.workspace.base import git_mode, read_file
from treadle.workspace.changes import EXECUTABLE, LINK, digest

_NOREPLACE, _EXCHANGE = 1, 2
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Raced(Exception):
    """What stood at the path was not what was expected; it stands there again."""


def prepare(root: Path, path: str, temporary: str, content: bytes, mode: int, bits: int | None) -> None:
    """Writes `content` to `temporary`, lasting, with the owner and attributes of `path` where that exists, and the
    permissions `bits` (None: those of `path`, but that it runs as nobody else)."""
    there = beneath.status(root, path)
    with beneath.holding(root, temporary) as (folder, name):
        if mode == LINK:
            os.symlink(os.fsdecode(content), name, dir_fd=folder)
            return
        fd = os.open(name, _NEW, 0o600, dir_fd=folder)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            if there is not None and stat.S_ISREG(there.st_mode):
                _dress(fd, root, path, there)
            umask = 0 if bits is not None or there is not None else _umask()
            os.fchmod(fd, (_permissions(there, mode) if bits is None else bits) & ~umask)
            file.flush()
            os.fsync(fd)


def put(root: Path, path: str, temporary: str, before: str | None) -> None:
    """Moves `temporary` to `path` if that holds bytes of the digest `before` (None: nothing is there), and what
    was there to `temporary` (where the file system can't exchange two names, it is gone).

    Raises: `Raced` when `path` holds something else, also when that came in this very moment.
    """
    if before is None:
        if not _rename(root, temporary, path, _NOREPLACE):
            raise Raced(path)
        return
    if _digest(root, path) != before:
        raise Raced(path)
    if not _rename(root, temporary, path, _EXCHANGE):
        beneath.rename(root, temporary, path)
    elif _digest(root, temporary) != before:
        _rename(root, temporary, path, _EXCHANGE)
        raise Raced(path)


def take(root: Path, path: str, temporary: str, before: str | None) -> None:
    """Moves `path` to `temporary` if it holds bytes of the digest `before`. Raises: `Raced` when it does not."""
    if before is None or _digest(root, path) != before:
        raise Raced(path)
    beneath.rename(root, path, temporary)
    if _digest(root, temporary) != before:
        _rename(root, temporary, path, _NOREPLACE)
        raise Raced(path)


def give_back(root: Path, path: str, temporary: str) -> None:
    """Moves `temporary` over `path`."""
    beneath.rename(root, temporary, path)


def _digest(root: Path, path: str) -> str | None:
    content = read_file(root, path)
    return None if content is None else digest(content)


def _dress(fd: int, root: Path, path: str, there: os.stat_result) -> None:
    """Gives the open file the owner and extended attributes of `path`, as far as this user may."""
    try:
        if (there.st_uid, there.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, there.st_uid, there.st_gid)
        with beneath.holding(root, path) as (folder, name):
            old = os.open(name, _OLD, dir_fd=folder)
        with os.fdopen(old, "rb"):
            for attribute in os.listxattr(old):
                os.setxattr(fd, attribute, os.getxattr(old, attribute))
    except (OSError, AttributeError):
        pass


def _permissions(there: os.stat_result | None, mode: int) -> int:
    """The permission bits for a file of git mode `mode` that takes the place of `there`."""
    bits = 0o644
    if there is not None and stat.S_ISREG(there.st_mode):
        bits = stat.S_IMODE(there.st_mode) & 0o777
        if git_mode(there.st_mode) == mode:
            return bits
    return bits | (bits & 0o444) >> 2 if mode == EXECUTABLE else bits & ~0o111


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _rename(root: Path, source: str, target: str, flag: int) -> bool:
    """renameat2 with `flag`. False: for `_NOREPLACE` something is there, for `_EXCHANGE` it can't be done here."""
    import ctypes

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    with beneath.holding(root, source) as (fd, name), beneath.holding(root, target) as (other, new):
        if renameat2 is not None:
            if renameat2(fd, os.fsencode(name), other, os.fsencode(new), ctypes.c_uint(flag)) == 0:
                return True
            number = ctypes.get_errno()
            if number == errno.EEXIST and flag == _NOREPLACE:
                return False
            if number not in _UNSUPPORTED:
                raise OSError(number, os.strerror(number), str(root / target))
        if flag == _EXCHANGE or beneath.status(root, target) is not None:
            return False
        os.rename(name, new, src_dir_fd=fd, dst_dir_fd=other)
        return True
