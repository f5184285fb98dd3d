"""What a run's base looked like when the run began, and what of it has changed since."""

import asyncio
from collections.abc import Callable

from treadle.protocol.events import BaseMarked, Emit, Place
from treadle.protocol.text import encode_json, valid
from treadle.workspace.marks import Marks, marks_of, moved
from treadle.workspace.view import Base


class BaseWatch:
    """Looks at the base beside the run's first step. `known` is what an earlier life of the run saw."""

    def __init__(
        self, base: Base, spec: str, emit: Emit, keep: Callable[[bytes], str], known: Marks | None
    ) -> None:
        self._base, self._spec = base, spec
        self._emit, self._keep = emit, keep
        self._known = known
        self._looking: asyncio.Task[Marks] | None = None

    def begin(self) -> None:
        """Starts to look; what was seen goes on record."""
        self._looking = asyncio.create_task(self._look())

    async def moved(self, aside: tuple[str, ...]) -> tuple[str, ...]:
        """The paths of the base that changed since the run began, but for those `aside`."""
        before = await self._looking if self._looking is not None else {}
        return moved(before, await self._now(), aside)

    async def end(self, *, now: bool) -> None:
        """Waits until nothing more goes on record from here; `now` breaks off a look that is still under way."""
        if self._looking is not None:
            if now:
                self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> Marks:
        if self._known is not None:
            return self._known
        marks = await self._now()
        self._emit(Place(), BaseMarked(self._keep(encode_json(marks))))
        return marks

    async def _now(self) -> Marks:
        marks: Marks = valid(await asyncio.to_thread(marks_of, self._base, self._spec))
        return marks
