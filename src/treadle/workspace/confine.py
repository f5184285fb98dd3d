"""The last things that happen to a process before it becomes a command: all that it must not keep. Stdlib only."""

import ctypes
import os
import resource

from treadle.workspace.landlock import restrict
from treadle.workspace.seccomp import install_filter

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_NO_NEW_PRIVS, _DROP_BOUND, _AMBIENT = 38, 24, 47
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LIMITS = {
    "processes": resource.RLIMIT_NPROC,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "memory_bytes": resource.RLIMIT_AS,
    "cpu_s": resource.RLIMIT_CPU,
}


def confine(
    spec: "dict[str, Any]", writable: "Iterable[str]", *, alone: bool, hidden: "Iterable[str] | None" = None
) -> int:
    """Takes from this process its capabilities, all of the machine that it must not change, and dangerous calls.

    `alone`: it is in namespaces of its own, where a socket of any kind finds nobody but its own. Gives Landlock's
    version, 0 where the kernel has none. Raises: `OSError`.
    """
    inet = alone or spec["network"] == "all"
    _LIBC.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _first_to_go()
    _set_limits(spec["limits"])
    drop_capabilities(spec.get("capabilities", ()))
    held = restrict(writable, hidden=hidden, tcp=inet)
    install_filter(inet=inet, unix=alone, alone=alone)
    return held


def _first_to_go() -> None:
    """Where memory runs out the kernel takes the command, and not what the user works with."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return


def _set_limits(limits: dict[str, int]) -> None:
    """Lowers what one command may use; 0 leaves what treadle itself has."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, wanted in limits.items():
        if wanted <= 0:
            continue
        soft, hard = resource.getrlimit(_LIMITS[name])
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if name == "open_files" and soft != resource.RLIM_INFINITY:
            soft = min(soft, most)
        else:
            soft = most
        resource.setrlimit(_LIMITS[name], (soft, most))


def drop_capabilities(keep: "Iterable[int]" = ()) -> None:
    """Leaves this process, and every program it becomes, no capability but `keep`."""
    kept = frozenset(keep)
    for number in range(64):
        if number not in kept:
            _LIBC.prctl(_DROP_BOUND, ctypes.c_ulong(number), 0, 0, 0)
    _LIBC.prctl(_AMBIENT, ctypes.c_ulong(4), 0, 0, 0)
    bits = sum(1 << number for number in kept)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    call = _CAPSET.get(os.uname().machine, -1)
    if call < 0 or _LIBC.syscall(ctypes.c_long(call), header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset: capabilities can't be dropped")


def begin(become: "Callable[[], None]", status: int) -> int:
    """The process that `become` turns into the command; `status` hears why where it can't. This process, which
    stays, keeps no stream of the command's."""
    command = os.fork()
    if command == 0:
        try:
            become()
        except OSError as error:
            os.write(status, f"error {error.strerror}\n".encode())
        finally:
            os._exit(127)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    return command


def reaped(command: int) -> int:
    """The command's return code, once it has ended; whatever else ends below this process is reaped on the way."""
    while True:
        pid, ended = os.wait()
        if pid == command:
            return os.waitstatus_to_exitcode(ended)


def execute(spec: "dict[str, Any]", status: int) -> None:
    """Becomes the spec's command; comes back only where there is none, of which `status` hears."""
    try:
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        os.write(status, b"missing %d\n" % (error.errno or 0))
