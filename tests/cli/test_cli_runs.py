"""`treadle runs …` on real runs: steps by number, what is written later, taken back, and traces that are broken."""

import json
import os
import signal
import subprocess
import sys

import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
from treadle.session.records import find_run, recorded, runs_of, view_of
from treadle.session.trace import TRACE_FILE, TraceWriter, lock_run, read_trace

GOOD = {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b"), "kept.py": "old = 1\n"}
TWO = treadle_dir(
    loops__two=(
        "name: two\ndescription: x\napply: step\nsteps:\n"
        "  - {name: one, command: 'echo new = 1 > one.py; echo old = 2 > kept.py'}\n  - {name: t, check: tests}\n"
        "  - {name: more, command: 'echo new = 2 > two.py; echo old = 3 > kept.py'}\n  - {name: u, check: tests}\n"
    )
)
BEFORE = {"kept.py": "old = 1\n"}
AFTER = {"one.py": "new = 1\n", "two.py": "new = 2\n", "kept.py": "old = 3\n"}


def own(root):
    """The files that the loop writes, as they stand."""
    names = ("one.py", "two.py", "kept.py")
    return {name: (root / name).read_text() for name in names if (root / name).exists()}


@pytest.fixture
def two(treadle, make_repo):
    """A repository where a run wrote twice; `dry` leaves it unwritten."""

    def make(*flags):
        root = make_repo({**GOOD, **TWO})
        said = treadle(root, "two", "-o", "json", *flags)
        assert said.code == 0, said.err
        return root

    return make


def test_a_step_is_named_by_number_name_or_place(treadle, two):
    root = two("--dry-run")
    shown = treadle(root, "runs", "show").err.splitlines()
    assert [line.split()[:2] for line in shown[:4]] == [
        ["1", "one@1"],
        ["2", "t@1"],
        ["3", "more@1"],
        ["4", "u@1"],
    ]
    by = {
        step: treadle(root, "runs", "diff", "--step", step).out
        for step in ("1", "one", "one@1", "2", "3", "4")
    }
    assert by["1"] == by["one"] == by["one@1"] == by["2"] != by["3"] == by["4"]
    assert "+new = 1\n" in by["1"] and "two.py" not in by["1"] and "two.py" in by["3"]
    for step in ("0", "5", "-1", "nowhere"):
        said = treadle(root, "runs", "diff", f"--step={step}", "-o", "json")
        assert said.code == 2 and f"no finished step `{step}`; it has 1 to 4" in said.result["reason"]
        assert said.result["hint"] == "one of: 1 one@1, 2 t@1, 3 more@1, 4 u@1"


def test_a_diff_for_another_program_is_the_very_bytes(treadle, make_repo):
    loop = "name: crlf\ndescription: x\nsteps:\n  - {name: a, command: 'printf \"b\\\\r\\\\n\\\\377\\\\n\" > a.txt'}\n"
    root = make_repo({**GOOD, "a.txt": "a\n", **treadle_dir(loops__crlf=loop)})
    assert treadle(root, "crlf", "--dry-run", "-o", "json").code in (0, 3)
    done = subprocess.run(
        [sys.executable, "-m", "treadle", "runs", "diff"], cwd=root, capture_output=True, check=True
    )
    assert b"+b\r\n+\xff\n" in done.stdout
    subprocess.run(["git", "apply"], input=done.stdout, cwd=root, check=True)
    assert (root / "a.txt").read_bytes() == b"b\r\n\xff\n"


def test_apply_writes_what_is_not_written_and_rewind_takes_all_back(treadle, two):
    root = two("--dry-run")
    run = find_run(root).name
    assert treadle(root, "runs", "apply", "--step", "one").out == "kept.py\none.py\n"
    assert treadle(root, "runs", "apply", "-o", "json").result["written"] == ["kept.py", "two.py"]
    assert own(root) == AFTER
    again = treadle(root, "runs", "apply", "-o", "json")
    assert again.code == 2 and "in the tree already" in again.result["reason"]
    said = treadle(root, "runs", "rewind", run, "-o", "json")
    assert said.result["restored"] == ["kept.py", "one.py", "two.py"]
    assert own(root) == BEFORE


def test_rewind_undoes_every_write_of_a_run_and_can_itself_be_undone(treadle, two):
    root = two()
    assert own(root) == AFTER
    for _ in range(2):
        assert treadle(root, "runs", "rewind").out == "kept.py\none.py\ntwo.py\n"
        assert own(root) == BEFORE
        nothing = treadle(root, "runs", "rewind", "-o", "json")
        assert nothing.code == 2 and "is in the tree" in nothing.result["reason"]
        assert treadle(root, "runs", "apply").out == "kept.py\none.py\ntwo.py\n"
        assert own(root) == AFTER


def test_a_file_that_changed_since_is_told_and_nothing_is_put_back(treadle, two):
    root = two()
    (root / "one.py").write_text("mine = True\n")
    said = treadle(root, "runs", "rewind", "-o", "json")
    assert said.code == 3 and "one.py" in said.result["reason"] and "runs diff" in said.result["hint"]
    assert own(root) == {**AFTER, "one.py": "mine = True\n"}


def test_a_file_that_changed_since_keeps_a_run_from_being_applied(treadle, two):
    root = two("--dry-run")
    (root / "kept.py").write_text("mine = True\n")
    said = treadle(root, "runs", "apply", "-o", "json")
    assert said.code == 3 and "kept.py" in said.result["reason"]
    assert own(root) == {"kept.py": "mine = True\n"}


def test_what_a_person_did_after_the_run_stands_in_its_trace(treadle, two):
    root = two("--dry-run")
    treadle(root, "runs", "apply")
    treadle(root, "runs", "rewind")
    kept = list(read_trace(find_run(root)))
    assert [x.seq for x in kept] == list(range(1, len(kept) + 1))
    after = [x.event for x in kept[[isinstance(x.event, e.RunFinished) for x in kept].index(True) + 1 :]]
    assert [type(x) for x in after] == [e.ChangesWriting, e.ChangesWritten, e.ChangesWritten]
    assert after[-1].changes == "" and not recorded(find_run(root)).written


@pytest.fixture
def broken(treadle, two):
    """A repository with one sound run, an empty trace, one that is no trace, and one of a newer treadle."""
    root = two()
    for name, text in {
        "20990101-000000-aaaa": "",
        "20990101-000001-bbbb": "no json\n",
        "20990101-000002-cccc": '{"seq":1,"at":1,"run":"r","event":{"kind":"noted","text":"x"}}\n',
    }.items():
        folder = runs_of(root) / name
        folder.mkdir()
        (folder / TRACE_FILE).write_text(text)
    return root


@pytest.mark.parametrize("output", ["text", "json", "jsonl"])
def test_the_list_shows_runs_that_can_not_be_read(treadle, broken, output):
    said = treadle(broken, "runs", "list", "-o", output)
    assert said.code == 0
    if output == "text":
        outcomes = [line.split()[1] for line in said.out.splitlines()]
    elif output == "json":
        outcomes = [row["outcome"] for row in said.result["runs"]]
    else:
        assert said.result["is_error"] is False
        outcomes = [json.loads(line)["outcome"] for line in said.out.splitlines()[:-1]]
    assert outcomes == ["unreadable"] * 3 + ["done"]


@pytest.mark.parametrize("part", ["aaaa", "bbbb", "cccc"])
@pytest.mark.parametrize("verb", ["show", "diff", "apply", "rewind", "resume", "replay"])
def test_a_broken_trace_is_one_message(treadle, broken, verb, part):
    said = treadle(broken, "runs", verb, part, "-o", "json")
    assert said.code == 2 and said.result["reason"]


def test_a_killed_run_is_unfinished_and_says_how_it_goes_on(treadle, make_repo):
    loop = "name: slow\ndescription: x\nsteps:\n  - {name: one, command: 'echo 1 > one.py'}\n  - {name: wait, command: sleep 60}\n"
    root = make_repo({**GOOD, **treadle_dir(loops__slow=loop)})
    command = [sys.executable, "-m", "treadle", "slow", "-o", "jsonl"]
    child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ, text=True)  # fmt: skip
    for line in child.stdout:
        if '"step_started"' in line and "wait@1" in line:
            break
    assert treadle(root, "runs", "list", "-o", "json").result["runs"][0]["outcome"] == "running"
    busy = treadle(root, "runs", "resume", "-o", "json")
    assert busy.code == 75 and "still going on" in busy.result["reason"]
    assert treadle(root, "runs", "apply", "-o", "json").code == 75
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    run = find_run(root).name
    said = treadle(root, "runs", "show", "-o", "json")
    assert (said.code, said.result["outcome"], said.result["run"]) == (1, "unfinished", run)
    assert said.result["hint"] == f"treadle runs resume {run}"
    assert run in treadle(root, "runs", "show").err
    assert treadle(root, "runs", "list", "-o", "json").result["runs"][0]["outcome"] == "unfinished"
    assert treadle(root, "runs", "apply").out == "one.py\n"


def test_a_write_that_was_cut_short_on_record_is_taken_back_too(treadle, two):
    """Killed between the write and its record: the checkpoint alone is on record."""
    root = two()
    folder = find_run(root)
    kept = list(read_trace(folder))
    last = max(i for i, x in enumerate(kept) if isinstance(x.event, e.ChangesWritten))
    (folder / TRACE_FILE).unlink()
    trace = TraceWriter(folder)
    for envelope in kept[:last]:
        trace.append(envelope)
    trace.close()
    assert view_of(folder).outcome == ""
    assert treadle(root, "runs", "rewind").out == "kept.py\none.py\ntwo.py\n"
    assert own(root) == BEFORE


def test_a_run_that_somebody_holds_is_not_written_or_taken_back(treadle, two):
    root = two("--dry-run")
    with lock_run(find_run(root)):
        assert treadle(root, "runs", "apply", "-o", "json").code == 75
        assert treadle(root, "runs", "rewind", "-o", "json").code == 75
    assert own(root) == BEFORE


def test_no_run_on_record_is_an_empty_list(treadle, make_repo):
    said = treadle(make_repo(GOOD), "runs", "list", "-o", "json")
    assert (said.code, said.result["runs"]) == (0, [])
