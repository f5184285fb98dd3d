"""Answers that come for a question which is gone, and a mode that changes while one is open."""

import asyncio

from samples import APART, DONE, MENDS, mending, treadle_dir
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.session.session import Options, Session
from treadle.spec.load import load_catalog


async def driven(root, answer, **options):
    """A run whose questions `answer` hears of, with the session; its envelopes."""
    session = Session(root, load_catalog(root), Options(loop="go", attended=True, **options))
    driving = asyncio.create_task(session.run())
    seen = []
    async for envelope in session.events():
        seen.append(envelope.event)
        if isinstance(envelope.event, e.GateAsked):
            for command in answer(envelope.event):
                session.submit(command)
    await driving
    return session, seen


async def test_an_answer_given_twice_does_not_answer_the_next_question(make_repo):
    root = make_repo(
        treadle_dir(
            loops__go="name: go\ndescription: d\nsteps:\n"
            '  - {name: first, ask: {question: "one?", answers: [yes, no]}, on: {yes: second, no: stop}}\n'
            '  - {name: second, ask: {question: "two?", answers: [yes, no]}, on: {yes: done, no: stop}}\n'
        )
    )

    def answer(question):
        if question.subject == "one?":
            return [commands.Approve(question=question.question)] * 2
        return [commands.Deny()]

    _session, seen = await driven(root, answer)
    answers = [x.answer for x in seen if isinstance(x, e.GateAnswered)]
    assert answers == ["yes", "no"]


async def test_plan_writes_nothing_also_when_it_is_chosen_at_the_open_question(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    session, seen = await driven(root, lambda q: [commands.SetMode("plan"), commands.Approve()], review=True)
    assert (root / "calc.py").read_text() == APART["calc.py"]
    assert not [x for x in seen if isinstance(x, e.ChangesWritten)]
    assert session.view.changes


async def test_a_git_step_is_left_out_where_plan_is_chosen_at_its_question(make_repo):
    root = make_repo(
        {
            "a.txt": "a\n",
            **treadle_dir(
                loops__go="name: go\ndescription: d\nsteps:\n"
                '  - {name: make, command: "echo b > b.txt"}\n  - {name: keep, git: commit}\n'
            ),
        }
    )
    before = (root / ".git" / "HEAD").read_text(), list((root / ".git" / "refs" / "heads").iterdir())
    commit = (root / ".git" / "refs" / "heads" / "main").read_text()
    await driven(root, lambda q: [commands.SetMode("plan"), commands.Approve()])
    assert (root / ".git" / "refs" / "heads" / "main").read_text() == commit
    assert (root / ".git" / "HEAD").read_text() == before[0]
    assert not (root / "b.txt").exists()
