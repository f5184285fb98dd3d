"""Bad input and bad luck, as a user meets them: one clear message, the right exit code, the files as before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from samples import CALC, treadle_dir

SOLVED = CALC["calc.py"].replace("a - b", "a + b")
BODY = "import unittest\n{imports}\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        {line}\n"

AGENT = """
name: filler
description: Fills in a form.
prompt: form.md
inputs: [task]
output: {type: object, properties: {answer: {type: string, maxLength: 40}}, required: [answer]}
tier: small
protocol: fill
"""
FORM = {
    **treadle_dir(
        agents__filler=AGENT,
        loops__fill="name: fill-in\ndescription: Ask once.\nsteps: [{name: ask-it, agent: filler}]\n",
        tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
    ),
    ".treadle/prompts/form.md": "Answer: ${task}\n",
}


def test_body(line: str, imports: str = "") -> dict[str, str]:
    return {"test_it.py": BODY.format(line=line, imports=imports)}


test_body.__test__ = False


def treadle(root: Path, *argv: str, stdin: str | None = None) -> tuple[int, dict, str]:
    """Exit code, the result line and stderr of one command line."""
    done = subprocess.run(
        [sys.executable, "-m", "treadle", *argv],
        cwd=root,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return done.returncode, result, done.stderr


def run(root: Path, *argv: str, stdin: str | None = None) -> tuple[int, dict, str]:
    return treadle(root, "run", "-o", "json", *argv, stdin=stdin)


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and ".git/" not in str(p)
    }


CASES = {
    "a loop that is not there": ({**CALC}, ["--loop", "fxi"], 2, "did you mean `fix`?"),
    "a task that no loop is for": (
        {**CALC, ".treadle/loops/feature.yaml": "name: feature\nchosen_by: {default: none}\n"}, ["make it blue"],
        2, "name a loop",
    ),
    "broken YAML": ({**CALC, ".treadle/loops/x.yaml": "name: x\nsteps: [\n"}, ["--loop", "fix"], 2, "x.yaml:3: "),
    "an unknown tier": (
        {**CALC, ".treadle/agents/a.yaml": "name: a\ndescription: d\ntier: smal\nprompt: p.md\n"},
        ["--loop", "fix"], 2, "a.yaml:3: unknown tier `smal`",
    ),
    "nothing to test": ({"a.txt": "a\n"}, ["--loop", "fix"], 2, "no way to test was found"),
    "a base that is no commit": ({**CALC}, ["--loop", "fix", "--base", "nowhere"], 2, "no such commit: nowhere"),
    "tests that can't be collected": (
        {**CALC, **test_body("pass", "import not_a_module")}, ["--loop", "fix"], 1, "No module named 'not_a_module'",
    ),
    "a test that hangs": (
        {**test_body("time.sleep(600)", "import time"), **treadle_dir(settings="tests: {timeout_s: 2}\n")},
        ["--loop", "fix"], 5, "test_it.T.test_it was still running",
    ),
    "a test that needs the network": (
        test_body("socket.create_connection(('192.0.2.1', 9), 2)", "import socket"),
        ["--loop", "fix"], 3, "needs the network",
    ),
    "a runner that is not installed": (
        {**CALC, **treadle_dir(settings="tests: {command: no-such-runner --all}\n")},
        ["--loop", "fix"], 2, "no-such-runner",
    ),
    "a task that needs a model": ({**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{error: no such model}]\n"},
        ["--loop", "fill-in", "x"], 4, "no model of tier `small` answers"),
    "a model that answers prose": ({**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{text: I would rather not.}]\n"},
        ["--loop", "fill-in", "x"], 1, "JSON was asked for"),
    "a model that answers nothing": ({**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{text: ''}]\n"},
        ["--loop", "fill-in", "x"], 1, "JSON was asked for"),
    "a model that answers half a JSON": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{text: '{\"answer\": \"ab'}]\n"},
        ["--loop", "fill-in", "x"], 1, "JSON was asked for"),
    "a model that answers another schema": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{json: {reply: 1}}]\n"},
        ["--loop", "fill-in", "x"], 1, "answer"),
    "a model that is cut off": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{text: '{\"answer\": \"a', finish: length}]\n"},
        ["--loop", "fill-in", "x"], 1, "CutOff"),
    "a model that hangs": ({**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{error: hang}]\n"},
        ["--loop", "fill-in", "x", "--wait", "0.3"], 4, "no model of tier `small` answers"),
    "a model that is rate-limited for long": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{error: rate-limited, retry_after_s: 3600}]\n"},
        ["--loop", "fill-in", "x"], 75, "rate"),
    "a prompt too long for the model": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{error: context too long}]\n"},
        ["--loop", "fill-in", "x"], 1, "ContextTooLong"),
    "a budget that is used up": (
        {**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{json: {answer: a}, usage: {cost_usd: 2}, repeat: true}]\n",
         **treadle_dir(loops__fill="name: fill-in\ndescription: d\nbudget: {cost_usd: 1}\nsteps:\n"
                       "  - {name: a, agent: filler}\n  - {name: b, agent: filler}\n")},
        ["--loop", "fill-in", "x"], 5, "budget cost_usd"),
    "a loop that goes round too often": (
        {**CALC, **treadle_dir(loops__round="name: round\ndescription: d\nsteps:\n"
                               "  - {name: a, check: tests, max_visits: 2, on: {fail: a}}\n")},
        ["--loop", "round"], 5, "visited 2 times"),
    "a question and nobody there": (
        {**CALC, **treadle_dir(loops__q="name: q\ndescription: d\nsteps:\n  - {name: a, ask: Go on?}\n")},
        ["--loop", "q"], 3, "Go on?"),
    "a step mode and nobody there": ({**CALC}, ["--loop", "fix", "--mode", "step"], 3, "needs a person"),
    "a sandbox that is not known": ({**CALC}, ["--loop", "fix", "--sandbox", "moat"], 2, "invalid choice"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_has_one_clear_message_the_right_code_and_changes_nothing(make_repo, case):
    files, argv, code, said = CASES[case]
    root = make_repo(files)
    before = files_of(root)
    got, result, stderr = run(root, *argv)
    assert (got, said in stderr) == (code, True), stderr
    assert files_of(root) == before
    if result:
        assert result["type"] == "result" and result["is_error"] is True and result["exit_code"] == code


def test_the_way_to_get_a_model_is_named(make_repo):
    root = make_repo({**CALC, **FORM, ".treadle/replies/small.yaml": "replies: [{error: no such model}]\n"})
    _, result, _ = run(root, "--loop", "fill-in", "x")
    assert "treadle setup" in result["hint"]


def test_a_test_that_prints_a_megabyte_is_repaired_like_any_other(make_repo):
    files = {
        **CALC,
        "test_calc.py": CALC["test_calc.py"].replace(
            "self.assertEqual(add", "print('x' * 10**6)\n        self.assertEqual(add"
        ),
    }
    root = make_repo(files)
    code, _, stderr = run(root, "--loop", "fix")
    assert code == 0, stderr
    assert (root / "calc.py").read_text() == SOLVED
    assert len(stderr) < 20_000


@pytest.mark.parametrize("git", [True, False], ids=["git", "no git"])
def test_a_bug_is_repaired_with_and_without_git(make_repo, git):
    root = make_repo(CALC, git=git)
    code, result, stderr = run(root, "--loop", "fix")
    assert code == 0, stderr
    assert result["written"] == ["calc.py"] and result["proven"] is True
    assert "-    return a - b\n+    return a + b\n" in result["diff"]
    assert (root / "calc.py").read_text() == SOLVED


def test_an_unborn_head_a_worktree_and_a_submodule_are_ordinary(make_repo, tmp_path):
    unborn = make_repo(CALC, "unborn", git=False)
    subprocess.run(["git", "init", "-q"], cwd=unborn, check=True)
    main = make_repo(CALC, "main")
    other = make_repo({"a.txt": "a\n"}, "other")
    subprocess.run(
        ["git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub"], cwd=main, check=True,
        capture_output=True,
    )  # fmt: skip
    subprocess.run(["git", "commit", "-qm", "sub"], cwd=main, check=True)
    worktree = tmp_path / "tree"
    subprocess.run(["git", "worktree", "add", "-q", str(worktree)], cwd=main, check=True, capture_output=True)
    for root in (unborn, main, worktree):
        code, _, stderr = run(root, "--loop", "fix")
        assert code == 0, stderr
        assert (root / "calc.py").read_text() == SOLVED


def test_a_dry_run_writes_nothing_and_its_changes_can_be_applied_and_taken_back(make_repo):
    root = make_repo(CALC)
    code, result, _ = run(root, "--loop", "fix", "--dry-run")
    assert (code, result["written"], result["changed"]) == (0, [], ["calc.py"])
    assert (root / "calc.py").read_text() == CALC["calc.py"]
    done = subprocess.run(
        [sys.executable, "-m", "treadle", "runs", "apply"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "calc.py\n"
    assert (root / "calc.py").read_text() == SOLVED


def test_jsonl_gives_every_event_and_the_result_last(make_repo):
    root = make_repo(CALC)
    done = subprocess.run(
        [sys.executable, "-m", "treadle", "-p", "--loop", "fix", "--output-format", "stream-json"],
        cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["type"] for line in lines[:-1]} == {"event"} and lines[-1]["type"] == "result"
    kinds = [line["event"]["kind"] for line in lines[:-1]]
    assert (kinds[0], kinds[-1]) == ("run_started", "run_finished")


def test_the_task_may_come_from_stdin(make_repo):
    script = "replies: [{when: what is asked, json: {answer: heard}}]\n"
    root = make_repo({**CALC, **FORM, ".treadle/replies/small.yaml": script})
    code, result, stderr = run(root, "--loop", "fill-in", stdin="what is asked\n")
    assert (code, result["task"]) == (0, "what is asked"), stderr


def test_a_loop_is_short_for_running_it(make_repo):
    root = make_repo(CALC)
    code, result, _ = treadle(root, "fix", "-o", "json")
    assert (code, result["loop"]) == (0, "fix")
