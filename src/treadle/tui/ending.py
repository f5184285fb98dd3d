"""How the screen is ended from outside: by a signal, or by a terminal that is gone.

A terminal that is closed under Textual 8.2.8 ends its writer's thread at the next write; the screen then waits for ever
for room in the writer's queue, and the input's thread reads an end of file without pause. No handler of the loop runs
any more. So a thread of our own looks after both, and ends the process when the screen does not end by itself.
"""

import asyncio
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable

_LOOK_S = 2.0
_PATIENCE_S = 5.0


class Ending:
    """Asks the screen to leave (`leave`, in its own thread) with 128 + the signal; past its time, ends what runs
    (`close`) and the process."""

    def __init__(self, leave: Callable[[int], None], close: Callable[[int], None]) -> None:
        self._leave = leave
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._code = 0
        self._asked = threading.Event()
        self._over = threading.Event()

    def begin(self) -> None:
        """Heeds the signals, and looks after the terminal, from here on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Not the loop's own: its handlers wait for a loop that may be stuck.
            signal.signal(number, lambda number, _: self._ask(128 + number))
        threading.Thread(target=self._look, name="treadle-ending", daemon=True).start()

    def end(self) -> None:
        """The screen has left by itself."""
        self._over.set()

    def _ask(self, code: int) -> None:
        self._code = self._code or code
        self._asked.set()
        self._loop.call_soon_threadsafe(self._leave, self._code)

    def _look(self) -> None:
        while not self._asked.wait(_LOOK_S):
            if self._over.is_set():
                return
            if not _has_terminal():
                self._ask(128 + signal.SIGHUP)
        if not self._over.wait(_PATIENCE_S):
            self._close(self._code)
            os._exit(self._code)


def _has_terminal() -> bool:
    """Whether somebody is still at the other end of stdin."""
    try:
        termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    except (termios.error, OSError, ValueError):
        return False
    return True
