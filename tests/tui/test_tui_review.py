"""The one question of a run: its diff, taken whole, in part, or not at all."""

from tui_sitting import events, sit, traces

from samples import APART, DONE, MENDS, MENDS_AND_MORE, mending
from treadle.protocol import events as e
from treadle.session.records import runs_of
from treadle.session.trace import read_blob

FIRST = APART["calc.py"].replace("a - b", "a + b")
BOTH = FIRST.replace("x // 2", "x // 2  # whole")


async def test_the_diff_is_shown_with_its_proof_and_y_writes_all(make_repo):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    async with sit(root, loop="go", task="Mend add") as sat:
        await sat.reviewing()
        await sat.sees("proven by  parses ✔", "tests ✔ 2 of 2 tests pass", "Diff +2 −2", "all 2 hunks")
        await sat.sees(
            "calc.py  modified  +2 −2", "[✔] @@ -1,5 +1,5 @@", "-     return a - b", "+     return a + b"
        )
        assert (root / "calc.py").read_text() == APART["calc.py"]
        await sat.press("y")
        await sat.ended()
        await sat.sees("wrote  calc.py", "done")
    assert (root / "calc.py").read_text() == BOTH
    assert [(a.answer, a.by) for a in events(traces(root)[0], e.GateAnswered)] == [("yes", "person")]


async def test_a_part_is_proven_again_before_it_is_written(make_repo):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    async with sit(root, loop="go", task="Mend add") as sat:
        await sat.reviewing()
        await sat.press("down", "space")
        await sat.sees("[ ] @@ -18,4 +18,4 @@  left out", "1 of 2 hunks")
        await sat.press("up", "space", "up", "space")
        await sat.sees("[✔] @@ -1,5 +1,5 @@")
        await sat.press("y")
        await sat.ended()
        await sat.sees("wrote  calc.py", "a part was refused")
    assert (root / "calc.py").read_text() == FIRST
    trace = traces(root)[0]
    kinds = [type(x.event) for x in trace]
    asked, written = kinds.index(e.GateAsked), kinds.index(e.ChangesWritten)
    again = [
        x.event
        for x in trace[asked:written]
        if isinstance(x.event, e.CheckFinished) and x.event.check == "tests"
    ]
    assert [(c.verdict, c.cached) for c in again] == [("pass", False)]
    [answer] = events(trace, e.GateAnswered)
    assert (answer.answer, answer.word) == ("part", "calc.py#1")
    assert not events(trace, e.ChangesWritten)[0].unproven


async def test_a_part_that_does_not_hold_is_asked_again_and_not_answered_by_the_same_press(make_repo):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    async with sit(root, loop="go", task="Mend add") as sat:
        await sat.reviewing()
        await sat.press("space")
        await sat.sees("[ ] @@ -1,5 +1,5 @@  left out")
        sat.press_at_once("yyy")
        await sat.until(lambda: sat.view.question is not None and sat.view.question.question == "q2")
        await sat.reviewing()
        await sat.sees("test_add", "unproven", "[ ] @@ -1,5 +1,5 @@  left out")
        assert (root / "calc.py").read_text() == APART["calc.py"]
        await sat.press("f")
        await sat.sees("[ ] @@ -18,4 +18,4 @@  left out")
        await sat.press("y")
        await sat.sees("No hunk is taken")
        assert sat.view.question is not None
        await sat.press("f")
        await sat.sees("all 2 hunks")
        await sat.press("y")
        await sat.ended()
    assert (root / "calc.py").read_text() == BOTH
    assert [a.answer for a in events(traces(root)[0], e.GateAnswered)] == ["part", "part"]


async def test_a_no_writes_nothing_and_is_on_record(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    async with sit(root, loop="go", task="Mend add") as sat:
        await sat.reviewing()
        await sat.press("d")
        await sat.ended()
        assert sat.view.exit_code == 3
        await sat.sees("you: no", "take it with /apply", "stopped", "refused")
    assert (root / "calc.py").read_text() == APART["calc.py"]
    [trace] = traces(root)
    assert events(trace, e.RunFinished)[0].exit_code == 3
    [refused] = events(trace, e.ChangesRefused)
    [folder] = runs_of(root).iterdir()
    assert b"a + b" in read_blob(folder, refused.diff)


async def test_no_key_says_yes_before_the_diff_is_drawn(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    async with sit(root, loop="go", task="Mend add") as sat:
        sat.app.asking.paint_diff = lambda: _nothing()
        await sat.held("before_write")
        await sat.press("y")
        await sat.settle()
        assert sat.view.question is not None
        del sat.app.asking.paint_diff
        sat.app._changed()
        await sat.reviewing()
        await sat.press("y")
        await sat.ended()
    assert (root / "calc.py").read_text() == FIRST


async def _nothing():
    pass
