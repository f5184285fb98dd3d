"""`treadle demo` and `treadle doctor` as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protection import level_here, namespaces_refused
from treadle.cli import demo
from treadle.cli.demo import read_demo


@pytest.fixture
def no_namespaces():
    """What treadle sees where user namespaces are refused, and no Landlock is there."""
    with namespaces_refused():
        yield


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Writes the user's settings."""

    def write(text: str) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        (tmp_path / "config" / "treadle").mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / "treadle" / "settings.yaml").write_text(text)

    return write


def test_without_namespaces_the_demo_runs_in_a_copy_and_says_so(treadle, no_namespaces, settings, tmp_path):
    settings("mode: auto\n")
    done = treadle(tmp_path, "demo", "--into", "demo", "--output", "json")
    assert (done.code, done.result["sandbox"]) == (0, "clone, no wall"), done.err
    assert done.err.count("in a copy without a wall") == 1


@pytest.mark.parametrize("words", [["--bug", "list"], [], ["--bug", "random", "-o", "json"]])
def test_where_the_demos_files_are_gone_that_is_said(treadle, monkeypatch, tmp_path, words):
    monkeypatch.setattr(demo, "_folder", lambda: tmp_path / "agents" / "demo")
    done = treadle(tmp_path, "demo", *words)
    assert done.code == 2
    assert done.err.startswith(f"treadle: the demo's files are not in {tmp_path}/agents/demo: no such file")
    assert not words or words[-1] != "json" or done.result["reason"]
    assert list(tmp_path.iterdir()) == []


WITHOUT = f"""
import sys
from treadle.__main__ import main
sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from protection import refuse_namespaces
refuse_namespaces()
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("text", "flags"), [("mode: auto\n", ["--sandbox", "auto"]), ("sandbox: overlay\n", [])]
)
def test_what_the_user_named_holds_for_the_demo_too(settings, tmp_path, text, flags):
    settings(text)
    words = ["demo", "--into", str(tmp_path / "demo"), *flags]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True)
    assert done.returncode == 7
    assert "--sandbox clone" in done.stderr and "in a copy without" not in done.stderr


def rows(out: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("tier "))


@pytest.mark.parametrize("level", ["clone", "off"])
def test_doctor_tells_the_level_that_a_run_would_have(treadle, no_namespaces, settings, make_repo, level):
    settings(f"sandbox: {level}\n")
    done = treadle(make_repo({"test_a.py": "import unittest\n"}), "doctor")
    assert done.code == 0
    assert rows(done.out)["sandbox"].startswith(f"{level}, as your settings say")
    assert "without a wall" in done.out


def test_doctor_tells_what_is_missing_and_what_to_do(treadle, no_namespaces, settings, make_repo):
    settings("mode: auto\n")
    done = treadle(make_repo({"test_a.py": "import unittest\n"}), "doctor")
    assert done.code == 7
    assert (
        rows(done.out)["sandbox"]
        == "none: no overlay here: the sandbox can't be set up: unshare: Operation not permitted"
    )
    assert "--sandbox clone" in rows(done.out)["next"]


@pytest.mark.parametrize("refused", [False, True])
def test_doctor_runs_nothing_of_the_repository(treadle, settings, make_repo, tmp_path, refused, request):
    if refused:
        request.getfixturevalue("no_namespaces")
    settings("sandbox: clone\n" if refused or level_here() == "clone" else "mode: auto\n")
    ran = tmp_path / "ran"
    mark = f"#!/bin/sh\necho ran >> {ran}\n"
    root = make_repo({".venv/bin/python3": mark, "node_modules/.bin/jest": mark, "calc.py": "x = 1\n",
                      "test_calc.py": f"import unittest\nopen({str(ran)!r}, 'w')\n"})  # fmt: skip
    for program in (".venv/bin/python3", "node_modules/.bin/jest"):
        (root / program).chmod(0o755)
    done = treadle(root, "doctor")
    assert f"{root}/.venv/bin/python3" in rows(done.out)["python"]
    assert not ran.exists()


@pytest.mark.slow
@pytest.mark.parametrize("bug", read_demo().bugs, ids=lambda bug: bug.name)
def test_each_bug_of_the_demo_ends_as_it_is_said_to(bug, tmp_path):
    """Without a model: code mends eight, and two end with exit code 1 and the tree as it was."""
    words = ["demo", "--bug", bug.name, "--into", str(tmp_path / "demo"), "--output", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "treadle", *words],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "no-weights")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    solved = bug.solvable == "code"
    assert (done.returncode, result["exit_code"]) == ((0, 0) if solved else (1, 1)), done.stderr
    assert result["written"] == ([bug.file] if solved else [])
    status = ["git", "-C", str(tmp_path / "demo"), "status", "--porcelain"]
    changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    assert changed == (f" M {bug.file}\n" if solved else "")
