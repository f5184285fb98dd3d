"""Runs one command in namespaces of its own. Stdlib only; `overlay.py` starts `main` in a bare Python.

Three processes: this one enters the namespaces and mounts; its child is their first process, reaps and takes all
others with it when it ends; the grandchild is the command (an empty one only tries the sandbox). What happens goes
to the file descriptor `status`, a line each: `error TEXT` (the sandbox could not be made), `folder ERRNO` (no such
cwd), `missing ERRNO` (no such program), `exit N` (negative: the signal).
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself loads enum and more
import ctypes
import marshal
import os
import sys

from treadle.workspace.confine import begin, confine, execute, reaped
from treadle.workspace.mounts import call_libc, mount_all, mount_proc, try_to_write

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_SET_PDEATHSIG = 1


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _identity(kind: str) -> str:
    """The caller's whole id map, each id to itself."""
    with open(f"/proc/self/{kind}_map") as lines:
        return "".join("{0} {0} {2}\n".format(*line.split()) for line in lines)


def _enter_user(uid: int, gid: int) -> None:
    """A user namespace in which every id means what it means outside: all ids for root, else the caller's."""
    if uid == 0 and _enter_mapped({"uid": _identity("uid"), "gid": _identity("gid")}):
        return
    if uid != 0:
        call_libc("unshare", _NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _enter_mapped(maps: dict[str, str]) -> bool:
    """Enters a user namespace whose maps a process outside it writes; says whether it could."""
    ready, go = os.pipe()
    me = os.getpid()
    writer = os.fork()
    if writer == 0:
        code = 1
        try:
            os.close(go)
            os.read(ready, 1)
            for kind, text in maps.items():
                _write(f"/proc/{me}/{kind}_map", text)
            code = 0
        finally:
            os._exit(code)
    os.close(ready)
    call_libc("unshare", _NEWUSER)
    os.close(go)
    return os.waitpid(writer, 0)[1] == 0


def _loopback_up() -> None:
    import _socket
    import fcntl

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    request = b"lo".ljust(16, b"\0") + (0x41).to_bytes(2, sys.byteorder) + bytes(22)
    fcntl.ioctl(probe.fileno(), 0x8914, request)
    probe.close()


def _first_process(spec: "dict[str, Any]", status: int, alive: int) -> None:
    """The namespaces' first process: starts the command, reaps, and ends with it.

    `alive` is a pipe whose other end only the starter holds: it tells of one that died before the death signal
    was asked for.
    """
    _LIBC.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":
            return
    except BlockingIOError:
        os.close(alive)
    own_proc = mount_proc(spec["limits"]["processes"])
    if spec["network"] == "loopback":
        _loopback_up()
    code = reaped(begin(lambda: _become_command(spec, status, own_proc), status))
    os.write(status, b"exit %d\n" % code)


def _become_command(spec: "dict[str, Any]", status: int, own_proc: bool) -> None:
    os.setsid()
    held = confine(spec, [*spec["writable"], "/proc", "/dev"], alone=True)
    if not own_proc and held == 0:
        raise OSError(1, "no /proc of its own, and no Landlock to guard the processes in the one there is")
    try_to_write(spec["denied"])
    if not spec["argv"][0]:
        os.write(status, b"exit 0\n")
        return
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.chdir(os.path.join(spec["root"], spec["cwd"]))
    except OSError as error:
        os.write(status, b"folder %d\n" % (error.errno or 0))
        return
    execute(spec, status)


def main() -> int:
    """Makes the sandbox that the spec describes and runs its command; returns 0 when it ran."""
    with open(sys.argv[-1], "rb") as file:
        spec = marshal.load(file)
    status = spec["status"]
    os.set_inheritable(status, False)
    _LIBC.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != spec["parent"]:
        return 1
    try:
        _enter_user(spec["uid"], spec["gid"])
        call_libc("unshare", _NEWNS | _NEWIPC | _NEWPID | (0 if spec["network"] == "all" else _NEWNET))
        # Entering a user namespace may have taken the death signal back.
        _LIBC.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)
        spec["writable"] = mount_all(spec)
        alive, held = os.pipe()
        first = os.fork()
        if first == 0:
            os.close(held)
            try:
                _first_process(spec, status, alive)
            except OSError as error:
                os.write(status, f"error {error.strerror}\n".encode())
            os._exit(0)
    except OSError as error:
        os.write(status, f"error {error.strerror}\n".encode())
        return 1
    signal.signal(signal.SIGTERM, lambda *_: os.kill(first, 9))
    os.waitpid(first, 0)
    return 0
