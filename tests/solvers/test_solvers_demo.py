"""The sample project of `treadle demo`: green without a bug, ten bugs, eight of which the search mends."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from solvers_helpers import ask, source

from treadle.__main__ import main
from treadle.cli.demo import lay_out, read_demo
from treadle.protocol.errors import UsageError

DEMO = read_demo()
RESULT = re.compile(r"\((tests\.[\w.]+)\)(?: \.\.\.|\n.*\.\.\.) (ok|FAIL|ERROR)$", re.MULTILINE)


def outcomes(root: Path) -> tuple[list[str], list[str]]:
    """The ids of the tests that fail, and of those that pass."""
    argv = [sys.executable, "-B", "-m", "unittest", "discover", "-v", "-s", "tests", "-t", "."]
    run = subprocess.run(argv, cwd=root, capture_output=True, text=True)
    found = RESULT.findall(run.stderr)
    return [i for i, word in found if word != "ok"], [i for i, word in found if word == "ok"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def test_ten_kinds_of_which_two_need_a_model() -> None:
    assert len(DEMO.bugs) == len({b.name for b in DEMO.bugs}) == 10
    assert sorted(b.solvable for b in DEMO.bugs) == ["code"] * 8 + ["model"] * 2
    assert DEMO.bug("").solvable == "code"
    assert DEMO.bug("random") in DEMO.bugs


def test_the_bug_came_with_the_last_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    root = lay_out(DEMO.default, tmp_path / "into" / "here")
    again = lay_out(DEMO.default, tmp_path / "again")
    monkeypatch.undo()
    assert git(root, "rev-parse", "HEAD") == git(again, "rev-parse", "HEAD"), "the same history each time"
    assert git(root, "log", "--format=%s").splitlines() == [
        DEMO.bug("").commit,
        "Read the log, print the table",
        "Durations and intervals",
    ]
    assert set(git(root, "log", "--format=%an").split("\n")[:3]) == {"Robin Sample"}
    assert git(root, "status", "--porcelain") == ""
    assert len(outcomes(root)[0]) > 0
    git(root, "checkout", "--quiet", "main~1")
    failing, passing = outcomes(root)
    assert not failing and len(passing) == 35
    git(root, "checkout", "--quiet", "main~2")
    failing, passing = outcomes(root)
    assert not failing and len(passing) == 20


def test_a_folder_of_its_own_by_default_and_never_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="something already"):
        lay_out(DEMO.default, tmp_path)
    with pytest.raises(UsageError, match="none of that name"):
        lay_out("no-such-bug", tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.txt"]


def test_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["treadle", "demo", "--bug", "list"])
    assert main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[b.name, b.solvable] for b in DEMO.bugs]
    monkeypatch.setattr(sys, "argv", ["treadle", "demo", "--bug", "list", "--output", "json"])
    assert main() == 0
    assert [b["name"] for b in json.loads(capsys.readouterr().out)["bugs"]] == [b.name for b in DEMO.bugs]


@pytest.mark.parametrize("bug", DEMO.bugs, ids=lambda b: b.name)
def test_the_search_mends_what_it_is_said_to(bug, tmp_path: Path) -> None:
    root = lay_out(bug.name, tmp_path / "project")
    buggy = (root / bug.file).read_text("utf-8")
    assert buggy.count(bug.after) >= 1 and bug.before not in buggy
    failing, passing = outcomes(root)
    assert failing and len(failing) + len(passing) == 35
    denied = [p.relative_to(root).as_posix() for p in root.rglob("tests/*.py")]
    answer = ask(root, "unittest", failing, passing, denied=denied)
    if bug.solvable == "model":
        assert not answer["found"] and answer["exhausted"] and answer["suspects"]
        return
    assert answer["found"] and answer["mended"] == len(failing), answer
    assert answer["path"] == bug.file
    (root / bug.file).write_text(source(answer), "utf-8")
    assert not outcomes(root)[0]
