"""The filter of system calls that a command runs under. Stdlib only: used in the sandbox's own processes.

What it refuses gives no honest test anything and has given attackers much: other processes' memory, kernel keys,
io_uring, mounts and new namespaces, modules, typing into a terminal, families of sockets that no namespace ends.
Numbers: the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`; the program: `linux/filter.h`, `seccomp.h`.
"""

import ctypes
import os

TYPE_CHECKING = False  # `typing` takes as long to load as all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable

_EPERM, _ENOSYS, _EAFNOSUPPORT, _EPROTONOSUPPORT, _ENETUNREACH = 1, 38, 97, 93, 101
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_NEW_TIME = 0x80
_TERMINAL = (0x5412, 0x541C, 0x5423, 0x541D)  # TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_PROTOCOLS = (0, 1, 6, 17, 58, 262)  # any, ICMP, TCP, UDP, ICMPv6, MPTCP

# name: (x86_64, aarch64); -1 where the machine has none.
_REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "setns": (308, 268), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "create_module": (174, -1),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, -1),
    "ioperm": (173, -1), "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "vhangup": (153, 58),
    "fanotify_init": (300, 262), "modify_ldt": (154, -1), "uselib": (134, -1), "_sysctl": (156, -1),
    "vserver": (236, -1), "vmsplice": (278, 75),
}  # fmt: skip
# As if the kernel had none: those who ask have another way then. clone3's flags lie out of a filter's sight.
_ABSENT = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "clone3": (435, 435),
}  # fmt: skip
# What reaches the user's other processes and their memory where no namespace of processes or IPC stands between.
_SHARED = {
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
}  # fmt: skip
# name: the numbers, and which argument names the process; 0 stands for oneself.
_OF_OTHERS = {
    "prlimit64": ((302, 261), 0), "sched_setparam": ((142, 118), 0), "sched_setscheduler": ((144, 119), 0),
    "sched_setaffinity": ((203, 122), 0), "sched_setattr": ((314, 274), 0), "setpriority": ((141, 140), 1),
    "ioprio_set": ((251, 30), 1),
}  # fmt: skip
_SOCKET, _CLONE, _UNSHARE, _IOCTL = (41, 198), (56, 220), (272, 97), (16, 29)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

Step = tuple[int, int, int, int]


def install_filter(*, inet: bool, unix: bool, alone: bool) -> None:
    """Puts this process and all it starts under the filter; it can't be taken off.

    `inet` and `unix`: sockets of those families may be made. `alone`: the processes are in namespaces of their
    own. Raises: `OSError` where the kernel has no filters, or none is known for this machine.
    """
    steps = _program(os.uname().machine, inet, unix, alone)
    data = b"".join(
        code.to_bytes(2, "little") + bytes((yes, no)) + value.to_bytes(4, "little")
        for code, yes, no, value in steps
    )
    held = ctypes.create_string_buffer(data, len(data))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    program = Program(len(steps), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(program), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def _program(machine: str, inet: bool, unix: bool, alone: bool) -> "list[Step]":
    if machine not in _MACHINES:
        raise OSError(_ENOSYS, f"seccomp: no filter for {machine}")
    column, arch = _MACHINES[machine]
    steps: list[Step] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, arch), _end(_KILL), (_LOAD, 0, 0, 0)]
    if column == 0:
        steps += [(_AT_LEAST, 0, 1, _X32), _refuse(_ENOSYS)]
    refused = [*_REFUSED.values(), *(() if alone else _SHARED.values())]
    for numbers, error in [*((n, _EPERM) for n in refused), *((n, _ENOSYS) for n in _ABSENT.values())]:
        if numbers[column] >= 0:
            steps += _when(numbers[column], [_refuse(error)])
    steps += _when(_SOCKET[column], _sockets(inet, unix))
    steps += _when(
        _CLONE[column], [_argument(0), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse(_EPERM), _end(_ALLOW)]
    )
    namespaces = _NEW_NAMESPACES | _NEW_TIME
    steps += _when(
        _UNSHARE[column], [_argument(0), (_ANY_BIT, 0, 1, namespaces), _refuse(_EPERM), _end(_ALLOW)]
    )
    steps += _when(_IOCTL[column], [_argument(1), *_any_of(_TERMINAL, _refuse(_EPERM)), _end(_ALLOW)])
    if not alone:
        for numbers, which in _OF_OTHERS.values():
            steps += _when(numbers[column], [_argument(which), *_any_of((0,), _end(_ALLOW)), _refuse(_EPERM)])
    return [*steps, _end(_ALLOW)]


def _sockets(inet: bool, unix: bool) -> "list[Step]":
    kind = [_argument(1), (_AND, 0, 0, 0xF), (_EQUAL, 2, 0, 1), (_EQUAL, 1, 0, 2), _refuse(_EPERM)]
    protocol = [_argument(2), *_any_of(_PROTOCOLS, _end(_ALLOW)), _refuse(_EPROTONOSUPPORT)]
    internet = [*kind, *protocol] if inet else [_refuse(_ENETUNREACH)]
    routes = [_argument(2), *_any_of((0,), _end(_ALLOW)), _refuse(_EPROTONOSUPPORT)]
    return [
        _argument(0),
        *_when(_UNIX, [_end(_ALLOW) if unix else _refuse(_EPERM)]),
        *_when(_INET, internet),
        *_when(_INET6, internet),
        *_when(_NETLINK, routes),
        _refuse(_EAFNOSUPPORT),
    ]


def _end(action: int) -> Step:
    return _RETURN, 0, 0, action


def _refuse(error: int) -> Step:
    return _end(_ERRNO | error)


def _argument(index: int) -> Step:
    """Loads an argument's low half: all that the kernel looks at in those asked for here."""
    return _LOAD, 0, 0, 16 + 8 * index


def _when(value: int, block: "list[Step]") -> "list[Step]":
    """`block`, which ends by itself, for what is loaded being `value`."""
    return [(_EQUAL, 0, len(block), value), *block]


def _any_of(values: "Iterable[int]", end: Step) -> "list[Step]":
    return [step for value in values for step in ((_EQUAL, 0, 1, value), end)]
