"""The same run at the screen and without one leaves the same trace, but for who answered."""

import msgspec
import pytest
from tui_samples import ANSWERS, talking
from tui_sitting import sit, traces

from samples import APART, DONE, edits, mending
from treadle.headless import run_headless
from treadle.protocol import events as e
from treadle.session.options import Options
from treadle.session.session import Session
from treadle.spec.load import load_catalog

TIMES = {"seq", "at", "run", "started_at", "duration_s", "checks_s", "checkpoint", "marks", "tests", "mode"}
WHO = {"by", "question", "word"}


def plain(trace):
    """The records without times, ids and durations, and without who was asked and who answered."""
    kept = []
    for envelope in trace:
        event = envelope.event
        if isinstance(event, e.GateAsked | e.ModeChanged | e.BaseMarked):
            continue
        if isinstance(event, e.GateAnswered) and event.answer in ("next", "continue"):
            continue
        record = msgspec.to_builtins(envelope)
        dropped = TIMES | (WHO if isinstance(event, e.GateAnswered) else set())
        kept.append(
            {k: v for k, v in record.items() if k not in TIMES | {"event"}}
            | {"event": {k: v for k, v in record["event"].items() if k not in dropped}}
        )
    return kept


def headless(root, task, loop):
    """The exit code of the run without a screen."""
    options = Options(task=task, loop=loop)
    return run_headless(lambda: Session(root, load_catalog(root), options), "jsonl")


@pytest.mark.parametrize("mode", ["auto", pytest.param("step", marks=pytest.mark.slow)])
def test_a_mended_bug_after_a_wrong_try(make_repo, capfd, mode):
    wrong = edits(("a - b", "a * b"))
    root = make_repo({**APART, **mending(wrong, DONE, edits(("a * b", "a + b")), DONE)})
    assert headless(root, "Mend add", "go") == 0
    (root / "calc.py").write_text(APART["calc.py"])

    async def at_the_screen():
        async with sit(root, loop="go", task="Mend add", mode=mode) as sat:
            while mode == "step":
                await sat.held()
                if sat.view.question.point == "before_write":
                    break
                before = sat.view.question.question
                sat.app.gate.focus()
                await sat.press("n")
                await sat.until(
                    lambda before=before: sat.view.question is None or sat.view.question.question != before
                )
            await sat.reviewing()
            await sat.press("y")
            await sat.ended(2)

    import asyncio

    asyncio.run(at_the_screen())
    alone, shown = traces(root)
    assert plain(alone) == plain(shown)
    assert [a.event.by for a in alone if isinstance(a.event, e.GateAnswered)] == ["policy"]
    assert {a.event.by for a in shown if isinstance(a.event, e.GateAnswered)} == {"person"}
    assert capfd.readouterr().out.count('"type":"event"') > 20


def test_an_answer_and_a_run_that_fails(make_repo, capfd):
    import asyncio

    root = make_repo(talking(ANSWERS))
    bare = make_repo({**APART, **mending("{error: refused, repeat: true}")}, "bare")
    assert headless(root, "what is it", "talk") == 0
    code = headless(bare, "Mend add", "go")
    assert code == 4

    async def at_the_screen():
        async with sit(root, loop="talk", task="what is it") as sat:
            await sat.ended(2)
        async with sit(bare, loop="go", task="Mend add") as sat:
            await sat.ended(2)
            assert sat.view.exit_code == code

    asyncio.run(at_the_screen())
    for place in (root, bare):
        alone, shown = traces(place)
        assert plain(alone) == plain(shown)
