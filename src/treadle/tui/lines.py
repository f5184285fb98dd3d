"""A scrolling column of painted blocks, of which only what is in sight is drawn."""

from bisect import bisect_right
from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

_SIGNS = tuple("✔✘!?–→←▸❯●▶○")
"""What stands before a line's words: the words' further rows stand under the words."""


class Lines(ScrollView, can_focus=True):
    """Blocks of text, wrapped to the width; stays at the end while it grows unless the person has scrolled up."""

    ALLOW_SELECT = True
    # The bar's column is kept free: a width that changes with the bar would cut each row's end off.
    DEFAULT_CSS = "Lines { scrollbar-gutter: stable; }"

    def __init__(
        self, *, follow: bool = False, column: int = 0, id: str | None = None, classes: str | None = None
    ) -> None:
        """With a `column`, rows are a name and a text that begins there: it goes on under its own beginning."""
        super().__init__(id=id, classes=classes)
        self.follow = follow
        self._column = column
        self._blocks: list[Content] = []
        self._strips: list[list[Strip] | None] = []  # None: one row, not drawn yet
        self._starts: list[int] = []
        self._width = 0
        self._at_end = True

    @property
    def blocks(self) -> Sequence[Content]:
        """What is shown, block by block."""
        return self._blocks

    def show(self, blocks: Sequence[Content]) -> None:
        """Shows these blocks; those at the front that are the same are not laid out again."""
        same = 0
        for old, new in zip(self._blocks, blocks, strict=False):
            if old is not new and old != new:
                break
            same += 1
        if same == len(self._blocks) == len(blocks):
            return
        del self._blocks[same:], self._strips[same:], self._starts[same:]
        self._blocks.extend(blocks[same:])
        self._lay_out()
        self.refresh()
        self._stay_at_end()

    def start_of(self, block: int) -> int:
        """The row on which a block begins."""
        return self._starts[block] if block < len(self._starts) else 0

    def block_at(self, row: int) -> int:
        """The block that a row belongs to."""
        return max(0, bisect_right(self._starts, row) - 1)

    def reveal(self, block: int) -> None:
        """Scrolls so that a block is in sight."""
        if block < len(self._strips):
            region = Region(0, self.start_of(block), 1, len(self._strips_of(block)))
            self.scroll_to_region(region, animate=False, immediate=True)

    def _lay_out(self) -> None:
        """Wraps what has no strips yet to the width, and sets the height."""
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._strips.clear()
            self._starts.clear()
        if width <= 0:
            self._starts.clear()
            return
        style = self.visual_style
        for block in self._blocks[len(self._strips) :]:
            self._strips.append(None if _is_a_row(block, width) else self._wrapped(block, width, style))
        height = self._starts.pop() if self._starts else 0
        for strips in self._strips[len(self._starts) :]:
            self._starts.append(height)
            height += 1 if strips is None else len(strips)
        self._set_size(Size(width, height))

    def _strips_of(self, block: int) -> list[Strip]:
        """The rows of a block, drawn now if they were not yet: of a long diff only what was in sight ever is."""
        strips = self._strips[block]
        if strips is None:
            strips = self._wrapped(self._blocks[block], self._width, self.visual_style)[:1]
            self._strips[block] = strips
        return strips

    def _set_size(self, size: Size) -> None:
        """Sets the size of all that can be scrolled to. Where it was and stays longer than the window only the bar is
        told: Textual's way lays the whole screen out anew, which took two thirds of the time while a reply streamed."""
        if size == self.virtual_size:
            return
        room = self.container_size.height
        if (
            self.follow
            and size.width == self.virtual_size.width
            and size.height > room < self.virtual_size.height
        ):
            self.set_reactive(ScrollView.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def _wrapped(self, block: Content, width: int, style: Style) -> list[Strip]:
        """The block's rows; what a row can't hold goes on under its first word."""
        plain = block.plain
        at = self._column
        if 0 < at <= width // 2 and plain[:at].endswith(" ") and plain[:at].strip():
            name = Visual.to_strips(self, block[:at], at, 1, style, apply_selection=False)
            rows = Visual.to_strips(self, block[at:], width - at, None, style, apply_selection=False)
            blank = Strip.blank(at, style.rich_style)
            return [Strip.join([blank if number else name[0], row]) for number, row in enumerate(rows)]
        indent = len(plain) - len(plain.lstrip(" "))
        hang = indent + (
            2 if plain[indent : indent + 1] in _SIGNS and plain[indent + 1 : indent + 2] == " " else 0
        )
        if not 0 < hang <= width // 3 or "\n" in plain or block.cell_length <= width:
            return Visual.to_strips(self, block, width, None, style, apply_selection=False)
        rows = Visual.to_strips(self, block[indent:], width - hang, None, style, apply_selection=False)
        first, rest = Strip.blank(indent, style.rich_style), Strip.blank(hang, style.rich_style)
        return [Strip.join([rest if number else first, row]) for number, row in enumerate(rows)]

    def notify_style_update(self) -> None:
        """Colours changed: all is painted anew."""
        super().notify_style_update()
        self._strips.clear()
        self._starts.clear()

    def on_resize(self) -> None:
        """The width changed: all is wrapped anew."""
        self._lay_out()
        self._stay_at_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls up stays where they are; whoever goes to the end stays at the end."""
        super().watch_scroll_y(old_value, new_value)
        self._at_end = round(new_value) >= self.max_scroll_y

    def _stay_at_end(self) -> None:
        if self.follow and self._at_end:
            self.scroll_end(animate=False, immediate=True, force=True)

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        row = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if len(self._starts) != len(self._blocks):
            self._lay_out()
        if not self._starts or row >= self.virtual_size.height:
            return Strip.blank(width, self.rich_style)
        block = self.block_at(row)
        strip = self._strips_of(block)[row - self._starts[block]]
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        if span is not None:
            start, end = span
            style = self.screen.get_component_rich_style("screen--selection")
            length = strip.cell_length
            end = length if end == -1 else min(end, length)
            pieces = list(strip.divide([start, end, length])) if start < end else [strip]
            if len(pieces) > 1:
                pieces[1] = pieces[1].apply_style(style)
                strip = Strip.join(pieces)
        return strip.adjust_cell_length(width, self.rich_style).apply_offsets(0, row)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected, as it is wrapped on the screen."""
        rows = [strip.text.rstrip() for block in range(len(self._strips)) for strip in self._strips_of(block)]
        return selection.extract("\n".join(rows)), "\n"


def _is_a_row(block: Content, width: int) -> bool:
    """Whether the block surely takes one row of that width."""
    return "\n" not in block.plain and "\t" not in block.plain and block.cell_length <= width
