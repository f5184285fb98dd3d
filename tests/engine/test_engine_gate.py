"""The gate: who is asked, what an answer does, and that each question is answered once."""

import asyncio

import msgspec
import pytest

from treadle.engine.clock import Clock
from treadle.engine.gate import Gate
from treadle.protocol import commands
from treadle.protocol.errors import Aborted, NeedsPerson
from treadle.protocol.events import GateAnswered, GateAsked, ModeChanged, Place
from treadle.protocol.pending import Pending


class Seen:
    def __init__(self):
        self.events = []

    def __call__(self, place, event):
        self.events.append(event)

    def kinds(self):
        return [type(e).__name__ for e in self.events]


async def test_auto_lets_a_step_through_without_asking():
    seen = Seen()
    answer = await Gate(seen).before_step("a@1", "check tests")
    assert (answer.answer, seen.events) == ("continue", [])


async def test_step_mode_waits_for_a_person_and_records_who_answered():
    seen = Seen()
    gate = Gate(seen, mode="step", attended=True)
    waiting = asyncio.create_task(gate.before_step("a@1", "check tests"))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.submit(commands.Next())
    assert (await waiting).answer == "next"
    assert seen.events == [
        GateAsked("q1", "before_step", "check tests", ("next", "into", "continue", "skip", "abort")),
        GateAnswered("q1", "next", "person"),
    ]


async def test_continue_ends_step_mode_and_pause_begins_it():
    gate = Gate(Seen(), mode="step", attended=True)
    gate.submit(commands.Continue())
    await gate.before_step("a@1", "x")
    assert gate.mode == "auto"
    gate.submit(commands.Pause())
    assert gate.mode == "step"


async def test_skip_brings_a_stand_in_output():
    gate = Gate(Seen(), mode="step", attended=True)
    gate.submit(commands.Skip("what it would say"))
    answer = await gate.before_step("a@1", "x")
    assert answer.skipped and answer.word == "what it would say"


async def test_with_nobody_there_a_question_ends_at_once():
    seen = Seen()
    with pytest.raises(NeedsPerson):
        await Gate(seen, mode="step").before_step("a@1", "x")
    assert seen.kinds() == ["GateAsked"]


async def test_a_held_step_asks_in_auto_too():
    with pytest.raises(NeedsPerson):
        await Gate(Seen()).before_step("a@1", "x", hold=True)


async def test_abort_ends_the_run_at_the_question_and_at_the_next_gate_point():
    gate = Gate(Seen(), attended=True)
    gate.submit(commands.Abort())
    with pytest.raises(Aborted):
        await gate.ask("a@1", "ask", "Go on?", ("yes", "no"))
    with pytest.raises(Aborted):
        await gate.before_step("b@1", "x")


async def test_what_answers_nothing_is_passed_over():
    seen = Seen()
    gate = Gate(seen, attended=True)
    for command in (commands.Next(), commands.Approve("perhaps"), commands.Deny("not like this")):
        gate.submit(command)
    answer = await gate.ask("a@1", "ask", "Go on?", ("yes", "no"))
    assert (answer.answer, answer.word) == ("no", "not like this")
    assert seen.kinds() == ["GateAsked", "GateAnswered"]


def about():
    return Pending(what="agent x")


@pytest.mark.parametrize(
    ("mode", "held"),
    [
        ("auto", []),
        ("plan", []),
        ("step", ["before_step"]),
        ("into", ["before_step", "before_turn", "before_tool"]),
    ],
)
async def test_each_mode_holds_at_its_own_points(mode, held):
    seen = Seen()
    gate = Gate(seen, mode=mode, attended=True)
    for point in ("before_step", "before_turn", "before_tool"):
        gate.submit(commands.Into() if mode == "into" else commands.Next())
        await gate.hold(Place("a@1"), point, "x", about)
    assert [e.point for e in seen.events if isinstance(e, GateAsked)] == held


@pytest.mark.parametrize(
    ("command", "mode"),
    [(commands.Next(), "step"), (commands.Into(), "into"), (commands.Continue(), "auto")],
    ids=["next", "into", "continue"],
)
async def test_an_answer_leads_to_its_mode_and_the_change_is_on_record(command, mode):
    seen = Seen()
    gate = Gate(seen, mode="auto", attended=True)
    gate.submit(command)
    await gate.hold(Place("a@1"), "before_step", "x", about, always=True)
    changed = [e for e in seen.events if isinstance(e, ModeChanged)]
    assert gate.mode == mode
    assert changed == ([] if mode == "auto" else [ModeChanged(mode, "person")])


async def test_a_mode_is_set_at_once_and_an_unknown_one_is_passed_over():
    seen = Seen()
    gate = Gate(seen)
    gate.submit(commands.SetMode("plan"))
    gate.submit(commands.SetMode("fast"))
    gate.submit(commands.Pause("flag"))
    assert seen.events == [ModeChanged("plan", "person"), ModeChanged("step", "flag")]


async def test_what_is_pending_is_kept_where_a_person_is_asked_and_only_there():
    seen, kept = Seen(), []
    gate = Gate(seen, mode="step", attended=True, keep=lambda data: kept.append(data) or "blob")
    gate.submit(commands.Next())
    await gate.hold(Place("a@1"), "before_step", "x", about)
    await gate.hold(Place("a@1"), "before_turn", "x", about)
    assert [msgspec.json.decode(data, type=Pending) for data in kept] == [about()]
    assert seen.events[0].pending == "blob"


async def test_questions_asked_side_by_side_are_answered_one_after_another():
    seen = Seen()
    gate = Gate(seen, attended=True)
    both = [asyncio.create_task(gate.ask(f"{n}@1", "ask", n, ("yes", "no"))) for n in "ab"]
    await asyncio.sleep(0)
    gate.submit(commands.Approve("yes"))
    gate.submit(commands.Deny("no thanks"))
    assert [(await task).answer for task in both] == ["yes", "no"]
    assert seen.kinds() == ["GateAsked", "GateAnswered"] * 2


async def test_a_second_one_that_waits_is_not_asked_once_the_first_said_continue():
    seen = Seen()
    gate = Gate(seen, mode="into", attended=True)
    both = [asyncio.create_task(gate.hold(Place(n), "before_turn", n, about)) for n in "ab"]
    await asyncio.sleep(0)
    gate.submit(commands.Continue())
    await asyncio.gather(*both)
    assert seen.kinds().count("GateAsked") == 1


async def test_a_part_brings_the_names_of_its_hunks():
    seen = Seen()
    gate = Gate(seen, attended=True)
    gate.submit(commands.Take(("a.py#1", "a.py#3")))
    answer = await gate.ask("", "before_write", "write", ("yes", "part", "no", "abort"))
    assert (answer.answer, answer.hunks) == ("part", ("a.py#1", "a.py#3"))
    assert seen.events[-1] == GateAnswered("q1", "part", "person", "a.py#1, a.py#3")


async def test_abort_is_on_record_as_the_answer_to_the_open_question():
    seen = Seen()
    gate = Gate(seen, attended=True)
    asking = asyncio.create_task(gate.ask("a@1", "ask", "Go on?", ("yes", "no")))
    await asyncio.sleep(0)
    gate.submit(commands.Abort())
    gate.submit(commands.Abort())
    with pytest.raises(Aborted):
        await asking
    assert [(e.question, e.answer, e.by) for e in seen.events[1:]] == [("q1", "abort", "person")]


async def test_abort_with_no_question_open_is_on_record_too():
    seen = Seen()
    Gate(seen).submit(commands.Abort())
    assert [(e.question, e.answer, e.by) for e in seen.events] == [("q1", "abort", "person")]


async def test_what_is_said_before_the_run_goes_on_record_when_it_begins():
    seen = Seen()
    gate = Gate(seen)
    gate.wait()
    gate.submit(commands.SetMode("step"))
    gate.submit(commands.Abort())
    assert seen.events == []
    gate.begin()
    assert seen.kinds() == ["GateAnswered"] and gate.mode == "step"


async def test_the_clock_and_its_limits_stand_still_while_a_person_is_asked():
    gate = Gate(Seen(), attended=True)
    async with gate.clock.limit(0.3):
        before = gate.clock.now()
        asking = asyncio.create_task(gate.ask("a@1", "ask", "Go on?", ("yes", "no")))
        asyncio.get_running_loop().call_later(0.5, gate.submit, commands.Approve())
        await asking
        assert gate.clock.now() - before < 0.3
    with pytest.raises(TimeoutError):
        async with gate.clock.limit(0.01):
            await asyncio.Event().wait()


async def test_a_limit_that_begins_while_the_clock_stands_runs_from_when_it_goes_on():
    clock = Clock()
    with pytest.raises(TimeoutError):
        with clock.standing():
            limit = clock.limit(0.01)
            await limit.__aenter__()
            await asyncio.sleep(0.03)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cut:
            await limit.__aexit__(type(cut), cut, cut.__traceback__)
            raise
