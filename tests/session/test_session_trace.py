"""The trace: durable, readable after a kill, and the one source of every view."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
from treadle.protocol.commands import Approve
from treadle.protocol.errors import TraceError
from treadle.session.records import find_run, list_runs, view_of
from treadle.session.session import resume
from treadle.session.trace import TRACE_FILE, TraceWriter, read_blob, read_trace
from treadle.session.view import View, fold, reduce

GOLDEN = sorted((Path(__file__).parent / "traces").glob("*/trace.jsonl"))

SLOW = treadle_dir(
    loops__slow=(
        "name: slow\ndescription: One step, then a long one.\nsteps:\n"
        "  - {name: first, command: 'echo one > one.txt'}\n"
        "  - {name: wait, command: 'test -e /tmp/never || sleep 60; echo two > two.txt'}\n"
        "  - {name: look, check: {command: 'test -e one.txt'}}\n"
    ),
)


def envelope(seq: int, event: e.Event) -> e.Envelope:
    return e.Envelope(seq, 1.5, "r", event)


def test_what_is_appended_is_read_back_whole(tmp_path):
    writer = TraceWriter(tmp_path)
    written = [envelope(1, e.Noted("ä\n")), envelope(2, e.StepFinished("pass", "ok", {"a": [1, None]}))]
    for one in written:
        writer.append(one)
    writer.close()
    assert list(read_trace(tmp_path)) == written


def test_what_is_no_text_never_breaks_the_trace(tmp_path):
    writer = TraceWriter(tmp_path)
    given = e.StepFinished("pass", "caf\udce9", {"\udcff": ["\ud800", {"a": None}]})
    written = writer.append(envelope(1, given))
    assert written.event == e.StepFinished("pass", "caf\ufffd", {"\ufffd": ["\ufffd", {"a": None}]})
    assert writer.append(plain := envelope(2, e.Noted("caf\u00e9"))) is plain
    writer.close()
    assert list(read_trace(tmp_path)) == [written, plain]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_tail_is_skipped_and_cut_off_before_the_next_record(tmp_path, cut):
    writer = TraceWriter(tmp_path)
    for seq in (1, 2):
        writer.append(envelope(seq, e.Noted(f"note {seq}")))
    writer.close()
    path = tmp_path / TRACE_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert [x.seq for x in read_trace(tmp_path)] == [1]
    again = TraceWriter(tmp_path)
    again.append(envelope(2, e.Noted("once more")))
    again.close()
    assert [x.event for x in read_trace(tmp_path)] == [e.Noted("note 1"), e.Noted("once more")]


def test_a_broken_line_is_told_with_file_and_line(tmp_path):
    (tmp_path / TRACE_FILE).write_text('{"seq": "no"}\n')
    with pytest.raises(TraceError, match=r"trace\.jsonl:1: "):
        list(read_trace(tmp_path))


def test_a_changed_blob_is_not_believed(tmp_path):
    writer = TraceWriter(tmp_path)
    name = writer.keep(b"what was said")
    assert read_blob(tmp_path, name) == b"what was said"
    (tmp_path / "blobs" / name).write_bytes(b"something else")
    with pytest.raises(TraceError, match="was changed"):
        read_blob(tmp_path, name)


def test_files_of_a_run_are_the_users_alone(tmp_path):
    writer = TraceWriter(tmp_path)
    writer.append(envelope(1, e.Noted("x")))
    writer.keep(b"y")
    writer.close()
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == 2
    assert all(p.stat().st_mode & 0o077 == 0 for p in files)


async def test_the_view_of_the_trace_is_the_view_of_the_live_run(make_repo, drive):
    root = make_repo(
        {**CALC, **treadle_dir(loops__look="name: look\ndescription: x\nsteps: [{name: t, check: tests}]\n")}
    )
    ran = await drive(root, "look")
    assert view_of(ran.session.folder) == ran.view
    assert ran.view.exit_code == 1
    live = fold(ran.envelopes)
    durable = fold(x for x in ran.envelopes if not isinstance(x.event, e.EPHEMERAL))
    assert live == durable == ran.view


async def test_records_count_from_one_without_gaps_and_end_with_run_finished(make_repo, drive):
    root = make_repo(
        {**CALC, **treadle_dir(loops__look="name: look\ndescription: x\nsteps: [{name: t, check: tests}]\n")}
    )
    ran = await drive(root, "look")
    kept = list(read_trace(ran.session.folder))
    assert [x.seq for x in kept] == list(range(1, len(kept) + 1))
    assert isinstance(kept[0].event, e.RunStarted) and isinstance(kept[-1].event, e.RunFinished)


async def test_a_killed_run_is_resumed_without_running_finished_steps_again(make_repo, drive, monkeypatch):
    root = make_repo({"a.txt": "a\n", ".gitignore": ".treadle/\n", **SLOW})
    child = subprocess.Popen(
        [sys.executable, "-m", "treadle", "run", "--loop", "slow", "-o", "jsonl"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ,
        text=True,
    )
    for line in child.stdout:
        if '"step_started"' in line and "wait@1" in line:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    folder = find_run(root)
    assert view_of(folder).outcome == ""

    monkeypatch.setattr("treadle.engine.steps._command", _instead(monkeypatch))
    ran = await drive(root, "slow", resume=lambda where, options: resume(where, folder, options))
    assert ran.events(e.RunResumed) == [e.RunResumed(kept=1)]
    assert [s.place for s in ran.view.steps] == ["first@1", "wait@1", "look@1"]
    assert ran.code == 0
    assert sorted(p.name for p in root.glob("*.txt")) == ["a.txt", "one.txt"]
    assert len(list_runs(root)) == 1


def _instead(monkeypatch):
    """The second life's waiting step is cut short: what it stands for is not what is tested."""
    from treadle.engine.state import StepResult

    async def instead(run, step, state):
        assert step.name == "wait", "a finished step ran again"
        return StepResult("pass", "cut short by the test", state.changes)

    return instead


async def test_a_run_that_came_to_its_end_is_not_resumed(make_repo, drive):
    root = make_repo(
        {**CALC, **treadle_dir(loops__look="name: look\ndescription: x\nsteps: [{name: t, check: tests}]\n")}
    )
    ran = await drive(root, "look")
    with pytest.raises(TraceError, match="came to its end"):
        resume(root, ran.session.folder, ran.session.options)


def test_a_signal_ends_the_run_in_the_trace(make_repo):
    root = make_repo({"a.txt": "a\n", **SLOW})
    child = subprocess.Popen(
        [sys.executable, "-m", "treadle", "run", "--loop", "slow", "-o", "jsonl"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    lines = []
    for line in child.stdout:
        lines.append(json.loads(line))
        if lines[-1].get("step") == "wait@1":
            child.send_signal(signal.SIGTERM)
    assert child.wait() == 128 + signal.SIGTERM
    child.stdout.close()
    assert lines[-1]["type"] == "result" and lines[-1]["is_error"] is True
    assert lines[-2]["event"]["kind"] == "run_finished" and lines[-2]["event"]["outcome"] == "aborted"


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.parent.name)
def test_golden_traces_still_fold(path):
    envelopes = list(read_trace(path.parent))
    view = fold(envelopes)
    assert view.outcome in ("done", "failed", "stopped")
    partial = View()
    for one in envelopes:
        partial = reduce(partial, one)
        assert msgspec.json.encode(partial)
    assert partial == view


@pytest.mark.parametrize("name", ["overnight", "humanize-metric"])
def test_golden_traces_show_a_real_small_model_fail_real_tests_and_then_pass(name):
    envelopes = list(read_trace(Path(__file__).parent / "traces" / name))
    inside = [x for x in envelopes if x.attempt]
    ended = [x.event for x in inside if isinstance(x.event, e.AttemptFinished)]
    assert [(a.tier, a.verdict) for a in ended] == [("code", "fail"), ("small", "pass")]
    assert ended[1].model == "local/qwen2.5-coder-1.5b" and ended[1].usage.output_tokens > 0
    judged = [x.event for x in inside if isinstance(x.event, e.CheckFinished) and x.event.check == "tests"]
    assert [c.verdict for c in judged][:1] == ["fail"] and judged[-1].verdict == "pass"
    assert judged[0].tests.failed > 0
    assert fold(envelopes).outcome == "done"


def test_a_golden_trace_is_replayed_with_its_diff(capsys):
    from treadle.headless import replay

    replay(Path(__file__).parent / "traces" / "overnight", "text")
    shown = capsys.readouterr()
    assert "+        return (self.end - self.start) % (24 * 60)" in shown.out
    assert "local/qwen2.5-coder-1.5b answered" in shown.err


LOOK = treadle_dir(loops__look="name: look\ndescription: x\nsteps: [{name: t, check: tests}]\n")


async def test_a_run_that_is_going_on_is_not_resumed_beside_it(make_repo, drive):
    from treadle.protocol.errors import Busy
    from treadle.session.trace import lock_run

    root = make_repo({**CALC, **LOOK})
    ran = await drive(root, "look")
    held = lock_run(ran.session.folder)
    with pytest.raises(Busy, match="still going on"):
        lock_run(ran.session.folder)
    held.close()
    lock_run(ran.session.folder).close()


async def test_a_dry_run_stays_dry_when_it_is_resumed(make_repo, drive):
    from treadle.session.session import Flags

    loop = "name: q\ndescription: x\nsteps: [{name: put, command: 'echo 1 > new.py'}, {name: t, check: tests}, {name: a, ask: Go on?}]\n"
    root = make_repo(
        {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b"), **treadle_dir(loops__q=loop)}
    )
    ran = await drive(root, "q", flags=Flags(write=False))
    assert ran.code == 3
    again = await drive(
        root,
        "q",
        resume=lambda where, options: resume(where, ran.session.folder, options),
        answers=[Approve("yes")],
    )
    assert (again.code, again.view.written) == (0, ())
    assert not (root / "new.py").exists()
    assert [g.question for g in again.events(e.GateAsked)] == ["q2"]


async def test_every_write_of_a_run_has_its_checkpoint_on_record_before_it(make_repo, drive):
    loop = (
        "name: two\ndescription: x\napply: step\nsteps:\n  - {name: one, command: 'echo 1 > one.py'}\n  - {name: t, check: tests}\n"
        "  - {name: two, command: 'echo 2 > two.py'}\n  - {name: u, check: tests}\n"
    )
    root = make_repo(
        {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b"), **treadle_dir(loops__two=loop)}
    )
    ran = await drive(root, "two")
    assert (ran.code, ran.view.written) == (0, ("one.py", "two.py"))
    assert len(ran.view.checkpoints) == 2
    kinds = [type(x.event).__name__ for x in ran.envelopes if "Changes" in type(x.event).__name__]
    assert kinds == ["ChangesWriting", "ChangesWritten"] * 2


async def test_a_trace_that_can_not_be_written_ends_the_stream_and_raises(make_repo, drive, monkeypatch):
    root = make_repo({**CALC, **LOOK})
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(TraceWriter, "append", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space left"):
        await drive(root, "look")
