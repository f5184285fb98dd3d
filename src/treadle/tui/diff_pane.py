"""The diff: a change set file by file and hunk by hunk; each hunk can be taken or left."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from treadle.tui.lines import Lines
from treadle.tui.paint import line

if TYPE_CHECKING:
    from treadle.session.review import FileReview, HunkReview

_STYLES = {"+": "$added on $added-back", "-": "$removed on $removed-back", " ": "$foreground"}


class DiffPane(Lines):
    """Shows files with their hunks. While `choosing`, a cursor walks the hunks and space takes or leaves one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"diff--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "walk(1)", "next hunk", show=False),
        Binding("up,k", "walk(-1)", "hunk before", show=False),
        Binding("space", "toggle_hunk", "take or leave", show=False),
        Binding("f", "toggle_file", "take or leave the file", show=False),
    ]

    class Toggled(Message):
        """What is taken changed."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._files: tuple[FileReview, ...] = ()
        self._left: set[str] = set()
        self._at = 0
        self._begins: list[int] = []
        self._head: tuple[Content, ...] = ()
        self.choosing = False

    @property
    def taken(self) -> tuple[str, ...]:
        """The names of the hunks that are taken, in their order."""
        return tuple(h.name for h in self._hunks() if h.name not in self._left)

    @property
    def total(self) -> int:
        """How many hunks there are."""
        return len(self._hunks())

    def review(
        self, files: "Sequence[FileReview]", head: Sequence[Content] = (), *, choosing: bool = False
    ) -> None:
        """Shows a change set under some lines of its own; all hunks are taken at first."""
        same = tuple(files) == self._files
        self._files, self._head = tuple(files), tuple(head)
        if not same:
            self._left.clear()
            self._at = 0
        self.choosing = choosing
        self._paint()

    def action_walk(self, by: int) -> None:
        """Goes to the next hunk, or scrolls where nothing is to be chosen."""
        if not self.choosing or not self._begins:
            self.scroll_relative(y=by, animate=False)
            return
        self._at = max(0, min(len(self._begins) - 1, self._at + by))
        self.reveal(self._begins[self._at])
        self.refresh()

    def action_toggle_hunk(self) -> None:
        """Takes or leaves the hunk under the cursor, then goes on to the next."""
        if self.choosing and self.total:
            self._left ^= {self._hunks()[self._at].name}
            self._paint()
            self.action_walk(1)
            self.post_message(self.Toggled())

    def action_toggle_file(self) -> None:
        """Takes or leaves all hunks of the file under the cursor."""
        if not self.choosing or not self.total:
            return
        name = self._hunks()[self._at].name
        file = next(f for f in self._files if any(h.name == name for h in f.hunks))
        names = {h.name for h in file.hunks}
        self._left = self._left - names if names <= self._left else self._left | names
        self._paint()
        self.post_message(self.Toggled())

    def render_line(self, y: int) -> Strip:
        """One row; the head of the hunk under the cursor stands out."""
        strip = super().render_line(y)
        if self.choosing and self._begins and self._starts:
            if self.start_of(self._begins[self._at]) == self.scroll_offset.y + y:
                ground = self.get_component_rich_style("diff--cursor")
                strip = strip.apply_style(Style(bgcolor=ground.bgcolor, bold=True, reverse=ground.reverse))
        return strip

    def _hunks(self) -> "list[HunkReview]":
        return [hunk for file in self._files for hunk in file.hunks]

    def _paint(self) -> None:
        blocks = list(self._head)
        self._begins = []
        for file in self._files:
            added, removed = counts_of([file])
            blocks.append(
                line(
                    (file.path, "bold"),
                    (f"  {file.status}", "$dim"),
                    (f"  +{added}", "$added"),
                    (f" −{removed}", "$removed"),
                )
            )
            for hunk in file.hunks:
                self._begins.append(len(blocks))
                blocks.append(self._hunk_head(hunk))
                blocks += [_row(kind, text) for kind, text in ((row.kind, row.text) for row in hunk.lines)]
            blocks.append(line(""))
        self.show(blocks)

    def _hunk_head(self, hunk: "HunkReview") -> Content:
        if not self.choosing:
            return line((hunk.header, "$primary"))
        is_taken = hunk.name not in self._left
        box = ("[✔] ", "$ok") if is_taken else ("[ ] ", "$held")
        return line(box, (hunk.header, "$primary"), ("" if is_taken else "  left out", "$held"))


def counts_of(files: "Sequence[FileReview]") -> tuple[int, int]:
    """How many lines the files gain and lose."""
    kinds = [row.kind for file in files for hunk in file.hunks for row in hunk.lines]
    return kinds.count("+"), kinds.count("-")


def _row(kind: str, text: str) -> Content:
    style = _STYLES.get(kind, "$dim")
    return line((f"{kind} {text.expandtabs(4)}", style))
