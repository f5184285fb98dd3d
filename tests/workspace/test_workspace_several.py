"""Several treadles, and the user's git, in one repository; killed at random; stale locks."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torture_lab import rounds
from workspace_helpers import git, tree

from treadle.workspace.base import open_base
from treadle.workspace.transaction import recover, write_changes
from treadle.workspace.view import MergedView

WORKER = Path(__file__).with_name("several_worker.py")
GIT = """
cd "$1" || exit 1
while :; do
  git add count own 2>/dev/null && git -c user.name=t -c user.email=t@example.invalid commit -qm c 2>/dev/null
  git status >/dev/null 2>&1
  echo x
done
"""


@pytest.fixture
def place(quick_path):
    root, state = quick_path / "root", quick_path / "state"
    state.mkdir(mode=0o700)
    for name in ("count/one", "count/two", "own/none", "aside"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("0\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root, state


def worker(place, times):
    return subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, place), str(times)], stdout=subprocess.PIPE
    )


def counted(said):
    return said.count(b".") + said.count(b"+") - said.count(b"-")


@pytest.mark.timeout(900)
def test_several_writers_and_a_git_lose_nothing(place):
    """What each process was told is done is done, after kills too; a kill leaves at most its one unsaid step open."""
    root, state = place
    chance = random.Random(17)
    times, kills = rounds(25, 500), rounds(6, 60)
    beside = subprocess.Popen(["bash", "-c", GIT, "-", str(root)], stdout=subprocess.PIPE)
    running = [worker(place, times) for _ in range(4)]
    said = b""
    try:
        for _ in range(kills):
            first = running[0].stdout.read(1)
            said += first
            time.sleep(chance.uniform(0, 0.05))
            victim = running.pop(0)
            victim.send_signal(signal.SIGKILL)
            said += victim.communicate()[0]
            running.append(worker(place, times))
        for process in running:
            said += process.communicate()[0]
            assert process.returncode == 0
    finally:
        for process in (*running, beside):
            process.kill()
        git_did = beside.communicate()[0].count(b"x")
    recover(root, state)
    one, two = (int((root / "count" / name).read_text()) for name in ("one", "two"))
    assert one == two
    assert abs(one - counted(said)) <= kills
    assert counted(said) >= 4 * times
    assert not [path for path in tree(root) if ".treadle-" in path]
    assert not (state / "journal").exists()
    assert git_did > 0
    (root / ".git" / "index.lock").unlink(missing_ok=True)
    subprocess.run(["git", "fsck", "--strict"], cwd=root, check=True, capture_output=True)


def test_a_lock_that_a_killed_process_held_holds_nobody(place):
    root, state = place
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(99)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(state / "lock")], stdout=subprocess.PIPE)
    assert holder.stdout.read(1) == b"1"
    with open(state / "lock", "w") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    holder.kill()
    holder.communicate()
    write_changes(root, MergedView(open_base(root)).write("aside", "1\n").changes, state)
    assert (root / "aside").read_text() == "1\n"


def test_an_index_lock_of_the_users_is_left_alone_and_stops_nothing(place):
    root, state = place
    (root / ".git" / "index.lock").write_bytes(b"held")
    before = tree(root / ".git")
    for spec in ("tree", "index", "HEAD"):
        base = open_base(root, spec)
        assert base.read("aside") == b"0\n"
    write_changes(root, MergedView(open_base(root)).write("aside", "1\n").changes, state)
    assert tree(root / ".git") == before
    assert os.path.exists(root / ".git" / "index.lock")
