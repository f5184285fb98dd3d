"""Starting and ending the process that holds a local model."""

import asyncio
import os
import secrets
import sys
from pathlib import Path

import msgspec

from treadle.protocol.errors import Unreachable

_LINES_KEPT = 20
_BYTES_KEPT = 4096
_LOAD_S = 120.0
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class _Ready(msgspec.Struct):
    base: str


class Child:
    """A running server process. `base` is its address, `key` the one it was given, `load_s` its start."""

    def __init__(self, process: asyncio.subprocess.Process, key: str, context_tokens: int) -> None:
        self.key = key
        self.context_tokens = context_tokens
        self.base = ""
        self.load_s = 0.0
        self._process = process
        self._said = b""
        self._listener = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs, as far as is known."""
        return self._process.returncode is None

    async def ended(self, within_s: float) -> bool:
        """Whether the process ends within that many seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def end(self) -> None:
        """Kills the process and waits for it. Safe to call twice."""
        if self.alive:
            try:
                self._process.kill()
            except ProcessLookupError:
                pass
        await self._process.wait()
        await self._listener

    def last_words(self) -> str:
        """How it ended and the last lines that it wrote, as one text."""
        code = self._process.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        said = self._said.decode(errors="replace").splitlines()[-_LINES_KEPT:]
        return "\n".join([f"the local model's process ended with {how}", *said])

    async def become_ready(self, order: dict[str, str | int]) -> None:
        """Hands over the order and waits for the address. Raises: `Unreachable` with its last words."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            async with asyncio.timeout(_LOAD_S):
                stdin.write(msgspec.json.encode(order) + b"\n")
                await stdin.drain()
                line = await stdout.readline()
        except TimeoutError as error:
            raise Unreachable(f"the local model did not load within {_LOAD_S:g} s") from error
        except OSError:
            line = b""
        if not line:
            await self._process.wait()
            await self._listener
            raise Unreachable(
                self.last_words(), hint="is the weights file whole? `treadle models list` shows it"
            )
        self.base = msgspec.json.decode(line, type=_Ready).base
        self.load_s = loop.time() - began

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(_BYTES_KEPT):
            self._said = (self._said + data)[-_BYTES_KEPT:]


async def start(weights: Path, name: str, context_tokens: int, threads: int) -> Child:
    """A child that has loaded the weights and answers; `threads` 0 is `default_threads()`.

    Raises: `Unreachable` with the process's last words. Cancelled, it leaves no process behind.
    """
    key = secrets.token_urlsafe(32)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "treadle.models.local_server",
        cwd=weights.parent,
        env={k: os.environ[k] for k in _PASSED_ON if k in os.environ} | {"LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is the parent's to answer; without a parent stdin ends
    )
    child = Child(process, key, context_tokens)
    order: dict[str, str | int] = {
        "model": str(weights),
        "name": name,
        "key": key,
        "context_tokens": context_tokens,
        "threads": threads or default_threads(),
    }
    try:
        await child.become_ready(order)
    except BaseException:
        await child.end()
        raise
    return child


def default_threads() -> int:
    """One less than the physical cores that this process may use, at least 1.

    llama.cpp's threads spin while they wait: twice as many as free cores made decoding 17 times slower.
    """
    cores = _physical_cores()
    quota = _cgroup_cpus()
    return max(1, min(cores, int(quota)) - 1 if quota else cores - 1)


def _physical_cores() -> int:
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 2) // 2)
    mine = os.sched_getaffinity(0)
    cores = set()
    for cpu in mine:
        try:
            cores.add(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            return max(1, len(mine) // 2)
    return len(cores)


def _cgroup_cpus() -> float:
    """How many CPUs' time the control group may use, 0 for no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 0.0 if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return 0.0
