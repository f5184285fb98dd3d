"""The app: lays the widgets out, and passes keys down as commands and events up to the board."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import ContentSwitcher, Static, TextArea

from treadle.protocol import commands
from treadle.tui.bars import TABS, TabBar, TopBar
from treadle.tui.board import Board
from treadle.tui.diff_pane import DiffPane
from treadle.tui.gate_bar import GateBar
from treadle.tui.lines import Lines
from treadle.tui.paint import cut, line
from treadle.tui.rail import Rail
from treadle.tui.sitting import MODES, Sitting
from treadle.tui.task_input import TaskInput
from treadle.tui.theme import OWN, variables

if TYPE_CHECKING:
    from treadle.session.session import Options

_NARROW = 96
_FLUSH_S = 0.25
_TICK_S = 1.0
_CHOOSE_S = 0.25
_TWICE_S = 2.0
_RECENT_S = 0.6


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
        super().__init__()
        for theme in OWN:
            self.register_theme(theme)
        self.theme = OWN[0].name
        self.board = Board(root, self)
        self.sitting = Sitting(root, options, self.board, self._changed)
        self.sitting.loop = loop
        self.fault: Exception | None = None
        self._first_task = task
        self._flushing = False
        self._asked = ""
        self._diff_shown: tuple[str, bool] = ("", False)
        self._last_interrupt = 0.0
        self._last_typed = 0.0
        self._choosing: Any = None

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the screen's own ends it; who opened it tells of it, instead of Textual's traceback."""
        self.fault = self.fault or error
        self.exit(70)

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
            with Vertical(id="right"):
                yield TabBar(id="tabs")
                with ContentSwitcher(initial="pane-transcript", id="panes"):
                    yield Lines(follow=True, id="pane-transcript", classes="pane")
        yield GateBar(id="gate")
        yield Static(id="hint")
        yield TaskInput(id="task")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Shows the idle screen; all that takes time begins after it."""
        task = self.query_one(TaskInput)
        task.complete = self._completions
        self.call_after_refresh(self._stand)

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

    # What changed is painted at most every _FLUSH_S, so that a stream of tokens costs little.

    def _changed(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.set_timer(_FLUSH_S, self._paint_all)

    async def _paint_all(self) -> None:
        self._flushing = False
        self.board.paint()
        self._meet_question()
        await self._paint_diff()

    def _tick(self) -> None:
        """Times go on while a run does."""
        if self.board.running:
            self.board.paint_top()
            self.board.paint_rail()

    def _meet_question(self) -> None:
        """Shows the gate when a question opens, and takes it away when it is answered."""
        view = self.board.view
        question = view.question if view is not None else None
        asked = f"{view.run} {question.question}" if view is not None and question is not None else ""
        if asked == self._asked:
            return
        self._asked = asked
        self.board.show_gate()
        task = self.query_one(TaskInput)
        if question is None:
            if isinstance(self.focused, GateBar | DiffPane):
                task.focus()
            return
        self.bell()
        if question.point == "before_write":
            self.call_later(self.action_tab, "Diff")
        if not task.text.strip() and time.monotonic() - self._last_typed > _RECENT_S:
            self.query_one(GateBar).focus()

    async def _paint_diff(self) -> None:
        """Reads the change set that is in front, if it is another than the one shown."""
        if self.sitting.desk is None or self.sitting.folder is None:
            return
        blob, head = self.board.diff_source()
        view = self.board.view
        choosing = view is not None and view.question is not None and view.question.point == "before_write"
        if (blob, choosing) == self._diff_shown:
            return
        self._diff_shown = (blob, choosing)
        files = await self.sitting.desk.review(self.sitting.folder, blob) if blob else ()
        await self._pane("Diff")
        self.board.show_diff(files, head, choosing)

    # Keys and clicks.

    @on(TaskInput.Submitted)
    async def _submitted(self, message: TaskInput.Submitted) -> None:
        task = self.query_one(TaskInput)
        text = message.text
        view = self.board.view
        if not text and view is not None and view.question is not None:
            self.query_one(GateBar).focus()
            return
        task.put("")
        task.remember(text)
        self._last_typed = 0.0
        self._hint(())
        from treadle.tui.entered import entered

        await entered(self, text)

    @on(TextArea.Changed, "#task")
    def _typed(self) -> None:
        if self.query_one(TaskInput).text.strip():
            self._last_typed = time.monotonic()
        if self._choosing is not None:
            self._choosing.stop()
        self._choosing = self.set_timer(_CHOOSE_S, self._suggest)

    async def _suggest(self) -> None:
        """Under the task line: what completes it, or the loop that it would go to."""
        text = self.query_one(TaskInput).text.strip()
        gate = self.query_one(GateBar)
        if not text and gate.question is not None:
            gate.focus()
        found = self._completions(self.query_one(TaskInput).text)
        if found:
            self._hint([("tab  ", "$accent"), ("   ".join(cut(f, 40) for f in found[:8]), "")])
        elif not text or text[0] in "/!" or self.sitting.busy or self.sitting.desk is None:
            self._hint(())
        else:
            await self.sitting.weigh(text)
            choice = self.sitting.choice
            if choice is None or self.query_one(TaskInput).text.strip() != text:
                return
            told = self.sitting.loop or choice.loop
            why = "your choice" if self.sitting.loop else choice.told
            self._hint(
                [("loop ", "$dim"), (told, "bold"), (f"  {why}", "$dim"), ("   ctrl+o another", "$faint")]
            )

    def _hint(self, parts: Any) -> None:
        hint = self.query_one("#hint", Static)
        hint.display = bool(parts)
        if parts:
            hint.update(line(*parts))

    def _completions(self, text: str) -> list[str]:
        from treadle.tui import slash

        desk = self.sitting.desk
        if desk is None:
            return []
        loops = tuple(desk.catalog.loops) if desk.catalog else ()
        return slash.completions(text, loops, tuple(self.available_themes), desk.standing.files)

    @on(GateBar.Answered)
    def _answered(self, message: GateBar.Answered) -> None:
        pane = self.query(DiffPane)
        if message.option == "part" or (message.option == "yes" and pane and pane.first().choosing):
            taken, total = pane.first().taken, pane.first().total
            if message.option == "part" and not taken:
                self.notify("No hunk is taken: d denies the whole change.", severity="warning")
                return
            whole = message.option == "yes" or len(taken) == total
            self.sitting.submit(commands.Approve("yes") if whole else commands.Take(taken))
        elif message.command is not None:
            self.sitting.submit(message.command)

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
        gate = self.query_one(GateBar)
        if gate.question is not None and isinstance(self.focused, Lines):
            gate.on_key(event)

    def on_resize(self, event: Resize) -> None:
        """On a narrow screen rail and tabs take turns."""
        self.screen.set_class(event.size.width < _NARROW, "narrow")
        self._changed()

    async def _pane(self, tab: str) -> Lines:
        """The tab's pane, made when it is first needed."""
        found = self.query(f"#pane-{tab.lower()}")
        if found:
            return found.first(Lines)
        name = f"pane-{tab.lower()}"
        pane = (
            DiffPane(id=name, classes="pane")
            if tab == "Diff"
            else Lines(follow=tab == "Trace", id=name, classes="pane")
        )
        pane.display = False
        await self.query_one(ContentSwitcher).mount(pane)
        return pane

    async def action_tab(self, tab: str) -> None:
        """Brings a tab to the front."""
        await self._pane(tab)
        self.board.tab = tab
        self.query_one(TabBar).choose(tab)
        self.query_one(ContentSwitcher).current = f"pane-{tab.lower()}"
        self.screen.remove_class("rail-shown")
        view = self.board.view
        if view is not None and view.question is not None and not self.query_one(TaskInput).text.strip():
            (await self._pane(tab)).focus()
        self.board.paint_pane()
        await self._paint_diff()

    async def action_step_tab(self, by: int) -> None:
        """The next tab, or the one before."""
        await self.action_tab(TABS[(TABS.index(self.board.tab) + by) % len(TABS)])

    def action_next_pane(self) -> None:
        """Task line, rail, tab, gate, and around."""
        shown = self.query_one(f"#pane-{self.board.tab.lower()}")
        order = [self.query_one(TaskInput), self.query_one(Rail), shown]
        if self.query_one(GateBar).question is not None:
            order.append(self.query_one(GateBar))
        at = order.index(self.focused) if self.focused in order else -1
        order[(at + 1) % len(order)].focus()

    def action_toggle_rail(self) -> None:
        """On a narrow screen, shows the rail instead of the tabs, and back."""
        self.screen.toggle_class("rail-shown")
        self._changed()

    def action_cycle_mode(self) -> None:
        """The next mode."""
        self.sitting.set_mode(MODES[(MODES.index(self.sitting.mode) + 1) % len(MODES)])

    async def action_other_loop(self) -> None:
        """Another loop for the task that is being typed."""
        self.sitting.other_loop()
        await self._suggest()

    def action_escape(self) -> None:
        """Back to the task line; there, pauses the run."""
        task = self.query_one(TaskInput)
        if self.focused is not task and self.query_one(GateBar).question is None:
            task.focus()
        elif self.board.running and self.board.view is not None and self.board.view.question is None:
            self.sitting.submit(commands.Pause())
            self.notify("Pausing at the next step.", timeout=2)
        elif self.focused is task:
            self.query_one(GateBar).focus() if self.query_one(GateBar).question else None
        else:
            task.focus()

    def action_interrupt(self) -> None:
        """Clears the line, else aborts the run, else quits when pressed twice."""
        task = self.query_one(TaskInput)
        if self.screen.get_selected_text():
            self.screen.action_copy_text()
        elif task.text:
            task.put("")
        elif self.sitting.busy:
            self.sitting.abort()
        elif time.monotonic() - self._last_interrupt < _TWICE_S:
            self.exit(0)
        else:
            self._last_interrupt = time.monotonic()
            self.notify("ctrl+c once more to quit.", timeout=_TWICE_S)

    def action_help(self) -> None:
        """All keys and commands."""
        from treadle.tui.help import HelpScreen
        from treadle.tui.slash import COMMANDS

        self.push_screen(HelpScreen(list(COMMANDS.items())))

    async def action_quit(self) -> None:
        """Leaves; a run under way is ended."""
        self.exit(0)

    async def on_unmount(self) -> None:
        """Ends the engine's thread."""
        self.sitting.close()
