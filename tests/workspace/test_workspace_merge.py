import random
import subprocess

import pytest

from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.merge import merge, weave

OLD = b"a\nb\nc\nd\ne\n"


@pytest.mark.parametrize(
    ("old", "mine", "theirs", "merged"),
    [
        (OLD, b"A\nb\nc\nd\ne\n", b"a\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n"),
        (OLD, b"A\nb\nc\nd\ne\n", b"a\nb\nc\nd\ne\nf", b"A\nb\nc\nd\ne\nf"),
        (OLD, b"b\nc\nd\ne\n", b"a\nb\nc\nd\ne\n# mine\n", b"b\nc\nd\ne\n# mine\n"),
        (OLD, b"A\nb\nc\nd\ne\n", b"A\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n"),
        (b"a\r\nb\r\nc\r\n", b"A\r\nb\r\nc\r\n", b"a\r\nb\r\nc\r\nd", b"A\r\nb\r\nc\r\nd"),
        (
            b"\xef\xbb\xbfa\rx\nb\n\xff\n",
            b"\xef\xbb\xbfa\rx\nb\n\xfe\n",
            b"a\rx\nb\n\xff\n",
            b"a\rx\nb\n\xfe\n",
        ),
        (OLD, b"A\nb\nc\nd\ne\n", b"X\nb\nc\nd\ne\n", None),
        (OLD, b"A\nb\nc\nd\ne\n", b"a\nB\nc\nd\ne\n", None),
        (OLD, OLD + b"f\n", OLD + b"g\n", None),
        (OLD, b"", OLD + b"g\n", None),
        (b"a\nb\nc", b"a\nb\nc\n", b"a\nb\nc\nd\n", None),
        (b"a\0\nb\nc\n", b"A\0\nb\nc\n", b"a\0\nb\nC\n", None),
        (b"", b"x\n", b"y\n", None),
    ],
)
def test_merge(old, mine, theirs, merged):
    assert merge(old, mine, theirs) == merged == merge(old, theirs, mine)


def edited(chance, lines):
    """`lines` with a few of them changed, gone or new."""
    lines = list(lines)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(lines) + 1)
        lines[at : at + chance.randrange(3)] = [
            b"%d\n" % chance.randrange(10**9) for _ in range(chance.randrange(3))
        ]
    return b"".join(lines)


def test_agrees_with_git_and_loses_no_line(tmp_path):
    """On random edits: what is merged is what `git merge-file` merges, and holds every new line of both sides."""
    chance, merged, same = random.Random(5), 0, 0
    for _ in range(120):
        lines = [b"%d\n" % n for n in range(14)]
        texts = old, mine, theirs = b"".join(lines), edited(chance, lines), edited(chance, lines)
        here = merge(old, mine, theirs)
        if here is None:
            continue
        merged += 1
        for line in {*mine.splitlines(), *theirs.splitlines()} - set(old.splitlines()):
            assert line in here.splitlines()
        names = [tmp_path / name for name in ("old", "mine", "theirs")]
        for name, text in zip(names, texts, strict=True):
            name.write_bytes(text)
        done = subprocess.run(
            ["git", "merge-file", "-p", names[1], names[0], names[2]], capture_output=True, check=False
        )
        assert done.returncode == 0
        same += done.stdout == here
    assert merged > 30 and same == merged


def test_weave_takes_merges_and_tells_clashes(tmp_path):
    old = {name: b"1\n2\n3\n4\n" for name in ("same", "apart", "touching", "deleted", "gone")}
    changes = {name: Change(b"one\n2\n3\n4\n", before=digest(text)) for name, text in old.items()}
    changes["deleted"] = Change(None, before=digest(old["deleted"]))
    changes["both new"] = Change(b"mine\n")
    changes["made alike"] = Change(b"alike\n")
    for name, text in {**old, "both new": b"theirs\n", "made alike": b"alike\n"}.items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "apart").write_bytes(b"1\n2\n3\nfour\n")
    (tmp_path / "touching").write_bytes(b"eins\n2\n3\n4\n")
    (tmp_path / "deleted").write_bytes(b"1\n2\n3\n4\n5\n")
    (tmp_path / "gone").unlink()
    woven = weave(tmp_path, ChangeSet(changes), lambda path, _: old.get(path))
    assert woven.merged == ("apart",)
    assert woven.clashes == ("both new", "deleted", "gone", "touching")
    assert woven.changes.get("apart").content == b"one\n2\n3\nfour\n"
    assert woven.changes.get("apart").before == digest(b"1\n2\n3\nfour\n")
    assert woven.changes.paths == ("apart", "made alike", "same")
