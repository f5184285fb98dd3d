"""One of several writers to one repository: raises the number that two files hold, over and over.

Arguments: root, state, how often. On stdout `.` for each raise, `-` for one undone, `+` for that done again, each
once it is done; `b` for each time that another kept the lock too long.
"""

import os
import random
import sys
from pathlib import Path

from treadle.protocol.errors import Busy, WriteConflict
from treadle.workspace.base import read_file
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes


def main():
    root, state, times = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(os.getpid())
    done = 0
    while done < times:
        try:
            recover(root, state)
            one, two = read_file(root, "count/one"), read_file(root, "count/two")
            if one != two or one is None:
                continue  # between two renamings of another's write; the compare-and-swap sees to the rest
            raised = b"%d\n" % (int(one) + 1)
            changes = {name: Change(raised, before=digest(one)) for name in ("count/one", "count/two")}
            own = f"own/{os.getpid()}"
            held = read_file(root, own)
            changes[own] = Change(raised, before=None if held is None else digest(held))
            mark = write_changes(root, ChangeSet(changes), state)
            os.write(1, b".")
            done += 1
            if chance.random() < 0.1:
                again = restore_checkpoint(root, state, mark)
                os.write(1, b"-")
                restore_checkpoint(root, state, again)
                os.write(1, b"+")
        except WriteConflict:
            continue
        except Busy:
            os.write(1, b"b")


if __name__ == "__main__":
    main()
