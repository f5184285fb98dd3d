"""The small functions under the widgets: how things are said, what completes a line, which key answers what."""

import pytest
from textual.content import Content

from treadle.protocol import commands
from treadle.protocol.errors import UsageError
from treadle.tui import paint, slash
from treadle.tui.gate_bar import letters_of
from treadle.tui.prose import Prose
from treadle.tui.story import Focus
from treadle.tui.task_input import _common
from treadle.tui.theme import Palette

HOSTILE = "[bold]a[/] [@click=app.quit]b[/] \x1b[31mc\x1b]52;c;eA==\x07\u202ed\u200be"


def test_what_is_painted_is_text_and_never_markup_or_a_sequence():
    for painted in (paint.line(HOSTILE), paint.line((HOSTILE, "$ok")), paint.lines([paint.line(HOSTILE)])):
        assert "[bold]a[/] [@click=app.quit]b[/]" in painted.plain
        assert not any(c in painted.plain for c in "\x1b\x07\u202e\u200b")
        assert "␛[31mc␛]52;c;eA==␇" in painted.plain
        assert not any("meta" in repr(span.style) or "click" in repr(span.style) for span in painted.spans)
    assert paint.line(Content("a"), ("b", "bold")).plain == "ab"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0s"),
        (0.0004, "0s"),
        (0.04, "0.0s"),
        (1.25, "1.2s"),
        (99.9, "99.9s"),
        (99.96, "1m40s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (90061, "25h01m"),
    ],
)
def test_times(value, told):
    assert paint.seconds(value) == told


def test_money_numbers_and_marks():
    assert (paint.money(None), paint.money(0.0), paint.money(1.5)) == ("unpriced", "$0.0000", "$1.5000")
    assert paint.count(1234567) == "1,234,567"
    assert [paint.mark(v)[0] for v in ("pass", "fail", "error", "none", "", "bug")] == list("✔✘!?○•")


@pytest.mark.parametrize(
    ("part", "whole", "filled"),
    [(0, 100, 0), (1, 1000, 1), (50, 100, 5), (100, 100, 10), (300, 100, 10), (5, 0, 1)],
)
def test_a_bar_is_as_wide_as_asked_and_shows_the_smallest_part(part, whole, filled):
    full, empty = paint.bar(part, whole, 10)
    assert (len(full), len(full + empty)) == (filled, 10)


def test_sparks_and_quantiles_of_little_and_of_nothing():
    assert (paint.spark([], 8), paint.spark([0, 0], 8)) == ("", "")
    assert paint.spark([1, 2, 4, 8], 3) == "▂▄█" and paint.spark([0, 8], 8) == "▁█"
    assert paint.quantile([], 0.5) == 0.0 and paint.quantile([3], 0.95) == 3
    assert paint.quantile(list(range(100)), 0.95) == 95 and paint.quantile([2, 1], 1.0) == 2


@pytest.mark.parametrize(
    ("text", "width", "told"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a\nb", 9, "a…"),
        ("", 3, ""),
        ("  a  ", 1, "a"),
        ("abc", 0, "…"),
        ("\n\nx", 5, "x"),
    ],
)
def test_cutting(text, width, told):
    assert paint.cut(text, width) == told


def fed(*pieces):
    prose = Prose()
    for piece in pieces:
        prose.feed(piece)
    return prose


def test_prose_is_the_same_however_it_was_cut_into_pieces():
    text = "# Head\n\nSome `code` and **bold** words\n```python\nx = [1]\n```\n- a list\nno end"
    whole = fed(text).lines
    assert [c.plain[4:] for c in whole] == [
        "# Head",
        "",
        "Some code and bold words",
        "```python",
        "x = [1]",
        "```",
        "- a list",
        "no end",
    ]
    assert fed(*text).lines == whole
    assert fed(text[:30], text[30:]).lines == whole


def test_prose_paints_finished_lines_once():
    prose = fed("one\ntwo\nthr")
    before = prose.lines
    prose.feed("ee\nfour")
    after = prose.lines
    assert [a is b for a, b in zip(before[:2], after[:2], strict=True)] == [True, True]
    assert [c.plain.strip() for c in after] == ["one", "two", "three", "four"]


def test_prose_inside_a_fence_is_not_read_as_marks():
    lines = fed("```\n**a** `b` # c\n```\n**d**\n").lines
    assert [c.plain.strip() for c in lines] == ["```", "**a** `b` # c", "```", "d"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (("next", "into", "continue", "skip", "abort"), "nscka"),
        (("next", "into", "continue", "no", "abort"), "nscda"),
        (("yes", "part", "no", "abort"), "yda"),
        (("left", "lower", "right"), "lor"),
        (("a", "A", "aa"), "a12"),
        ((), ""),
    ],
)
def test_each_option_has_a_key_of_its_own(options, keys):
    found = letters_of(options)
    assert "".join(sorted(found)) == "".join(sorted(keys))
    assert sorted(found.values()) == sorted(o for o in options if o != "part")


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("next", commands.Next()),
        ("into", commands.Into()),
        ("continue", commands.Continue()),
        ("skip", commands.Skip()),
        ("abort", commands.Abort()),
        ("no", commands.Deny()),
        ("yes", commands.Approve()),
        ("left", commands.Approve("left")),
    ],
)
def test_each_option_is_a_command(option, command):
    assert commands.command_for(option) == command


FILES = ("README.md", "src/readme_maker.py", "src/app.py", "docs/app notes.md")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/th", ["/theme"]),
        ("/", [f"/{name}" for name in (*slash.COMMANDS, "ask", "fix")]),
        ("/fi", ["/fix"]),
        ("/loop ", ["ask", "fix"]),
        ("/loop f", ["fix"]),
        ("/loop fix ", []),
        ("/mode i", ["into"]),
        ("/theme t", ["treadle"]),
        ("/zzz", []),
        ("look at @read", ["@README.md", "@src/readme_maker.py"]),
        ("@app", ["@src/app.py", "@docs/app notes.md"]),
        ("two lines\n@app.py", ["@src/app.py"]),
        ("/loop fix mend @app.py", ["@src/app.py"]),
        ("a task", []),
        ("mail me@app", []),
        ("", []),
    ],
)
def test_what_completes_a_line(text, found):
    assert slash.completions(text, ("ask", "fix"), ("treadle", "ansi-dark"), FILES) == found


def test_completions_of_a_large_repository_are_few():
    assert len(slash.completions("@", (), (), [f"f{n}.py" for n in range(9000)])) == 50


@pytest.mark.parametrize(
    ("words", "common"), [(["ab", "abc"], "ab"), (["x"], "x"), (["a", "b"], ""), (["@A/x", "@A/y"], "@A/")]
)
def test_what_words_begin_with(words, common):
    assert _common(words) == common


def test_commands_are_read_by_name_by_their_beginning_and_with_their_words():
    assert slash.parse("/loop fix  the tests ") == ("loop", "fix  the tests")
    assert slash.parse("/q") == ("quit", "") and slash.parse("/he") == ("help", "")
    assert slash.parse("/exit") == ("quit", "") and slash.parse("/model gpt") == ("setup", "gpt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/cop7", "did you mean /copy"),
        ("/co", "/continue or /copy"),
        ("/zzz", "no command /zzz"),
        ("/", "no command /"),
    ],
)
def test_a_command_that_there_is_not_names_those_meant(text, said):
    with pytest.raises(UsageError, match=said) as told:
        slash.parse(text)
    assert told.value.hint


def test_a_focus_holds_its_step_the_items_and_steps_in_it_and_nothing_beside_it():
    assert (
        Focus("a@1").holds("a@1", 3) and Focus("a@1").holds("a@1[0]", 0) and Focus("a@1").holds("a@1/b@1", 1)
    )
    assert not Focus("a@1").holds("a@10", 0) and not Focus("a@1").holds("", 0)
    assert Focus("a@1", 2).holds("a@1", 2) and not Focus("a@1", 2).holds("a@1", 1)


def test_tiers_have_a_colour_each_in_the_ladders_order():
    palette = Palette(["code", "small", "medium", "large"])
    assert [palette.tier(t) for t in ("code", "large", "other")] == ["$tier-1", "$tier-4", "$dim"]
    many = Palette([f"t{n}" for n in range(9)])
    assert many.tier("t8") == "$tier-3"
