"""How things end: an abort in mid-stream and in mid-command, a pause, and quitting with nothing left behind."""

import os
import threading
from pathlib import Path

from tui_samples import ANSWERS, commands, talking
from tui_sitting import events, sit, traces

from treadle.protocol import events as e

MARK = "57.3391"
"""Seconds that nothing else on this machine sleeps: by them the processes of a test are known."""
STREAMS = '{error: hang, text: "word word", chunks: 2, repeat: true}'
"""A reply whose end never comes."""


def alive() -> list[str]:
    """The command lines of this machine's processes that carry the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if MARK.encode() in line:
                found.append(line.decode(errors="replace"))
    return found


def engines() -> list[str]:
    """The engine's threads that still live."""
    return [thread.name for thread in threading.enumerate() if thread.name == "treadle-engine"]


def ending(trace):
    """How a trace ends: its last record's outcome and code."""
    last = trace[-1].event
    assert isinstance(last, e.RunFinished)
    return last.outcome, last.exit_code


async def test_ctrl_c_clears_the_line_then_aborts_a_stream_then_quits_when_pressed_twice(make_repo):
    root = make_repo(talking(STREAMS))
    async with sit(root, loop="talk", task="tell me") as sat:
        await sat.sees("word word", "running say", "ctrl+c abort")
        await sat.types("half a thou", enter=False)
        await sat.press("ctrl+c")
        assert sat.app.line.text == "" and sat.app.board.running
        await sat.press("ctrl+c")
        await sat.ended()
        await sat.sees("aborted", "word word")
        await sat.press("ctrl+c")
        await sat.sees("ctrl+c once more to quit.")
        assert sat.app.is_running
        await sat.press("ctrl+c")
        await sat.until(lambda: not sat.app.is_running or sat.app._exit)
        assert sat.app.return_code == 0
    [trace] = traces(root)
    assert ending(trace) == ("aborted", 130)
    assert [(a.answer, a.by) for a in events(trace, e.GateAnswered)] == [("abort", "person")]
    assert engines() == []


async def test_an_abort_while_a_command_runs_leaves_no_process(make_repo):
    root = make_repo(commands(f"sleep {MARK}", "echo never"))
    async with sit(root, loop="go", task="wait") as sat:
        await sat.until(lambda: bool(alive()))
        await sat.sees("▶ 1  s1", "running s1")
        await sat.press("ctrl+c")
        await sat.ended()
        assert alive() == []
        assert "▶" not in sat.text.partition("│")[0]
        await sat.types("/loop go again")
        await sat.until(lambda: bool(alive()))
        await sat.types("/abort")
        await sat.ended(2)
    assert [ending(trace) for trace in traces(root)] == [("aborted", 130)] * 2
    assert alive() == []


async def test_quitting_in_mid_run_ends_it_in_its_trace_and_leaves_nothing(make_repo):
    root = make_repo(commands(f"sleep {MARK}"))
    async with sit(root, loop="go", task="wait") as sat:
        await sat.until(lambda: bool(alive()))
        await sat.press("ctrl+q")
        await sat.until(lambda: sat.app._exit)
    assert (alive(), engines()) == ([], [])
    assert ending(traces(root)[0]) == ("aborted", 130)


async def test_quitting_right_after_enter_ends_the_run_too(make_repo):
    root = make_repo(commands(f"sleep {MARK}"))
    async with sit(root) as sat:
        await sat.types("/loop go now", enter=False)
        await sat.pilot.press("enter", "ctrl+q")
    assert (alive(), engines()) == ([], [])
    assert all(ending(trace) == ("aborted", 130) for trace in traces(root))


async def test_quitting_at_a_question_ends_the_run_and_writes_nothing(make_repo):
    root = make_repo(commands("echo b > b.txt"))
    async with sit(root, loop="go", task="write") as sat:
        await sat.reviewing()
        await sat.types("/quit")
        await sat.until(lambda: sat.app._exit)
    assert ending(traces(root)[0])[0] == "aborted"
    assert not (root / "b.txt").exists() and engines() == []


async def test_escape_pauses_at_the_next_step_and_comes_back_to_the_line(make_repo):
    root = make_repo(commands("sleep 0.3", "true", "true"))
    async with sit(root, loop="go", task="x") as sat:
        await sat.sees("running s1")
        await sat.press("escape")
        await sat.sees("Pausing at the next step.")
        await sat.held("before_step")
        await sat.sees("mode: step", "next: s2")
        assert sat.app.focused is sat.app.gate
        await sat.press("escape")
        assert sat.app.focused is sat.app.line
        await sat.press("escape")
        assert sat.app.focused is sat.app.gate
        await sat.press("c")
        await sat.ended()
    trace = traces(root)[0]
    assert ending(trace) == ("done", 0)
    assert [m.mode for m in events(trace, e.ModeChanged)] == ["step", "auto"]


async def test_a_command_of_the_persons_own_ends_with_the_screen(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        await sat.types(f"!sleep {MARK}; echo never")
        await sat.until(lambda: bool(alive()))
        await sat.press("ctrl+q")
        await sat.until(lambda: sat.app._exit)
    assert alive() == []
