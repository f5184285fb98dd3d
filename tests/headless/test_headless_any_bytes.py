"""Bytes that are no UTF-8, wherever they come from: a run ends as any other, with valid text for all who read."""

import json
import os
import subprocess
import sys

import pytest

from samples import CALC, treadle_dir
from treadle.session.records import find_run
from treadle.session.trace import TRACE_FILE

LATIN = os.fsdecode(b"caf\xe9")
BROKEN = b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + CALC["calc.py"].encode()
MENDED = BROKEN.replace(b"a - b", b"a + b")

AGENT = """
name: hand
description: Does it.
prompt: hand.md
inputs: [task]
checks: [parses]
tier: small
tools: [read, search, edit, run]
limits: {turns: 9}
"""


def configured(loop: str, *replies: str) -> dict[str, str]:
    return {
        **treadle_dir(
            agents__hand=AGENT,
            loops__go=f"name: go\ndescription: d\nsteps:\n{loop}",
            tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
            replies__small="replies:\n" + "".join(f"  - {reply}\n" for reply in (*replies, "text: done")),
        ),
        ".treadle/prompts/hand.md": "Do ${task}\n",
    }


def treadle(root, *words: str | bytes, **more) -> tuple[dict, subprocess.CompletedProcess[bytes]]:
    """The result line of one command line, which has to be UTF-8 and to agree with the exit code."""
    more = {"stdin": subprocess.DEVNULL, **more} if "input" not in more else more
    done = subprocess.run([sys.executable, "-m", "treadle", *words], cwd=root, capture_output=True, **more)
    assert b"Traceback" not in done.stderr
    result = json.loads(done.stdout.decode().splitlines()[-1])
    assert (result["type"], result["exit_code"]) == ("result", done.returncode)
    return result, done


def ends_on_record(root, result) -> bool:
    lines = (find_run(root, result["run"]) / TRACE_FILE).read_text("utf-8").splitlines()
    return json.loads(lines[-1])["event"]["kind"] == "run_finished"


@pytest.mark.parametrize("output", ["json", "jsonl"])
def test_a_command_makes_a_file_of_any_name(make_repo, output):
    loop = "  - {name: c, command: \"echo x > $(printf 'caf\\\\351')\"}\n  - {name: look, check: {command: 'ls'}}\n"
    root = make_repo(configured(loop))
    result, _ = treadle(root, "run", "-l", "go", "-o", output)
    assert (result["exit_code"], result["written"]) == (0, ["caf\ufffd"])
    assert (root / LATIN).read_text() == "x\n"
    assert ends_on_record(root, result)
    for verb in ("show", "replay", "diff", "rewind", "apply", "list"):
        told, _ = treadle(root, "runs", verb, "-o", output)
        assert told["exit_code"] == 0
        assert (root / LATIN).exists() == (verb != "rewind")


def test_a_file_that_is_no_utf8_is_read_searched_and_edited(make_repo):
    calls = (
        "tool_calls: [{name: read, arguments: {path: calc.py}}, {name: search, arguments: {pattern: caf}}]",
        "tool_calls: [{name: run, arguments: {command: 'cat calc.py; ls'}}]",
        "tool_calls: [{name: edit, arguments: {path: calc.py, search: a - b, replace: a + b}}]",
    )
    root = make_repo({**CALC, **configured("  - {name: mend, agent: hand}\n", *calls)})
    (root / "calc.py").write_bytes(BROKEN)
    (root / LATIN).write_bytes(b"caf\xe9\n")
    result, _ = treadle(root, "run", "-l", "go", "-o", "json", "it")
    assert (result["exit_code"], result["written"]) == (0, ["calc.py"]), result["reason"]
    assert (root / "calc.py").read_bytes() == MENDED
    assert "# caf\ufffd" in result["diff"] and ends_on_record(root, result)


def test_the_diff_of_a_run_on_stdout_is_the_very_bytes(make_repo):
    root = make_repo(configured("  - {name: c, command: \"sed -i 's/a - b/a + b/' calc.py\"}\n"))
    (root / "calc.py").write_bytes(BROKEN)
    words = [sys.executable, "-m", "treadle", "run", "-l", "go", "--dry-run"]
    done = subprocess.run(words, cwd=root, stdin=subprocess.DEVNULL, capture_output=True)
    subprocess.run(["git", "apply"], cwd=root, input=done.stdout, check=True)
    assert (root / "calc.py").read_bytes() == MENDED


def test_the_task_may_be_any_bytes_on_stdin_or_as_an_argument(make_repo):
    root = make_repo({**CALC, **configured("  - {name: c, command: 'true'}\n")})
    for words, more in ((["-"], {"input": b"caf\xe9\r\n\xff\n"}), ([], {"input": b"caf\xe9\r\n\xff\n"}),
                        ([b"caf\xe9\n\xff"], {})):  # fmt: skip
        result, _ = treadle(root, "run", "-l", "go", "-o", "jsonl", *words, **more)
        assert (result["exit_code"], result["task"]) == (0, "caf\ufffd\n\ufffd")


def test_a_wrong_word_in_any_bytes_is_told(make_repo):
    root = make_repo(CALC)
    for words in ([b"caf\xe9"], ["run", "-l", b"caf\xe9"], ["agents", "show", b"\xff"]):
        result, _ = treadle(root, *words, "-o", "json")
        assert result["exit_code"] == 2 and "\ufffd" in result["reason"]


@pytest.mark.parametrize("git", [True, False])
def test_code_mends_a_file_whose_name_is_no_utf8(make_repo, git):
    root = make_repo({
        "test_c.py": "import importlib.machinery, os, unittest\n"
        "path = next(os.path.abspath(n) for n in os.listdir('.') if n.startswith('caf'))\n"
        "m = importlib.machinery.SourceFileLoader('m', path).load_module()\n\n\n"
        "class T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(m.add(2, 3), 5)\n",
        f"{LATIN}.py": CALC["calc.py"],
    }, git=git)  # fmt: skip
    result, _ = treadle(root, "run", "-l", "fix", "-o", "json")
    assert result["exit_code"] != 70 and ends_on_record(root, result)


def test_what_is_put_into_a_prompt_is_text_whatever_the_files_hold(make_repo):
    files = configured("  - {name: mend, agent: hand}\n", "when: 'caf\ufffd'\n    text: done")
    files[".treadle/agents/hand.yaml"] = AGENT.replace("[task]", "[task, instructions, map, diff]")
    root = make_repo({**CALC, **files})
    (root / "AGENTS.md").write_bytes(b"Say caf\xe9.\n")
    (root / f"{LATIN}.py").write_bytes(b"# caf\xe9\ndef f(): pass\n")
    (root / "x.py").write_bytes(b"# -*- coding: latin-1 -*-\ndef caf\xe9(): pass\n")
    result, _ = treadle(root, "run", "-l", "go", "-o", "jsonl", "it")
    assert (result["exit_code"], result["model_calls"]) == (0, 1), result["reason"]


def test_a_repository_may_lie_under_any_name(make_repo):
    root = make_repo(CALC, name=LATIN)
    result, _ = treadle(root, "run", "-l", "fix", "-o", "json")
    assert (result["exit_code"], result["written"]) == (0, ["calc.py"])
    for verb in ("list", "show", "replay", "diff", "rewind", "apply"):
        assert treadle(root, "runs", verb, "-o", "json")[0]["exit_code"] == 0
    assert treadle(root, "doctor", "-o", "json")[0]["exit_code"] in (0, 7)
