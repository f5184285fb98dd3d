"""The rows of the rail, from views made by hand."""

import pytest

from treadle.protocol.events import PASSES_ALREADY
from treadle.protocol.messages import Usage
from treadle.session.view import AttemptView, QuestionView, StepView, View
from treadle.tui.rail import rows_of
from treadle.tui.story import Focus
from treadle.tui.theme import Palette

PALETTE = Palette(["code", "small", "large"])


def rows(view, width=43, now=100.0):
    return [row.content.plain.rstrip() for row in rows_of(view, PALETTE, width, now)]


def step(place, verdict="pass", **more):
    return StepView(place, "check tests", verdict=verdict, duration_s=1.0, started_at=90.0, **more)


def tried(number, tier="small", verdict="pass", **more):
    return AttemptView(number, tier, "tools", verdict=verdict, duration_s=2.0, started_at=95.0, **more)


def test_steps_are_numbered_as_they_ran_and_those_to_come_after_them():
    view = View(run="r", steps=(step("t@1", "fail"), step("mend@1", "")), planned=("t", "mend", "whole"))
    assert rows(view) == [
        "✘ 1  t                          1.0s fail",
        "▶ 2  mend                      10.0s",
        "○ 3  whole",
    ]


def test_a_second_visit_has_a_number_of_its_own_and_a_run_that_ended_has_nothing_to_come():
    view = View(
        run="r",
        steps=(step("t@1", "fail"), step("mend@1"), step("t@2")),
        planned=("t", "mend", "t", "whole"),
        outcome="done",
    )
    assert [row[:6].strip() for row in rows(view)] == ["✘ 1  t", "✔ 2  m", "✔ 3  t"]


def test_items_and_attempts_are_under_their_step_each_deeper():
    item = step(
        "mend@1[0]",
        item="tests/test_cart.py::Cart::test_total[two words]",
        attempts=(tried(1, "code", "fail"), tried(2, usage=Usage(cost_usd=0.0214))),
    )
    view = View(run="r", steps=(step("mend@1", items=2), item, step("mend@1[1]", item="Add a flag")))
    shown = rows(view, 50)
    assert shown == [
        "✔ 1  mend ×2                           1.0s pass",
        "  ✔ test_total[two words]    small     1.0s pass",
        "      ✘ attempt 1            code      2.0s",
        "      ✔ attempt 2            small     2.0s $0.021",
        "  ✔ Add a flag                         1.0s pass",
    ]
    found = rows_of(view, PALETTE, 50, 100.0)
    assert [row.focus for row in found] == [
        Focus("mend@1"),
        Focus("mend@1[0]"),
        Focus("mend@1[0]", 1),
        Focus("mend@1[0]", 2),
        Focus("mend@1[1]"),
    ]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("tests/test_a.py::test_one", "test_one"),
        ("test_calc.Calc.test_add", "test_add"),
        ("test_calc.Calc.test_add[1.5-x]", "test_add[1.5-x]"),
        ("Make the parser faster.", "Make the parser f…"),
        ("src/shop/cart.py", "src/shop/cart.py"),
        ("go.mod/pkg::TestAll/sub", "go.mod/pkg::TestA…"),
        ("[red]x[/]", "[red]x[/]"),
    ],
)
def test_an_item_is_told_by_its_telling_end(item, told):
    assert (
        rows(View(run="r", steps=(step("mend@1[0]", item=item),)), 44)[0].split("   ")[0][4:].strip() == told
    )


def test_items_that_pass_already_are_one_row():
    already = [step(f"mend@1[{n}]", summary=PASSES_ALREADY, item=f"t{n}") for n in range(4)]
    steps = (
        step("mend@1", items=5),
        already[0],
        already[1],
        step("mend@1[2]", "fail", item="t2"),
        *already[2:],
    )
    shown = rows(View(run="r", steps=steps))
    assert shown[1] == "     2 more pass already" and "t2" in shown[2]
    assert shown[3] == "     2 more pass already" and len(shown) == 4


def test_a_step_that_waits_for_its_first_word_has_its_place_and_number():
    asked = QuestionView("q1", "before_step", "s", ("next",), "mend@1")
    view = View(run="r", steps=(step("t@1"),), planned=("t", "mend", "whole"), question=asked)
    assert rows(view)[1:] == ["● 2  mend  held", "○ 3  whole"]


def test_an_item_that_waits_is_counted_from_one():
    asked = QuestionView("q1", "before_step", "s", ("next",), "mend@1[2]")
    view = View(run="r", steps=(step("mend@1", ""),), planned=("mend",), question=asked)
    assert rows(view)[1:] == ["  ● item 3  held"]


def test_a_step_held_in_the_middle_of_its_work_says_so():
    asked = QuestionView("q1", "before_turn", "s", ("next",), "mend@1")
    view = View(run="r", steps=(step("mend@1", "", attempts=(tried(1, verdict=""),)),), question=asked)
    assert rows(view) == [
        "● 1  mend             small    10.0s held",
        "    ▶ attempt 1       small     5.0s",
    ]


def test_attempts_of_a_race_run_side_by_side_and_keep_their_tiers():
    racing = (tried(1, "small", ""), tried(2, "large", ""))
    shown = rows(View(run="r", steps=(step("mend@1", "", attempts=racing),)))
    assert [row.split() for row in shown[1:]] == [
        ["▶", "attempt", "1", "small", "5.0s"],
        ["▶", "attempt", "2", "large", "5.0s"],
    ]


def test_an_aborted_run_shows_no_step_as_running():
    view = View(run="r", steps=(step("mend@1", ""),), outcome="aborted", planned=("mend", "whole"))
    assert not any("▶" in row or "whole" in row for row in rows(view))


def test_steps_of_an_inner_loop_are_told_by_their_name_and_go_deeper():
    view = View(
        run="r", steps=(step("all@1", ""), step("all@1/t@1"), step("all@1/mend@1", "")), planned=("all",)
    )
    shown = rows(view)
    assert [row[:8].rstrip() for row in shown] == ["▶ 1  all", "  ✔ t", "  ▶ mend"]


@pytest.mark.parametrize("width", [10, 20, 30, 44, 200])
def test_a_row_is_never_wider_than_the_rail(width):
    long = step(
        "mend@1[0]",
        item="x" * 300,
        attempts=(tried(12, "a-tier-with-a-long-name", usage=Usage(cost_usd=99.5)),),
    )
    view = View(run="r", steps=(step("a-step-with-a-rather-long-name@1"), long))
    for row in rows_of(view, PALETTE, width, 1e6):
        assert row.content.cell_length <= max(width, 36)
