"""What a power loss leaves: the order of fsyncs in a recorded write, and crash states that a disk may be left in."""

import random

import pytest
from test_workspace_torture import lay_out, write_job
from torture_disk import Disk
from torture_lab import TRACED, Lab, missing, rounds
from workspace_helpers import tree

from treadle.workspace.transaction import recover

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def lab(quick_path):
    lab = Lab(quick_path)
    lab.state.mkdir(mode=0o700)
    lay_out(lab.root)
    lab.keep()
    yield lab
    lab.close()


def recorded(lab, job):
    ended, record = lab.traced(job, "-xx", "-s", "65536", "-e", "trace=" + TRACED)
    assert ended == 0
    return record.splitlines()


def test_what_must_last_lasts_before_what_needs_it(lab):
    job = write_job(lab)
    lines = recorded(lab, job)
    lab.back()
    disk = Disk([lab.root, lab.state])
    did = [step for step in map(disk.play, lines) if step]
    root, state, journal = str(lab.root), str(lab.state), str(lab.state / "journal")
    renames = [n for n, (call, _) in enumerate(did) if call.startswith("rename")]
    touching = [n for n, (c, path) in enumerate(did) if path.startswith(root + "/") and "fsync" not in c]
    in_place = [n for n in renames if did[n][1].startswith(root + "/")]
    writing, written = (n for n in renames if did[n][1] == journal)
    ended = max(n for n, (call, path) in enumerate(did) if call.startswith("unlink") and path == journal)

    def synced(path, after, before):
        return any(did[n][0] == "fsync" and did[n][1] == path for n in range(after + 1, before))

    # The checkpoint, whole, then the journal, then the first touch of the tree.
    home = str(lab.state / "checkpoints")
    moved = next(
        n for n in renames if did[n][1].startswith(home) and not did[n][1].startswith(home + "/.new")
    )
    assert synced(home, moved, writing)
    assert synced(state, writing, min(touching))
    # A new file's bytes before its name.
    for n, (call, path) in enumerate(did[: in_place[0]]):
        if call.startswith("openat") and path.startswith(root + "/"):
            assert synced(path, n, in_place[0]), path
    # Every folder whose names changed before the word that all is written, that before what was kept goes.
    for n in in_place:
        assert synced(did[n][1].rpartition("/")[0], n, written), did[n]
    after = [n for n in touching if n > written]
    assert after and synced(state, written, min(after))
    assert ended > max(touching)
    assert synced(state, ended, len(did))


def test_what_a_disk_may_be_left_with_recovers(lab):
    job = write_job(lab)
    lines = recorded(lab, job)
    after = tree(lab.root)
    lab.back()
    before = tree(lab.root)
    chance = random.Random(7)
    ends = {"before": 0, "after": 0}
    for _ in range(rounds(80, 2000)):
        lab.back()
        disk = Disk([lab.root, lab.state])
        crash = chance.randrange(len(lines) + 1) if chance.random() < 0.9 else len(lines)
        for line in lines[:crash]:
            disk.play(line)
        disk.crash(chance)
        recover(lab.root, lab.state)
        now = tree(lab.root)
        assert now in (before, after), f"after {crash} of {len(lines)} calls"
        assert crash < len(lines) or now == after
        ends["before" if now == before else "after"] += 1
    assert min(ends.values()) > 5


def test_the_model_sees_a_missing_fsync(lab):
    """The same trace without its fsyncs leaves states that no recovery mends: the model is no yes-sayer."""
    job = write_job(lab)
    lines = [line for line in recorded(lab, job) if "fsync(" not in line]
    after = tree(lab.root)
    lab.back()
    before = tree(lab.root)
    chance, broken = random.Random(7), 0
    for _ in range(60):
        lab.back()
        disk = Disk([lab.root, lab.state])
        for line in lines[: chance.randrange(len(lines) + 1)]:
            disk.play(line)
        disk.crash(chance)
        try:
            recover(lab.root, lab.state)
            broken += tree(lab.root) not in (before, after)
        except Exception:
            broken += 1
    assert broken > 5
