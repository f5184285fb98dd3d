"""Five realistic loops, run to their end on scripted models, real tests and real git."""

import shutil
import subprocess
from pathlib import Path

import pytest

from samples import CALC
from treadle.protocol import commands
from treadle.protocol import events as e

LOOPS = Path(__file__).parent.parent / "spec" / "loops"
GOOD = {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b"), ".gitignore": "__pycache__/\n"}


def configure(root: Path, name: str) -> Path:
    shutil.copytree(LOOPS / name, root / ".treadle")
    return root


def git(root: Path, *argv: str, ok: bool = True) -> str:
    done = subprocess.run(["git", *argv], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 or not ok, done.stderr
    return done.stdout


def tree(root: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in root.glob("*.py")}


async def test_test_first_proves_the_test_red_asks_and_implements(make_repo, drive):
    root = configure(make_repo(GOOD), "test-first")
    ran = await drive(root, "test-first", task="Add double", answers=[commands.Approve("yes")])

    assert (ran.code, ran.view.reason) == (0, "3 of 3 tests pass")
    red = next(c for c in ran.events(e.CheckFinished) if c.check == "tests" and c.verdict == "fail")
    assert red.tests == e.TestCounts(collected=3, passed=2, failed=1)
    answered = ran.events(e.GateAnswered)[0]
    assert (answered.answer, answered.by) == ("yes", "person")
    assert "return x + x\n" in tree(root)["calc.py"] and "test_double.py" in tree(root)


async def test_test_first_with_a_no_writes_nothing(make_repo, drive):
    root = configure(make_repo(GOOD), "test-first")
    before = tree(root)
    ran = await drive(root, "test-first", task="Add double", answers=[commands.Approve("no")])
    assert ran.view.outcome != "done" and ran.code == 1
    assert tree(root) == before


async def test_test_first_with_nobody_there_needs_a_person(make_repo, drive):
    root = configure(make_repo(GOOD), "test-first")
    ran = await drive(root, "test-first", task="Add double")
    assert ran.code == 3 and "Does this test say what you want?" in ran.view.reason


async def test_each_planned_task_goes_through_its_own_loop_with_a_revision(make_repo, drive):
    root = configure(make_repo(GOOD), "plan-review")
    ran = await drive(root, "deliver", task="Add double and triple")

    assert (ran.code, ran.view.reason) == (0, "2 of 2 tests pass")
    reviews = [s.verdict for s in ran.view.steps if s.place.split("/")[-1].startswith("review")]
    assert reviews == ["revise", "approve", "approve"]
    assert "return 2 * x" in tree(root)["calc.py"] and "return 3 * x" in tree(root)["calc.py"]
    assert "return 2*x" not in tree(root)["calc.py"]


async def test_conflicts_are_settled_tested_mended_and_committed(make_repo, drive):
    root = make_repo(GOOD)
    sides = {"side": "return b + a\n", "main": "return a + b  # plus\n"}
    git(root, "branch", "side")
    for branch, line in sides.items():
        git(root, "checkout", "-q", branch)
        (root / "calc.py").write_text(GOOD["calc.py"].replace("return a + b\n", line))
        git(root, "commit", "-qam", branch)
    git(root, "merge", "side", ok=False)
    assert "<<<<<<<" in (root / "calc.py").read_text()
    configure(root, "merge")
    (root / ".git" / "info" / "exclude").write_text(".treadle/\n")
    yes = commands.Approve("yes")
    ran = await drive(root, "merge", answers=[yes, commands.Continue(), yes])

    assert (ran.code, ran.view.outcome) == (0, "done")
    assert len(git(root, "log", "-1", "--format=%P").split()) == 2
    assert git(root, "show", "HEAD:calc.py").count("return a + b") == 1
    assert git(root, "status", "--porcelain") == ""


async def test_guidelines_in_pre_commit_look_at_the_index_and_mend_it_side_by_side(make_repo, drive):
    root = configure(make_repo({**GOOD, "AGENTS.md": "Names have more than one letter.\n"}), "pre-commit")
    (root / "one.py").write_text("l = 1\n")
    (root / "two.py").write_text("w = 2\n")
    git(root, "add", "one.py", "two.py")
    (root / "calc.py").write_text("this is not staged, and not Python\n")
    ran = await drive(root, "pre-commit")

    assert (ran.code, ran.view.outcome) == (0, "done")
    assert tree(root)["one.py"] == "length = 1\n" and tree(root)["two.py"] == "width = 2\n"
    assert tree(root)["calc.py"] == "this is not staged, and not Python\n"
    asked = ran.session.folder / "blobs" / ran.events(e.ModelRequested)[0].request
    assert "l = 1" in asked.read_text() and "not staged" not in asked.read_text()


@pytest.mark.parametrize("loop", ["race"])
async def test_a_race_of_two_tiers_ends_when_one_passed(make_repo, drive, loop):
    root = configure(make_repo({**CALC, ".gitignore": "__pycache__/\n"}), loop)
    ran = await drive(root, loop)
    assert ran.code == 0
    assert [a.tier for a in ran.events(e.AttemptFinished) if a.verdict == "pass"] == ["medium"]
    assert tree(root)["calc.py"] == GOOD["calc.py"]
