"""What was proven on a tree that has changed since is proven again, or not written."""

import asyncio

import pytest

from samples import treadle_dir
from treadle.protocol import events as e
from treadle.session.session import Options, Session
from treadle.spec.load import load_catalog

FILES = {
    "dep.py": "STEP = 1\n",
    "calc.py": "from dep import STEP\n\n\ndef up(x):\n    return x - STEP\n",
    "test_calc.py": (
        "import unittest\nfrom calc import up\n\n\nclass T(unittest.TestCase):\n"
        "    def test_up(self):\n        self.assertEqual(up(1), 2)\n"
    ),
}
LOOP = treadle_dir(
    loops__go=(
        "name: go\ndescription: d\nsteps:\n  - {name: mend, command: \"sed -i 's/x - STEP/x + STEP/' calc.py\"}\n"
        "  - {name: t, check: tests}\n  - {name: hold, command: sleep 1}\n  - {name: u, check: tests}\n"
    )
)


@pytest.mark.parametrize(
    ("path", "text", "code", "written"),
    [
        ("notes.txt", "a thought\n", 0, ("calc.py",)),
        ("dep.py", "STEP = 1  # one\n", 0, ("calc.py",)),
        ("dep.py", "STEP = 7\n", 3, ()),
    ],
    ids=["beside", "harmless", "harmful"],
)
async def test_a_file_that_changes_during_the_run_has_the_tests_run_again(
    make_repo, path, text, code, written
):
    root = make_repo({**FILES, **LOOP})
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    notes = []
    async for envelope in session.events():
        if isinstance(envelope.event, e.StepStarted) and envelope.step == "hold@1":
            (root / path).write_text(text)
        if isinstance(envelope.event, e.Noted):
            notes.append(envelope.event.text)
    view = await running
    assert (view.exit_code, view.written) == (code, written), view.reason
    assert any(path in note for note in notes)
    assert (root / path).read_text() == text


async def test_a_tree_that_stands_still_is_not_tested_again(make_repo, drive):
    root = make_repo({**FILES, **LOOP})
    ran = await drive(root, "go")
    assert (ran.code, ran.events(e.Noted)) == (0, [])
    whole = [c for c in ran.events(e.CheckFinished) if not c.cached and c.on == "candidate"]
    assert len(whole) == 1
