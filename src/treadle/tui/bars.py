"""The one-line bars: what runs where at the top, the tabs, the keys at the bottom."""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from treadle.tui.paint import Part, line

TABS = ("Transcript", "Diff", "Prompt", "Context", "Checks", "Trace")


class TopBar(Static):
    """The product, the repository and its branch, the loop, how the run stands, and at the right what protects it."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ends: tuple[Sequence[Part], Sequence[str]] = ((), ())

    def show(self, left: Sequence[Part], right: Sequence[str]) -> None:
        """Shows both ends; of the right one gives way, from its front, what does not fit."""
        self._ends = (left, right)
        begin = line(*left)
        for first in range(len(right) + 1):
            end = line(("  ·  ".join(right[first:]), "$dim"), " ")
            room = self.content_size.width - begin.cell_length - end.cell_length
            if room > 0:
                self.update(line(begin, " " * room, end), layout=False)
                return
        self.update(begin, layout=False)

    def on_resize(self) -> None:
        """The room is another."""
        self.show(*self._ends)


class TabBar(Static):
    """The names of the tabs over a rule; a click on one chooses it."""

    class Chosen(Message):
        """The person clicked a tab."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.active = TABS[0]
        self._notes: dict[str, str] = {}

    def on_mount(self) -> None:
        """Paints the names."""
        self.paint()

    def choose(self, tab: str) -> None:
        """Marks a tab as the one in front."""
        self.active = tab
        self.paint()

    def note(self, tab: str, text: str) -> None:
        """Puts a short note beside a tab's name, such as how many hunks wait there."""
        if self._notes.get(tab, "") != text:
            self._notes[tab] = text
            self.paint()

    def paint(self) -> None:
        """Draws the bar: names, and a rule that is bright under the one in front."""
        names: list[Part] = [" "]
        rule: list[Part] = [("─", "$faint")]
        for tab in TABS:
            text = tab + (f" {self._notes[tab]}" if self._notes.get(tab) else "")
            on = tab == self.active
            names += [(text, "bold" if on else "$dim"), "   "]
            rule += [("━" * len(text), "$primary") if on else ("─" * len(text), "$faint"), ("───", "$faint")]
        rule.append(("─" * max(0, self.size.width - line(*rule).cell_length), "$faint"))
        self.update(Content("\n").join([line(*names), line(*rule)]), layout=False)

    def on_resize(self) -> None:
        """The rule goes to the end."""
        self.paint()

    def on_click(self, event: events.Click) -> None:
        """Chooses the tab under the pointer."""
        at = 1
        for tab in TABS:
            width = len(tab) + (len(self._notes[tab]) + 1 if self._notes.get(tab) else 0)
            if at <= event.x < at + width:
                self.post_message(self.Chosen(tab))
                return
            at += width + 3


def keys(pairs: Sequence[tuple[str, str]]) -> Content:
    """Keys and what they do, in a row."""
    parts: list[Part] = [" "]
    for key, does in pairs:
        parts += [(key, "bold"), (f" {does}   ", "$dim")]
    return line(*parts)
