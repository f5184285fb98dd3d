"""The gate's bar: what is about to happen, on what, at what cost, what will judge it, and the keys that answer."""

from collections.abc import Sequence
from functools import partial

from textual import events
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from treadle.protocol.commands import AnyCommand, command_for
from treadle.protocol.pending import Pending
from treadle.session.view import QuestionView
from treadle.tui.paint import Part, bar, count, cut, line, lines, money
from treadle.tui.theme import Palette

_NAME = 8
_SHARE = 0.4
_EDGES = 2
"""The bar takes at most this share of the screen's height (app.tcss has the same), two rows of it its border."""
_BAR = 20
_WORD_S = 0.2
"""Seconds within which a second letter makes a word of the first: who types a sentence answers nothing by it."""
_LETTERS = {
    "next": ("n", "next"),
    "into": ("s", "step into"),
    "continue": ("c", "continue"),
    "skip": ("k", "skip"),
    "abort": ("a", "abort"),
    "yes": ("y", "yes"),
    "no": ("d", "deny"),
}
_ORDER = ("yes", "next", "into", "continue", "skip", "no", "abort")
_POINTS = {
    "before_step": "next",
    "before_turn": "next request",
    "before_tool": "next tool call",
    "before_write": "write to your files?",
    "clash": "you changed this meanwhile",
    "on_limit": "a limit is reached",
}


class GateBar(Static, can_focus=True):
    """Shows the open question. While it has the focus one key answers; posts `Answered` with the command.

    Letters that are no answer, or that come as fast as a word, are `Typed`.
    """

    class Answered(Message):
        """A person's answer."""

        def __init__(self, question: QuestionView, option: str, command: AnyCommand) -> None:
            super().__init__()
            self.question = question
            self.option = option
            self.command = command

    class Typed(Message):
        """The person began to type a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: dict[str, str] = {}
        self._letter = ""
        self._waiting: Timer | None = None
        self._rows: list[Content] = []
        self._yes = ""
        self._counted = False
        self.question: QuestionView | None = None

    def ask(self, question: QuestionView, pending: Pending, palette: Palette, place: str) -> None:
        """Shows a question with what is about to happen."""
        self._forget()
        self.question = question
        self._keys = letters_of(question.options)
        title = _POINTS.get(question.point, "question")
        self.border_title = f" {title}{': ' + place if place else ''} "
        self._rows = _rows(question, pending, palette, max(60, self.app.size.width - 6))
        self._yes, self._counted = "yes", False
        self._paint()

    def count(self, taken: int, total: int) -> None:
        """Says what a yes would write: so many hunks of all."""
        every = "yes" if total == 1 else f"yes: all {total} hunks"
        self._yes = every if taken == total else f"yes: {taken} of {total} hunks"
        self._counted = True
        self._paint()

    def _paint(self) -> None:
        width, height = self.app.size
        room = int(height * _SHARE) - _EDGES
        self.update(lines(_fitted([*self._rows, line("")], self._key_line(), width - _EDGES - 2, room)))

    def on_resize(self) -> None:
        """What fits is another number of rows."""
        if self.question is not None:
            self._paint()

    def clear(self) -> None:
        """No question is open."""
        self._forget()
        self.question = None
        self._keys = {}

    def _key_line(self) -> Content:
        parts: list[Part] = []
        for letter, option in self._keys.items():
            label = self._yes if option == "yes" else _LETTERS.get(option, (letter, option))[1]
            at = label.find(letter)
            if 0 <= at < 2:
                parts += [(label[:at], ""), (letter, "$held bold"), (label[at + 1 :] + "   ", "")]
            else:
                parts += [(letter, "$held bold"), (f" {label}   ", "")]
        parts += [("?", "$held bold"), (" help", "$dim")]
        return line(*parts)

    def on_key(self, event: events.Key) -> None:
        """Answers by one key, once it is clear that no word begins with it."""
        letter = event.character or ""
        if self.question is None or not event.is_printable or not letter.strip():
            return
        option = self._keys.get(letter)
        if self._waiting is not None:
            event.stop()
            if letter != self._letter:
                self._forget()
                self.post_message(self.Typed(self._letter + letter))
        elif option == "yes" and self.question.point == "before_write" and not self._counted:
            event.stop()  # nobody says yes to a diff that is not drawn yet
        elif option is not None:
            event.stop()
            self._letter = letter
            self._waiting = self.set_timer(_WORD_S, partial(self._answer, self.question, option))
        elif self._begins_text(letter) and event.key not in self.screen.active_bindings:
            event.stop()
            self.post_message(self.Typed(letter))

    def _begins_text(self, letter: str) -> bool:
        """Whether a letter that answers nothing here is a text's first; one that answers elsewhere is a slip."""
        return (letter.isalpha() or letter in "/!@") and letter not in [
            usual for usual, _ in _LETTERS.values()
        ]

    @property
    def is_waiting(self) -> bool:
        """Whether a letter was pressed that becomes an answer if none follows at once."""
        return self._waiting is not None

    def _answer(self, question: QuestionView, option: str) -> None:
        self._waiting = None
        self.post_message(self.Answered(question, option, command_for(option)))

    def _forget(self) -> None:
        """No letter waits to be an answer."""
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None


def _fitted(rows: list[Content], keys: Content, width: int, room: int) -> list[Content]:
    """As many of the rows over the keys as there is room for, the first ones first: the keys are always in sight."""

    def height(content: Content) -> int:
        return content.get_height({}, max(1, width))

    left = room - height(keys)
    while rows and sum(map(height, rows)) > left:
        if len(rows) > 1:
            rows.pop()
        else:
            cells = width * max(0, left)
            rows = [rows[0].truncate(cells - width // 3, ellipsis=True)] if cells else []
            break
    return [*rows, keys]


def letters_of(options: Sequence[str]) -> dict[str, str]:
    """A key for each option, in the order in which they are shown: its usual letter, else its first free one.

    A part of the changes has no key of its own: a yes writes the hunks that are taken.
    """
    found: dict[str, str] = {}
    known = [o for o in _ORDER if o in options]
    for option in [*known, *(o for o in options if o not in (*known, "part"))]:
        wanted = [_LETTERS[option][0]] if option in _LETTERS else [c for c in option.lower() if c.isalnum()]
        wanted += list("123456789")
        letter = next((c for c in wanted if c not in found), "")
        if letter:
            found[letter] = option
    return found


def _rows(question: QuestionView, pending: Pending, palette: Palette, width: int) -> list[Content]:
    """What is known of the pending thing, a row for each kind of fact."""
    rows: list[Content] = []
    if pending.tool:
        said = ", ".join(f"{k}: {cut(str(v), 80)}" for k, v in pending.arguments.items())
        rows.append(_row("run", (pending.tool, "bold"), f"  {said}"))
    elif pending.tier:
        what: list[Part] = [
            (pending.tier, palette.tier(pending.tier) + " bold"),
            f"  {pending.model or pending.how}",
        ]
        if pending.model and pending.how:
            what.append((f"  {pending.how}", "$dim"))
        if pending.item:
            what.append((f"  {cut(pending.item, 70)}", "bold"))
        rows.append(_row("ask", *what))
    else:
        rows += _paragraph("about", question.subject, width)
    if question.point == "before_write":
        rows.append(
            _row(
                "",
                (
                    "space takes or leaves a hunk in the Diff tab; nothing is written before you answer",
                    "$dim",
                ),
            )
        )
    rows += _window(pending, width)
    if pending.model:
        cost = (money(pending.cost_usd), "$ok" if pending.cost_usd == 0 else "$held")
        rows.append(_row("cost", cost, (" at most" if pending.cost_usd else "", "$dim")))
    if pending.checks:
        first = f" ({len(pending.target)} failing first)" if pending.target else ""
        rows.append(_row("then", " → ".join(pending.checks) + first))
    if pending.unproven:
        rows.append(_row("proof", ("unproven: no check vouches for these changes", "$held")))
    return rows


def _window(pending: Pending, width: int) -> list[Content]:
    """What fills the model's window: tokens, a bar, and the parts."""
    if not pending.tokens and not pending.window:
        return []
    of = f" of {count(pending.window)}" if pending.window else ""
    parts: list[Part] = [f"{count(pending.tokens)}{of} tokens  "]
    if pending.window:
        full, empty = bar(pending.tokens, pending.window, _BAR)
        parts += [(full, "$primary"), (empty, "$faint")]
    said = " · ".join(f"{p.name} {count(p.tokens)}{' cut' if p.cut else ''}" for p in pending.parts)
    left = width - _NAME - 1 - line(*parts).cell_length
    return [_row("window", *parts, (f"  {cut(said, left - 2)}" if left > 12 else "", "$dim"))]


def _paragraph(name: str, text: str, width: int) -> list[Content]:
    """A row whose text goes on under its beginning."""
    from textwrap import wrap

    said = wrap(text, max(20, width - _NAME - 1)) or [""]
    return [_row(name if not number else "", part) for number, part in enumerate(said)]


def _row(name: str, *parts: Part) -> Content:
    return line((f"{name:<{_NAME}} ", "$dim"), *parts)
