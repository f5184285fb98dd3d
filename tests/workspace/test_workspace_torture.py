"""The writer under a process that dies, or a disk that fails, at each of its calls. `just torture` does them all."""

import os
import random
import shutil
import signal
import time

import pytest
from torture_lab import Lab, missing, rounds, sampled
from workspace_helpers import tree

from treadle.workspace.changes import EXECUTABLE, LINK, Change, ChangeSet, digest
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes

traced = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def lab(quick_path):
    lab = Lab(quick_path)
    lab.state.mkdir()
    lay_out(lab.root)
    lab.keep()
    yield lab
    lab.close()


def lay_out(root):
    (root / "src").mkdir(parents=True)
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "a.txt").chmod(0o640)
    (root / "src" / "x.py").write_text("X = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.txt")
    (root / "aside").write_text("of nobody's concern\n")


def changes_of(root):
    """Five files: an edit, a new one in new folders, a deletion that empties a folder, a mode, a link."""
    old = {path: digest((root / path).read_bytes()) for path in ("a.txt", "src/x.py", "run.sh")}
    return ChangeSet(
        {
            "a.txt": Change(b"changed\n", before=old["a.txt"], mode_before=0o100644),
            "new/deep/f": Change(b"n\n", EXECUTABLE),
            "src/x.py": Change(None, before=old["src/x.py"]),
            "run.sh": Change(b"#!/bin/sh\n", 0o100644, old["run.sh"], EXECUTABLE),
            "link": Change(b"run.sh", LINK, digest(b"a.txt"), LINK),
        }
    )


def write_job(lab):
    (lab.scratch / "changes.json").write_bytes(changes_of(lab.root).to_json())
    return lab.job("write", changes=str(lab.scratch / "changes.json"))


def after_of(lab, job):
    """The tree once the job is done; all is as before again."""
    assert lab.run(job) == 0
    after = tree(lab.root)
    lab.back()
    return after


def files(found):
    """Without folders: one that could not be removed stays, empty."""
    return {path: what for path, what in found.items() if what[1] is not None}


def judge(lab, before, after):
    """After a recovery the tree is one of the two, whole, with nothing left beside it, and can be written to."""
    recover(lab.root, lab.state)
    now = tree(lab.root)
    assert now in (before, after)
    assert not (lab.state / "journal").exists()
    assert recover(lab.root, lab.state) == ()
    return now


@traced
def test_killed_at_any_call_of_a_write(lab):
    job = write_job(lab)
    before, after = tree(lab.root), after_of(lab, job)
    ends = []
    points = lab.points(job)
    assert len(points) > 60
    for point in sampled(points, 40):
        lab.back()
        assert lab.killed(job, point) == -signal.SIGKILL, point
        now = judge(lab, before, after)
        ends.append(now == after)
        if now == after:
            marks = sorted(p.name for p in (lab.state / "checkpoints").iterdir() if p.name[0] != ".")
            restore_checkpoint(lab.root, lab.state, marks[-1])
            assert tree(lab.root) == before
    assert set(ends) == {False, True}


@traced
def test_killed_at_any_call_of_a_rewind(lab):
    mark = write_changes(lab.root, changes_of(lab.root), lab.state)
    lab.keep()
    job = lab.job("rewind", mark=mark)
    before, after = tree(lab.root), after_of(lab, job)
    assert before != after
    ends = set()
    for point in sampled(lab.points(job), 25):
        lab.back()
        assert lab.killed(job, point) == -signal.SIGKILL, point
        ends.add(judge(lab, before, after) == after)
    assert ends == {False, True}


@traced
def test_killed_at_any_call_of_a_recovery(lab):
    """The write dies at some of its calls; the recovery of each dies at each of its own."""
    job, recovery = write_job(lab), lab.job("recover")
    before, after = tree(lab.root), after_of(lab, job)
    touching = [p for p in lab.points(job) if p[0] in ("renameat2", "rename", "unlink", "unlinkat", "rmdir")]
    tried = 0
    for first in sampled(touching, 4):
        lab.back()
        lab.killed(job, first)
        died = lab.scratch / "died"
        shutil.rmtree(died, ignore_errors=True)
        for folder in (lab.root, lab.state):
            shutil.copytree(folder, died / folder.name, symlinks=True)
        for point in sampled(lab.points(recovery), 6):
            for folder in (lab.root, lab.state):
                shutil.rmtree(folder)
                shutil.copytree(died / folder.name, folder, symlinks=True)
            assert lab.killed(recovery, point) == -signal.SIGKILL, point
            judge(lab, before, after)
            tried += 1
    assert tried > 8


@traced
@pytest.mark.parametrize("on", [False, True], ids=["once", "from there on"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_any_call(lab, error, on):
    job = write_job(lab)
    before, after = tree(lab.root), after_of(lab, job)
    points = [p for p in lab.points(job) if not on or p[0] in ("openat", "write", "mkdir", "fsync")]
    for point in sampled(points, 12):
        lab.back()
        ended = lab.failed(job, point, error, on=on)
        now = tree(lab.root)
        if ended == 0:
            assert files(now) == files(after), point
        elif not on:
            # A failure told is a tree as before, at once; where taking back failed too, a recovery does it.
            assert now in (before, after) or (lab.state / "journal").exists(), point
        if ended == 0:
            assert files(now) == files(after)
            assert not (lab.state / "journal").exists()
        else:
            judge(lab, before, after)


@pytest.mark.timeout(600)
def test_killed_at_random_in_a_loop_of_writes(lab):
    shutil.rmtree(lab.root)
    lab.root.mkdir()
    for name in "abcde":
        (lab.root / name).write_bytes(b"0" * 2000)
    chance = random.Random(20261120)
    seen = set()
    began = time.monotonic()
    assert lab.run(lab.job("loop", times=4)) == 0
    one = (time.monotonic() - began) / 4
    for _ in range(rounds(30, 1000)):
        pid = lab.start(lab.job("loop"))
        lab._tell("")
        time.sleep(chance.uniform(0, 5 * one))
        os.kill(pid, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(int(lab._server.stdout.readline())) == -signal.SIGKILL
        recover(lab.root, lab.state)
        contents = {path.name: path.read_bytes() for path in lab.root.iterdir()}
        assert sorted(contents) == list("abcde")
        assert len(set(contents.values())) == 1
        text = contents["a"]
        number = text[: len(text) // 2000]
        assert text == number * 2000
        seen.add(number)
    assert len(seen) > 5
