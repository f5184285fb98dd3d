"""The line at the bottom: a task, a note, a /command, @file or !shell. Grows with what is typed."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import TextArea

from treadle.protocol.text import clean

PLACEHOLDER = "a task or a question, /command, @file, !shell"


class TaskInput(TextArea):
    """Enter submits, ctrl+j and alt+enter begin a new line, up and down walk the history, tab completes."""

    class Submitted(Message):
        """The person pressed enter on a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person wants the next pane."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(
            id=id,
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            placeholder=PLACEHOLDER,
        )
        self.past: list[str] = []
        self.complete: Callable[[str], Sequence[str]] = lambda _: ()
        self._at = 0
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        handlers: dict[str, Callable[[], bool]] = {
            "enter": self._submit,
            "ctrl+j": self._new_line,
            "alt+enter": self._new_line,
            "shift+enter": self._new_line,
            "up": lambda: self._walk(-1),
            "down": lambda: self._walk(1),
            "tab": self._tab,
        }
        handler = handlers.get(event.key)
        if handler is not None and handler():
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def get_line(self, line_index: int) -> Text:
        """The line as it is drawn: what is pasted, or a file's name that completes it, is no terminal's sequence."""
        return Text(clean(self.document.get_line(line_index)), end="", no_wrap=True)

    def put(self, text: str) -> None:
        """Shows a text with the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def remember(self, text: str) -> None:
        """Adds a text to the history; the walk begins anew."""
        if text and self.past[-1:] != [text]:
            self.past.append(text)
        self._at = len(self.past)

    def _submit(self) -> bool:
        self.post_message(self.Submitted(self.text.strip()))
        return True

    def _new_line(self) -> bool:
        self.insert("\n")
        return True

    def _walk(self, by: int) -> bool:
        """Another text of the history, where the cursor stands at the edge that leads there."""
        row = self.cursor_location[0]
        if (by < 0 and row > 0) or (by > 0 and row < self.document.line_count - 1):
            return False
        at = self._at + by
        if not 0 <= at <= len(self.past):
            return bool(self.past)
        if self._at == len(self.past):
            self._draft = self.text
        self._at = at
        self.put(self.past[at] if at < len(self.past) else self._draft)
        return True

    def _tab(self) -> bool:
        """Completes the word before the cursor as far as all completions agree; with nothing to complete, leaves."""
        found = self.complete(self.text)
        from treadle.tui.slash import last_word

        before, last = last_word(self.text)
        if not found:
            if last[:1] not in ("@", "/"):  # a word that nothing completes is no wish to leave
                self.post_message(self.Left())
            return True
        grown = _common(found)
        if len(grown) <= len(last):
            grown = found[0]
        self.put(before + grown)
        if len(found) == 1:
            self.put(self.text + " ")
        return True


def _common(words: Sequence[str]) -> str:
    """What all words begin with."""
    first, last = min(words), max(words)
    same = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:same]
