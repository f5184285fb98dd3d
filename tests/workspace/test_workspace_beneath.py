"""No path leads out of the root: generated hostile ones, links that change under the writer, odd kinds of file."""

import os
import random
import socket
import stat
import subprocess
import sys
import time

import pytest
from torture_lab import rounds
from workspace_helpers import tree

from treadle.protocol.errors import PathError, WriteConflict
from treadle.workspace import beneath
from treadle.workspace.base import file_mode, open_base, read_file
from treadle.workspace.changes import EXECUTABLE, LINK, Change, ChangeSet, digest
from treadle.workspace.transaction import recover, restore_checkpoint, write_changes

SECRET = b"the secret outside\n"


@pytest.fixture(params=["openat2", "walk"])
def way(request, monkeypatch):
    """Both ways to a folder: the kernel's and the fallback's."""
    if request.param == "openat2":
        if beneath._openat2() is None:
            pytest.skip("this system has no openat2")
        return
    monkeypatch.setattr(beneath, "_openat2", lambda: None)


@pytest.fixture
def place(tmp_path):
    """A root with links of every kind, beside a folder and a twin whose names begin alike."""
    root, away, twin = tmp_path / "root", tmp_path / "away", tmp_path / "root-evil"
    for folder in (root / "in" / "deep", away / "sub", twin, root / ".git"):
        folder.mkdir(parents=True)
    for outside in (away / "secret", away / "sub" / "secret", twin / "secret", root / ".git" / "secret"):
        outside.write_bytes(SECRET)
    (root / "in" / "f").write_text("f")
    (root / "in" / "deep" / "f").write_text("f")
    links = {
        "abs": away, "rel": "../away", "twin": "../root-evil", "up": "..", "top": "/", "self": ".", "to-in": "in",
        "chain": "rel", "in/out": "../../away", "in/deep/up": "../../..", "loop": "loop", "git": ".git",
        "proc": "/proc/self/root", "fd": "/proc/self/cwd", "inabs": root / "in", "dangling": "../away/new",
        "file": "../away/secret", "back": "in/../..", "dots": "in/deep/../../../away",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


PARTS = [
    *(
        "..",
        ".",
        "",
        "in",
        "deep",
        "abs",
        "rel",
        "twin",
        "up",
        "top",
        "self",
        "to-in",
        "chain",
        "out",
        "loop",
        "git",
    ),
    *(
        "proc",
        "fd",
        "inabs",
        "dangling",
        "file",
        "back",
        "dots",
        "secret",
        "sub",
        "away",
        "root",
        "root-evil",
        ".git",
    ),
    *(
        ".GIT",
        "f",
        "new",
        "\0",
        "\n",
        "-rf",
        "~",
        "$HOME",
        "C:",
        "..\\away",
        "x" * 300,
        "\udcff",
        "\u202e",
        " ",
        "...",
    ),
]


def hostile(chance, root):
    path = "/".join(chance.choice(PARTS) for _ in range(chance.randrange(1, 6)))
    return chance.choice(["", "", "", "", "/", "//", f"{root}/", f"{root}/../away/", "../"]) + path


def test_no_hostile_path_is_read_or_written_outside(place, way, tmp_path):
    chance = random.Random(11)
    state = tmp_path / "state"
    outside = {name: tree(tmp_path / name) for name in ("away", "root-evil")}
    git = tree(place / ".git")
    read = opened = written = 0
    for number in range(rounds(1000, 5000)):
        path = hostile(chance, place)
        try:
            content = read_file(place, path)
        except PathError:
            content = None
        if content is not None:
            read += 1
            assert SECRET not in content, path
        try:
            with beneath.holding(place, path, links=True) as (fd, _):
                opened += 1
                real = os.path.realpath(f"/proc/self/fd/{fd}")
                assert real == str(place) or real.startswith(f"{place}/"), path
                assert ".git" not in real.split("/"), path
        except (PathError, OSError):
            pass
        if number % 10 == 0:
            before = content and digest(content)
            try:
                write_changes(place, ChangeSet({path: Change(b"evil", before=before)}), state)
                written += 1
            except (PathError, WriteConflict, OSError):
                assert not (state / "journal").exists(), path
    assert {name: tree(tmp_path / name) for name in outside} == outside
    assert tree(place / ".git") == git
    assert read > 10 and opened > 50 and written > 1


RACER = """
import ctypes, os, sys
root, away = sys.argv[1:]
os.symlink(away, f"{root}/link")
swap = ctypes.CDLL(None).renameat2
link, folder = f"{root}/link".encode(), f"{root}/d".encode()
print("on", flush=True)
while True:
    swap(-100, link, -100, folder, 2)
"""


@pytest.mark.timeout(300)
def test_a_folder_that_turns_into_a_link_again_and_again(quick_path, way):
    """Another process swaps a folder for a link to the outside while files in it are read, written, deleted."""
    root, away, state = quick_path / "root", quick_path / "away", quick_path / "state"
    for folder, text in ((root / "d", b"inside"), (away, SECRET)):
        folder.mkdir(parents=True)
        for name in ("f", "g"):
            (folder / name).write_bytes(text)
    before = tree(away)
    racer = subprocess.Popen(
        [sys.executable, "-c", RACER, str(root), str(away)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    tries = done = 0
    try:
        assert racer.stdout.readline() == b"on\n"
        end = time.monotonic() + rounds(1, 30)
        # On until one write came through between two swaps: what refuses everything proves nothing.
        while tries < 50 or time.monotonic() < end or (not done and time.monotonic() < end + 40):
            tries += 1
            content = None
            try:
                content = read_file(root, "d/f")
                assert content is None or SECRET not in content
                wanted = b"%d" % tries
                put = Change(wanted, before=digest(content) if content else None)
                gone = Change(None, before=digest(b"inside"))
                write_changes(root, ChangeSet({"d/f": put, "d/new": Change(b"n"), "d/g": gone}), state)
                done += 1
            except (PathError, WriteConflict, OSError):
                pass
            assert racer.poll() is None
    finally:
        racer.kill()
        racer.wait()
        racer.stdout.close()
    assert tree(away) == before
    assert done > 0


def test_what_is_no_file_is_none_and_is_not_waited_for(tmp_path, way):
    os.mkfifo(tmp_path / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    if os.geteuid() == 0:
        try:
            os.mknod(tmp_path / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        except PermissionError:
            pass
    for name in ("pipe", "socket", "folder", "zero", "none", "pipe/x", "folder/x/y"):
        assert read_file(tmp_path, name) is None
        assert file_mode(tmp_path, name) is None
    assert read_file(tmp_path, "device") == b"/dev/zero"
    listening.close()


def test_a_pipe_is_not_written_over(tmp_path, way):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((WriteConflict, OSError)):
        write_changes(tmp_path, ChangeSet({"pipe": Change(b"x")}), tmp_path.parent / "state")
    assert stat.S_ISFIFO(os.lstat(tmp_path / "pipe").st_mode)


def test_a_file_too_large_is_told(tmp_path, monkeypatch):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate((512 << 20) + 1)
    with pytest.raises(PathError, match=r"huge holds 512 MiB, more than the 512 that treadle works on"):
        read_file(tmp_path, "huge")


CONTENTS = {
    "crlf": b"a\r\nb\r\n", "mixed": b"a\r\nb\nc\rd", "cr": b"a\rb\r", "none": b"", "no end": b"a\nb",
    "bom": b"\xef\xbb\xbfa\n", "utf-16": "grüß\n".encode("utf-16"), "latin": b"gr\xfc\xdf\n", "nul": b"a\0b\n",
    "bad utf-8": b"\xc3\x28\xf0\x90\n", "all": bytes(range(256)),
}  # fmt: skip
NAMES = [
    "plain", "with space", "-rf", "--", "new\nline", "tab\t", "\udcff\udcfe", "ünï", "x" * 255, "*", "quote'\"", "$(x)",
    "a" * 200 + "/" + "b" * 200 + "/" + "c" * 200, "Makefile", "makefile", ".hidden", "con", "trailing.", "e\u0301", "é",
]  # fmt: skip


def test_any_name_and_any_bytes_go_in_and_come_back(tmp_path, way):
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    sets = [
        {
            name: content
            for name, content in zip(NAMES, [*CONTENTS.values(), *CONTENTS.values()], strict=False)
        },
        {
            name: content + b"+"
            for name, content in zip(NAMES, [*reversed(CONTENTS.values()), *CONTENTS.values()], strict=False)
        },
    ]
    empty = tree(root)
    marks, trees, held = [], [empty], {}
    for contents in sets:
        changes = {n: Change(c, before=digest(held[n]) if n in held else None) for n, c in contents.items()}
        marks.append(write_changes(root, ChangeSet(changes), state))
        held = contents
        assert {name: read_file(root, name) for name in NAMES} == contents
        trees.append(tree(root))
    for mark, was in zip(reversed(marks), reversed(trees[:-1]), strict=True):
        restore_checkpoint(root, state, mark)
        assert tree(root) == was


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o444, 0o755, 0o700, 0o4755, 0o2755, 0o6711, 0o1644])
def test_modes_stay_but_for_those_that_lend_rights(tmp_path, bits):
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    (root / "f").write_bytes(b"old")
    (root / "f").chmod(bits)
    before = tree(root)
    base = open_base(root)
    change = Change(b"new", base.mode("f"), digest(b"old"), base.mode("f"))
    mark = write_changes(root, ChangeSet({"f": change}), state)
    assert stat.S_IMODE(os.lstat(root / "f").st_mode) == bits & 0o777
    restore_checkpoint(root, state, mark)
    assert tree(root) == before


def test_a_hard_link_s_other_name_keeps_its_bytes(tmp_path):
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    (tmp_path / "outside").write_bytes(b"old")
    os.link(tmp_path / "outside", root / "f")
    write_changes(root, ChangeSet({"f": Change(b"new", before=digest(b"old"))}), state)
    assert (root / "f").read_bytes() == b"new"
    assert (tmp_path / "outside").read_bytes() == b"old"


def test_links_are_changed_as_links(tmp_path):
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    (tmp_path / "secret").write_bytes(SECRET)
    (root / "l").symlink_to("../secret")
    changes = {"l": Change(b"x", EXECUTABLE, digest(b"../secret"), LINK), "m": Change(b"../secret", LINK)}
    before = tree(root)
    mark = write_changes(root, ChangeSet(changes), state)
    assert not (root / "l").is_symlink() and (root / "m").is_symlink()
    assert (tmp_path / "secret").read_bytes() == SECRET
    restore_checkpoint(root, state, mark)
    assert tree(root) == before


def test_recovery_goes_on_where_a_link_has_come_in_the_way(tmp_path):
    """Killed in the middle; then somebody puts a link in a folder's place: the rest is put back, nothing outside is."""
    root, state, away = tmp_path / "root", tmp_path / "state", tmp_path / "away"
    for folder in (root / "a", root / "b", away):
        folder.mkdir(parents=True)
        (folder / "f").write_bytes(b"old")
    child = os.fork()
    if child == 0:
        from treadle.workspace import transaction

        real = transaction._write_journal
        transaction._write_journal = lambda state, phase, point: (
            os._exit(9) if phase == "written" else real(state, phase, point)
        )
        write_changes(root, ChangeSet({f"{d}/f": Change(b"new", before=digest(b"old")) for d in "ab"}), state)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    (root / "a").rename(root / "moved")
    (root / "a").symlink_to("../away")
    outside = tree(away)
    assert recover(root, state) == ("b/f",)
    assert (root / "b" / "f").read_bytes() == b"old"
    assert tree(away) == outside
    assert recover(root, state) == ()
