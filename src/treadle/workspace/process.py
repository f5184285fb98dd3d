"""Starts a process, reads what it says within bounds, and ends it on time."""

import asyncio
import codecs
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from treadle.workspace.command import OnOutput

HEAD_BYTES = TAIL_BYTES = 256 * 1024
_GRACE_S = 1.0
_DRAIN_S = 0.5


class Ended(Struct, frozen=True):
    """How a process ended; `returncode` None for the time limit. `said` is what came on the extra pipe."""

    returncode: int | None
    output: str
    cut_bytes: int
    timed_out: bool
    duration_s: float
    said: str = ""


class Capture:
    """Keeps the first and the last bytes of a stream, and passes on what it keeps of the first as it comes."""

    def __init__(self, on_output: OnOutput | None = None) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.cut = 0
        self._on_output = on_output
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        room = HEAD_BYTES - len(self._head)
        first, rest = chunk[:room], chunk[room:]
        if first:
            self._head += first
            self._tell(self._decoder.decode(first))
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size > TAIL_BYTES:
            over = self._tail_size - TAIL_BYTES
            gone = self._tail.popleft()
            if len(gone) > over:
                self._tail.appendleft(gone[over:])
            dropped = min(over, len(gone))
            self._tail_size -= dropped
            self.cut += dropped

    def finish(self) -> str:
        """The text, with a line in the middle that says how much was cut; passes on what was held back."""
        tail = b"".join(self._tail)
        mark = f"\n[... {self.cut} bytes left out ...]\n" if self.cut else ""
        head = bytes(self._head)
        if not mark:
            self._tell(self._decoder.decode(tail, final=True))
            return (head + tail).decode("utf-8", "replace")
        end = tail.decode("utf-8", "replace")
        self._tell(mark + end)
        return head.decode("utf-8", "replace") + mark + end

    def _tell(self, text: str) -> None:
        if text and self._on_output is not None:
            self._on_output(text)


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: dict[str, str],
    timeout_s: float,
    stdin: Path | None = None,
    on_output: OnOutput | None = None,
    before: Callable[[int], None] | None = None,
) -> Ended:
    """What came of running `argv`. A process past its time, and one whose caller is cancelled, is ended: asked
    first, then killed with its process group.

    `before` gets the descriptor of a pipe that the process inherits; what is written there is `Ended.said`.
    Raises: `FileNotFoundError`, `PermissionError` when it can't be started.
    """
    out_read, out_write = os.pipe()
    said_read, said_write = os.pipe()
    started = time.monotonic()
    try:
        if before is not None:
            before(said_write)
        source = os.open(stdin or os.devnull, os.O_RDONLY)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=env,
                stdin=source,
                stdout=out_write,
                stderr=out_write,
                pass_fds=(said_write,) if before is not None else (),
                start_new_session=True,
            )
        finally:
            os.close(source)
    except BaseException:
        os.close(out_read)
        os.close(said_read)
        raise
    finally:
        os.close(out_write)
        os.close(said_write)
    capture = Capture(on_output)
    reader = _Reader(out_read, capture.feed)
    timed_out = False
    try:
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            timed_out = True
        await _end(process, gently=timed_out)
        await reader.drained()
    except BaseException:
        await asyncio.shield(_end(process, gently=True))
        raise
    finally:
        reader.close()
        said = _read_rest(said_read)
    return Ended(
        returncode=None if timed_out else process.returncode,
        output=capture.finish(),
        cut_bytes=capture.cut,
        timed_out=timed_out,
        duration_s=time.monotonic() - started,
        said=said,
    )


async def _end(process: asyncio.subprocess.Process, *, gently: bool) -> None:
    """Leaves nothing of the process group behind."""
    if gently and process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            pass
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _read_rest(fd: int) -> str:
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 65536).decode("utf-8", "replace")
    except BlockingIOError:
        return ""
    finally:
        os.close(fd)


class _Reader:
    """Feeds a pipe's bytes to `feed` as they come, until its end."""

    def __init__(self, fd: int, feed: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        if chunk:
            self._feed(chunk)
        else:
            self._loop.remove_reader(self._fd)
            self._ended.set()

    async def drained(self) -> None:
        """Waits for the pipe's end, or a moment where a stray process still holds it."""
        try:
            await asyncio.wait_for(self._ended.wait(), _DRAIN_S)
        except TimeoutError:
            pass

    def close(self) -> None:
        """Closes the pipe."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
