"""A sitting at the screen without a terminal: keys pressed, what is drawn, what was recorded."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from textual.events import Key
from textual.keys import _character_to_key

from treadle.protocol import events as e
from treadle.session.options import Options
from treadle.session.records import runs_of
from treadle.session.trace import read_trace
from treadle.tui.app import TreadleApp
from treadle.tui.bars import TABS

PATIENCE_S = 20.0


class Sat:
    """The app, its pilot, and what a person sees."""

    def __init__(self, app: TreadleApp, pilot) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What is drawn, row by row, without the spaces at the ends."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """What is drawn, as one text."""
        return "\n".join(self.lines)

    @property
    def view(self):
        """The view of the run that is shown."""
        return self.app.board.view

    def shows(self, *words: str) -> Callable[[], bool]:
        """Whether all these words are drawn."""
        return lambda: all(word in self.text for word in words)

    async def until(self, holds: Callable[[], bool], why: str = "") -> None:
        """Waits until that holds; fails with the screen where it does not come true."""
        late = time.monotonic() + PATIENCE_S
        while time.monotonic() < late:
            await self.pilot.pause(0.01)
            if self.app.fault is not None:
                raise self.app.fault
            if holds():
                return
        raise AssertionError(f"{why or 'it never came'}:\n{self.text}")

    async def sees(self, *words: str) -> None:
        """Waits until all these words are drawn."""
        await self.until(self.shows(*words), f"{words} was never drawn")

    async def press(self, *keys: str) -> None:
        """Presses keys, and lets what they cause be drawn."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        if self.app.is_running and self.app.gate.is_waiting:
            await self.until(lambda: not self.app.gate.is_waiting)
            await self.pilot.pause()

    def press_at_once(self, characters: str) -> None:
        """These characters as keys before anything is drawn, as a key that is held down sends them."""
        for character in characters:
            key = "ctrl+j" if character == "\n" else _character_to_key(character)
            self.app._driver.process_message(Key(key, character))

    async def types(self, text: str, *, enter: bool = True) -> None:
        """Types a text in the task line."""
        from treadle.tui.task_input import TaskInput

        line = self.app.query_one(TaskInput)
        if not line.has_focus:
            line.focus()
            await self.pilot.pause()
        self.press_at_once(text)
        await self.pilot.pause()
        if enter:
            await self.press("enter")

    async def tab(self, name: str) -> None:
        """Goes to a tab by its keys."""
        for _ in range(len(TABS)):
            if self.app.board.tab == name:
                break
            await self.press("ctrl+right")
        await self.pilot.pause()

    async def held(self, point: str = "") -> None:
        """Waits until a question is open and drawn."""

        def is_held() -> bool:
            question = self.app.query_one("#gate").question
            view = self.view
            return (
                view is not None
                and view.question is not None
                and question is not None
                and question.question == view.question.question
                and (not point or question.point == point)
            )

        await self.until(is_held, f"not held {point}")

    async def reviewing(self) -> None:
        """Waits until the one question is open, its diff is drawn and has the keys."""
        await self.held("before_write")
        await self.until(
            lambda: (
                (pane := self.app.tabs.diff) is not None
                and pane.choosing
                and self.app.focused is pane
                and "[" in self.text
            ),
            "the diff was never drawn",
        )

    async def settle(self) -> None:
        """Gives the run and the screen time for what must not happen."""
        for _ in range(10):
            await self.pilot.pause(0.01)

    async def ended(self, runs: int = 1) -> None:
        """Waits until the run is over and drawn as such, `runs` of them in this sitting."""
        await self.until(
            lambda: (
                not self.app.sitting.busy
                and len(traces(self.app.board.root)) >= runs
                and self.view is not None
                and bool(self.view.outcome)
                and not self.app._flushing
            ),
            "the run did not end",
        )


@contextlib.asynccontextmanager
async def sit(
    root: Path, *, task: str = "", loop: str = "", size: tuple[int, int] = (120, 40), **options
) -> AsyncIterator[Sat]:
    """The screen in a repository, once it stands and the configuration is read."""
    app = TreadleApp(root, lambda: Options(**options), task, loop)
    async with app.run_test(size=size, notifications=True) as pilot:
        sat = Sat(app, pilot)
        await sat.until(lambda: app.sitting._ready.is_set(), "it never stood")
        yield sat
    if app.fault is not None:
        raise app.fault


def traces(root: Path) -> list[list[e.Envelope]]:
    """The records of each run in a repository, the first run first."""
    folder = runs_of(root)
    runs = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [list(read_trace(run)) for run in runs if (run / "trace.jsonl").exists()]
    return sorted(found, key=lambda trace: trace[0].at)


def events(trace: list[e.Envelope], kind: type) -> list:
    """The events of one class in a trace."""
    return [envelope.event for envelope in trace if isinstance(envelope.event, kind)]
