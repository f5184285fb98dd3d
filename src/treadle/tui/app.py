"""The app: lays the widgets out, and passes keys down as commands and events up to the board."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from treadle.protocol import commands
from treadle.tui.asking import Asking
from treadle.tui.bars import TABS, TabBar, TopBar
from treadle.tui.board import Board
from treadle.tui.diff_pane import DiffPane
from treadle.tui.ending import Ending
from treadle.tui.gate_bar import GateBar
from treadle.tui.lines import Lines
from treadle.tui.rail import Rail
from treadle.tui.sitting import MODES, Sitting
from treadle.tui.tab_panes import TabPanes
from treadle.tui.task_area import TaskArea
from treadle.tui.task_input import TaskInput
from treadle.tui.theme import OWN, variables

if TYPE_CHECKING:
    from treadle.session.session import Options
    from treadle.session.trust import Standing as Trust

_NARROW = 96
_FLUSH_S = 0.25
_TICK_S = 1.0
_TWICE_S = 2.0


class TreadleApp(App[int]):
    """The screen of treadle in one repository."""

    TITLE = "treadle"
    CSS_PATH = "app.tcss"
    AUTO_FOCUS = "#task"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+tab", "cycle_mode", "mode", priority=True, show=False),
        Binding("escape", "escape", "pause", priority=True, show=False),
        Binding("ctrl+c", "interrupt", "abort", priority=True, show=False),
        Binding("ctrl+q", "quit", "quit", priority=True, show=False),
        Binding("f1", "help", "help", show=False),
        Binding("question_mark", "help", "help", show=False),
        Binding("f2", "toggle_rail", "rail", show=False),
        Binding("tab", "next_pane", "panes", show=False),
        Binding("ctrl+o", "other_loop", "other loop", priority=True, show=False),
        Binding("ctrl+left", "step_tab(-1)", "tab before", priority=True, show=False),
        Binding("ctrl+right", "step_tab(1)", "next tab", priority=True, show=False),
        *(Binding(str(n), f"tab('{tab}')", tab, show=False) for n, tab in enumerate(TABS, 1)),
    ]

    def __init__(self, root: Path, options: "Callable[[], Options]", task: str = "", loop: str = "") -> None:
        # With NO_COLOR Textual paints in greys, unless the colours are the terminal's own: then in none.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        for theme in OWN:
            self.register_theme(theme)
        self.theme = OWN[0].name
        self.board = Board(root, lambda: self.main)
        self.asking = Asking(self)
        self.sitting = Sitting(root, options, self.board, self._changed)
        self.sitting.loop = loop
        self.sitting.ask_trust = self._ask_trust
        self.fault: Exception | None = None
        self._ending: Ending | None = None
        self._first_task = task
        self._flushing = False
        self._last_interrupt = 0.0

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the screen's own ends it; who opened it tells of it, instead of Textual's traceback.

        What is still being painted while the screen is taken down finds no widgets, which is none.
        """
        is_going = self._exit or not self.is_running
        if is_going and (isinstance(error, NoMatches) or not self.screen_stack):
            return
        self.fault = self.fault or error
        self.exit(70)

    @property
    def main(self) -> Screen[Any]:
        """The screen under whatever lies over it."""
        return self.screen_stack[0]

    @property
    def line(self) -> TaskInput:
        """The task line."""
        return self.main.query_one(TaskInput)

    @property
    def gate(self) -> GateBar:
        """The gate's bar."""
        return self.main.query_one(GateBar)

    @property
    def tabs(self) -> TabPanes:
        """The tabs with their panes."""
        return self.main.query_one(TabPanes)

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables and treadle's own colours."""
        return super().get_css_variables() | variables(self.current_theme)

    def compose(self) -> ComposeResult:
        """Bar, rail and tabs, gate, task line, keys."""
        yield TopBar(id="top")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Rail(id="rail")
                yield Static(id="ledger")
            yield TabPanes(id="right")
        yield GateBar(id="gate")
        yield TaskArea(self.sitting, id="task-area")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Shows the idle screen; all that takes time begins after it."""
        if not self.is_headless:
            # A signal that ends treadle, or its terminal, ends the run on its trace and leaves the terminal as it was.
            self._ending = Ending(self.exit, self.sitting.close)
            self._ending.begin()
        asyncio.get_running_loop().set_exception_handler(self._lost)
        self.call_after_refresh(self._stand)

    def _lost(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault in what the engine's thread hands over: without this it would end in nobody's hands."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self._handle_exception(error)
        else:
            loop.default_exception_handler(context)

    async def _stand(self) -> None:
        self.board.paint()
        self.set_interval(_TICK_S, self._tick)
        self.run_worker(self._begin(), exit_on_error=True)

    async def _begin(self) -> None:
        if self._first_task:
            self.sitting.start(self._first_task)
        await self.sitting.begin()
        from treadle.tui.first import offer_setup

        await offer_setup(self)

    async def _ask_trust(self, now: "Trust") -> bool:
        from treadle.tui.trust_screen import ask_trust

        return await ask_trust(self, now)

    # What changed is painted at most every _FLUSH_S, so that a stream of tokens costs little.

    def _changed(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.set_timer(_FLUSH_S, self._paint_all)

    async def _paint_all(self) -> None:
        self._flushing = False
        if not self.screen_stack:
            return  # what was to be painted came after the end
        self.board.paint()
        self.asking.meet()
        await self.asking.paint_diff()

    def _tick(self) -> None:
        """Times go on while a run does."""
        if self.board.running and self.screen_stack:
            self.board.paint_top()
            self.board.paint_rail()

    @on(DiffPane.Toggled)
    def _toggled(self) -> None:
        self.asking.count_taken()

    # Keys and clicks.

    @on(TaskInput.Submitted)
    async def _submitted(self, message: TaskInput.Submitted) -> None:
        if not message.text and self.gate.question is not None:
            self.gate.focus()
            return
        if not message.text and self.sitting.busy:
            return  # an empty line begins what needs no task; it is never queued
        self.main.query_one(TaskArea).clear()
        from treadle.tui.entered import entered

        await entered(self, message.text)

    @on(GateBar.Answered)
    def _answered(self, message: GateBar.Answered) -> None:
        self.asking.answer(message)

    @on(GateBar.Typed)
    def _typed(self, message: GateBar.Typed) -> None:
        """Who types a text at the gate goes on with it in the task line."""
        self.line.focus()
        self.line.move_cursor(self.line.document.end)
        self.line.insert(message.text)

    @on(Rail.Chosen)
    def _chosen(self, message: Rail.Chosen) -> None:
        self.board.focus = message.focus
        self._changed()

    @on(TabBar.Chosen)
    async def _tab_chosen(self, message: TabBar.Chosen) -> None:
        await self.action_tab(message.tab)

    @on(TaskInput.Left)
    def _left(self) -> None:
        self.action_next_pane()

    def on_key(self, event: Any) -> None:
        """While changes are reviewed, the gate's keys work in the Diff tab too."""
        alone = len(self.screen_stack) == 1
        if alone and self.gate.question is not None and isinstance(self.focused, Lines):
            self.gate.on_key(event)

    def on_resize(self, event: Resize) -> None:
        """On a narrow screen rail and tabs take turns."""
        self.main.set_class(event.size.width < _NARROW, "narrow")
        self._changed()

    async def action_tab(self, tab: str) -> None:
        """Brings a tab to the front."""
        await self.tabs.choose(tab)
        self.board.tab = tab
        self.main.remove_class("rail-shown")
        if self.gate.question is not None and not self.main.query_one(TaskArea).is_typing:
            self.tabs.shown.focus()
        self.board.paint_pane()
        await self.asking.paint_diff()

    async def show_transcript(self) -> None:
        """The whole transcript in front, so that what was said just now is there to read."""
        self.board.focus = None
        self.main.query_one(Rail).choose(None)
        if self.board.tab != TABS[0]:
            await self.action_tab(TABS[0])
        self._changed()

    async def action_step_tab(self, by: int) -> None:
        """The next tab, or the one before."""
        await self.action_tab(TABS[(TABS.index(self.board.tab) + by) % len(TABS)])

    def action_next_pane(self) -> None:
        """Task line, rail, tab, gate, and around."""
        every: list[Widget] = [self.line, self.main.query_one(Rail), self.tabs.shown, self.gate]
        order = [widget for widget in every if widget.region.area]  # on a narrow screen one hides another
        at = order.index(self.focused) if self.focused in order else -1
        order[(at + 1) % len(order)].focus()

    def action_toggle_rail(self) -> None:
        """On a narrow screen, shows the rail instead of the tabs, and back."""
        self.main.toggle_class("rail-shown")
        self._changed()

    def action_cycle_mode(self) -> None:
        """The next mode."""
        self.sitting.set_mode(MODES[(MODES.index(self.sitting.mode) + 1) % len(MODES)])

    async def action_other_loop(self) -> None:
        """Another loop for the task that is being typed."""
        self.sitting.other_loop()
        await self.main.query_one(TaskArea).suggest()

    def action_escape(self) -> None:
        """Back to the task line; there, pauses the run."""
        if len(self.screen_stack) > 1:
            self.screen.dismiss(None)
            return
        held = self.gate.question is not None
        if self.focused is not self.line:
            self.line.focus()
        elif held:
            self.gate.focus()
        elif self.board.running:
            self.sitting.submit(commands.Pause())
            self.notify("Pausing at the next step.", timeout=2)

    def action_interrupt(self) -> None:
        """Clears the line, else aborts the run, else quits when pressed twice."""
        if len(self.screen_stack) > 1:
            self.screen.dismiss(None)
        elif self.screen.get_selected_text():
            self.screen.action_copy_text()
        elif self.line.selected_text:
            self.copy_to_clipboard(self.line.selected_text)
        elif self.line.text:
            self.line.put("")
        elif any(w.group == "shell" and not w.is_finished for w in self.workers):
            self.workers.cancel_group(self, "shell")
        elif self.sitting.busy:
            self.sitting.abort()
        elif time.monotonic() - self._last_interrupt < _TWICE_S:
            self.exit(0)
        else:
            self._last_interrupt = time.monotonic()
            self.notify("ctrl+c once more to quit.", timeout=_TWICE_S)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers: the slash commands that need no more words, and the themes."""
        from treadle.tui.entered import entered
        from treadle.tui.slash import COMMANDS

        for name, does in COMMANDS.items():
            yield SystemCommand(f"/{name}", does, partial(entered, self, f"/{name}"))
        for theme in self.available_themes:
            yield SystemCommand(f"/theme {theme}", "colours", partial(entered, self, f"/theme {theme}"))

    def action_help(self) -> None:
        """All keys and commands."""
        from treadle.tui.help import HelpScreen
        from treadle.tui.slash import COMMANDS

        self.push_screen(HelpScreen(list(COMMANDS.items())))

    async def action_quit(self) -> None:
        """Leaves; a run under way is ended."""
        self.exit(0)

    async def on_unmount(self) -> None:
        """Ends the engine's thread; a run under way ends with the code of the signal that came, else as aborted."""
        self.sitting.close(self.return_value or 130)
        if self._ending is not None:
            self._ending.end()
