"""What the user types into a file while an attempt works on it is never lost."""

import asyncio

import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
from treadle.protocol.commands import Approve, Deny
from treadle.protocol.errors import TraceError, WriteConflict
from treadle.session.afterwards import apply_run, rewind_run
from treadle.session.session import Options, Session
from treadle.spec.load import load_catalog

AGENT = (
    "name: hand\ndescription: d\nprompt: hand.md\ninputs: [item]\nchecks: [parses, tests]\n"
    "ladder: [{tier: small, tools: [read, edit], limits: {turns: 4}}]\n"
)
MODEL = (
    "replies:\n  - tool_calls: [{name: read, arguments: {path: calc.py}}]\n"
    "  - tool_calls: [{name: edit, arguments: {path: calc.py, search: a - b, replace: a + b}}]\n  - text: done\n"
)
BY_MODEL = {
    **treadle_dir(
        agents__hand=AGENT,
        loops__go="name: go\ndescription: d\nsteps:\n  - {name: t, check: tests, on: {fail: m}}\n"
        "  - {name: m, agent: hand, each: failing_tests}\n",
        tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
        replies__small=MODEL,
    ),
    ".treadle/prompts/hand.md": "Mend: ${item}\n",
}
BY_COMMAND = treadle_dir(
    loops__go="name: go\ndescription: d\nsteps:\n"
    "  - {name: m, command: \"cp calc.py x; sleep 1; sed 's/a - b/a + b/' x > calc.py; rm x\"}\n"
    "  - {name: t, check: tests}\n"
)


async def test_a_line_typed_while_a_model_thinks_is_joined(make_repo):
    root = make_repo({**CALC, **BY_MODEL})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    mine = "# mine\n" + CALC["calc.py"]
    notes = []
    async for envelope in session.events():
        if isinstance(envelope.event, e.ToolFinished):
            (root / "calc.py").write_text(mine)
        if isinstance(envelope.event, e.Noted):
            notes.append(envelope.event.text)
    view = await running
    assert (view.exit_code, view.written) == (0, ("calc.py",)), view.reason
    assert (root / "calc.py").read_text() == mine.replace("a - b", "a + b")
    assert any("both edits are kept" in note for note in notes)
    assert rewind_run(root, session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == mine


async def test_a_line_typed_while_a_command_runs_is_not_overwritten(make_repo):
    root = make_repo({**CALC, **BY_COMMAND})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    mine = "# mine\n" + CALC["calc.py"]
    typed = False
    async for envelope in session.events():
        if isinstance(envelope.event, e.StepStarted) and not typed:
            typed = True
            await asyncio.sleep(0.3)
            (root / "calc.py").write_text(mine)
    view = await running
    assert (view.exit_code, view.written) == (3, ()), view.reason
    assert (root / "calc.py").read_text() == mine


@pytest.mark.parametrize("theirs", ["a * b", None], ids=["in the same line", "it is gone"])
async def test_a_change_in_the_same_place_is_told_and_nothing_is_written(make_repo, theirs):
    root = make_repo({**CALC, **BY_MODEL})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    mine = CALC["calc.py"].replace("a - b", theirs or "")
    async for envelope in session.events():
        if isinstance(envelope.event, e.ToolFinished):
            (root / "calc.py").write_text(mine)
            if theirs is None:
                (root / "calc.py").unlink()
    view = await running
    assert (view.exit_code, view.written) == (3, ())
    assert "calc.py" in view.reason and "can't be joined" in view.reason
    assert (root / "calc.py").exists() == (theirs is not None)
    assert theirs is None or (root / "calc.py").read_text() == mine


async def test_a_joined_file_that_fails_its_tests_is_not_written(make_repo):
    """The lines are apart, the meanings are not: only the tests can tell."""
    root = make_repo({**CALC, **BY_MODEL})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    mine = CALC["calc.py"] + "\n\nadd = half\n"
    async for envelope in session.events():
        if isinstance(envelope.event, e.ToolFinished):
            (root / "calc.py").write_text(mine)
    view = await running
    assert (view.exit_code, view.written) == (3, ()), view.reason
    assert (root / "calc.py").read_text() == mine


async def at_the_question(make_repo, edit, *answers):
    """A run whose person saves `calc.py` while the write question is open, then answers each question in turn."""
    root = make_repo({**CALC, **BY_MODEL, "other.py": "O = 1\n"})
    session = Session(root, load_catalog(root), Options(loop="go", attended=True, review=True))
    running = asyncio.create_task(session.run())
    asked, left = [], list(answers)
    async for envelope in session.events():
        if isinstance(envelope.event, e.GateAsked):
            asked.append(envelope.event)
            if len(asked) == 1:
                (root / "calc.py").write_text(edit(CALC["calc.py"]))
            answer = left.pop(0)
            if callable(answer):
                (root / "calc.py").write_text(answer(CALC["calc.py"]))
                answer = Approve()
            session.submit(answer)
    return root, await running, asked, session


async def test_a_save_while_the_write_question_is_open_is_kept(make_repo):
    root, view, asked, session = await at_the_question(make_repo, lambda old: "# mine\n" + old, Approve())
    assert (view.exit_code, view.written, len(asked)) == (0, ("calc.py",), 1), view.reason
    text = (root / "calc.py").read_text()
    assert text.startswith("# mine\n") and "a + b" in text
    assert rewind_run(root, session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == "# mine\n" + CALC["calc.py"]
    assert apply_run(root, session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == text


async def test_a_rewind_keeps_what_came_after_the_write_and_is_itself_undone(make_repo):
    """The user's later edit stands apart: it stays through rewind and apply. In the same place nothing is touched."""
    root = make_repo({**CALC, **BY_MODEL})
    session = Session(root, load_catalog(root), Options(loop="go"))
    assert (await session.run()).written == ("calc.py",)
    written = (root / "calc.py").read_text()
    (root / "calc.py").write_text(written + "\n\ndef mine():\n    return 1\n")
    assert rewind_run(root, session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == CALC["calc.py"] + "\n\ndef mine():\n    return 1\n"
    assert apply_run(root, session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == written + "\n\ndef mine():\n    return 1\n"
    with pytest.raises(TraceError, match="in the tree already"):
        apply_run(root, session.folder)
    mine = written.replace("a + b", "b + a")
    (root / "calc.py").write_text(mine)
    with pytest.raises(WriteConflict, match=r"calc\.py"):
        rewind_run(root, session.folder)
    assert (root / "calc.py").read_text() == mine


async def test_a_clashing_save_at_the_write_question_is_asked_about(make_repo):
    def clash(old):
        return old.replace("a - b", "b - a")

    root, view, asked, _ = await at_the_question(make_repo, clash, Approve(), Deny())
    assert [question.point for question in asked] == ["before_write", "clash"]
    assert "calc.py" in asked[1].subject
    assert view.written == ()
    assert (root / "calc.py").read_text() == clash(CALC["calc.py"])


async def test_a_clash_that_the_person_settles_is_looked_at_again(make_repo):
    root, view, asked, _ = await at_the_question(
        make_repo, lambda old: old.replace("a - b", "b - a"), Approve(), lambda old: "# mine\n" + old
    )
    assert [question.point for question in asked] == ["before_write", "clash"]
    assert (view.exit_code, view.written) == (0, ("calc.py",)), view.reason
    text = (root / "calc.py").read_text()
    assert text.startswith("# mine\n") and "a + b" in text


async def test_a_repair_of_a_file_that_changed_during_the_search_is_dropped(make_repo):
    from treadle.solvers.base import Problem
    from treadle.solvers.repair import Repair
    from treadle.spec.settings import Settings
    from treadle.workspace.base import open_base
    from treadle.workspace.sandbox import open_sandbox
    from treadle.workspace.view import MergedView

    root = make_repo(CALC)
    base = open_base(root)
    inner = open_sandbox(root, base, root.parent / "state")

    class Late:
        """Runs a command; then the user saves the file."""

        level = inner.level

        async def run(self, command, changes, on_output=None):
            result = await inner.run(command, changes, on_output)
            (root / "calc.py").write_text("# mine\n" + CALC["calc.py"])
            return result

    problem = Problem(
        MergedView(base),
        Late(),
        Settings(),
        "unittest",
        ("test_calc.Calc.test_add",),
        ("test_calc.Calc.test_half",),
    )
    solution = await Repair().solve(problem)
    assert solution.changes is None and "changed during the search" in solution.summary


@pytest.mark.parametrize(
    ("holds", "code", "written"), [(True, 0, ("b.txt",)), (False, 3, ())], ids=["holds", "fails"]
)
async def test_what_clashes_can_be_left_out_where_the_rest_holds_alone(make_repo, holds, code, written):
    """The rest is proven again by itself: it may have passed only together with what is left out."""
    seen = "True" if holds else "open('a.txt').read() == open('b.txt').read()"
    tests = f"import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertTrue({seen})\n"
    loop = "name: go\ndescription: d\nsteps:\n  - {name: put, command: 'echo 2 > a.txt; echo 2 > b.txt'}\n  - {name: t, check: tests}\n"
    root = make_repo({"a.txt": "1\n", "b.txt": "1\n", "test_it.py": tests, **treadle_dir(loops__go=loop)})
    session = Session(root, load_catalog(root), Options(loop="go", attended=True, review=True))
    running = asyncio.create_task(session.run())
    asked = []
    async for envelope in session.events():
        if isinstance(envelope.event, e.GateAsked):
            asked.append(envelope.event.point)
            (root / "a.txt").write_text("mine\n")
            session.submit(Approve())
    view = await running
    assert asked == ["before_write", "clash"]
    assert (view.exit_code, view.written) == (code, written), view.reason
    assert (root / "a.txt").read_text() == "mine\n"
    assert (root / "b.txt").read_text() == ("2\n" if holds else "1\n")
