"""Errors as the command line tells them: one message, the right code, JSON where it was asked for, no traceback."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from samples import CALC, treadle_dir
from treadle.session.records import find_run
from treadle.workspace.git import find_root

JSON = [
    ["-o", "json"],
    ["-ojson"],
    ["--output=jsonl"],
    ["--output", "jsonl"],
    ["--output-format", "stream-json"],
]
WRONG = {
    "no such flag": ["run", "--lop", "x"],
    "no such choice": ["run", "--sandbox", "moat"],
    "no such verb": ["runs", "lost"],
    "no verb": ["loops"],
    "no runs": ["runs", "show"],
    "nothing to resume": ["runs", "resume"],
    "a base for a resume": ["runs", "resume", "--base", "index"],
    "no such model": ["models", "pull", "nowhere-1b"],
    "no such agent": ["agents", "show", "nobody"],
    "no such loop": ["loops", "graph", "nowhere"],
    "no such command": ["nowhere"],
    "a task and no screen": ["do this and that"],
    "a loop that is not there": ["-p", "do this and that", "--loop", "nowhere"],
}


@pytest.mark.parametrize("output", JSON, ids=" ".join)
def test_json_is_asked_for_in_any_spelling(treadle, make_repo, output):
    assert treadle(make_repo(CALC), "nowhere", *output).result["reason"]


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_every_error_is_one_message_and_a_last_json_line(treadle, make_repo, words):
    root = make_repo(CALC)
    plain = treadle(root, *words)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith("treadle: ") and len(plain.err.splitlines()) <= 2
    for place in (0, len(words)):
        told = treadle(root, *words[:place], "-o", "json", *words[place:])
        assert told.code == 2 and told.result["outcome"] == "error" and told.result["reason"]


def test_faults_in_yaml_are_a_result_too(treadle, make_repo):
    root = make_repo({**CALC, ".treadle/loops/x.yaml": "name: x\nsteps: [\n"})
    for words in (["run", "--loop", "x"], ["x"], ["loops", "validate"], ["agents", "list"]):
        said = treadle(root, *words, "-o", "jsonl")
        assert said.code == 2 and said.result
        assert ".treadle/loops/x.yaml:3: " in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["-p", "a task", "--loop", "ask", "-o", "json"],
        ["--loop", "ask", "--print", "a task", "--output", "json"],
        ["--output-format", "stream-json", "-p", "a task", "--loop", "ask"],
        ["run", "-p", "a task", "--loop", "ask", "-o", "json"],
        ["run", "--loop", "ask", "--print", "a task", "--trust", "-o", "json"],
        ["ask", "-p", "a task", "-o", "json"],
        ["ask", "a task", "--trust", "-o", "json"],
    ],
    ids=" ".join,
)
def test_print_and_trust_may_stand_anywhere(treadle, make_repo, words):
    loop = "name: ask\ndescription: d\nsteps:\n  - {name: a, ask: Go on?}\n"
    said = treadle(make_repo({**CALC, **treadle_dir(loops__ask=loop)}), *words)
    assert (said.code, said.result["task"], said.result["loop"]) == (3, "a task", "ask")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "--lop", "x"], "did you mean `--loop`?"),
        (["run", "mend", "the", "bug"], "put it in quotes"),
        (["runs", "resume", "--base", "index"], "treadle runs resume --help"),
        (["rnus"], "did you mean `runs`?"),
        (["fxi"], "did you mean `fix`?"),
        (["mend the bug"], "treadle run 'mend the bug'"),
        (["--loop", "fix"], "treadle run --loop"),
    ],
    ids=str,
)
def test_an_error_says_what_to_do_next(treadle, make_repo, words, hint):
    assert hint in treadle(make_repo(CALC), *words).err


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["help", "runs"], ["runs", "diff", "--help"]], ids=" ".join
)
def test_help_fits_eighty_columns(treadle, make_repo, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    said = treadle(make_repo(CALC), *words)
    assert said.code == 0 and "usage: treadle" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "stream-json" not in said.out and "--print" not in said.out


def test_a_state_folder_that_can_not_be_written_is_named(treadle, make_repo, monkeypatch, tmp_path):
    root = make_repo(CALC)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    said = treadle(root, "run", "--loop", "fix", "-o", "json")
    assert said.code == 70
    assert str(blocked) in said.result["reason"] and "(E" in said.result["reason"]
    assert "nothing was changed" in said.result["reason"] and "XDG_STATE_HOME" in said.result["hint"]
    assert (root / "calc.py").read_text() == CALC["calc.py"]


def test_a_path_of_the_users_that_is_refused_is_a_fault_of_use(treadle, make_repo):
    root = make_repo(CALC)
    (root / "here.txt").write_text("no folder")
    said = treadle(root, "demo", "--into", "here.txt/below/it", "-o", "json")
    assert (
        said.code == 2 and f"{root}/here.txt" in said.result["reason"] and "ENOTDIR" in said.result["reason"]
    )


def test_an_error_that_nobody_expected_is_told_in_one_line_and_kept(treadle, make_repo, monkeypatch):
    root = make_repo(CALC)

    def broken(*_):
        raise KeyError("what\nwas it")

    monkeypatch.setattr("treadle.session.trust.load_catalog", broken)
    said = treadle(root, "run", "--loop", "fix", "-o", "json")
    assert said.code == 70
    assert said.result["reason"] == "internal error: KeyError: 'what\\nwas it'; nothing was changed"
    file = said.result["hint"].removeprefix("report it with ")
    assert "in broken" in Path(file).read_text()
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600


def test_where_not_even_the_details_can_be_kept_the_message_still_comes(
    treadle, make_repo, monkeypatch, tmp_path
):
    root = make_repo(CALC)
    monkeypatch.setattr("treadle.session.trust.load_catalog", lambda _: 1 / 0)
    monkeypatch.setenv("XDG_STATE_HOME", "/proc")
    said = treadle(root, "run", "--loop", "fix")
    assert said.code == 70 and "ZeroDivisionError" in said.err and "could not be kept" in said.err


def test_a_folder_that_is_gone_is_told(make_repo):
    root = make_repo({"a.txt": "a\n"})
    command = f"cd gone && rmdir ../gone && exec {sys.executable} -m treadle doctor -o json"
    (root / "gone").mkdir()
    done = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and "is gone" in done.stderr and "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(make_repo):
    command = f"set -o pipefail; {sys.executable} -m treadle agents list -o json | true"
    done = subprocess.run(["bash", "-c", command], cwd=make_repo(CALC), capture_output=True, text=True)
    assert (done.returncode, done.stderr) in ((141, ""), (0, ""))


FULL = "treadle: the result could not be printed: No space left on device"


@pytest.mark.parametrize("output", ["text", "json", "jsonl"])
def test_a_stdout_that_is_full_is_told_in_one_line_and_the_run_is_on_record(
    treadle, make_repo, monkeypatch, output
):
    root = make_repo(CALC)
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    command = f"exec {sys.executable} -m treadle run -l fix -o {output} > /dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
    run = find_run(root, "").name
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{FULL}; it is on record: treadle runs show {run}"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert "a + b" in (root / "calc.py").read_text()
    shown = treadle(root, "runs", "show", "-o", "json")
    assert shown.result["written"] == ["calc.py"]


@pytest.mark.parametrize("words", ["runs show", "runs replay -o jsonl", "runs list -o json", "runs diff", "demo --bug list",
                                   "loops list", "agents validate -o json", "--help", "nowhere -o json"])  # fmt: skip
def test_a_full_stdout_is_one_message_for_every_command(treadle, make_repo, monkeypatch, words):
    root = make_repo(CALC)
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    treadle(root, "fix")
    command = f"exec {sys.executable} -m treadle {words} > /dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
    assert done.returncode == (2 if "nowhere" in words else 1)
    assert [line for line in done.stderr.splitlines() if line.startswith(FULL)] == [
        done.stderr.splitlines()[-1]
    ]
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr and "internal" not in done.stderr


def test_a_stderr_that_is_full_does_not_end_a_run(treadle, make_repo):
    root = make_repo(CALC)
    command = f"exec {sys.executable} -m treadle run -l fix -o json 2> /dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
    assert '"exit_code":0' in done.stdout and "a + b" in (root / "calc.py").read_text()


def test_lists_are_one_result_or_lines_and_a_result(treadle, make_repo):
    root = make_repo(CALC)
    whole = treadle(root, "loops", "list", "-o", "json")
    assert whole.code == 0 and len(whole.out.splitlines()) == 1
    names = [row["name"] for row in whole.result["loops"]]
    lines = treadle(root, "loops", "list", "-o", "jsonl")
    assert len(lines.out.splitlines()) == len(names) + 1 and lines.result["is_error"] is False
    agent = treadle(root, "agents", "list", "-o", "json").result["agents"][0]["name"]
    assert treadle(root, "agents", "show", agent, "-o", "json").result["agent"]["name"] == agent
    assert treadle(root, "models", "list", "-o", "json").result["models"]
    bugs = treadle(root, "demo", "--bug", "list", "-o", "json").result["bugs"]
    lines = treadle(root, "demo", "--bug", "list", "-o", "jsonl")
    assert len(lines.out.splitlines()) == len(bugs) + 1 and lines.result["is_error"] is False
    assert dict(treadle(root, "doctor", "-o", "json").result["rows"])["loops"]


def test_without_git_the_nearest_treadle_folder_is_the_root_for_every_command(treadle, make_repo):
    loop = "name: ask\ndescription: d\nsteps:\n  - {name: a, ask: Go on?}\n"
    root = make_repo({**CALC, **treadle_dir(loops__ask=loop), "src/deep/a.txt": "a\n"}, git=False)
    below = root / "src/deep"
    assert find_root(below) == root
    listed = treadle(below, "loops", "list", "-o", "json").result["loops"]
    assert "ask" in [row["name"] for row in listed]
    assert treadle(below, "ask", "-o", "json").result["loop"] == "ask"
    assert find_run(root).name == treadle(below, "runs", "list", "-o", "json").result["runs"][0]["run"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_treadle_folder_of_somebody_elses_above_is_not_believed(tmp_path):
    (tmp_path / ".treadle").mkdir()
    os.chown(tmp_path / ".treadle", 12345, 12345)
    (tmp_path / "mine").mkdir()
    assert find_root(tmp_path / "mine") == tmp_path / "mine"
    shutil.rmtree(tmp_path / ".treadle")
