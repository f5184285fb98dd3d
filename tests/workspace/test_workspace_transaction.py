import os
import signal
import stat
import subprocess
import sys

import pytest
from workspace_helpers import tree

from treadle.protocol.errors import Busy, PathError, TraceError, WriteConflict
from treadle.workspace import checkpoints, transaction
from treadle.workspace.base import open_base
from treadle.workspace.changes import EXECUTABLE, Change, ChangeSet
from treadle.workspace.state import state_dir, state_home
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes
from treadle.workspace.view import MergedView


@pytest.fixture
def state(repo):
    return state_dir(repo)


def edited(repo):
    """A change set with an edit, a new file in a new folder, a deletion that empties a folder, a new mode."""
    view = MergedView(open_base(repo, "tree"))
    view = view.write("a.txt", "changed\n").write("new/deep/f", "n\n").delete("src/x.py")
    return (
        view.write("run.sh", view.read("run.sh"), 0o100644).write("prog", "#!/bin/sh\n", EXECUTABLE).changes
    )


def test_state_is_private_and_by_repository(repo, tmp_path):
    other = tmp_path / "else" / "repo"
    other.mkdir(parents=True)
    assert state_dir(repo) != state_dir(other)
    for folder in (state_home(), state_dir(repo), state_dir(other)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not folder.is_relative_to(repo)


def test_writes_all_and_undoes_exactly_and_undoes_the_undoing(repo, state):
    (repo / "a.txt").chmod(0o600)
    before = tree(repo)
    first = write_changes(repo, edited(repo), state)
    after = tree(repo)
    assert (repo / "a.txt").read_text() == "changed\n"
    assert stat.S_IMODE((repo / "a.txt").stat().st_mode) == 0o600
    assert (repo / "new/deep/f").read_text() == "n\n"
    assert not (repo / "src").exists()
    assert os.access(repo / "prog", os.X_OK)
    assert not (repo / "run.sh").stat().st_mode & 0o111
    second = restore_checkpoint(repo, state, first)
    assert tree(repo) == before
    restore_checkpoint(repo, state, second)
    assert tree(repo) == after
    assert not (state / "journal").exists()
    for found in (state / "checkpoints").rglob("*"):
        assert not stat.S_IMODE(found.stat().st_mode) & 0o077


def test_a_file_changed_since_stops_the_whole_write(repo, state):
    changes = edited(repo)
    (repo / "a.txt").write_text("the user's\n")
    (repo / "new").mkdir()
    (repo / "new" / "deep").write_text("the user's too")
    before = tree(repo)
    with pytest.raises(WriteConflict) as caught:
        write_changes(repo, changes, state)
    assert caught.value.paths == ("a.txt",)
    assert tree(repo) == before


def test_a_new_file_that_the_user_also_made(repo, state):
    changes = edited(repo)
    (repo / "prog").write_text("mine")
    before = tree(repo)
    with pytest.raises(WriteConflict) as caught:
        write_changes(repo, changes, state)
    assert caught.value.paths == ("prog",)
    assert tree(repo) == before


def test_a_save_between_the_check_and_the_rename_wins(repo, state, monkeypatch):
    changes = edited(repo)
    real, raced = transaction.swap._rename, []

    def save_first(root, source, target, flag):
        if target == "run.sh" and not raced:
            raced.append(target)
            (root / target).write_text("saved just now\n")
        return real(root, source, target, flag)

    monkeypatch.setattr(transaction.swap, "_rename", save_first)
    before = {path: found for path, found in tree(repo).items() if not path.endswith("run.sh")}
    with pytest.raises(WriteConflict) as caught:
        write_changes(repo, changes, state)
    assert caught.value.paths == ("run.sh",)
    assert (repo / "run.sh").read_text() == "saved just now\n"
    assert {path: found for path, found in tree(repo).items() if not path.endswith("run.sh")} == before


def test_writing_the_same_again_is_no_conflict(repo, state):
    changes = edited(repo)
    write_changes(repo, changes, state)
    after = tree(repo)
    write_changes(repo, changes, state)
    assert tree(repo) == after


def test_folder_and_file_take_each_others_place(repo, state):
    view = MergedView(open_base(repo, "tree"))
    changes = view.delete("src/x.py").write("src", "flat").delete("a.txt").write("a.txt/in", "deep").changes
    before = tree(repo)
    mark = write_changes(repo, changes, state)
    assert (repo / "src").read_text() == "flat"
    assert (repo / "a.txt" / "in").read_text() == "deep"
    restore_checkpoint(repo, state, mark)
    assert tree(repo) == before


def test_a_folder_that_still_holds_something_is_not_replaced(repo, state):
    (repo / "src" / "kept.log").write_text("ignored, the user's")
    view = MergedView(open_base(repo, "tree"))
    before = tree(repo)
    with pytest.raises(WriteConflict):
        write_changes(repo, view.delete("src/x.py").write("src", "flat").changes, state)
    assert tree(repo) == before


@pytest.mark.parametrize("path", ["../x", "/etc/x", ".git/hooks/pre-commit", "a/../../x", "out/x"])
def test_never_writes_outside(repo, state, tmp_path, path):
    (tmp_path / "away").mkdir()
    (repo / "out").symlink_to("../away")
    before = tree(tmp_path / "repo")
    with pytest.raises(PathError):
        write_changes(repo, ChangeSet({"a.txt": Change(b"x", before=None), path: Change(b"evil")}), state)
    assert tree(repo) == before
    assert not list((tmp_path / "away").iterdir())


@pytest.mark.parametrize("step", range(1, 16))
def test_any_failure_takes_everything_back(repo, state, monkeypatch, step):
    """The `step`th operation that the writer does on the tree fails as on a full disk."""
    changes, before, left = edited(repo), tree(repo), [step]

    def failing(real):
        def do(*args, **named):
            left[0] -= 1
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            return real(*args, **named)

        return do

    for name in ("prepare", "put", "take"):
        monkeypatch.setattr(transaction.swap, name, failing(getattr(transaction.swap, name)))
    monkeypatch.setattr(transaction.folders, "make", failing(transaction.folders.make))
    monkeypatch.setattr(transaction, "_write_journal", failing(transaction._write_journal))
    try:
        write_changes(repo, changes, state)
    except OSError:
        assert tree(repo) == before
    else:
        assert step > 13
        assert (repo / "a.txt").read_text() == "changed\n"
    assert not (state / "journal").exists()


_WRITER = """
import sys
from pathlib import Path
from treadle.workspace.changes import ChangeSet
from treadle.workspace.transaction import write_changes
root, state, changes = map(Path, sys.argv[1:])
write_changes(root, ChangeSet.from_json(changes.read_bytes()), state)
"""


def killed_at(repo, state, tmp_path, point):
    """Writes in a process that dies at its `point`th renaming or unlinking; says whether it got that far."""
    (tmp_path / "changes.json").write_bytes(edited(repo).to_json())
    script = f"""
import os, signal, sys
left = [{point}]
def hook(event, args):
    if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod") or event == "open" and args[2] & 2:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
from treadle.workspace import transaction, checkpoints, swap
import ctypes
real = swap._rename
def rename(*args):
    hook("os.rename", args)
    done = real(*args)
    hook("os.rename", args)
    return done
swap._rename = rename
sys.addaudithook(hook)
{_WRITER}"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(repo), str(state), str(tmp_path / "changes.json")], check=False
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


@pytest.mark.parametrize("point", [4, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 30])
def test_recovers_after_a_kill(repo, state, tmp_path, point):
    check_kill(repo, state, tmp_path, point)


@pytest.mark.slow
def test_recovers_after_a_kill_at_every_point(repo, state, tmp_path):
    point, killed = 1, True
    while killed:
        killed = check_kill(repo, state, tmp_path, point)
        point += 1
    assert point > 20


def check_kill(repo, state, tmp_path, point):
    before = tree(repo)
    killed = killed_at(repo, state, tmp_path, point)
    recover(repo, state)
    now = tree(repo)
    if now != before:
        assert (repo / "a.txt").read_text() == "changed\n"
        assert (repo / "prog").exists()
        assert not (repo / "src").exists()
        assert not [path for path in now if ".treadle-" in path]
        marks = sorted(p.name for p in (state / "checkpoints").iterdir() if not p.name.startswith("."))
        restore_checkpoint(repo, state, marks[-1])
        assert tree(repo) == before
    assert recover(repo, state) == ()
    return killed


def test_recovery_leaves_what_the_user_wrote_after_the_crash(repo, state, monkeypatch):
    changes = edited(repo)
    real = transaction.swap.put

    def crash_at_second(root, path, temporary, before):
        if path == "prog":
            (repo / "a.txt").write_text("after the crash\n")
            os._exit(9)
        real(root, path, temporary, before)

    child = os.fork()
    if child == 0:
        transaction.swap.put = crash_at_second
        write_changes(repo, changes, state)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert "src/x.py" in recover(repo, state)
    assert (repo / "a.txt").read_text() == "after the crash\n"
    assert (repo / "src" / "x.py").read_text() == "X = 1\n"
    assert not (repo / "new").exists()
    assert not [path for path in tree(repo) if ".treadle-" in path]


def test_restore_does_not_overwrite_newer_work(repo, state):
    mark = write_changes(repo, edited(repo), state)
    (repo / "a.txt").write_text("newer\n")
    before = tree(repo)
    with pytest.raises(WriteConflict) as caught:
        restore_checkpoint(repo, state, mark)
    assert caught.value.paths == ("a.txt",)
    assert tree(repo) == before
    again = restore_checkpoint(repo, state, mark, force=True)
    assert (repo / "a.txt").read_text() == "one\ntwo\n"
    restore_checkpoint(repo, state, again)
    assert tree(repo) == before


def test_the_oldest_checkpoints_go_where_they_hold_too_much(repo, state, monkeypatch):
    monkeypatch.setattr(checkpoints, "_EVERY", 1)
    marks = []
    for number in range(6):
        view = MergedView(open_base(repo)).write("a.txt", f"{number}" * 100_000)
        marks.append(write_changes(repo, view.changes, state))
    (state / "checkpoints" / ".new-left-by-a-kill").mkdir()
    assert checkpoints.sweep(state, cap=250_000) == tuple(marks[:4])
    assert sorted(os.listdir(state / "checkpoints")) == marks[4:]
    with pytest.raises(TraceError, match="is gone"):
        restore_checkpoint(repo, state, marks[0])
    restore_checkpoint(repo, state, marks[5])
    assert (repo / "a.txt").read_text() == "4" * 100_000
    assert checkpoints.sweep(state, keep=marks[4], cap=0)[0] == marks[5]


def test_no_such_checkpoint(repo, state):
    with pytest.raises(TraceError):
        restore_checkpoint(repo, state, "nope")


def test_two_writers_one_waits_and_says_so(repo, state, monkeypatch):
    import fcntl

    monkeypatch.setattr(transaction, "_WAIT_S", 0.0)
    with open(state / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            write_changes(repo, edited(repo), state)
