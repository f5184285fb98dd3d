"""A user who saves a file in the very moment in which treadle writes it: the save is there afterwards, each time.

Saves are those of editors: a new file renamed over the old one, or the old one emptied and written.
"""

import os
import subprocess
import sys

import pytest
from torture_lab import rounds

from treadle.protocol.errors import WriteConflict
from treadle.workspace import transaction
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.transaction import write_changes

RACER = """
import os, random, sys, time
path = sys.argv[1]
chance = random.Random(9)
print("on", flush=True)
for line in sys.stdin:
    text = b"saved in round " + line.encode()
    end = time.perf_counter() + chance.random() * 0.0025
    while time.perf_counter() < end:
        pass
    if chance.random() < 0.5:
        with open(path + "~", "wb") as file:
            file.write(text)
        os.replace(path + "~", path)
    else:
        with open(path, "wb") as file:
            file.write(text)
    print("saved", flush=True)
"""


@pytest.mark.timeout(600)
def test_a_save_in_the_moment_of_a_write_is_not_lost(quick_path):
    root, state = quick_path / "root", quick_path / "state"
    root.mkdir()
    (root / "f").write_bytes(b"first\n")
    racer = subprocess.Popen(
        [sys.executable, "-c", RACER, str(root / "f")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert racer.stdout.readline() == b"on\n"
    wrote = told = 0
    try:
        for number in range(rounds(150, 10_000)):
            before = (root / "f").read_bytes()
            racer.stdin.write(b"%d\n" % number)
            racer.stdin.flush()
            try:
                write_changes(root, ChangeSet({"f": Change(b"by treadle\n", before=digest(before))}), state)
                wrote += 1
            except WriteConflict:
                told += 1
            assert racer.stdout.readline() == b"saved\n"
            text = (root / "f").read_bytes()
            assert text == b"saved in round %d\n" % number, f"round {number}, {os.listdir(root)}"
    finally:
        racer.stdin.close()
        racer.wait()
        racer.stdout.close()
    assert wrote and told


def test_a_save_through_a_descriptor_that_was_open_comes_back(tmp_path, monkeypatch):
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    for name in ("f", "gone", "other"):
        (root / name).write_bytes(b"first\n")
    held = [os.open(root / name, os.O_RDWR | os.O_APPEND) for name in ("f", "gone")]
    real = transaction._finish

    def save_first(*args):
        for fd in held:
            os.write(fd, b"second\n")
        real(*args)

    monkeypatch.setattr(transaction, "_finish", save_first)
    old = digest(b"first\n")
    changes = {
        "f": Change(b"new\n", before=old),
        "gone": Change(None, before=old),
        "other": Change(b"new\n", before=old),
    }
    write_changes(root, ChangeSet(changes), state)
    assert [(root / name).read_bytes() for name in ("f", "gone")] == [b"first\nsecond\n"] * 2
    assert (root / "other").read_bytes() == b"new\n"
    assert sorted(os.listdir(root)) == ["f", "gone", "other"]
    for fd in held:
        os.close(fd)
