"""Long texts of few different lines: the comparison ends in time, as one change where it must, and stays exact."""

import random
import subprocess

import pytest

from treadle.session.review import _changes
from treadle.workspace.diffs import takes_long, unified
from treadle.workspace.hunks import hunks_of, lines_of


def text(lines: int, kinds: int, seed: int) -> bytes:
    pick = random.Random(seed)
    return b"".join(b"v%d\n" % pick.randrange(kinds) for _ in range(lines))


@pytest.mark.parametrize("lines, kinds", [(20_000, 3), (50_000, 105), (9_000, 2)])
def test_what_can_not_be_compared_in_time_is_one_change(make_repo, lines, kinds):
    old, new = text(lines, kinds, 1), text(lines, kinds, 2)
    [hunk] = hunks_of(old, new, "a.txt")
    rows = lines_of(old)
    there = b"".join((*rows[: hunk.start], *hunk.new, *rows[hunk.start + len(hunk.old) :]))
    assert there == new
    told = _changes(hunk)
    assert b"".join(b"".join(part) for kind, part in told if kind != "-") == b"".join(hunk.new)
    assert b"".join(b"".join(part) for kind, part in told if kind != "+") == b"".join(hunk.old)
    root = make_repo({"a.txt": old.decode()})
    patch = unified("a.txt", old, 0o100644, new, 0o100644)
    subprocess.run(["git", "apply", "-"], cwd=root, input=patch.encode(), check=True)
    assert (root / "a.txt").read_bytes() == new


def test_ordinary_long_files_are_compared_line_by_line():
    rows = [f"line {n}\n" if n % 3 else "    },\n" for n in range(50_000)]
    changed = list(rows)
    changed[100], changed[40_000] = "one\n", "other\n"
    assert not takes_long(rows, changed, autojunk=True)
    assert len(hunks_of("".join(rows).encode(), "".join(changed).encode(), "a")) == 2
