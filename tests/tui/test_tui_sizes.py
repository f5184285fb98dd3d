"""Narrow, wide, resized in mid-run, and in each theme: all stays inside, and what matters stays in sight."""

import pytest
from tui_samples import ANSWERS, talking
from tui_sitting import sit

from samples import APART, DONE, MENDS_AND_MORE, mending

SIZES = [(60, 20), (80, 24), (200, 60)]


def inside(sat):
    """Every widget that is drawn lies inside its screen, and every row is as wide as it at most."""
    width, height = sat.app.size
    for widget in sat.app.screen.walk_children():
        region = widget.region
        if (
            not widget.is_attached
            or not widget.display
            or not region.area
            or not region.overlaps(sat.app.screen.region)
        ):
            continue
        assert region.right <= width and region.bottom <= height, (widget, region)
        parent = widget.parent.region
        assert region.bottom <= parent.bottom and region.right <= parent.right, (widget, region, parent)
    assert len(sat.lines) == height


async def at_each_size(sat, *words):
    """What must be in sight is, at each of the sizes."""
    for size in SIZES:
        await sat.pilot.resize_terminal(*size)
        await sat.sees(*words)
        await sat.until(lambda size=size: ("✘ 1  t" in sat.text) == (size[0] >= 96))
        inside(sat)


async def test_a_run_is_held_reviewed_and_ended_at_every_size(make_repo):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    async with sit(root, size=(80, 24), mode="step") as sat:
        await sat.sees("treadle", "each step with the cheapest thing", "a task")
        inside(sat)
        await sat.types("/loop go Mend add")
        await sat.held("before_step")
        await sat.press("n")
        await sat.until(lambda: (q := sat.app.gate.question) is not None and q.question == "q2")
        await at_each_size(sat, "next", "step into", "continue", "abort", "help")
        sat.app.gate.focus()
        await sat.press("c")
        await sat.reviewing()
        await at_each_size(sat, "yes: all 2 hunks", "deny", "[✔] @@")
        await sat.pilot.resize_terminal(60, 20)
        await sat.press("space", "f2")
        await sat.sees("1 of 2 hunks", "✘ 1  t")
        inside(sat)
        await sat.press("f2", "f1")
        await sat.sees("While a run is held")
        inside(sat)
        await sat.press("escape")
        await sat.until(lambda: len(sat.app.screen_stack) == 1)
        sat.app.gate.focus()
        await sat.press("d")
        await sat.ended()
        await at_each_size(sat, "stopped")


async def test_turning_about_a_turn_at_the_gate_has_its_keys_in_sight_on_a_small_screen(make_repo):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    async with sit(root, size=(60, 20), mode="into") as sat:
        await sat.types("/loop go Mend add")
        for number in range(1, 4):
            await sat.until(lambda number=number: (q := sat.app.gate.question) and q.question == f"q{number}")
            sat.app.gate.focus()
            await sat.press("s")
        await sat.held("before_turn")
        await sat.sees("next request", "small", "next", "continue", "abort")
        inside(sat)
        await sat.press("ctrl+c")


async def test_resizing_in_mid_run_and_under_the_help(make_repo):
    root = make_repo(talking('{error: hang, text: "one two three four five six seven eight nine ten"}'))
    async with sit(root, loop="talk", task="x") as sat:
        await sat.sees("nine ten")
        for size in ((60, 20), (30, 8), (200, 60), (119, 40)):
            await sat.pilot.resize_terminal(*size)
            await sat.settle()
            inside(sat)
        await sat.sees("one two three", "▶ 1  say")
        await sat.press("f1")
        await sat.pilot.resize_terminal(70, 20)
        await sat.press("escape")
        await sat.settle()
        inside(sat)
        assert "▶ 1  say" not in sat.text
        await sat.press("ctrl+c")
        await sat.ended()


@pytest.mark.slow
async def test_each_theme_draws_every_tab(make_repo):
    root = make_repo(talking(ANSWERS))
    drawn = {}
    async with sit(root, loop="talk", task="x") as sat:
        await sat.ended()
        for theme in ("treadle", "treadle-light", "ansi-dark", "dracula", "ansi-light"):
            await sat.types(f"/theme {theme}")
            await sat.sees(f"theme {theme}")
            for tab in ("Diff", "Trace", "Transcript"):
                await sat.tab(tab)
            strips = sat.app.screen._compositor.render_strips()
            drawn[theme] = {s.style.color for strip in strips for s in strip if s.style and s.style.color}
    assert all(len(colours) > 3 for colours in drawn.values())
    assert len({frozenset(colours) for colours in drawn.values()}) >= 4


async def test_tab_goes_to_what_is_in_sight_only(make_repo):
    async with sit(make_repo(talking(ANSWERS)), size=(80, 24)) as sat:
        seen = []
        for size in ((80, 24), (120, 40)):
            await sat.pilot.resize_terminal(*size)
            for _ in range(3):
                await sat.press("tab")
                seen.append(sat.app.focused.id)
        assert seen == ["pane-transcript", "task", "pane-transcript", "task", "rail", "pane-transcript"]
