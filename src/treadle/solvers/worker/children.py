"""Forked children: limited in time and memory, silent, and always gone at the end with all that they started."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from typing import Callable, NamedTuple, Optional

_MEMORY = 2 << 30


class Ended(NamedTuple):
    """How a child ended: what it wrote, whether a limit ended it, the processor seconds it used."""

    output: bytes
    timed_out: bool
    cpu_s: float


class Child:
    """A running child. `cpu_s` is its own processor time limit, None for none; `wall_s` counts from its start.

    It gets `more_s` seconds more with the first thing that it writes.
    """

    def __init__(
        self,
        work: Callable[[Callable[[bytes], None]], None],
        cpu_s: Optional[float],
        wall_s: float,
        more_s: float = 0,
    ) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(work, write, cpu_s)
        os.close(write)
        try:
            os.setpgid(self.pid, self.pid)
        except OSError:
            pass  # the child did it first, or is gone
        self.deadline = time.monotonic() + wall_s
        self._parts: list[bytes] = []
        self._eof = False
        self._more_s = more_s

    def poll(self) -> Optional[Ended]:
        """How it ended, None while it runs. A child past its deadline is ended here."""
        self._drain()
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        late = time.monotonic() > self.deadline
        if not pid and not late:
            return None
        self._kill()
        if not pid:
            _, status, usage = os.wait4(self.pid, 0)
        self._drain()
        os.close(self._read)
        by_limit = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGXCPU)
        return Ended(b"".join(self._parts), late or by_limit, usage.ru_utime + usage.ru_stime)

    def end(self) -> None:
        """Kill it and what it started, and wait until it is gone."""
        self.deadline = 0.0
        self.poll()

    def _kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass  # nobody left in the group

    def _drain(self) -> None:
        while not self._eof and select.select([self._read], [], [], 0)[0]:
            part = os.read(self._read, 1 << 16)
            self._eof = not part
            self._parts.append(part)
            self.deadline += self._more_s
            self._more_s = 0

    @property
    def waits_on(self) -> Optional[int]:
        """A descriptor that becomes readable when there is news; None when only time will tell."""
        return None if self._eof else self._read


def wait(children: list[Child], at_most_s: float) -> None:
    """Return when one of `children` has news, or after `at_most_s` seconds, 0.02 where one has closed its end."""
    silent = any(c.waits_on is None for c in children)
    waiting = [c.waits_on for c in children if c.waits_on is not None]
    select.select(waiting, [], [], min(at_most_s, 0.002 if silent else 0.1))


def limit_cpu(seconds: float) -> None:
    """From now on this process may use `seconds` of processor time; then SIGPROF ends it."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _become(work: Callable[[Callable[[bytes], None]], None], write: int, cpu_s: Optional[float]) -> None:
    """The child's whole life: never returns."""
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory()
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        if cpu_s is not None:
            limit_cpu(cpu_s)
        work(lambda data: _write(write, data))
    finally:
        os._exit(0)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _limit_memory() -> None:
    """2 GiB more than there is already: a candidate may loop while it appends."""
    try:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + _MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (OSError, ValueError):
        pass  # not Linux, or already limited lower
