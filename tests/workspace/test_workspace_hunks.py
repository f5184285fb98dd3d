"""A change set in pieces: exact to the byte, whatever stands in the files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.protocol.errors import UsageError
from treadle.workspace.changes import EMPTY, EXECUTABLE, LINK, REGULAR, Change, ChangeSet, digest
from treadle.workspace.hunks import hunks_in, hunks_of, take
from treadle.workspace.view import MergedView


class Files:
    """A base of given files."""

    kind = "tree"
    root = Path("/nowhere")
    delta = EMPTY

    def __init__(self, files, modes=None):
        self._files = files
        self._modes = modes or {}

    def read(self, path):
        return self._files.get(path)

    def mode(self, path):
        return self._modes.get(path, REGULAR) if path in self._files else None

    def files(self):
        return tuple(sorted(self._files))


def changes_between(old, new):
    """The change set from one set of files to another."""
    view = MergedView(Files(old))
    for path in sorted({*old, *new}):
        if path not in new:
            view = view.delete(path)
        elif old.get(path) != new[path]:
            view = view.write(path, new[path])
    return view.changes


line = st.sampled_from([b"a", b"b", b"", b"  c", b"d\r", b"\xff\xfe", b"e\x0cf", b"\xe2\x80\xa8g"])
content = st.builds(
    lambda lines, end: b"\n".join(lines) + (b"\n" if end and lines else b""),
    st.lists(line, max_size=40),
    st.booleans(),
)
tree = st.dictionaries(st.sampled_from(["a.py", "b.txt", "d/e"]), content, max_size=3)


@settings(max_examples=300, deadline=None)
@given(old=tree, new=tree, data=st.data())
def test_any_choice_applies_and_what_was_left_makes_the_rest(old, new, data):
    base, whole = MergedView(Files(old)), changes_between(old, new)
    names = [hunk.name for hunk in hunks_in(whole, base)]
    assert len(names) == len(set(names))
    assert take(whole, base, names) == whole
    assert take(whole, base, []) == EMPTY

    chosen = data.draw(st.sets(st.sampled_from(names))) if names else set()
    part = take(whole, base, chosen)
    assert set(part.changes) <= set(whole.changes)
    assert all(change.before == whole.changes[path].before for path, change in part.changes.items())
    over = base.with_changes(part)
    rest = changes_between(
        {p: over.read(p) for p in over.files()},
        {p: base.with_changes(whole).read(p) for p in base.with_changes(whole).files()},
    )
    both = part.then(rest)
    after = base.with_changes(both)
    assert {p: after.read(p) for p in after.files()} == new
    left = {hunk.name for hunk in hunks_in(whole, base)} - chosen
    other = base.with_changes(take(whole, base, left))
    if chosen and left:
        assert {p: other.read(p) for p in other.files()} != new


@settings(max_examples=200, deadline=None)
@given(old=content, new=content)
def test_a_hunk_says_what_it_puts_where(old, new):
    rows = old.split(b"\n")
    for hunk in hunks_of(old, new, "f"):
        assert hunk.kind == "lines"
        assert b"".join(hunk.old) == b"".join(_lines(old)[hunk.start : hunk.start + len(hunk.old)])
        assert hunk.old != hunk.new
        assert hunk.start <= len(rows)


def _lines(data):
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


TEN = b"".join(b"%d\r\n" % n for n in range(20))


def test_changes_far_apart_are_hunks_of_their_own_and_keep_line_ends():
    new = TEN.replace(b"2\r\n", b"two\r\n", 1).replace(b"19\r\n", b"nineteen")
    base = MergedView(Files({"f": TEN}))
    whole = base.write("f", new).changes
    assert [h.name for h in hunks_in(whole, base)] == ["f#1", "f#2"]
    assert take(whole, base, ["f#1"]).changes["f"].content == TEN.replace(b"2\r\n", b"two\r\n", 1)
    assert take(whole, base, ["f#2"]).changes["f"].content == TEN.replace(b"19\r\n", b"nineteen")


@pytest.mark.parametrize(
    ("old", "new", "old_mode", "mode", "kinds"),
    [
        (None, b"x\n", None, REGULAR, ["file"]),
        (None, b"", None, REGULAR, ["file"]),
        (b"x\n", None, REGULAR, REGULAR, ["file"]),
        (b"x\0y", b"x\0z", REGULAR, REGULAR, ["file"]),
        (b"x\n", b"x\n", REGULAR, EXECUTABLE, ["mode"]),
        (b"x\n", b"y\n", REGULAR, EXECUTABLE, ["mode", "lines"]),
        (b"x", b"x", REGULAR, LINK, ["file"]),
        (b"x\n", b"x\n", REGULAR, REGULAR, []),
    ],
    ids=["new", "new and empty", "deleted", "binary", "mode", "mode and text", "now a link", "the same"],
)
def test_what_has_no_lines_to_choose_from_is_one_piece(old, new, old_mode, mode, kinds):
    assert [h.kind for h in hunks_of(old, new, "f", old_mode, mode)] == kinds


def test_a_mode_is_taken_without_the_text_and_the_text_without_the_mode():
    base = MergedView(Files({"run.sh": b"x\n"}))
    whole = base.write("run.sh", b"y\n", EXECUTABLE).changes
    assert take(whole, base, ["run.sh#1"]).changes["run.sh"] == Change(
        b"x\n", EXECUTABLE, digest(b"x\n"), REGULAR
    )
    assert take(whole, base, ["run.sh#2"]).changes["run.sh"] == Change(
        b"y\n", REGULAR, digest(b"x\n"), REGULAR
    )


def test_a_name_that_no_hunk_has_is_told():
    base = MergedView(Files({"f": b"x\n"}))
    with pytest.raises(UsageError, match="no hunk is called f#2, g#1"):
        take(base.write("f", b"y\n").changes, base, ["f#1", "g#1", "f#2"])


def test_many_changes_in_a_long_file_are_told_apart_in_time():
    old = b"".join(b"line %d\n" % n for n in range(20_000))
    new = old.replace(b"00\n", b"00!\n")
    assert len(hunks_of(old, new, "f")) == 199


def test_a_change_set_of_a_file_that_is_gone_meanwhile_is_taken_whole():
    whole = ChangeSet({"f": Change(b"y\n", REGULAR, digest(b"x\n"), REGULAR)})
    base = MergedView(Files({}))
    assert take(whole, base, ["f#1"]) == whole
