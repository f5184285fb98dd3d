"""The one way to a path in the user's tree: every part of it opened below the root, so that no link leads out.

Linux opens the folder by one `openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)`. Where the
kernel has none, or a link stands on the way of a reader, each part is opened from the one before without following
it; links are read and walked here, and their `..` goes back along the folders that are held open.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from treadle.protocol.errors import PathError
from treadle.workspace.paths import clean

_OPENAT2 = 437
"""The call's number on every architecture but alpha."""
_BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS = 0x08, 0x04, 0x02
_MOST_LINKS = 40
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_ONLY_PATH: int = getattr(os, "O_PATH", 0)
_MISSING = (FileNotFoundError, NotADirectoryError)

Call = Callable[[int, bytes], int]
"""Opens a folder below another: a file descriptor, or a negative errno."""


class Linked(PathError):
    """A link stands where only folders may, or leads out of the root."""


@contextmanager
def holding(root: Path, path: str, *, links: bool = False) -> Iterator[tuple[int, str]]:
    """A descriptor of the folder that holds `path`, and the last part of it; good for calls that take `dir_fd`.

    `links`: links on the way are followed inside of `root`. Raises: `Linked`, `PathError` for a path that can't be
    inside, `OSError` where a folder is missing.
    """
    above, _, name = clean(path).rpartition("/")
    fd = open_folder(root, above, links=links)
    try:
        yield fd, name
    except OSError as error:
        if isinstance(error.filename, str) and not os.path.isabs(error.filename):
            error.filename = str(root / path)  # a name alone tells nobody where it is
        raise
    finally:
        os.close(fd)


def open_folder(root: Path, path: str, *, links: bool = False) -> int:
    """A descriptor of the folder `path` below `root` ("" for the root itself), to be closed by the caller.

    Raises: `Linked`, `OSError` where it is none.
    """
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | _ONLY_PATH)
    if not path:
        return top
    try:
        call = _openat2()
        done = call(top, os.fsencode(path)) if call is not None else -errno.ENOSYS
        if done >= 0:
            return done
        if -done in (errno.ENOSYS, errno.EPERM, errno.EAGAIN, errno.EINVAL, errno.E2BIG):
            return _walk(root, top, path, links=links)
        if -done in (errno.ELOOP, errno.EXDEV):
            if links:
                return _walk(root, top, path, links=True)
            raise Linked(f"a link stands on the way, which is not written through: {path!r}")
        raise OSError(-done, os.strerror(-done), str(root / path))
    finally:
        os.close(top)


def status(root: Path, path: str, *, links: bool = False) -> os.stat_result | None:
    """What stands at `path`, itself not followed; None for nothing. Raises: `Linked`, `OSError`."""
    try:
        with holding(root, path, links=links) as (fd, name):
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except _MISSING:
        return None


def is_folder(root: Path, path: str) -> bool:
    """Whether a folder, and no link to one, stands at `path`."""
    found = status(root, path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def read_bytes(root: Path, path: str, most: int) -> bytes | None:
    """The bytes of the file, or the target of the link; None where there is neither (a folder, pipe, device).

    Raises: `Linked`, `PathError` for a file of more than `most` bytes, `OSError`.
    """
    with holding(root, path, links=True) as (fd, name):
        for _ in range(_MOST_LINKS):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                with suppress(OSError):
                    return os.fsencode(os.readlink(name, dir_fd=fd))
                continue
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > most:
                raise PathError(
                    f"{path} holds {found.st_size >> 20} MiB, more than the {most >> 20} that treadle works on"
                )
            try:
                content = _content(fd, name)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENXIO):
                    raise
                continue
            if content is not None:
                return content
    raise PathError(f"{path} changes from moment to moment")


def _content(fd: int, name: str) -> bytes | None:
    """The file's bytes, None where it became something else. A pipe that took its place is not waited for."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=fd)
    with open(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return opened.read()


def unlink(root: Path, path: str) -> None:
    """Removes a file or link; nothing where there is none. Raises: `Linked`, `OSError`."""
    with suppress(*_MISSING), holding(root, path) as (fd, name):
        os.unlink(name, dir_fd=fd)


def make_folder(root: Path, path: str, bits: int) -> None:
    """Makes a folder, with the permissions `bits` where those are not negative. Raises: `Linked`, `OSError`."""
    with holding(root, path) as (fd, name):
        os.mkdir(name, dir_fd=fd)
        if bits >= 0:
            made = os.open(name, _FOLDER, dir_fd=fd)
            try:
                os.fchmod(made, bits)
            finally:
                os.close(made)


def remove_folder(root: Path, path: str) -> None:
    """Removes an empty folder. Raises: `Linked`, `OSError`."""
    with holding(root, path) as (fd, name):
        os.rmdir(name, dir_fd=fd)


def rename(root: Path, source: str, target: str) -> None:
    """Moves one name over another. Raises: `Linked`, `OSError`."""
    with holding(root, source) as (fd, name), holding(root, target) as (other, new):
        os.replace(name, new, src_dir_fd=fd, dst_dir_fd=other)


def _walk(root: Path, top: int, path: str, *, links: bool) -> int:
    """The folder, one part after the other. Raises: `Linked`, `OSError`."""
    held = [os.dup(top)]
    parts = path.split("/")[::-1]
    left = _MOST_LINKS if links else 0
    try:
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if len(held) == 1:
                    raise Linked(f"a link leads out of the repository: {path!r}")
                os.close(held.pop())
                continue
            if part.lower() == ".git":
                raise PathError(f"git's own folder is not to be touched: {path!r}")
            target = _step(held, part)
            if target is None:
                continue
            if left == 0:
                raise Linked(f"a link stands on the way, which is not followed: {path!r}")
            left -= 1
            if target.startswith("/"):
                target = _below(root, target, path)
                while len(held) > 1:
                    os.close(held.pop())
            parts.extend(target.split("/")[::-1])
        return held.pop()
    finally:
        for fd in held:
            os.close(fd)


def _step(held: list[int], part: str) -> str | None:
    """Opens `part` below the last of `held` and puts it there; a link's target where it is one."""
    try:
        held.append(os.open(part, _FOLDER | _ONLY_PATH, dir_fd=held[-1]))
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise
        try:
            return os.readlink(part, dir_fd=held[-1])
        except OSError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), part) from None
    return None


def _below(root: Path, target: str, path: str) -> str:
    """The part of a link's absolute target below `root`. Raises: `Linked` where it is not below."""
    top = os.path.realpath(root).rstrip("/") + "/"
    if not (target + "/").startswith(top):
        raise Linked(f"a link leads out of the repository: {path!r}")
    return target[len(top) :]


@cache
def _openat2() -> Call | None:
    """The call, None where this system has none."""
    if not sys.platform.startswith("linux") or os.uname().machine == "alpha":
        return None
    import ctypes

    class How(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "mode", "resolve")]

    syscall = ctypes.CDLL(None, use_errno=True).syscall
    # Not O_NOFOLLOW: a link at the end must be told from a file there.
    how = How(_FOLDER & ~os.O_NOFOLLOW | _ONLY_PATH, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    size = ctypes.c_size_t(ctypes.sizeof(how))

    def call(top: int, path: bytes) -> int:
        done: int = syscall(ctypes.c_long(_OPENAT2), top, ctypes.c_char_p(path), ctypes.byref(how), size)
        return done if done >= 0 else -ctypes.get_errno()

    return call
