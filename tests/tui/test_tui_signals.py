"""However treadle is ended at a terminal: the terminal is as it was, the run's trace has its end, nothing is left."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from samples import treadle_dir
from treadle.protocol import events as e
from treadle.session.records import find_run
from treadle.session.trace import read_trace

LOOP = treadle_dir(loops__go='name: go\ndescription: d\nsteps: [{name: now, command: "sleep 61.4477"}]\n')
PATIENCE_S = 40.0


_BEGUN: "list[Terminal]" = []


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    while _BEGUN:
        left = _BEGUN.pop().process
        if left.poll() is None:
            left.kill()
            left.wait()


class Terminal:
    """treadle at a terminal of its own; `said` is all that it wrote there."""

    def __init__(self, root, *argv: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.said = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "treadle", *argv],
            cwd=root,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, "TERM": "xterm-256color", "OLLAMA_HOST": "127.0.0.1:9"},
            preexec_fn=self._own,
        )
        _BEGUN.append(self)

    @staticmethod
    def _own() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read_until(self, holds) -> None:
        """Reads on until that holds."""
        os.set_blocking(self.master, False)
        late = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < late, self.said[-2000:]
            try:
                self.said += os.read(self.master, 1 << 16)
            except BlockingIOError:
                time.sleep(0.01)

    def is_as_it_was(self) -> bool:
        """Whether modes are put back: the line's, the screen's, the mouse's, the cursor's."""
        off = [
            (b"\x1b[?1049l", b"\x1b[?1049h"),
            (b"\x1b[?1000l", b"\x1b[?1000h"),
            (b"\x1b[?25h", b"\x1b[?25l"),
        ]
        back = all(self.said.rfind(last) >= self.said.rfind(first) for last, first in off)
        return back and termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        """Closes the terminal, as a person closes its window."""
        for end in (self.master, self.slave):
            os.close(end)


def last_of(root):
    *_, last = read_trace(find_run(root))
    return last.event


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_run_on_its_trace_and_gives_the_terminal_back(make_repo, number):
    root = make_repo(LOOP)
    terminal = Terminal(root, "--loop", "go", "Do it")
    terminal.read_until(lambda: b"sleep 61.4477" in terminal.said)
    terminal.process.send_signal(number)
    terminal.read_until(lambda: terminal.process.poll() is not None and terminal.is_as_it_was())
    assert terminal.process.returncode == 128 + number
    assert b"Traceback" not in terminal.said
    terminal.close()
    last = last_of(root)
    assert isinstance(last, e.RunFinished)
    assert (last.outcome, last.exit_code) == ("aborted", 128 + number)


def test_a_window_that_is_closed_ends_the_run_too(make_repo):
    root = make_repo(LOOP)
    terminal = Terminal(root, "--loop", "go", "Do it")
    terminal.read_until(lambda: b"sleep 61.4477" in terminal.said)
    terminal.close()
    assert terminal.process.wait(PATIENCE_S) == 128 + signal.SIGHUP
    last = last_of(root)
    assert isinstance(last, e.RunFinished) and last.exit_code == 128 + signal.SIGHUP


def test_a_terminal_that_goes_without_a_word_ends_it_too(make_repo):
    root = make_repo(LOOP)
    terminal = Terminal(root, "--loop", "go", "Do it")
    terminal.read_until(lambda: b"sleep 61.4477" in terminal.said)
    # As under nohup: the hang-up itself never comes, and the screen is stuck in a write that nobody takes.
    os.kill(terminal.process.pid, signal.SIGSTOP)
    terminal.close()
    os.kill(terminal.process.pid, signal.SIGCONT)
    assert terminal.process.wait(PATIENCE_S) == 128 + signal.SIGHUP
    assert isinstance(last_of(root), e.RunFinished)
