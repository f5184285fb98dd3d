"""What a command in a sandbox sees of the machine. Stdlib only: used by `sandbox_init`, in a process of its own."""

import ctypes
import os

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _AT_RECURSIVE = 442, 0x8000
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PROC_GUARDED = ("sys", "sysrq-trigger", "irq", "bus", "fs")
_PROC_EMPTY = ("kcore", "keys", "key-users", "kmsg", "timer_list", "sched_debug", "acpi", "scsi", "asound")


def call_libc(name: str, *args: object) -> None:
    """Calls a C function that gives 0 for success. Raises: `OSError` for anything else."""
    if getattr(_LIBC, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(
    source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None
) -> None:
    try:
        call_libc(
            "mount",
            *(None if part is None else os.fsencode(part) for part in (source, target, kind)),
            ctypes.c_ulong(flags),
            None if data is None else os.fsencode(data),
        )
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({kind or 'bind'} on {target})") from None


def _by_fd(fd: int) -> str:
    """A path to what `fd` holds that no later mount covers."""
    return f"/proc/self/fd/{fd}"


def _hold(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _set_readonly(path: str, *, on: bool, recursive: bool = False) -> None:
    fields = (ctypes.c_uint64 * 4)(_RDONLY if on else 0, 0 if on else _RDONLY, 0, 0)
    flags = ctypes.c_uint(_AT_RECURSIVE if recursive else 0)
    done = _LIBC.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(-100),
        os.fsencode(path),
        flags,
        fields,
        ctypes.c_size_t(32),
    )
    if done == 0:
        return
    if ctypes.get_errno() not in (38, 1):
        raise OSError(ctypes.get_errno(), f"mount_setattr {path}")
    for target, held in _mounted(path) if recursive else [(path, 0)]:
        _mount(None, target, None, _REMOUNT | _BIND | held | (_RDONLY if on else 0))


def _mounted(under: str) -> list[tuple[str, int]]:
    """Mount points from `under` on with the flags that a remount must keep."""
    names = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split()
            raw = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
            target = os.fsdecode(raw.encode("latin-1"))
            if target.startswith(under):
                found.append((target, sum(names.get(name, 0) for name in fields[5].split(","))))
    return found


def _overlay(target: str, lowers: list[int], upper: int, work: int) -> None:
    data = "lowerdir={},upperdir={},workdir={},userxattr".format(
        ":".join(_by_fd(fd) for fd in lowers), _by_fd(upper), _by_fd(work)
    )
    _mount("overlay", target, "overlay", _NOSUID, data)


def _bind(fd: int, target: str) -> None:
    """Binds what `fd` holds at `target`, which is made where it is missing."""
    if not os.path.lexists(target):
        if os.path.isdir(_by_fd(fd)):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(_by_fd(fd), target, None, _BIND)


def mount_all(spec: "dict[str, Any]") -> list[str]:
    """Mounts the whole picture that the command sees: its repository, and all else read only. Gives the folders
    that it may write to.

    `spec` is what `overlay.py` wrote. Raises: `OSError`, naming the mount that failed.
    """
    root, home, scratch = spec["root"], spec["home"], spec["scratch"]
    _mount(None, "/", None, _REC | _PRIVATE)
    lowers = [_hold(path) for path in [*spec["lowers"], root]]
    upper, work = _hold(spec["upper"]), _hold(spec["work"])
    git = [(path, _hold(path)) for path in spec["git"]]
    kept = [(path, _hold(path)) for path in spec["keep"]]
    unmasked = [(path, _hold(path)) for path in spec["unmask"]]
    scratch_fd = _hold(scratch) if scratch else -1
    home_fd = _hold(home) if home else -1
    cache = [_hold(path) for path in spec["cache"]] if home else []
    writable = ["/tmp", root]

    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=0700")
    os.mkdir("/tmp/upper")
    os.mkdir("/tmp/work")
    home_upper, home_work = _hold("/tmp/upper"), _hold("/tmp/work")
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=1777")
    if os.path.isdir("/var/tmp") and not os.path.islink("/var/tmp"):
        _mount("tmpfs", "/var/tmp", "tmpfs", _NOSUID | _NODEV, "mode=1777")
        writable.append("/var/tmp")
    writable += _mount_devices()
    for path in ("/run", "/var/run"):
        _empty_run(path)
    for path, fd in kept:
        _bind(fd, path)
    if home:
        writable += _mount_home(home, home_fd, home_upper, home_work, cache)
    for path in spec["masked"]:
        _mask(path)
    for path, fd in unmasked:
        _bind(fd, path)
    os.makedirs(root, exist_ok=True)
    _overlay(root, lowers, upper, work)
    for path, fd in git:
        _bind(fd, path)
    own = f"{root}/.treadle"
    if os.path.isdir(own) and not os.path.islink(own):
        _bind(_hold(own), own)
    if scratch:
        _bind(scratch_fd, scratch)
        writable.append(scratch)
    _set_readonly("/", on=True, recursive=True)
    for path in writable:
        _set_readonly(path, on=False)
    return writable


def _empty_run(path: str) -> None:
    """Leaves of the folder where services listen only its links: on some systems the PATH leads through one."""
    if not os.path.isdir(path) or os.path.islink(path):
        return
    links = [
        (name, os.readlink(f"{path}/{name}")) for name in os.listdir(path) if os.path.islink(f"{path}/{name}")
    ]
    _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, "mode=0755")
    for name, target in links:
        os.symlink(target, f"{path}/{name}")


def try_to_write(path: str) -> None:
    """Writes where nothing may reach the machine. Whoever made the sandbox looks outside whether it did."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError:
        return


def _mount_home(home: str, lower: int, upper: int, work: int, cache: list[int]) -> list[str]:
    """A home whose writes vanish; its `.cache` keeps them for the run. Says what became writable."""
    try:
        os.makedirs(home, exist_ok=True)
        _overlay(home, [lower], upper, work)
    except OSError:
        return []
    folder = home + "/.cache"
    try:
        os.makedirs(folder, exist_ok=True)
        # Its own lower: an overlay can't be the lower of one that shares its upper's file system twice.
        _overlay(folder, [os.open(folder, os.O_PATH | os.O_DIRECTORY)], *cache)
    except OSError:
        return [home]
    return [home, folder]


def _mount_devices() -> list[str]:
    held = [(name, _hold("/dev/" + name)) for name in _DEVICES if os.path.exists("/dev/" + name)]
    _mount("tmpfs", "/dev", "tmpfs", _NOSUID | _NOEXEC, "mode=0755")
    for name, fd in held:
        _bind(fd, "/dev/" + name)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, "/dev/" + name)
    os.mkdir("/dev/shm")
    _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")
    os.mkdir("/dev/pts")
    try:
        _mount("devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    except OSError:
        return ["/dev/shm"]
    os.symlink("pts/ptmx", "/dev/ptmx")
    return ["/dev/shm", "/dev/pts"]


def _mask(path: str) -> None:
    """Puts nothing in the place of a file or folder that gives power outside."""
    if os.path.isdir(path):
        _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=0755")
    elif os.path.lexists(path):
        _mount("/dev/null", path, None, _BIND)


def mount_proc(processes: int) -> bool:
    """Mounts a /proc of the present process namespace, read only where it would rule the machine, and empty where
    it tells of the machine's memory and keys. Says whether it could: inside some containers nobody can."""
    try:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except OSError:
        return False
    _limit_processes(processes)
    for name in _PROC_GUARDED:
        path = "/proc/" + name
        if os.path.exists(path):
            _mount(path, path, None, _BIND | _REC)
            _set_readonly(path, on=True, recursive=True)
    for name in _PROC_EMPTY:
        _mask("/proc/" + name)
    return True


def _limit_processes(most: int) -> None:
    """Bounds the processes of the namespace: root's own limit does not hold root. Older kernels know no such one."""
    if most <= 0:
        return
    try:
        with open("/proc/sys/kernel/pid_max", "w") as file:
            file.write(str(max(most, 512)))
    except OSError:
        return
