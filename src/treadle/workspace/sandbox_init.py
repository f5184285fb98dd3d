"""Runs one command in namespaces of its own. Stdlib only; started as `python -I -S sandbox_init.py SPEC`.

SPEC is a file of `marshal`led fields that `overlay.py` writes. Three processes: this one enters the namespaces
and mounts; its child is their first process, reaps and takes all others with it when it ends; the grandchild is
the command (an empty one only tries the sandbox). What happens goes to the file descriptor `status`, a line each: `error TEXT` (the sandbox could not
be made), `folder ERRNO` (no such cwd), `missing ERRNO` (no such program), `exit N` (negative: the signal).
"""

# ruff: noqa: PTH
import _signal as signal
import ctypes
import marshal
import os
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _AT_RECURSIVE = 442, 0x8000
_SET_PDEATHSIG, _SET_NO_NEW_PRIVS = 1, 38
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PROC_GUARDED = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")


def _call(name, *args):
    if getattr(_LIBC, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source, target, kind=None, flags=0, data=None):
    try:
        _call(
            "mount",
            *(None if part is None else os.fsencode(part) for part in (source, target, kind)),
            ctypes.c_ulong(flags),
            None if data is None else os.fsencode(data),
        )
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({kind or 'bind'} on {target})") from None


def _by_fd(fd):
    """A path to what `fd` holds that no later mount covers."""
    return f"/proc/self/fd/{fd}"


def _hold(path):
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _identity(kind):
    """The caller's whole id map, each id to itself."""
    with open(f"/proc/self/{kind}_map") as lines:
        return "".join("{0} {0} {2}\n".format(*line.split()) for line in lines)


def _enter_user(uid, gid):
    """A user namespace in which every id means what it means outside: all ids for root, else the caller's."""
    if uid == 0 and _enter_mapped({"uid": _identity("uid"), "gid": _identity("gid")}):
        return
    if uid != 0:
        _call("unshare", _NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _enter_mapped(maps):
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
    _call("unshare", _NEWUSER)
    os.close(go)
    return os.waitpid(writer, 0)[1] == 0


def _set_readonly(path, on, recursive=False):
    fields = (ctypes.c_uint64 * 4)(_RDONLY if on else 0, 0 if on else _RDONLY, 0, 0)
    flags = ctypes.c_uint(_AT_RECURSIVE if recursive else 0)
    done = _LIBC.syscall(
        ctypes.c_long(_MOUNT_SETATTR), ctypes.c_int(-100), os.fsencode(path), flags, fields, ctypes.c_size_t(32)
    )
    if done == 0:
        return
    if ctypes.get_errno() not in (38, 1):
        raise OSError(ctypes.get_errno(), f"mount_setattr {path}")
    for target, held in _mounted(path) if recursive else [(path, 0)]:
        _mount(None, target, None, _REMOUNT | _BIND | held | (_RDONLY if on else 0))


def _mounted(under):
    """Mount points from `under` on with the flags that a remount must keep."""
    names = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split()
            target = fields[4].encode().decode("unicode_escape")
            if target.startswith(under):
                found.append((target, sum(names.get(name, 0) for name in fields[5].split(","))))
    return found


def _overlay(target, lowers, upper, work):
    data = "lowerdir={},upperdir={},workdir={},userxattr".format(
        ":".join(_by_fd(fd) for fd in lowers), _by_fd(upper), _by_fd(work)
    )
    _mount("overlay", target, "overlay", _NOSUID, data)


def _bind(fd, target):
    """Binds what `fd` holds at `target`, which is made where it is missing."""
    if not os.path.lexists(target):
        if os.path.isdir(_by_fd(fd)):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(_by_fd(fd), target, None, _BIND)


def _mount_all(spec):
    """The whole picture that the command sees: its repository, and all else read only."""
    root, home, scratch = spec["root"], spec["home"], spec["scratch"]
    _mount(None, "/", None, _REC | _PRIVATE)
    lowers = [_hold(path) for path in [*spec["lowers"], root]]
    upper, work = _hold(spec["upper"]), _hold(spec["work"])
    git = [(path, _hold(path)) for path in spec["git"]]
    hidden = ("/tmp/", "/var/tmp/")
    kept = [(path, _hold(path)) for path in spec["keep"] if path.startswith(hidden)]
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
    for path, fd in kept:
        _bind(fd, path)
    if home:
        writable += _mount_home(home, home_fd, home_upper, home_work, cache)
    os.makedirs(root, exist_ok=True)
    _overlay(root, lowers, upper, work)
    for path, fd in git:
        _bind(fd, path)
    if scratch:
        _bind(scratch_fd, scratch)
        writable.append(scratch)
    writable += _mount_devices()
    for path in spec["masked"]:
        _mask(path)
    _set_readonly("/", on=True, recursive=True)
    for path in writable:
        _set_readonly(path, on=False)
    _prove(spec["denied"])


def _prove(path):
    """Raises `OSError` if the rest of the machine can be written after all."""
    try:
        fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    except OSError:
        return
    os.close(fd)
    if not path.startswith(("/tmp/", "/var/tmp/")):
        raise OSError(1, f"what should be read only is not: {path}")


def _mount_home(home, lower, upper, work, cache):
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


def _mount_devices():
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


def _mask(path):
    """Puts nothing in the place of a file or folder that gives power outside."""
    if os.path.isdir(path):
        _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=0755")
    elif os.path.lexists(path):
        _mount("/dev/null", path, None, _BIND)


def _mount_proc(uid):
    try:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except OSError:
        return
    if uid == 0:
        for name in _PROC_GUARDED:
            path = "/proc/" + name
            if os.path.exists(path):
                _mount(path, path, None, _BIND | _REC)
                _set_readonly(path, on=True, recursive=True)


def _loopback_up():
    import _socket
    import fcntl

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    request = b"lo".ljust(16, b"\0") + (0x41).to_bytes(2, sys.byteorder) + bytes(22)
    fcntl.ioctl(probe.fileno(), 0x8914, request)
    probe.close()


def _first_process(spec, status, alive):
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
    _mount_proc(spec["uid"])
    if not spec["network"]:
        _loopback_up()
    if not spec["argv"][0]:
        os.write(status, b"exit 0\n")
        return
    command = os.fork()
    if command == 0:
        try:
            _become_command(spec, status)
        finally:
            os._exit(127)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    while True:
        pid, ended = os.wait()
        if pid == command:
            os.write(status, b"exit %d\n" % os.waitstatus_to_exitcode(ended))
            return


def _become_command(spec, status):
    os.setsid()
    if spec["uid"] == 0:
        _enter_mapped({"uid": _identity("uid"), "gid": _identity("gid")})
    _LIBC.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.chdir(os.path.join(spec["root"], spec["cwd"]))
    except OSError as error:
        os.write(status, b"folder %d\n" % (error.errno or 0))
        return
    try:
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        os.write(status, b"missing %d\n" % (error.errno or 0))


def main():
    """Makes the sandbox that the spec describes and runs its command; returns 0 when it ran."""
    with open(sys.argv[1], "rb") as file:
        spec = marshal.load(file)
    status = spec["status"]
    os.set_inheritable(status, False)
    _LIBC.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != spec["parent"]:
        return 1
    try:
        _enter_user(spec["uid"], spec["gid"])
        _call("unshare", _NEWNS | _NEWIPC | _NEWPID | (0 if spec["network"] else _NEWNET))
        # Entering a user namespace may have taken the death signal back.
        _LIBC.prctl(_SET_PDEATHSIG, 9, 0, 0, 0)
        _mount_all(spec)
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


if __name__ == "__main__":
    sys.exit(main())
