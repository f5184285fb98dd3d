"""Runs one command in a copy under Landlock and the filter of calls. Stdlib only; `unwalled.py` starts `main`.

This process stays outside the wall: it takes over what the command leaves behind and ends it, also when treadle is
killed. The command can send it no signal. What happens goes to the file descriptor `status` as in `sandbox_init`.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself loads enum and more
import ctypes
import marshal
import os
import sys

from treadle.workspace.confine import begin, confine, execute, reaped
from treadle.workspace.mounts import try_to_write

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36


def main() -> int:
    """Runs the command that the spec describes and ends all it started; returns 0 when it ran."""
    with open(sys.argv[-1], "rb") as file:
        spec = marshal.load(file)
    status = spec["status"]
    os.set_inheritable(status, False)
    _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _end_all)
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != spec["parent"]:
        return 1
    code = reaped(begin(lambda: _become_command(spec, status), status))
    _end_children()
    os.write(status, b"exit %d\n" % code)
    return 0


def _become_command(spec: "dict[str, Any]", status: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    try:
        os.chdir(spec["cwd"])
    except OSError as error:
        os.write(status, b"folder %d\n" % (error.errno or 0))
        return
    confine(spec, spec["writable"], alone=False, hidden=spec["hidden"])
    try_to_write(spec["denied"])
    if not spec["argv"][0]:
        os.write(status, b"exit 0\n")
        return
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    execute(spec, status)


def _end_all(*_: object) -> None:
    _end_children()
    os._exit(1)


def _end_children() -> None:
    """Kills everything below this process, until nothing is left: an orphan becomes a child of this one."""
    while True:
        for pid in _below(os.getpid()):
            try:
                os.kill(pid, 9)
            except OSError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _below(top: int) -> list[int]:
    """Every process that descends from `top`."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, level = [], [top]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found
