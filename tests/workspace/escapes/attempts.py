"""Attempts to get out of the sandbox, one after the other in one process behind the wall.

Started by `test_workspace_escapes.py` with a JSON file that tells where things lie. Prints a JSON line for each
attempt: its name, and what it believes it reached ("" for nothing). The test looks outside for the truth.
"""

import ctypes
import errno
import json
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
WORLD = json.loads(sys.argv[1])
CANARY = "ESCAPED"
ATTEMPTS = []


def attempt(name, go, *args):
    ATTEMPTS.append((name, go, args))


# --- Writing outside, in every way, at every place ------------------------------------------------------------


def create(place):
    with open(f"{place}/{CANARY}", "x") as file:
        file.write("x")


def make_folder(place):
    os.mkdir(f"{place}/{CANARY}-d")


def make_link(place):
    os.symlink("/etc/passwd", f"{place}/{CANARY}-l")


def make_pipe(place):
    os.mkfifo(f"{place}/{CANARY}-p")


def make_socket(place):
    socket.socket(socket.AF_UNIX).bind(f"{place}/{CANARY}-s")


def unnamed_then_linked(place):
    fd = os.open(place, os.O_TMPFILE | os.O_RDWR)
    os.link(f"/proc/self/fd/{fd}", f"{place}/{CANARY}-t", follow_symlinks=True)


def move_in(place):
    with open("own-file", "w") as file:
        file.write("x")
    os.rename("own-file", f"{place}/{CANARY}-m")


def link_in(place):
    with open("own-file", "w") as file:
        file.write("x")
    os.link("own-file", f"{place}/{CANARY}-h")


def through_proc_root(place):
    create(f"/proc/self/root{place}")


def through_own_link(place):
    os.symlink(place, "way-out")
    try:
        create("way-out")
    finally:
        os.unlink("way-out")


def through_dots(place):
    create("../" * 12 + place.lstrip("/"))


def through_open_folder(place):
    fd = os.open(place, os.O_PATH)
    os.close(os.open(f"{CANARY}-fd", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))


def by_shell(place):
    subprocess.run(["sh", "-c", f"echo x > {place}/{CANARY}-sh"], check=True, capture_output=True)


def by_dd(place):
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={place}/{CANARY}-dd", "count=1"], check=True, capture_output=True
    )


def remove_whole(place):
    shutil.rmtree(place)


def rename_away(place):
    os.rename(place, place + f"-{CANARY}")


def swap_names(place):
    os.mkdir("decoy")
    try:
        if LIBC.renameat2(-100, b"decoy", -100, place.encode(), 2) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")
    finally:
        os.rmdir("decoy")


IN_FOLDER = (
    create, make_folder, make_link, make_pipe, make_socket, unnamed_then_linked, move_in, link_in,
    through_proc_root, through_own_link, through_dots, through_open_folder, by_shell, by_dd, remove_whole, rename_away, swap_names,
)  # fmt: skip


def overwrite(file):
    with open(file, "w") as out:
        out.write(CANARY)


def append(file):
    with open(file, "a") as out:
        out.write(CANARY)


def cut(file):
    os.truncate(file, 0)


def unlink(file):
    os.unlink(file)


def rename_over(file):
    with open("own-file", "w") as out:
        out.write(CANARY)
    os.replace("own-file", file)


def change_mode(file):
    os.chmod(file, 0o777)


def change_times(file):
    os.utime(file, (1, 1))


def change_owner(file):
    os.chown(file, 12345, 12345)


def change_attribute(file):
    os.setxattr(file, "user.escaped", b"x")


def hard_link_and_write(file):
    os.link(file, "hard")
    try:
        overwrite("hard")
    finally:
        os.unlink("hard")


def shared_map(file):
    fd = os.open(file, os.O_RDWR)
    mmap.mmap(fd, 1, mmap.MAP_SHARED)[0] = 33


def reopen_by_descriptor(file):
    fd = os.open(file, os.O_RDONLY)
    overwrite(f"/proc/self/fd/{fd}")


def by_descriptor_mode(file):
    os.fchmod(os.open(file, os.O_RDONLY), 0o777)


def copy_range(file):
    out = os.open(file, os.O_WRONLY)
    os.copy_file_range(os.open("/etc/passwd", os.O_RDONLY), out, 10)


def by_sed(file):
    subprocess.run(["sed", "-i", "s/^/ESCAPED/", file], check=True, capture_output=True)


def punch(file):
    os.posix_fallocate(os.open(file, os.O_RDWR), 0, 1 << 20)


OF_FILE = (
    overwrite, append, cut, unlink, rename_over, change_mode, change_times, change_owner, change_attribute,
    hard_link_and_write, shared_map, reopen_by_descriptor, by_descriptor_mode, copy_range, by_sed, punch,
)  # fmt: skip
METADATA = {"change_mode", "change_times", "change_attribute", "by_descriptor_mode"}

for label, place in WORLD["folders"].items():
    for way in IN_FOLDER:
        if not (WORLD["careful"] and way in (remove_whole, rename_away)):
            attempt(f"{way.__name__} in {label}", way, place)
for label, file in WORLD["files"].items():
    for way in OF_FILE:
        if not (WORLD["skip_metadata"] and way.__name__ in METADATA):
            attempt(f"{way.__name__} of {label}", way, file)


# --- Reading what is hidden -----------------------------------------------------------------------------------


def read(path):
    found = b""
    for top, _, names in (
        os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), (), [os.path.basename(path)])]
    ):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                found += file.read(1 << 16)
    if b"S3CRET" not in found:
        raise PermissionError


for path in WORLD["secrets"]:
    attempt(f"read {path}", read, path)


def read_by(*argv):
    found = subprocess.run(argv, capture_output=True, check=False).stdout
    if b"S3CRET" not in found:
        raise PermissionError


HOME = WORLD["home"]
attempt(
    "grep the whole home", read_by, "sh", "-c", f"grep -rhs S3CRET {HOME}/.ssh {HOME}/.aws {HOME}/.config"
)
attempt("home by /proc/self/root", read, f"/proc/self/root{HOME}/.ssh/id_rsa")
attempt("home by another name", read_by, "sh", "-c", f"cd {HOME} && cat ./.ssh/../.ssh/id_rsa")
attempt("the environment of all", read_by, "sh", "-c", "env; cat /proc/*/environ")
attempt("the arguments of all", read_by, "sh", "-c", "cat /proc/*/cmdline | tr '\\0' ' '; ps axww")
attempt("a tar of what is hidden", read_by, "sh", "-c", f"tar c {HOME}/.ssh")
attempt("git's stored passwords", read_by, "git", "config", "--file", f"{HOME}/.git-credentials", "--list")
for pid in (WORLD["victim"], WORLD["treadle"]):
    for part in ("environ", "mem", "maps", "cwd/.", "root/etc/shadow", "fd/0", "stack", "auxv"):
        attempt(f"/proc/{pid}/{part}", read, f"/proc/{pid}/{part}")


# --- Calls that nothing honest needs --------------------------------------------------------------------------

MACHINE = 0 if os.uname().machine == "x86_64" else 1
REFUSED = (errno.EPERM, errno.ENOSYS, errno.EACCES)


def call(numbers, *args):
    """A call that would be told its arguments are wrong if it got through: only a refusal is no escape."""
    done = LIBC.syscall(ctypes.c_long(numbers[MACHINE]), *(ctypes.c_long(a) for a in args))
    number = ctypes.get_errno()
    if done == -1 and number in REFUSED:
        raise PermissionError(number, "refused")
    raise AssertionError(f"{done} errno {number}")


BAD = -4096
for name, numbers, *args in (
    ("ptrace a child", (101, 117), 16, 1, 0, 0), ("ptrace: trace me", (101, 117), 0, 0, 0, 0),
    ("process_vm_readv", (310, 270), 1, 0, 0, 0, 0, 0), ("process_vm_writev", (311, 271), 1, 0, 0, 0, 0, 0),
    ("kcmp", (312, 272), 1, 1, 99, 0, 0), ("pidfd_getfd", (438, 438), -1, 0, 0), ("add_key", (248, 217), BAD, BAD, BAD, 1, 0),
    ("request_key", (249, 218), BAD, BAD, BAD, 0), ("keyctl: session", (250, 219), 0, -3, 0), ("keyctl: read", (250, 219), 11, -4, 0, 0),
    ("bpf", (321, 280), 0, BAD, 8), ("perf_event_open", (298, 241), BAD, 0, -1, -1, 0), ("userfaultfd", (323, 282), 99),
    ("mount", (165, 40), BAD, BAD, BAD, 0, 0), ("mount: remount /", (165, 40), 0, BAD, 0, 32, 0), ("umount2", (166, 39), BAD, 2),
    ("pivot_root", (155, 41), BAD, BAD), ("chroot", (161, 51), BAD), ("open_tree", (428, 428), -1, BAD, 1),
    ("move_mount", (429, 429), -1, BAD, -1, BAD, 0), ("fsopen", (430, 430), BAD, 0), ("fsconfig", (431, 431), -1, 0, 0, 0, 0),
    ("fsmount", (432, 432), -1, 0, 0), ("fspick", (433, 433), -1, BAD, 0), ("mount_setattr", (442, 442), -1, BAD, 0, BAD, 32),
    ("setns", (308, 268), -1, 0), ("unshare: user", (272, 97), 0x10000000), ("unshare: mount", (272, 97), 0x20000),
    ("unshare: net", (272, 97), 0x40000000), ("unshare: pid", (272, 97), 0x20000000), ("unshare: ipc", (272, 97), 0x08000000),
    ("unshare: uts", (272, 97), 0x04000000), ("unshare: cgroup", (272, 97), 0x02000000), ("unshare: time", (272, 97), 0x80),
    ("clone: user", (56, 220), 0x10000000 | 17, 0, 0, 0, 0), ("clone: mount", (56, 220), 0x20000 | 17, 0, 0, 0, 0),
    ("clone: net", (56, 220), 0x40000000 | 17, 0, 0, 0, 0), ("clone: pid", (56, 220), 0x20000000 | 17, 0, 0, 0, 0),
    ("clone3", (435, 435), BAD, 64), ("io_uring_setup", (425, 425), 1, BAD), ("io_uring_enter", (426, 426), -1, 0, 0, 0, 0, 0),
    ("io_uring_register", (427, 427), -1, 0, 0, 0), ("kexec_load", (246, 104), 0, 99, BAD, 0), ("kexec_file_load", (320, 294), -1, -1, 0, BAD, 0),
    ("init_module", (175, 105), BAD, 0, BAD), ("finit_module", (313, 273), -1, BAD, 0), ("delete_module", (176, 106), BAD, 0),
    ("reboot with the wrong word", (169, 142), 0, 0, 0, 0), ("swapon", (167, 224), BAD, 0), ("swapoff", (168, 225), BAD),
    ("acct", (163, 89), BAD), ("settimeofday", (164, 170), BAD, BAD), ("clock_settime", (227, 112), 0, BAD),
    ("sethostname", (170, 161), BAD, 3), ("setdomainname", (171, 162), BAD, 3), ("quotactl", (179, 60), -1, BAD, 0, 0),
    ("syslog", (103, 116), 3, BAD, 9), ("open_by_handle_at", (304, 265), -1, BAD, 0), ("fanotify_init", (300, 262), 99999, 0),
    ("vhangup", (153, 58)),
):  # fmt: skip
    attempt(f"call {name}", call, numbers, *args)
if MACHINE == 0:
    attempt("call x32 getpid", call, (0x40000000 + 39, 0))
    attempt("call x32 ptrace", call, (0x40000000 + 521, 0), 0, 0, 0, 0)
    attempt("call iopl", call, (172, 0), 3)
    attempt("call ioperm", call, (173, 0), 0x80, 1, 1)
    attempt("call modify_ldt", call, (154, 0), 99, 0, 0)


def type_into_terminal(request):
    done = LIBC.ioctl(0, ctypes.c_ulong(request), b"x")
    number = ctypes.get_errno()
    if done == -1 and number in REFUSED:
        raise PermissionError
    raise AssertionError(f"{done} errno {number}")


for name, request in (
    ("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541C), ("TIOCSETD", 0x5423), ("TIOCCONS", 0x541D), ("TIOCSTI with high bits", 0x100005412),
):  # fmt: skip
    attempt(f"ioctl {name}", type_into_terminal, request)


# --- Sockets and the network ----------------------------------------------------------------------------------


def of_family(family, kind, protocol=0):
    socket.socket(family, kind, protocol)


for name, family, kind, protocol in (
    ("packet", 17, 3, 0), ("packet, datagrams", 17, 2, 3), ("vsock", 40, 1, 0), ("netlink audit", 16, 3, 9), ("netlink uevent", 16, 3, 15),
    ("netlink netfilter", 16, 3, 12), ("netlink generic", 16, 3, 16), ("netlink sock_diag", 16, 3, 4), ("netlink connector", 16, 2, 11),
    ("raw", 2, 3, 1), ("raw, all", 2, 3, 255), ("raw v6", 10, 3, 58), ("alg", 38, 5, 0), ("bluetooth", 31, 3, 1), ("can", 29, 3, 1),
    ("key", 15, 3, 2), ("x25", 9, 5, 0), ("ax25", 3, 2, 0), ("appletalk", 5, 2, 0), ("rds", 21, 5, 0), ("tipc", 30, 1, 0), ("kcm", 41, 5, 0),
    ("xdp", 44, 3, 0), ("smc", 43, 1, 0), ("qipcrtr", 42, 2, 0), ("nfc", 39, 5, 0), ("phonet", 35, 2, 0), ("pppox", 24, 1, 0), ("llc", 26, 1, 0),
    ("rxrpc", 33, 2, 0), ("sctp", 2, 1, 132), ("dccp", 2, 6, 33), ("udplite", 2, 2, 136), ("old packet", 2, 10, 0),
):  # fmt: skip
    attempt(f"a socket: {name}", of_family, family, kind, protocol)


def connect(family, address, kind=socket.SOCK_STREAM):
    there = socket.socket(family, kind)
    there.settimeout(2)
    there.connect(tuple(address) if isinstance(address, list) else address)
    there.send(b"ESCAPED")


def send(address):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"ESCAPED", tuple(address))
    raise PermissionError  # no answer comes to a datagram: only the listener knows


attempt("TCP to the machine's loopback", connect, socket.AF_INET, WORLD["tcp"])
attempt("TCP to the machine's loopback by 0.0.0.0", connect, socket.AF_INET, ["0.0.0.0", WORLD["tcp"][1]])
attempt(
    "TCP to the machine's loopback by v6", connect, socket.AF_INET6, ["::ffff:127.0.0.1", WORLD["tcp"][1]]
)
attempt("UDP to the machine's loopback", send, WORLD["udp"])
attempt("UDP to everybody", send, ["255.255.255.255", WORLD["udp"][1]])
attempt("DNS over UDP", connect, socket.AF_INET, ["192.0.2.53", 53], socket.SOCK_STREAM)
attempt("TCP to an address outside", connect, socket.AF_INET, ["192.0.2.1", 80])
attempt("TCP to link-local metadata", connect, socket.AF_INET, ["169.254.169.254", 80])
attempt("v6 outside", connect, socket.AF_INET6, ["2001:db8::1", 80])
attempt("the name of a host outside", lambda: socket.getaddrinfo("example.com", 80))
attempt(
    "bash's /dev/tcp",
    lambda: subprocess.run(
        ["bash", "-c", f"echo ESCAPED > /dev/tcp/127.0.0.1/{WORLD['tcp'][1]}"],
        check=True,
        capture_output=True,
    ),
)
attempt(
    "curl",
    lambda: subprocess.run(
        ["curl", "-s", "-m", "2", f"http://127.0.0.1:{WORLD['tcp'][1]}/"], check=True, capture_output=True
    ),
)
attempt(
    "git fetch",
    lambda: subprocess.run(
        ["git", "ls-remote", f"http://127.0.0.1:{WORLD['tcp'][1]}/r"],
        check=True,
        capture_output=True,
        timeout=5,
    ),
)
for label, path in WORLD["unix"].items():
    attempt(f"the service that listens {label}", connect, socket.AF_UNIX, path)
    attempt(
        f"the service that listens {label}, by a link",
        lambda path=path: (
            os.path.lexists("s") or os.symlink(path, "s"),
            connect(socket.AF_UNIX, "s"),
            os.unlink("s"),
        ),
    )
    attempt(
        f"the service that listens {label}, by /proc/self/root",
        connect,
        socket.AF_UNIX,
        "/proc/self/root" + path,
    )
attempt("an abstract name of the machine's", connect, socket.AF_UNIX, "\0" + WORLD["abstract"])
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
             "/run/snapd.socket", "/run/containerd/containerd.sock", "/tmp/.X11-unix/X0"):  # fmt: skip
    attempt(f"the service at {path}", connect, socket.AF_UNIX, path)


# --- Other processes, the machine, one's own rights -----------------------------------------------------------


def hit(pid, number):
    os.kill(pid, number)
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        if b"VICTIM" not in file.read():
            raise PermissionError


def hit_by_descriptor(pid):
    signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGTERM)
    hit(pid, 0)


for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    attempt(f"{number.name} to the victim", hit, WORLD["victim"], number)
attempt("a signal to treadle", hit, WORLD["treadle"], signal.SIGUSR1)
attempt("a signal by descriptor", hit_by_descriptor, WORLD["victim"])


def must_stay(path, text):
    with open(path, "w") as file:
        file.write(text)


for path, text in (
    ("/proc/sys/kernel/core_pattern", "|/tmp/x"), ("/proc/sys/kernel/hostname", "ESCAPED"), ("/proc/sys/kernel/pid_max", "400"),
    ("/proc/sys/vm/drop_caches", "1"), ("/proc/sys/net/ipv4/ip_forward", "1"), ("/proc/sysrq-trigger", "h"), ("/proc/sys/kernel/modprobe", "/tmp/x"),
    ("/sys/kernel/uevent_helper", "/tmp/x"), ("/sys/fs/cgroup/release_agent", "/tmp/x"), ("/proc/self/setgroups", "allow"),
    ("/proc/self/uid_map", "0 0 1"), (f"/proc/{WORLD['victim']}/oom_score_adj", "1000"),
    ("/sys/power/state", "mem"), ("/proc/bus/pci/00/00.0", "x"),
):  # fmt: skip
    attempt(f"write {path}", must_stay, path, text)


def opened(path, flags=os.O_RDONLY):
    if not os.read(os.open(path, flags), 1):
        raise PermissionError


for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/fuse", "/dev/kvm", "/dev/kmsg",
             "/dev/input/event0", "/dev/snd/timer", "/dev/vhost-net", "/dev/loop0", "/proc/kcore", "/proc/kmsg", "/dev/console"):  # fmt: skip
    attempt(f"open {path}", opened, path)


def make_device():
    os.mknod("device", 0o600 | 0o060000, os.makedev(254, 0))


def device_in_tmp():
    os.mknod("/tmp/device", 0o600 | 0o020000, os.makedev(1, 1))


attempt("make a block device", make_device)
attempt("make a character device", device_in_tmp)


def has_rights():
    with open("/proc/self/status") as lines:
        said = dict(
            line.split(":\t", 1) for line in lines if line.startswith(("Cap", "NoNewPrivs", "Seccomp:"))
        )
    rights = {name: int(said[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}
    # Without namespaces nobody but root can empty the bound; `no_new_privs` makes it void.
    rights.pop("CapBnd" if WORLD["skip_metadata"] and os.getuid() else "", None)
    if not any(rights.values()) and said["NoNewPrivs"].strip() == "1" and said["Seccomp"].strip() == "2":
        raise PermissionError
    raise AssertionError(str(said))


attempt("keep a capability", has_rights)
attempt("become somebody else", lambda: os.setuid(12345))
attempt("become another group", lambda: os.setgroups([0, 6]))
attempt("nice below nought", lambda: os.nice(-5))
attempt("a real-time schedule", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))


def raise_limit():
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))


def leave_core():
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


attempt("raise a limit", raise_limit)
attempt("leave a core", leave_core)
attempt("sudo", lambda: subprocess.run(["sudo", "-n", "true"], check=True, capture_output=True))
attempt(
    "su",
    lambda: subprocess.run(
        ["su", "-s", "/bin/sh", "nobody", "-c", "true"],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=5,
    ),
)
for words in (
    "mount -t tmpfs t /mnt", "mount -o remount,rw /", "umount -l .", "umount -l .git", "unshare -Ur true", "unshare -m true",
    "nsenter -t 1 -m true", "chroot / true", "bwrap --bind / / true", "mkswap /dev/shm/x && swapon /dev/shm/x",
    "insmod x.ko", "ip link add d type dummy", "iptables -L", "tcpdump -c 1", "strace true", "gdb -p 1 -batch", "fusermount -u /", "crontab -l < /dev/null && echo '* * * * * true' | crontab -",
    "at now < /dev/null", "systemd-run --user true", "dbus-send --session /x x.y", "loginctl", "git commit --allow-empty -m x", "git config x.y z",
    "git update-ref refs/heads/x HEAD", "git stash", "git add -A", "git tag x", "git checkout -b x", "git gc", "git reset --hard", "git worktree add /tmp/w",
    "mv .git .git2", "rm -rf .git", "ln -sfn /tmp .git", "mv .treadle .t2", "rm -rf .treadle", "touch .treadle/x", "chmod 777 .git", "cp -r .git /tmp/g && rm -r .git",
):  # fmt: skip
    attempt(
        f"run {words}",
        lambda words=words: subprocess.run(
            ["sh", "-c", words], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=20
        ),
    )


def main():
    for name, go, args in ATTEMPTS:
        if name in WORLD["skip"]:
            continue
        try:
            go(*args)
            reached = "went through"
        except AssertionError as error:
            reached = str(error)
        except (OSError, subprocess.SubprocessError, shutil.Error, ValueError, PermissionError):
            reached = ""
        sys.stdout.write(json.dumps([name, reached]) + "\n")
        sys.stdout.flush()


main()
