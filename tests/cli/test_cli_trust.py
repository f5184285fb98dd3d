"""`treadle trust`, and the one question before a run without the screen."""

import os
import pty
import select
import subprocess
import sys

import pytest

from samples import CALC, treadle_dir

GO = {
    **CALC,
    **treadle_dir(
        loops__go="name: go\ndescription: d\napply: never\nsteps:\n  - {name: a, command: 'echo hi'}\n"
    ),
}


@pytest.fixture(autouse=True)
def _nobody_said_so(monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")


def _typed(root, answer, *words):
    """The exit code and all output of a command line at a terminal, where a person types `answer` when asked."""
    main, side = pty.openpty()
    argv = [sys.executable, "-P", "-m", "treadle", *words]
    process = subprocess.Popen(argv, cwd=root, stdin=side, stdout=side, stderr=side, close_fds=True)
    os.close(side)
    said, answered = b"", False
    while select.select([main], [], [], 60)[0]:
        try:
            data = os.read(main, 4096)
        except OSError:
            break
        if not data:
            break
        said += data
        if b"[y/N]" in said and not answered:
            answered = True
            os.write(main, answer.encode())
    os.close(main)
    return process.wait(), said.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "words", [("go",), ("run", "--loop", "go"), ("-p", "mend it"), ("run", "x", "-o", "json")]
)
def test_nobody_to_ask_ends_with_6_and_the_next_thing_to_do(treadle, make_repo, words):
    root = make_repo(GO)
    said = treadle(root, *words)
    assert said.code == 6 and "is not trusted yet" in said.err and "next: treadle trust" in said.err
    if "json" in words:
        assert said.result["exit_code"] == 6
    assert treadle(root, "runs", "list").out == ""


def test_a_flag_or_the_variable_is_a_yes_for_one_run(treadle, make_repo, monkeypatch):
    root = make_repo(GO)
    assert treadle(root, "go", "--trust").code == 0
    assert treadle(root, "go").code == 6
    monkeypatch.setenv("TREADLE_TRUST", "1")
    assert treadle(root, "go").code == 0
    monkeypatch.delenv("TREADLE_TRUST")
    assert treadle(root, "go").code == 6


def test_trust_by_command_is_remembered_shown_and_taken_back(treadle, make_repo):
    root = make_repo(GO)
    said = treadle(root, "trust")
    assert said.code == 6 and "not trusted yet" in said.err
    shown = treadle(root, "trust", "--show")
    assert shown.code == 6 and "not trusted yet" in shown.out and "`echo hi` (loop go)" in shown.out
    assert treadle(root, "trust", "--yes").code == 0
    assert treadle(root, "trust", "--show", "-o", "json").result["trusted"] is True
    assert treadle(root, "go").code == 0
    assert treadle(root.parent, "trust", "--revoke", str(root)).code == 0
    assert treadle(root, "go").code == 6


def test_a_change_is_shown_and_ends_with_6(treadle, make_repo):
    root = make_repo(GO)
    treadle(root, "trust", "--yes")
    loop = root / ".treadle" / "loops" / "go.yaml"
    loop.write_text(loop.read_text().replace("hi", "evil"))
    said = treadle(root, "go")
    assert said.code == 6 and "changed since you trusted it: .treadle/loops/go.yaml" in said.err
    shown = treadle(root, "trust", "--show")
    assert shown.code == 6 and "+  - {name: a, command: 'echo evil'}" in shown.out
    assert treadle(root, "trust", "--show", "-o", "json").result["changed"] is True
    assert treadle(root, "trust", "--yes").code == treadle(root, "go").code == 0


def test_a_run_that_goes_on_asks_too(treadle, make_repo):
    root = make_repo(GO)
    treadle(root, "go", "--trust")
    assert treadle(root, "runs", "resume").code == 6
    assert treadle(root, "runs", "show").code == treadle(root, "runs", "replay").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("loops", "list"),
        ("loops", "show", "go"),
        ("loops", "graph", "go"),
        ("agents", "validate"),
        ("runs", "list"),
    ],
    ids=" ".join,
)
def test_what_only_reads_needs_no_trust(treadle, make_repo, words):
    assert treadle(make_repo(GO), *words).code == 0


def test_doctor_says_how_it_stands(treadle, make_repo, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    root = make_repo(GO)
    assert "not trusted yet" in treadle(root, "doctor").out
    treadle(root, "trust", "--yes")
    assert "trusted as it is now" in treadle(root, "doctor").out


@pytest.mark.parametrize("words", [("trust", "nowhere"), ("trust", "--yes", "--revoke")], ids=" ".join)
def test_a_wrong_word_is_told(treadle, make_repo, words):
    said = treadle(make_repo(CALC), *words)
    assert said.code == 2 and said.err.startswith("treadle: ")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 6), ("\n", 6)])
def test_a_person_at_a_terminal_is_asked_once(make_repo, treadle, answer, code):
    root = make_repo(GO)
    ended, said = _typed(root, answer, "run", "--loop", "go")
    assert ended == code and "`echo hi` (loop go)" in said and "Trust it? [y/N]" in said
    assert treadle(root, "go").code == code


def test_trust_at_a_terminal_asks_and_shows_what_changed(make_repo, treadle):
    root = make_repo(GO)
    assert _typed(root, "y\n", "trust")[0] == 0
    (root / "Makefile").write_text("test:\n\tevil\x1b]0;x\x07\n")
    ended, said = _typed(root, "n\n", "trust")
    assert ended == 6 and "+++ Makefile (now)" in said and "\x1b" not in said
    assert treadle(root, "go").code == 6


def test_the_demo_asks_nothing(treadle, tmp_path):
    said = treadle(tmp_path, "demo", "--into", str(tmp_path / "demo"))
    assert said.code == 0 and "trust" not in said.err
    assert treadle(tmp_path / "demo", "trust", "--show").code == 0
