"""A warmed process that forks, for each job on stdin, a child that waits for a go and then does it.

A line of JSON is a job; the child's pid comes back; an empty line lets it go; its wait status comes back.
Jobs: {"do": write | rewind | recover | loop, "root", "state", "changes": FILE, "mark": CHECKPOINT, "times": COUNT}.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
from pathlib import Path

from treadle.protocol.errors import TreadleError
from treadle.workspace.changes import Change, ChangeSet
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes

FAILED, REFUSED = 3, 4
"""Exit codes of a child whose job raised `OSError`, or an error of treadle's."""


def do(job):
    root, state = Path(job["root"]), Path(job["state"])
    if job["do"] == "write":
        write_changes(root, ChangeSet.from_json(Path(job["changes"]).read_bytes()), state)
    elif job["do"] == "rewind":
        restore_checkpoint(root, state, job["mark"])
    elif job["do"] == "recover":
        recover(root, state)
    else:
        loop(root, state, job.get("times"))


def loop(root, state, times):
    """Writes five files, all of one number, over and over."""
    from treadle.workspace.changes import digest

    names = sorted(p.name for p in root.iterdir())
    text = (root / names[0]).read_bytes()
    number = int(text[: len(text) // 2000])
    while times is None or times > 0:
        times = times and times - 1
        befores = {name: digest((root / name).read_bytes()) for name in names}
        number += 1
        content = str(number).encode() * 2000
        write_changes(root, ChangeSet({n: Change(content, before=befores[n]) for n in names}), state)


def warm():
    with tempfile.TemporaryDirectory() as folder:
        root, state = Path(folder) / "root", Path(folder) / "state"
        root.mkdir()
        (root / "b").write_text("b")
        (root / "c").symlink_to("b")
        state.mkdir()
        gone = Change(None, before="3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d")
        mark = write_changes(root, ChangeSet({"d/a": Change(b"x"), "b": gone}), state)
        restore_checkpoint(root, state, mark)
        (state / "journal").write_text("written " + mark)
        recover(root, state)


def main():
    warm()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        wait, go = os.pipe()
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # any process may trace this one
            os.close(go)
            os.read(wait, 1)
            try:
                do(json.loads(line))
            except OSError:
                os._exit(FAILED)
            except TreadleError as error:
                os.write(2, f"{error}\n".encode())
                os._exit(REFUSED)
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()
        os.write(go, b"x")
        print(os.waitpid(child, 0)[1], flush=True)
        os.close(wait)
        os.close(go)


if __name__ == "__main__":
    main()
