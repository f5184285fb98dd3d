"""Landlock: what a process and all it starts may do with files, whatever its user may. Stdlib only.

The kernel's `linux/landlock.h`. It knows no way to take a folder out of one that is allowed, and does not guard
modes, owners, times and attributes of files.
"""

import ctypes
import os

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _TRUNCATE = 1, 2, 4, 1 << 14
# Removing and making of all kinds but devices; moving between folders; then devices, which nobody is allowed.
_CHANGE = 0x10 | 0x20 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 1 << 13
_DEVICES = 0x40 | 0x800
_TCP, _SCOPES = 3, 3
WALL = 6
"""The first version that also holds signals and abstract sockets: less is no wall of its own."""


def version() -> int:
    """The version that the kernel has; 0 for none."""
    found = _LIBC.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(1))
    return max(0, int(found))


def restrict(writable: "Iterable[str]", *, hidden: "Iterable[str] | None" = None, tcp: bool = True) -> int:
    """From here on this process changes nothing but below `writable`. Gives the version that did it, 0 for none.

    `hidden`, where named, can't be read any more, nor what comes to be in the folders above them. Without `tcp`
    nothing connects or listens. Needs `no_new_privs`. Raises: `OSError` where the kernel refuses.
    """
    has = version()
    if has == 0:
        return 0
    change = _WRITE_FILE | _CHANGE | (_TRUNCATE if has >= 3 else 0)
    if has < 2:
        change &= ~(1 << 13)
    read = _READ_FILE | _EXECUTE
    handled = (
        change | _DEVICES | (read if hidden is not None else 0),
        0 if tcp or has < 4 else _TCP,
        _SCOPES if has >= 6 else 0,
    )
    size = 8 if has < 4 else 16 if has < 6 else 24
    fields = (ctypes.c_uint64 * 3)(*handled)
    rules = _call(_CREATE, fields, ctypes.c_size_t(size), ctypes.c_uint(0))
    try:
        for path in writable:
            _allow(rules, path, change | (read if hidden is not None else 0))
        for path in _all_but({os.path.realpath(name) for name in hidden or ()}) if hidden is not None else ():
            _allow(rules, path, read)
        _call(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0))
    finally:
        os.close(rules)
    return has


def _all_but(hidden: set[str]) -> "Iterable[str]":
    """Folders and files that hold everything there is but `hidden`."""
    above = {"/"}
    for name in hidden:
        while name != "/":
            name = os.path.dirname(name)
            above.add(name)
    for folder in above:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if path not in hidden and path not in above and not os.path.islink(path):
                yield path


def _allow(rules: int, path: str, access: int) -> None:
    """Allows `access` at and below `path`; nothing where it can't be opened."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{fd}"):
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
        beneath = access.to_bytes(8, "little") + fd.to_bytes(4, "little")
        _call(_ADD, ctypes.c_int(rules), ctypes.c_int(1), beneath, ctypes.c_uint(0))
    finally:
        os.close(fd)


def _call(number: int, *args: object) -> int:
    done = _LIBC.syscall(ctypes.c_long(number), *args)
    if done < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return int(done)
