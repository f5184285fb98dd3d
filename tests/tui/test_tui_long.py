"""Sizes nobody plans for: a long diff and an endless line are drawn as far as they are in sight."""

import textual.visual
from tui_sitting import sit

from samples import treadle_dir
from treadle.tui.prose import Prose

ROWS = 20_000


async def test_of_a_long_diff_only_what_is_in_sight_is_wrapped(make_repo, monkeypatch):
    wrapped = []
    plain = textual.visual.Visual.to_strips

    def counted(*args, **more):
        wrapped.append(1)
        return plain(*args, **more)

    monkeypatch.setattr(textual.visual.Visual, "to_strips", counted)
    root = make_repo(
        {
            "b.txt": "".join(f"line {n}\n" for n in range(ROWS)),
            **treadle_dir(
                loops__go='name: go\ndescription: d\nsteps: [{name: a, command: "cp b.txt c.txt"}]\n'
            ),
        }
    )
    async with sit(root) as sat:
        await sat.types("/go now")
        await sat.reviewing()
        assert sat.app.tabs.diff.virtual_size.height > ROWS
        await sat.press("end")
        await sat.sees(f"line {ROWS - 1}")
        await sat.press("home")
        await sat.sees("line 0")
        assert len(wrapped) < ROWS / 2
        await sat.press("a")
        await sat.ended()


def test_a_line_without_an_end_is_painted_in_pieces_and_whole():
    prose = Prose(indent="")
    for _ in range(300):
        prose.feed("word " * 200)
    pieces = [row.plain for row in prose.lines]
    assert max(map(len, pieces)) <= 4000
    assert " ".join(pieces).split() == ["word"] * 60_000
    prose = Prose(indent="")
    prose.feed("x" * 1_000_000 + "\nend")
    rows = [row.plain for row in prose.lines]
    assert "".join(rows[:-1]) == "x" * 1_000_000 and rows[-1] == "end" and max(map(len, rows)) <= 4000
