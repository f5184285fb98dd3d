"""Stepping through a run: what is asked where, what is said to be pending, and what an answer does."""

import msgspec
import pytest

from samples import APART, DONE, MENDS, edits, mending
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.protocol.pending import Pending
from treadle.session.session import OpenModels, Options, Session
from treadle.session.trace import read_blob
from treadle.spec.load import load_catalog

ADD = "test_calc.Calc.test_add"


def asked(ran):
    """(place, point, pending) of each question."""
    return [
        (
            x.step,
            x.event.point,
            msgspec.json.decode(read_blob(ran.session.folder, x.event.pending), type=Pending),
        )
        for x in ran.envelopes
        if isinstance(x.event, e.GateAsked)
    ]


async def test_step_holds_before_each_step_and_each_item_and_says_what_would_run(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(
        root, "go", mode="step", review=True, answers=[commands.Next()] * 3 + [commands.Approve()]
    )
    questions = asked(ran)
    assert [(place, point) for place, point, _ in questions] == [
        ("t@1", "before_step"),
        ("mend@1", "before_step"),
        ("mend@1[0]", "before_step"),
        ("", "before_write"),
    ]
    check, agent, item = (pending for _, _, pending in questions[:3])
    assert (check.what, check.checks) == ("check tests", ("tests",)) and check.how.endswith("-m unittest")
    assert (agent.what, agent.tier, agent.how, agent.item) == ("agent hand", "small", "tools", "")
    assert agent.model.endswith("small.yaml") and agent.checks == ("parses", "tests")
    assert (item.item, item.target) == (ADD, (ADD,))
    assert (ran.code, ran.view.mode) == (0, "step")


async def test_into_holds_each_turn_and_tool_call_with_all_that_is_about_to_happen(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", mode="into", answers=[commands.Into()] * 6 + [commands.Approve()])
    assert ran.code == 0
    assert [point for _, point, _ in asked(ran)] == [
        *["before_step"] * 3,
        "before_turn",
        "before_tool",
        "before_turn",
        "before_write",
    ]
    _, _, turn = asked(ran)[3]
    request = ran.events(e.ModelRequested)[0]
    assert turn.request == request.request and b"a - b" not in read_blob(ran.session.folder, turn.request)
    assert turn.parts == request.parts and [p.name for p in turn.parts] == [
        "prompt",
        "item",
        "task",
        "thread",
        "tools",
    ]
    assert (turn.tier, turn.rung, turn.attempt, turn.target) == ("small", 0, 1, (ADD,))
    assert turn.tokens == request.input_tokens_estimate > 0
    assert turn.max_tokens == request.max_tokens == 4096
    _, _, tool = asked(ran)[4]
    assert (tool.tool, tool.arguments["path"]) == ("edit", "calc.py")
    second = ran.events(e.ModelRequested)[1]
    assert second.parts[-1].name == "turns so far"


async def test_next_at_a_turn_goes_on_to_the_next_step(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    answers = [commands.Into()] * 3 + [commands.Next(), commands.Approve()]
    ran = await drive(root, "go", mode="into", answers=answers)
    assert [point for _, point, _ in asked(ran)] == [*["before_step"] * 3, "before_turn", "before_write"]
    assert [m.mode for m in ran.events(e.ModeChanged)] == ["step"]


async def test_a_tool_call_denied_is_told_to_the_model_and_does_nothing(make_repo, drive):
    wrong = edits(("return a - b", "return a * b"))
    root = make_repo({**APART, **mending(wrong, MENDS, DONE)})
    answers = [*[commands.Into()] * 4, commands.Deny("plus, not times"), commands.Continue()]
    ran = await drive(root, "go", mode="into", answers=answers)
    first, second = ran.events(e.ToolFinished)
    assert first.is_error and not second.is_error
    assert b"plus, not times" in read_blob(ran.session.folder, first.result)
    assert b"plus, not times" in read_blob(ran.session.folder, ran.events(e.ModelRequested)[1].request)
    assert (ran.code, (root / "calc.py").read_text()) == (0, APART["calc.py"].replace("a - b", "a + b"))


async def test_an_item_can_be_skipped(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    answers = [commands.Next(), commands.Next(), commands.Skip('{"summary": "by hand"}')]
    ran = await drive(root, "go", mode="step", answers=answers)
    item = next(s for s in ran.view.steps if s.place == "mend@1[0]")
    assert (item.verdict, item.summary, item.attempts) == ("pass", "skipped", ())
    assert ran.events(e.StepFinished)[1].output == {"summary": "by hand"}


async def test_a_limit_does_not_run_while_a_person_is_asked(make_repo):
    import asyncio

    files = mending(MENDS, DONE, loop="budget: {wall_s: 3}\n")
    root = make_repo({**APART, **files})
    session = Session(root, load_catalog(root), Options(loop="go", mode="step", attended=True))
    running = asyncio.create_task(session.run())
    first = True
    async for envelope in session.events():
        if isinstance(envelope.event, e.GateAsked):
            if first:
                await asyncio.sleep(3.2)
            first = False
            session.submit(commands.Approve() if envelope.event.point == "before_write" else commands.Next())
    view = await running
    assert view.exit_code == 0 and view.duration_s < 3, view.reason


async def test_models_that_the_face_keeps_stay_open_from_run_to_run(make_repo):
    wrong = "{when: nowhere, text: never}"
    root = make_repo({**APART, **mending(MENDS, DONE, wrong)})
    opened = OpenModels()
    closed = []
    for _ in range(2):
        session = Session(root, load_catalog(root), Options(loop="go", mode="plan"), opened=opened)
        view = await session.run()
        closed.append(view.exit_code)
    # The second run asks the same open model, whose script has nothing left for it.
    assert closed == [0, 4]
    await opened.close()
    session = Session(root, load_catalog(root), Options(loop="go", mode="plan"), opened=opened)
    assert (await session.run()).exit_code == 0
    await opened.close()


def test_a_view_takes_many_pieces_of_text_in_little_time_and_keeps_streams_apart():
    import time

    from treadle.session.view import View, reduce

    view = View()
    for number, place in enumerate(("a@1", "b@1"), 1):
        view = reduce(view, e.Envelope(number, 0.0, "r", e.StepStarted("agent x"), place))
    started = time.process_time()
    for _ in range(1500):
        view = reduce(view, e.Envelope(0, 0.0, "r", e.TextDelta("eight ch"), "a@1", 1, 1))
    assert time.process_time() - started < 0.05
    view = reduce(view, e.Envelope(0, 0.0, "r", e.TextDelta("other"), "b@1", 1, 1))
    assert [(s.place, len(s.text)) for s in view.streams] == [("a@1", 4000), ("b@1", 5)]
    assert view.live == "other"
    view = reduce(
        view, e.Envelope(3, 0.0, "r", e.ModelReplied("m", "x", "stop", e.Usage(), 1.5), "b@1", 1, 1)
    )
    assert [s.place for s in view.streams] == ["a@1"]
    assert view.latencies == (("", 1.5),)


@pytest.mark.parametrize("by", ["person", "flag"])
async def test_the_same_run_with_a_person_and_without_leaves_the_same_trace_but_for_who_answered(
    make_repo, drive, by
):
    root = make_repo({**APART, **mending(edits(("a - b", "a * b")), DONE, edits(("a * b", "a + b")), DONE)})
    alone = await drive(root, "go")
    (root / "calc.py").write_text(APART["calc.py"])
    if by == "person":
        more = {"review": True, "answers": [commands.Approve()]}
    else:
        answers = [commands.Next(by="flag")] * 3 + [commands.Approve(by="flag")]
        more = {"review": True, "mode": "step", "answers": answers}
    asked = await drive(root, "go", **more)
    assert (alone.code, asked.code) == (0, 0)
    assert len(asked.events(e.GateAsked)) == len(more["answers"])
    assert _plain(alone) == _plain(asked)


def _plain(ran):
    """The records without what differs from run to run anyway, and without what was asked and who answered it."""
    kept = []
    for envelope in ran.envelopes:
        if isinstance(envelope.event, e.GateAsked | e.TextDelta | e.BaseMarked):
            continue
        if isinstance(envelope.event, e.GateAnswered) and envelope.event.answer == "next":
            continue
        record = msgspec.to_builtins(envelope)
        for key in ("seq", "at", "run"):
            record.pop(key)
        event = record["event"]
        for key in ("duration_s", "checks_s", "run", "started_at", "checkpoint", "mode"):
            event.pop(key, None)
        if event["kind"] == "gate_answered":
            for key in ("by", "word", "question"):
                event.pop(key, None)
        if event["kind"] in ("step_finished", "attempt_finished"):
            event.pop("tests", None)
        kept.append(record)
    return kept
