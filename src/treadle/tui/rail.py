"""The rail: the loop as a tree of steps, items and attempts, with tier, time and verdict."""

import time
from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from treadle.protocol.events import PASSES_ALREADY
from treadle.session.view import AttemptView, StepView, View
from treadle.tui.lines import Lines
from treadle.tui.paint import Part, cut, line, mark, seconds
from treadle.tui.story import Focus
from treadle.tui.theme import Palette

_TIER_WIDTH = 7
_TIME_WIDTH = 6
_VERDICT_WIDTH = 6


class Row(Struct, frozen=True):
    """A row of the rail and what the tabs show when it is chosen; None: the whole run."""

    content: Content
    focus: Focus | None


class Rail(Lines):
    """The rows of a run, with a cursor. Posts `Chosen` when the person picks another."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rail--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("home,g", "move(-9999)", "first", show=False),
        Binding("end,G", "move(9999)", "last", show=False),
    ]

    class Chosen(Message):
        """The person chose a row; `focus` None is the whole run."""

        def __init__(self, focus: Focus | None) -> None:
            super().__init__()
            self.focus = focus

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._chosen: Focus | None = None

    @property
    def cursor(self) -> int:
        """The chosen row, -1 for none."""
        return next((n for n, row in enumerate(self._rows) if row.focus and row.focus == self._chosen), -1)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows these rows; the chosen one stays chosen where it is still there."""
        self._rows = rows
        self.show([row.content for row in rows])

    def choose(self, focus: Focus | None) -> None:
        """Marks the row of `focus`, none for the whole run."""
        self._chosen = focus
        if self.cursor >= 0:
            self.reveal(self.cursor)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Goes to the next row that can be chosen, up or down."""
        places = [n for n, row in enumerate(self._rows) if row.focus]
        if not places:
            return
        now = self.cursor
        at = places.index(now) if now in places else (-1 if by > 0 else len(places))
        self._pick(places[max(0, min(len(places) - 1, at + by))])

    def on_click(self, event: events.Click) -> None:
        """Chooses the row under the pointer; a second time, the whole run again."""
        row = self.block_at(self.scroll_offset.y + event.y) if self._rows else -1
        if 0 <= row < len(self._rows) and self._rows[row].focus:
            self._pick(-1 if row == self.cursor else row)

    def _pick(self, row: int) -> None:
        self.choose(self._rows[row].focus if row >= 0 else None)
        self.post_message(self.Chosen(self._chosen))

    def render_line(self, y: int) -> Strip:
        """One row, the chosen one on the cursor's ground."""
        strip = super().render_line(y)
        cursor = self.cursor
        if cursor >= 0 and self._starts and self.start_of(cursor) == self.scroll_offset.y + y:
            ground = self.get_component_rich_style("rail--cursor")
            strip = strip.apply_style(Style(bgcolor=ground.bgcolor, bold=ground.bold, reverse=ground.reverse))
        return strip


def rows_of(view: View, palette: Palette, width: int, now: float | None = None) -> list[Row]:
    """The rows of a run as it stands, `width` cells wide; steps still to come stand at the end."""
    now = time.time() if now is None else now
    rows: list[Row] = []
    number = 0
    passed = 0
    for step in view.steps:
        deep = _depth(step.place)
        if step.summary == PASSES_ALREADY:
            passed += 1
            continue
        if passed:
            rows.append(_more(passed))
            passed = 0
        if not deep:
            number += 1
        rows.append(_step_row(step, number if not deep else 0, deep, view, palette, width, now))
        for nth, attempt in enumerate(step.attempts, 1):
            rows.append(_attempt_row(step, attempt, nth, deep + 1, palette, width, now))
    if passed:
        rows.append(_more(passed))
    held = view.question.place if view.question is not None else ""
    if held and all(step.place != held for step in view.steps):
        number += not _depth(held)
        rows.append(_held_row(held, number))
    if not view.outcome:
        seen = {step.place.partition("@")[0] for step in view.steps if not _depth(step.place)}
        seen.add(held.partition("@")[0])
        for name in view.planned:
            if name not in seen:
                number += 1
                rows.append(Row(line(("○ ", "$faint"), (f"{number:<2} {name}", "$dim")), None))
    return rows


def _depth(place: str) -> int:
    return place.count("/") + place.count("[")


def _held_row(place: str, number: int) -> Row:
    """A step that waits for its first word, hence has no record yet."""
    deep = _depth(place)
    name = place.rpartition("/")[2]
    name, _, item = name.partition("[")
    told = f"item {int(item.rstrip(']')) + 1}" if item.rstrip("]").isdecimal() else name.partition("@")[0]
    nth = "" if deep else f"{number:<2} "
    return Row(line("  " * deep, ("● ", "$held"), (nth, "$dim"), (told, "bold"), ("  held", "$held")), None)


def _more(count: int) -> Row:
    return Row(line((f"     {count} more pass already", "$faint")), None)


def _step_row(
    step: StepView, number: int, deep: int, view: View, palette: Palette, width: int, now: float
) -> Row:
    held = view.question is not None and view.question.place == step.place
    running = not step.verdict and not view.outcome
    sign, style = ("●", "$held") if held else ("▶", "$accent") if running else mark(step.verdict)
    tier = step.attempts[-1].tier if step.attempts else ""
    took = now - step.started_at if running else step.duration_s
    name = _short(step.item) if deep and step.item else step.place.rpartition("/")[2].partition("@")[0]
    if step.items > 1 and not step.item:
        name += f" ×{step.items}"
    verdict = "held" if held else step.verdict
    left: list[Part] = [("  " * deep, ""), (f"{sign} ", style)]
    if number:
        left.append((f"{number:<2} ", "$dim"))
    weight = "bold" if running or held else ""
    return Row(_row(left, (name, weight), tier, took, verdict, palette, width), Focus(step.place))


def _attempt_row(
    step: StepView, attempt: AttemptView, nth: int, deep: int, palette: Palette, width: int, now: float
) -> Row:
    running = not attempt.verdict and not step.verdict
    sign, style = ("▶", "$accent") if running else mark(attempt.verdict)
    took = now - attempt.started_at if running and attempt.started_at else attempt.duration_s
    left: list[Part] = [("  " * deep, ""), ("  ", ""), (f"{sign} ", style)]
    name = f"attempt {nth}"
    cost = attempt.usage.cost_usd
    verdict = f"${cost:.3f}" if cost else ""
    return Row(
        _row(left, (name, "$dim" if not running else ""), attempt.tier, took, verdict, palette, width),
        Focus(step.place, attempt.number),
    )


def _row(
    left: list[Part],
    name: tuple[str, str],
    tier: str,
    took: float,
    verdict: str,
    palette: Palette,
    width: int,
) -> Content:
    """The row's columns: what stands left, then the name in what is left of the width, tier, time, verdict."""
    begin = line(*left)
    right = _TIER_WIDTH + 1 + _TIME_WIDTH + 1 + _VERDICT_WIDTH
    room = max(6, width - begin.cell_length - right - 1)
    style = mark(verdict)[1] if verdict in ("pass", "fail", "error", "none", "held") else "$dim"
    return line(
        begin,
        (f"{cut(name[0], room):<{room}} ", name[1]),
        (f"{cut(tier, _TIER_WIDTH):<{_TIER_WIDTH}} ", palette.tier(tier)),
        (f"{seconds(took):>{_TIME_WIDTH}} ", "$dim"),
        (f"{cut(verdict, _VERDICT_WIDTH):<{_VERDICT_WIDTH}}", "$held" if verdict == "held" else style),
    )


def _short(item: str) -> str:
    """An item's title from its telling end: a test's name without its file or module."""
    if " " in item.partition("[")[0] or "/" in item.rpartition("::")[2]:
        return item
    name, bracket, case = item.rpartition("::")[2].partition("[")
    return (name.rpartition(".")[2] or name) + bracket + case
