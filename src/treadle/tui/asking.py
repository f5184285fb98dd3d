"""The open question on the screen: met when it opens, with its diff where it has one, and answered once."""

from typing import TYPE_CHECKING

from treadle.protocol import commands
from treadle.tui.diff_pane import DiffPane
from treadle.tui.gate_bar import GateBar
from treadle.tui.task_area import TaskArea

if TYPE_CHECKING:
    from treadle.tui.app import TreadleApp

WRITE = "before_write"


class Asking:
    """Keeps gate and Diff tab in step with the question of the run that is shown."""

    def __init__(self, app: "TreadleApp") -> None:
        self._app = app
        self._asked = ""
        self._settled = ""
        self._brought_diff = False
        self._diff_shown: tuple[str, bool] | None = None

    def meet(self) -> None:
        """Shows the gate when a question opens, and takes it away when it is answered."""
        app = self._app
        view = app.board.view
        question = view.question if view is not None else None
        asked = f"{view.run} {question.question}" if view is not None and question is not None else ""
        if asked == self._asked:
            return
        self._asked = asked
        app.board.show_gate()
        if question is None:
            if isinstance(app.focused, GateBar | DiffPane):
                app.line.focus()
            if self._brought_diff and app.board.tab == "Diff":
                app.call_later(app.show_transcript)
            self._brought_diff = False
            return
        app.bell()
        if question.point == WRITE:
            self._brought_diff = self._brought_diff or app.board.tab != "Diff"
            app.call_later(app.action_tab, "Diff")
        if not app.main.query_one(TaskArea).is_typing:
            app.gate.focus()

    async def paint_diff(self) -> None:
        """Reads the change set that is in front, if it is another than the one shown."""
        app, desk = self._app, self._app.sitting.desk
        if desk is None:
            return
        blob, head = app.board.diff_source()
        if not blob and app.tabs.diff is None:
            return
        view = app.board.view
        choosing = view is not None and view.question is not None and view.question.point == WRITE
        if (blob, choosing) == self._diff_shown:
            return
        self._diff_shown = (blob, choosing)
        if app.tabs.diff is not None:
            app.tabs.diff.choosing = False
        folder = app.sitting.folder
        files = await desk.review(folder, blob) if blob and folder is not None else ()
        if not app.screen_stack:
            return  # the screen was taken down meanwhile
        pane = await app.tabs.pane("Diff")
        if isinstance(pane, DiffPane) and app.screen_stack:
            app.board.show_diff(pane, files, head, choosing)
        self.count_taken()

    def count_taken(self) -> None:
        """The gate says how many hunks a yes would write."""
        pane = self._app.tabs.diff
        if pane is not None and pane.choosing:
            self._app.gate.count(len(pane.taken), pane.total)

    def answer(self, message: GateBar.Answered) -> None:
        """Hands the answer on: a yes to a diff is a yes to the hunks that are taken."""
        app = self._app
        if message.question is not app.gate.question or self._settled == self._asked:
            return  # a key pressed twice answers one question, not also the next one
        pane = app.tabs.diff
        command = message.command
        if (
            message.option == "yes"
            and message.question.point == WRITE
            and (pane is None or not pane.choosing)
        ):
            return  # nobody says yes to a diff that is not drawn yet
        if message.option == "yes" and pane is not None and pane.choosing and pane.total:
            if not pane.taken:
                app.notify("No hunk is taken: d denies the whole change.", severity="warning")
                return
            # Once a part did not hold, a plain yes is a yes to that part.
            if len(pane.taken) < pane.total or app.board.pending().taken:
                command = commands.Take(pane.taken)
        self._settled = self._asked
        app.sitting.answer(command, message.question.question)
