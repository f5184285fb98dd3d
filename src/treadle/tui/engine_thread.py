"""The thread that runs are driven in: whatever a run does, the screen goes on listening."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from treadle.protocol.commands import AnyCommand
    from treadle.protocol.events import Envelope
    from treadle.session.session import OpenModels, Session
    from treadle.session.view import View

T = TypeVar("T")

_PATIENCE_S = 3.0


class EngineThread:
    """An event loop in a thread of its own that lives as long as the app: children that die with the thread that
    started them (a model's process, a sandbox) then die with the app and not with a run. `opened` are the models that
    stay open from run to run.
    """

    def __init__(self, deliver: Callable[[Sequence["Envelope"]], None]) -> None:
        self._deliver = deliver
        self._screen = asyncio.get_running_loop()
        self._inbox: deque[Envelope] = deque()
        self._waking = False
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="treadle-engine", daemon=True)
        self._thread.start()
        self.opened: OpenModels | None = None
        self._session: Session | None = None
        self._driving: asyncio.Task[View] | None = None

    def _work(self) -> None:
        """The thread's life: its loop, until that is stopped."""
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    @property
    def session(self) -> "Session | None":
        """The run under way."""
        return self._session

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` gives back, done in the engine's thread."""

        async def doing() -> T:
            return work()

        return await self.wait(doing())

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives back that runs in the engine's loop; cancelled where that has ended."""
        if self._closed:
            work.close()
            raise asyncio.CancelledError
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wrap_future(future)

    async def run(self, compose: Callable[[], "Session"], began: Callable[["Session"], None]) -> "View":
        """The view at the run's end. `began` hears of the session in the screen's thread once it is composed.

        Raises what composing a session raises; a run that began ends in its trace.
        """
        return await self.wait(self._drive(compose, began))

    async def _drive(self, compose: Callable[[], "Session"], began: Callable[["Session"], None]) -> "View":
        session = compose()
        self._session = session
        self._screen.call_soon_threadsafe(began, session)
        self._driving = driving = asyncio.ensure_future(session.run())
        try:
            async for envelope in session.events():
                self._put(envelope)
            return await driving
        finally:
            self._session = None

    def submit(self, command: "AnyCommand") -> None:
        """Hands a command to the run under way, if there is one."""
        session = self._session
        if session is not None:
            self._loop.call_soon_threadsafe(session.submit, command)

    def _put(self, envelope: "Envelope") -> None:
        """Keeps an envelope for the screen and wakes it once for all that lie there."""
        self._inbox.append(envelope)
        if not self._waking:
            self._waking = True
            self._screen.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._waking = False
        envelopes = []
        while self._inbox:
            envelopes.append(self._inbox.popleft())
        if envelopes:
            self._deliver(envelopes)

    def close(self, exit_code: int = 130) -> None:
        """Ends the run under way with that code, then the thread; waits for neither for long."""
        self._closed = True
        if self._thread.is_alive():
            stopping = asyncio.run_coroutine_threadsafe(self._stop(exit_code), self._loop)
            try:
                stopping.result(_PATIENCE_S)
            except TimeoutError:
                pass
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_S)

    async def _stop(self, exit_code: int) -> None:
        await asyncio.sleep(0)  # a run that was composed just now must have begun before it can be stopped
        if self._session is not None:
            self._session.stop(exit_code)
        if self._driving is not None:
            await asyncio.wait([self._driving])
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self.opened is not None:
            await self.opened.close()
