"""Change sets as values: exact through JSON whatever the paths, and what they say of a file's mode."""

import asyncio
import os

import pytest

from treadle.protocol.errors import PathError
from treadle.workspace.base import open_base
from treadle.workspace.changes import EXECUTABLE, REGULAR, Change, ChangeSet
from treadle.workspace.command import Command
from treadle.workspace.transaction import restore_checkpoint, write_changes
from treadle.workspace.view import MergedView

LATIN = os.fsdecode(b"caf\xe9.txt")


def test_any_path_goes_through_json_as_it_is():
    paths = (
        "a.txt",
        "caf\u00e9",
        LATIN,
        "d/" + LATIN,
        "base64:YQ==",
        "base64:",
        "base64:caf\u00e9",
        "\u2028\n",
    )
    changes = ChangeSet({path: Change(path.encode("utf-8", "replace"), before="x") for path in paths})
    again = ChangeSet.from_json(changes.to_json())
    assert again == changes
    assert again.id() == changes.id()
    assert len({ChangeSet({path: Change(b"")}).id() for path in paths}) == len(paths)


def test_a_set_that_was_written_before_modes_were_told_is_read():
    old = b'{"a.txt":["eA==",33188,"0"],"gone":[null,33261,"1"]}'
    assert ChangeSet.from_json(old) == ChangeSet(
        {"a.txt": Change(b"x", REGULAR, "0"), "gone": Change(None, EXECUTABLE, "1")}
    )
    assert ChangeSet.from_json(old).to_json() == old


def test_a_text_that_no_file_name_can_be_is_refused(repo):
    view = MergedView(open_base(repo))
    for act in (view.read, view.exists, lambda path: view.write(path, "x")):
        with pytest.raises(PathError):
            act("a\ud800")


@pytest.mark.parametrize("level", ["overlay", "clone", "off"])
async def test_a_command_may_name_a_file_in_any_bytes(repo, sandbox, tmp_path, level):
    (repo / os.fsdecode(b"old\xe9")).write_text("old\n")
    runner = sandbox(repo, choice=level)
    script = "echo new > $(printf 'caf\\351.txt'); echo more >> $(printf 'old\\351')"
    ended = await runner.run(Command(("sh", "-c", script)), ChangeSet())
    changes = ChangeSet.from_json(ended.changes.to_json())
    assert changes.paths == (LATIN, os.fsdecode(b"old\xe9"))
    mark = write_changes(repo, changes, tmp_path / "own")
    assert (repo / LATIN).read_text() == "new\n"
    assert (repo / os.fsdecode(b"old\xe9")).read_text() == "old\nmore\n"
    restore_checkpoint(repo, tmp_path / "own", mark)
    assert not (repo / LATIN).exists()


def edits(repo):
    return MergedView(open_base(repo)).write("a.txt", "new\n").changes


async def by_command(repo, sandbox, script, level="overlay"):
    ended = await sandbox(repo, choice=level).run(Command(("sh", "-c", script)), ChangeSet())
    return ended.changes


@pytest.mark.parametrize("bits", [0o755, 0o600, 0o654, 0o444])
def test_a_mode_that_the_user_changed_meanwhile_stays_under_new_content(repo, tmp_path, bits):
    changes = ChangeSet.from_json(edits(repo).to_json())
    (repo / "a.txt").chmod(bits)
    mark = write_changes(repo, changes, tmp_path / "own")
    assert ((repo / "a.txt").read_text(), (repo / "a.txt").stat().st_mode & 0o777) == ("new\n", bits)
    restore_checkpoint(repo, tmp_path / "own", mark)
    assert ((repo / "a.txt").read_text(), (repo / "a.txt").stat().st_mode & 0o777) == ("one\ntwo\n", bits)


@pytest.mark.parametrize("level", ["overlay", "clone", "off"])
async def test_a_command_that_changes_content_alone_leaves_the_mode_to_the_user(
    repo, sandbox, tmp_path, level
):
    changes = await by_command(repo, sandbox, "echo new > a.txt; echo new > run.sh", level)
    (repo / "a.txt").chmod(0o755)
    (repo / "run.sh").chmod(0o644)
    write_changes(repo, changes, tmp_path / "own")
    assert (repo / "a.txt").read_text() == (repo / "run.sh").read_text() == "new\n"
    assert (repo / "a.txt").stat().st_mode & 0o777 == 0o755
    assert (repo / "run.sh").stat().st_mode & 0o777 == 0o644


async def test_a_mode_that_the_user_changes_while_a_command_runs_stays(repo, sandbox, tmp_path):
    runner = sandbox(repo)
    given = MergedView(runner._base).write("a.txt", "one\n").changes
    scratch, told = tmp_path / "scratch", asyncio.Event()
    scratch.mkdir()
    script = f"echo two >> a.txt; echo said; until test -e {scratch}/go; do :; done"
    command = Command(("sh", "-c", script), scratch=scratch)
    going = asyncio.create_task(runner.run(command, given, lambda _: told.set()))
    await told.wait()
    (repo / "a.txt").chmod(0o755)
    (scratch / "go").touch()
    write_changes(repo, (await going).changes, tmp_path / "own")
    assert (repo / "a.txt").read_text() == "one\ntwo\n"
    assert (repo / "a.txt").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("level", ["overlay", "clone", "off"])
async def test_a_mode_that_the_change_set_changed_is_written(repo, sandbox, tmp_path, level):
    changes = await by_command(repo, sandbox, "chmod +x a.txt; echo new > run.sh; chmod -x run.sh", level)
    later = changes.then(edits(repo))
    assert later.changes["a.txt"].mode_before == REGULAR
    write_changes(repo, changes, tmp_path / "own")
    assert os.access(repo / "a.txt", os.X_OK)
    assert (repo / "run.sh").stat().st_mode & 0o777 == 0o644
