"""`treadle` itself in a real pseudo-terminal: keys in, the very bytes that it writes out."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PATIENCE_S = 20.0
SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x1b\x07]*(?:\x07|\x1b\\)?|[ -/]*[0-~])", re.DOTALL
)
"""Any control sequence: CSI with its parameters, OSC and its like as far as they go, or a short one."""


class Terminal:
    """A running `treadle` and all that it wrote so far, in `raw`."""

    def __init__(self, process: subprocess.Popen, master: int) -> None:
        self.process = process
        self.raw = b""
        self._master = master

    @property
    def text(self) -> str:
        """What it wrote without the sequences, as text."""
        return SEQUENCE.sub(b"", self.raw).decode("utf-8", "replace")

    @property
    def sequences(self) -> list[bytes]:
        """The control sequences that it wrote, in order."""
        return SEQUENCE.findall(self.raw)

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Makes the window another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, holds: Callable[[], bool]) -> None:
        """Reads until that holds; fails with what was written."""
        late = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < late, self.text[-3000:]
            self._read(0.05)

    def sees(self, *words: str) -> None:
        """Reads until all these words were written."""
        self.until(lambda: all(word in self.text for word in words))

    def ends(self) -> int:
        """The exit code, once it ended and all was read."""
        late = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < late, self.text[-3000:]
            self._read(0.05)
        while self._read(0.0):
            pass
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.raw += data
        return bool(data)


@contextlib.contextmanager
def terminal(
    root: Path, *arguments: str, size: tuple[int, int] = (120, 40), **environ: str
) -> Iterator[Terminal]:
    """`treadle ARGUMENTS` in `root`, on a terminal of that many columns and rows; ended with the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    env = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TREADLE_TRUST": "1"} | environ
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=root,
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


_RUN = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from treadle.__main__ import main
sys.exit(main())
"""
