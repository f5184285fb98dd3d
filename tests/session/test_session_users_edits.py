"""What the user types into a file while an attempt works on it is never lost."""

import asyncio

import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
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


@pytest.mark.parametrize(
    ("files", "seen"),
    [(BY_MODEL, e.ToolFinished), (BY_COMMAND, e.StepStarted)],
    ids=["while a model thinks", "while a command runs"],
)
async def test_a_line_typed_during_an_attempt_is_not_overwritten(make_repo, files, seen):
    root = make_repo({**CALC, **files})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    mine = "# mine\n" + CALC["calc.py"]
    typed = False
    async for envelope in session.events():
        if isinstance(envelope.event, seen) and not typed:
            typed = True
            await asyncio.sleep(0.3 if seen is e.StepStarted else 0)
            (root / "calc.py").write_text(mine)
    view = await running
    assert (view.exit_code, view.written) == (3, ()), view.reason
    assert (root / "calc.py").read_text() == mine


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
