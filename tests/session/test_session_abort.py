"""Abort ends a run at once, whatever it does just then; pause waits for the next gate point."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from samples import APART, DONE, MENDS, mending, treadle_dir
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.session.afterwards import apply_run
from treadle.session.session import Options, Session
from treadle.session.trace import read_trace
from treadle.spec.load import load_catalog

AT_ONCE_S = 0.2
MARK = "61.7273"
"""Seconds that nothing else on this machine sleeps: by them its processes are known."""
STREAMS = f'{{text: "{"word " * 4000}", chunks: 20000, repeat: true}}'
HANGS = "{error: hang, text: so far}"
RUNS = treadle_dir(loops__go=f"name: go\ndescription: d\nsteps: [{{name: wait, command: sleep {MARK}}}]\n")
STUBBORN = treadle_dir(
    loops__go="name: go\ndescription: d\nsteps:\n  - name: wait\n    command: >-\n"
    f"      trap '' TERM; sleep {MARK}; sleep {MARK}\n"
)
TESTS = {
    **treadle_dir(
        settings=f"tests: {{command: sleep {MARK}}}\n",
        loops__go="name: go\ndescription: d\nsteps: [{name: t, check: tests}]\n",
    ),
    "a.py": "",
}


def alive() -> list[str]:
    """The processes of this machine that carry the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if MARK.encode() in line:
                found.append(entry.name)
    return found


async def drive_until(session, what):
    """(view, seconds from the abort to the run's last event, to the end of all): aborts after the first event of
    that class, a command once it runs."""
    running = asyncio.create_task(session.run())
    told = None
    ended = None
    async for envelope in session.events():
        if isinstance(envelope.event, what) and told is None:
            while what is not e.TextDelta and not alive():
                await asyncio.sleep(0.02)
            told = time.monotonic()
            session.submit(commands.Abort())
        ended = time.monotonic()
    return await running, ended - told, time.monotonic() - told


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({**APART, **mending(STREAMS)}, e.TextDelta),
        ({**APART, **mending(HANGS)}, e.TextDelta),
        ({**APART, **RUNS}, e.StepStarted),
        ({**APART, **STUBBORN}, e.StepStarted),
        (TESTS, e.CheckStarted),
    ],
    ids=["while text streams", "while a model is silent", "a command", "one that takes no hint", "the tests"],
)
async def test_abort_ends_it_at_once_with_nothing_left_running(make_repo, files, what):
    root = make_repo(files)
    session = Session(root, load_catalog(root), Options(loop="go", attended=True, review=True))
    view, told_s, whole_s = await drive_until(session, what)
    assert (view.outcome, view.exit_code) == ("aborted", 130)
    kept = list(read_trace(session.folder))
    assert isinstance(kept[-1].event, e.RunFinished)
    [answer] = [x.event for x in kept if isinstance(x.event, e.GateAnswered)]
    assert (answer.answer, answer.by) == ("abort", "person")
    assert alive() == []
    assert told_s <= AT_ONCE_S and whole_s <= AT_ONCE_S, (told_s, whole_s)


async def test_what_was_proven_before_the_abort_stays_in_the_run(make_repo):
    loop = (
        "name: go\ndescription: d\nsteps:\n  - {name: t, check: tests, on: {pass: done, fail: mend}}\n"
        "  - {name: mend, agent: hand, each: failing_tests}\n  - {name: wait, command: sleep 60}\n"
    )
    files = {**APART, **mending(MENDS, DONE), **treadle_dir(loops__go=loop)}
    root = make_repo(files)
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    async for envelope in session.events():
        if isinstance(envelope.event, e.StepStarted) and envelope.step == "wait@1":
            session.submit(commands.Abort())
    view = await running
    assert (view.outcome, view.proven, view.written) == ("aborted", True, ())
    assert apply_run(root, session.folder) == ("calc.py",)


async def test_abort_at_a_question_is_its_answer(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", mode="step", answers=[])
    assert ran.code == 3
    session = Session(root, load_catalog(root), Options(loop="go", mode="step", attended=True))
    running = asyncio.create_task(session.run())
    async for envelope in session.events():
        if isinstance(envelope.event, e.GateAsked):
            session.submit(commands.Abort())
            session.submit(commands.Abort())
    view = await running
    answers = [x.event for x in read_trace(session.folder) if isinstance(x.event, e.GateAnswered)]
    assert [(a.question, a.answer) for a in answers] == [("q1", "abort")]
    assert (view.exit_code, view.question) == (130, None)


async def test_an_abort_before_the_start_ends_the_run_before_its_first_step(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    session = Session(root, load_catalog(root), Options(loop="go"))
    session.submit(commands.Abort())
    view = await session.run()
    assert (view.outcome, view.exit_code, view.steps) == ("aborted", 130, ())


async def test_who_awaits_the_run_is_not_cancelled_with_it(make_repo):
    root = make_repo({**APART, **mending(STREAMS)})
    session = Session(root, load_catalog(root), Options(loop="go"))

    async def face():
        view = await session.run()
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return view

    running = asyncio.create_task(face())
    async for envelope in session.events():
        if isinstance(envelope.event, e.TextDelta):
            session.submit(commands.Abort())
    assert (await running).outcome == "aborted"
    assert running.cancelling() == 0


async def test_pause_holds_at_the_next_gate_point(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    session = Session(root, load_catalog(root), Options(loop="go", attended=True))
    running = asyncio.create_task(session.run())
    held = []
    async for envelope in session.events():
        if isinstance(envelope.event, e.CheckStarted) and not held:
            session.submit(commands.Pause())
        if isinstance(envelope.event, e.GateAsked):
            held.append((envelope.step, envelope.event.point))
            session.submit(commands.Continue())
    view = await running
    assert held == [("mend@1", "before_step")]
    assert [x.mode for x in _of(session, e.ModeChanged)] == ["step", "auto"]
    assert (view.exit_code, view.mode) == (0, "auto")


def _of(session, kind):
    return [x.event for x in read_trace(session.folder) if isinstance(x.event, kind)]
