"""The scrolling column under every pane: wrapping, staying at the end, finding a block, hidden and resized."""

import contextlib

from textual.app import App
from textual.content import Content
from textual.selection import SELECT_ALL
from textual.widgets import ContentSwitcher, Static

from treadle.tui.lines import Lines


class Held(App):
    CSS = "Lines { height: 1fr; scrollbar-size-vertical: 1; }"

    def __init__(self, follow):
        super().__init__()
        self.follow = follow

    def compose(self):
        with ContentSwitcher(initial="lines"):
            yield Lines(follow=self.follow, id="lines")
            yield Static("something else", id="other")


@contextlib.asynccontextmanager
async def held(blocks, size=(21, 6), follow=False):
    app = Held(follow)
    async with app.run_test(size=size) as pilot:
        lines = app.query_one(Lines)
        lines.show([Content(block) for block in blocks])
        await pilot.pause()
        lines.put_on = lambda blocks: lines.show([Content(block) for block in blocks])
        yield lines, pilot


def drawn(lines):
    return [lines.render_line(y).text.rstrip() for y in range(lines.size.height)]


def rows(number, first=0):
    return [f"row {n}" for n in range(first, number)]


async def test_what_does_not_fit_goes_on_under_the_first_word():
    blocks = [
        "one two three four five six",
        "    alpha beta gamma delta",
        "  ✔ alpha beta gamma delta",
        "x" * 25,
    ]
    async with held(blocks, size=(21, 12)) as (lines, _):
        assert drawn(lines)[:8] == [
            "one two three four",
            "five six",
            "    alpha beta gamma",
            "    delta",
            "  ✔ alpha beta",
            "    gamma delta",
            "x" * 20,
            "x" * 5,
        ]
        assert [lines.start_of(n) for n in range(4)] == [0, 2, 4, 6]
        assert [lines.block_at(row) for row in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_a_text_beside_a_name_goes_on_under_its_own_beginning():
    async with held(["  key   one two three", "head", "  k     four five"], size=(17, 6)) as (lines, pilot):
        lines._column = 8
        lines.notify_style_update()
        lines.on_resize()
        await pilot.pause()
        assert drawn(lines) == [
            "  key   one two",
            "        three",
            "head",
            "  k     four",
            "        five",
            "",
        ]


async def test_blank_and_empty_blocks_take_a_row_each_and_a_deep_indent_is_kept():
    async with held(["", "   ", "a", " " * 15 + "deep it is", "two\n  lines"], size=(21, 12)) as (lines, _):
        assert drawn(lines)[:3] == ["", "", "a"]
        assert [lines.start_of(n) for n in range(4)] == [0, 1, 2, 3]
        assert "deep" in "".join(drawn(lines)) and "two" in drawn(lines) and "  lines" in drawn(lines)


async def test_wide_characters_are_cut_between_cells_and_nothing_is_lost():
    text = "漢字" * 12
    async with held([text], size=(22, 8)) as (lines, _):
        assert "".join(drawn(lines)) == text
        assert all(lines.render_line(y).cell_length == 21 for y in range(8))


async def test_it_stays_at_the_end_from_the_first_row_too_many():
    async with held(rows(6), follow=True) as (lines, pilot):
        assert lines.scroll_y == 0
        for number in (7, 8, 30):
            lines.put_on(rows(number))
            await pilot.pause()
            assert drawn(lines)[-1] == f"row {number - 1}"


async def test_whoever_scrolled_up_stays_and_at_the_end_goes_on_again():
    async with held(rows(20), follow=True) as (lines, pilot):
        lines.scroll_to(y=3, animate=False, immediate=True)
        await pilot.pause()
        lines.put_on(rows(25))
        await pilot.pause()
        assert drawn(lines)[0] == "row 3"
        lines.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        lines.put_on(rows(30))
        await pilot.pause()
        assert drawn(lines)[-1] == "row 29"


async def test_without_following_it_stays_at_the_top():
    async with held(rows(20)) as (lines, pilot):
        lines.put_on(rows(25))
        await pilot.pause()
        assert drawn(lines)[0] == "row 0"


async def test_what_came_while_it_was_hidden_is_at_the_end_when_it_is_shown():
    async with held(rows(3), follow=True) as (lines, pilot):
        switcher = lines.app.query_one(ContentSwitcher)
        switcher.current = "other"
        await pilot.pause()
        lines.put_on(rows(20))
        await pilot.pause()
        lines.put_on(rows(23))
        switcher.current = "lines"
        for _ in range(4):  # what was hidden is told of its size one message later
            await pilot.pause()
        assert drawn(lines)[-1] == "row 22"
        assert len(lines.blocks) == 23


async def test_a_resize_wraps_anew_and_stays_at_the_end():
    words = [f"word{n} and some more words" for n in range(10)]
    async with held(words, size=(40, 6), follow=True) as (lines, pilot):
        assert lines.virtual_size.height == 10
        await pilot.resize_terminal(19, 6)
        for _ in range(4):
            await pilot.pause()
        assert lines.virtual_size.height == 20
        assert drawn(lines)[-1].endswith("words")
        await pilot.resize_terminal(40, 20)
        for _ in range(4):
            await pilot.pause()
        assert lines.virtual_size.height == 10 and drawn(lines)[0] == words[0]


async def test_the_bar_takes_its_own_column():
    text = "abcdefghijklmnopqrst"
    async with held([text], size=(20, 6)) as (lines, pilot):
        for blocks in ([text], [text] * 20):
            lines.put_on(blocks)
            await pilot.pause()
            assert lines.show_vertical_scrollbar == (len(blocks) > 1)
            assert "".join(drawn(lines)[:2]) == text


async def test_a_new_end_lays_out_only_the_end_and_less_shows_less():
    async with held(rows(5)) as (lines, pilot):
        before = [id(strips) for strips in lines._strips]
        lines.put_on([*rows(4), "other", "more"])
        assert [id(strips) for strips in lines._strips][:4] == before[:4]
        assert drawn(lines)[4:6] == ["other", "more"]
        lines.put_on(["one"])
        await pilot.pause()
        assert drawn(lines) == ["one", "", "", "", "", ""]
        lines.put_on([])
        await pilot.pause()
        assert drawn(lines) == [""] * 6


async def test_revealing_a_block_scrolls_to_it_and_a_selection_is_its_text():
    async with held(rows(40)) as (lines, pilot):
        lines.reveal(30)
        await pilot.pause()
        assert "row 30" in drawn(lines)
        lines.reveal(99)
        assert lines.get_selection(SELECT_ALL) == ("\n".join(rows(40)), "\n")
