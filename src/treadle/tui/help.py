"""The help over the screen: every key and command, and what the signs mean."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from treadle.tui.lines import Lines
from treadle.tui.paint import line

_COLUMN = 26
_KEYS = (
    ("While a run is held", ""),
    ("n", "next: go on to the next step, then wait again"),
    ("s", "step into: also wait before each request to a model and each tool call"),
    ("c", "continue: go on without asking"),
    ("k", "skip the held step"),
    ("y  d", "write the hunks that are taken in the Diff tab, or deny them all"),
    ("space  f", "in the Diff tab: take or leave a hunk, or all of a file"),
    ("a", "abort the run; what was proven stays on record"),
    ("Always", ""),
    ("esc", "pause at the next step; from anywhere else, back to the task line"),
    ("ctrl+c", "clear the line; end your !command; abort the run; twice on an idle screen, quit"),
    ("shift+tab", "mode: auto → step → into → plan (nothing is written)"),
    ("ctrl+o", "another loop for the task that you are typing"),
    ("tab", "the next pane: task line, rail, tab, gate"),
    ("ctrl+left  ctrl+right", "the tab before, the next tab (1 to 6 outside the task line)"),
    ("up  down", "in the task line: earlier tasks; in the rail: steps and attempts"),
    ("ctrl+j", "a new line in the task"),
    ("ctrl+p", "all commands, themes among them"),
    ("ctrl+q", "quit"),
    ("Signs", ""),
    ("✔ ✘ ! ?", "pass, fail, could not be checked, nothing to judge by (unproven)"),
    ("▶ ● ○", "running, held, still to come"),
)


class HelpScreen(ModalScreen[None]):
    """Closes by any of the usual keys."""

    CSS = """
    HelpScreen { align: center middle; }
    #help { width: 92; max-width: 96%; height: 90%; border: round $accent; background: $surface; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "close", priority=True)
    ]

    def __init__(self, commands: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._commands = commands

    def compose(self) -> ComposeResult:
        """One column of lines."""
        yield Lines(column=_COLUMN, id="help")

    def on_mount(self) -> None:
        """Fills it."""
        lines = self.query_one("#help", Lines)
        lines.border_title = " help "
        lines.border_subtitle = " esc closes "
        lines.show(_blocks(self._commands))
        lines.focus()


def _blocks(commands: Sequence[tuple[str, str]]) -> list[Content]:
    shown: list[Content] = []
    rows = [*_KEYS, ("Commands", ""), *((f"/{name}", does) for name, does in commands)]
    rows += [
        ("@PATH", "a file, completed by tab"),
        ("!COMMAND", "runs a command of yours in the repository, now"),
    ]
    for key, does in rows:
        if does:
            shown.append(line((f"  {key:<{_COLUMN - 4}}  ", "$accent bold"), does))
        else:
            shown += [line(""), line((key, "bold"))] if shown else [line((key, "bold"))]
    return shown
