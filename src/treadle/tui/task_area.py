"""The task line with what helps under it: completions, or the loop that a task would go to."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static, TextArea

from treadle.tui.paint import Part, cut, line
from treadle.tui.task_input import TaskInput

if TYPE_CHECKING:
    from treadle.tui.sitting import Sitting

_WAIT_S = 0.25
_RECENT_S = 0.6
_MOST = 8


class TaskArea(Vertical):
    """Holds the `TaskInput`; suggests once the person pauses in typing."""

    def __init__(self, sitting: "Sitting", id: str | None = None) -> None:
        super().__init__(id=id)
        self._sitting = sitting
        self._waiting: Timer | None = None
        self._typed_at = 0.0

    def compose(self) -> ComposeResult:
        """The hint stands over the line."""
        yield Static(id="hint")
        yield TaskInput(id="task")

    def on_mount(self) -> None:
        """The line asks here for what completes it."""
        self.line.complete = self._completions

    @property
    def line(self) -> TaskInput:
        """The task line."""
        return self.query_one(TaskInput)

    @property
    def is_typing(self) -> bool:
        """Whether the person is in the middle of a text."""
        return bool(self.line.text.strip()) or time.monotonic() - self._typed_at < _RECENT_S

    def clear(self) -> None:
        """An empty line, its text remembered."""
        self.line.remember(self.line.text.strip())
        self.line.put("")
        self._typed_at = 0.0
        self._hint(())

    @on(TextArea.Changed, "#task")
    def _changed(self) -> None:
        if self.line.text.strip():
            self._typed_at = time.monotonic()
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(_WAIT_S, self.suggest)

    async def suggest(self) -> None:
        """Shows what completes the line, or where its task would go."""
        text = self.line.text
        task = text.strip()
        found = self._completions(text)
        if found:
            self._hint([("tab  ", "$accent"), ("   ".join(cut(f, 40) for f in found[:_MOST]), "")])
            return
        if not task or task[0] in "/!" or self._sitting.desk is None:
            self._hint(())
            return
        if self._sitting.busy:
            self._hint(self._while_busy())
            return
        await self._sitting.weigh(task)
        choice = self._sitting.choice
        if choice is None or self.line.text != text:
            return
        told = self._sitting.loop or choice.loop
        why = "your choice" if self._sitting.loop else choice.told
        self._hint([("loop ", "$dim"), (told, "bold"), (f"  {why}", "$dim"), ("   ctrl+o another", "$faint")])

    def _while_busy(self) -> list[Part]:
        """What a text does while a run is under way."""
        view = self._sitting.board.view
        held = view is not None and view.question is not None
        parts: list[Part] = [("enter  ", "$accent"), ("runs it after this run", "$dim")]
        return parts + ([("   esc  ", "$accent"), ("back to the question", "$dim")] if held else [])

    def _hint(self, parts: Sequence[Part]) -> None:
        hint = self.query_one("#hint", Static)
        hint.display = bool(parts)
        if parts:
            hint.update(line(*parts))

    def _completions(self, text: str) -> list[str]:
        desk = self._sitting.desk
        if desk is None or not ("/" in text or "@" in text):
            return []
        from treadle.tui import slash

        loops = tuple(desk.catalog.loops) if desk.catalog else ()
        return slash.completions(text, loops, tuple(self.app.available_themes), desk.standing.files)
