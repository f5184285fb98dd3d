"""The one question before the first run in a repository, and after what can act there changed: is it trusted?"""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from treadle.tui.lines import Lines
from treadle.tui.paint import line

if TYPE_CHECKING:
    from treadle.session.trust import Standing
    from treadle.tui.app import TreadleApp


class TrustScreen(ModalScreen[bool]):
    """Dismissed with whether the person trusts what is there."""

    CSS = """
    TrustScreen { align: center middle; }
    #trust { width: 108; max-width: 98%; height: auto; max-height: 96%; border: round $accent; }
    #trust { background: $surface; padding: 1 2; }
    #trust-rows { height: auto; max-height: 24; background: $surface; }
    #trust-keys { height: auto; padding: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "trust it", priority=True),
        Binding("n,escape,q", "answer(False)", "not now", priority=True),
    ]

    def __init__(self, now: "Standing") -> None:
        super().__init__()
        self._now = now

    def compose(self) -> ComposeResult:
        """What it is asked for, and the keys."""
        with Vertical(id="trust"):
            yield Lines(id="trust-rows")
            yield Static(id="trust-keys")

    def on_mount(self) -> None:
        """Shows what would be run and obeyed, or what of it changed."""
        title = "changed since you trusted it" if self._now.is_changed else "not trusted yet"
        self.query_one("#trust").border_title = f" {title} "
        rows = self.query_one("#trust-rows", Lines)
        rows.show(changed_lines(self._now) if self._now.is_changed else asked_lines(self._now))
        rows.focus()
        keys = line(("y", "$accent bold"), "  trust it     ", ("n", "$accent bold"), "  not now")
        self.query_one("#trust-keys", Static).update(keys)

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)


async def ask_trust(app: "TreadleApp", now: "Standing") -> bool:
    """Whether the person trusts what is there; a question closed otherwise is a no."""
    answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def closed(answer: bool | None) -> None:
        if not answered.done():
            answered.set_result(bool(answer))

    app.bell()
    app.push_screen(TrustScreen(now), closed)
    return await answered


def asked_lines(now: "Standing") -> list[Content]:
    """What trust would be given to, row by row."""
    from treadle.session.trust import told

    shown = [line((str(now.root), "bold")), line("A run here would go by this, in the sandbox:"), line("")]
    return shown + [line((f"  {name:<12}", "$accent"), text) for name, text in told(now)]


def changed_lines(now: "Standing") -> list[Content]:
    """The difference to what was trusted."""
    from treadle.session.trust import difference

    styles = {"+": "$ok", "-": "$bad", "@": "$dim"}
    shown = [
        line((str(now.root), "bold")),
        line("What a run here goes by is no longer what you trusted:"),
        line(""),
    ]
    return shown + [line((row, styles.get(row[:1], ""))) for row in difference(now).splitlines()]
