"""The gate: who is asked, what an answer does, and that each question is answered once."""

import asyncio

import pytest

from treadle.engine.gate import Gate
from treadle.protocol import commands
from treadle.protocol.errors import Aborted, NeedsPerson
from treadle.protocol.events import GateAnswered, GateAsked


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
