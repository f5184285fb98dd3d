"""What a checkpoint and the write after it cost in trees of 10,000 and 50,000 files, beside git's own look at them.

    .venv/bin/python benchmarks/checkpoints.py [--quick] [--strict] [--rounds N]

checkpoint   what five files hold saved, lasting, before they are written (`checkpoints.take`)
write        the whole transaction: compare, checkpoint, journal, five files swapped in, all lasting
rewind       the five files put back, with a checkpoint of their own before it
look         the state of every file by lstat, as a run notes it at its start and before it writes (`marks_of`)
whole tree   what a checkpoint of every file would cost: first, each file read and hashed; warm, each looked at, the
             changed ones hashed, the list written. Nothing is stored, so a real one costs more
git status   git's own look at the same tree, index warm: `git status --porcelain` with nothing of the user's

"first" is the first of its kind in a repository that treadle has not seen, "warm" a median of rounds after it.
`--strict` exits 1 when an aim is missed.
"""

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import machine, table

AIMS = {(10_000, "first"): 600.0, (10_000, "warm"): 60.0, (50_000, "warm"): 500.0}
"""Milliseconds, from issue 4."""
CHANGED = 5


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="10,000 files only, few rounds")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--rounds", type=int, default=11)
    args = parser.parse_args()
    rounds = min(args.rounds, 5) if args.quick else args.rounds
    missed = []
    print(machine())
    for files in (10_000,) if args.quick else (10_000, 50_000):
        rows, late = measured(files, rounds)
        missed += late
        print(f"\n{files:,} files, {CHANGED} changed")
        print(table(("", "first", "warm", "to git status", "aim (first, warm)", "met"), rows))
    if missed:
        print("\nmissed: " + "; ".join(missed))
    raise SystemExit(bool(missed) and args.strict)


def measured(files: int, rounds: int) -> tuple[list[tuple[str, ...]], list[str]]:
    """The table's rows, and the aims that were missed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.update(XDG_STATE_HOME=f"{folder}/state", GIT_CONFIG_GLOBAL=os.devnull)
        root = Path(folder) / "tree"
        lay_out(root, files)
        times = _Tree(root).all(rounds)
    status = statistics.median(times["git status"])
    rows, missed = [], []
    for name, took in times.items():
        first, warm = took[0], statistics.median(took[1:])
        aims = [AIMS.get((files, kind)) for kind in ("first", "warm")]
        row = [name, f"{first:.0f} ms", f"{warm:.1f} ms", f"{warm / status:.2f} ×", "", ""]
        if name == "checkpoint":
            held = [aim is None or got <= aim for aim, got in zip(aims, (first, warm), strict=True)]
            row[4:] = [
                ", ".join(f"≤ {aim:.0f}" if aim else "–" for aim in aims),
                "yes" if all(held) else "NO",
            ]
            if not all(held):
                missed.append(f"{name}, {files} files")
        rows.append(tuple(row))
    return rows, missed


def lay_out(root: Path, files: int) -> None:
    """A repository of that many files of source-like text, 6.6 KB each, all committed, as the notes measured it."""
    chance = random.Random(1)
    words = [f"word{n}" for n in range(500)]
    for number in range(files):
        path = root / f"d{number // 2000}" / f"p{number // 50 % 40}" / f"f{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = " ".join(chance.choices(words, k=12)) + "\n"
        path.write_text(f"# {number}\n" + text * 80)
    for words_ in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "b"],
    ):
        subprocess.run(["git", "-c", "gc.auto=0", *words_], cwd=root, check=True, capture_output=True)


class _Tree:
    def __init__(self, root: Path) -> None:
        from treadle.workspace.base import open_base
        from treadle.workspace.state import state_dir

        self.root = root
        self.state = state_dir(root)
        self.base = open_base(root)
        self.paths = self.base.files()
        self.chance = random.Random(2)
        self.known: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def all(self, rounds: int) -> dict[str, list[float]]:
        from treadle.workspace import checkpoints
        from treadle.workspace.marks import marks_of
        from treadle.workspace.transaction import restore_checkpoint, write_changes

        def save() -> None:
            checkpoints.take(self.root, self.state, changes)

        def write() -> None:
            marks.append(write_changes(self.root, changes, self.state))

        marks: list[str] = []
        names = ("checkpoint", "write", "rewind", "look", "whole tree", "git status")
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds + 1):
            changes = self.changes()
            times["checkpoint"].append(timed(save))
            times["write"].append(timed(write))
            times["rewind"].append(timed(lambda: restore_checkpoint(self.root, self.state, marks[-1])))
            times["look"].append(timed(lambda: marks_of(self.base, "tree")))
            times["whole tree"].append(timed(self.whole))
            times["git status"].append(timed(self.status))
        return times

    def changes(self) -> "ChangeSet":  # noqa: F821
        """An edit of a few files, chosen anew."""
        from treadle.workspace.changes import Change, ChangeSet, digest

        made = {}
        for path in self.chance.sample(self.paths, CHANGED):
            old = (self.root / path).read_bytes()
            made[path] = Change(old + b"# more\n", before=digest(old), mode_before=0o100644)
        return ChangeSet(made)

    def whole(self) -> None:
        """Every file looked at; those that changed since the last time read and hashed; the list written."""
        from treadle.workspace.base import open_base

        entries = {}
        for path in open_base(self.root).files():
            full = f"{self.root}/{path}"
            found = os.lstat(full)
            mark = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)
            held = self.known.get(path)
            if held is None or held[0] != mark:
                held = (mark, hashlib.sha256(Path(full).read_bytes()).digest())
            entries[path] = held
        self.known = entries
        import msgspec

        (self.state / "whole").write_bytes(msgspec.msgpack.encode(entries))

    def status(self) -> None:
        subprocess.run(["git", "status", "--porcelain"], cwd=self.root, check=True, capture_output=True)


def timed(do: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    do()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
