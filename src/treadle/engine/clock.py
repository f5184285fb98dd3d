"""The run's clock: it counts working seconds, and stands still while a person is asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Clock:
    """Seconds of work. What a person takes to answer is in no limit and in no duration."""

    def __init__(self) -> None:
        self._stood_s = 0.0
        self._since = 0.0
        self._holds = 0
        self._timers: dict[asyncio.Timeout, float] = {}

    def now(self) -> float:
        """Seconds from an arbitrary start; only differences count."""
        return (self._since if self._holds else time.monotonic()) - self._stood_s

    @asynccontextmanager
    async def limit(self, seconds: float | None) -> AsyncIterator[None]:
        """Raises `TimeoutError` once what is done inside has worked for `seconds`; None is no limit."""
        async with asyncio.timeout(None if self._holds else seconds) as timer:
            if seconds is not None:
                self._timers[timer] = seconds
            try:
                yield
            finally:
                self._timers.pop(timer, None)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stops the clock and every limit; the last of several that stopped it lets it go on."""
        self._holds += 1
        if self._holds == 1:
            self._since = time.monotonic()
            now = asyncio.get_running_loop().time()
            for timer in self._running():
                self._timers[timer] = (timer.when() or now) - now
                timer.reschedule(None)
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._stood_s += time.monotonic() - self._since
                now = asyncio.get_running_loop().time()
                for timer in self._running():
                    timer.reschedule(now + self._timers[timer])

    def _running(self) -> list[asyncio.Timeout]:
        return [timer for timer in self._timers if not timer.expired()]
