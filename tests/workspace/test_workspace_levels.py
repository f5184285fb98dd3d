import asyncio
import os
import subprocess
import sys

import pytest
from test_workspace_overlay import SPAWN, alive, python, sh
from workspace_helpers import tree

from protection import level_here, namespaces_refused
from treadle.protocol.errors import PathError, ProtectionMissing
from treadle.workspace import landlock
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY, EXECUTABLE
from treadle.workspace.sandbox import clone_holds, open_sandbox, overlay_holds
from treadle.workspace.view import MergedView


def files(root):
    """What the tree holds, permissions and contents, git's folder and folders' own modes left out."""
    return {
        path: found
        for path, found in tree(root).items()
        if "/.git" not in path or path.endswith(".gitignore")
    }


@pytest.fixture(params=["clone", "off"])
def level(request):
    return request.param


def test_auto_is_the_overlay(repo, sandbox):
    assert sandbox(repo, choice="auto").level == "overlay"


@pytest.fixture
def no_namespaces():
    """What treadle sees where user namespaces are refused."""
    with namespaces_refused(landlock.version()):
        yield


@pytest.mark.parametrize("choice", ["auto", "overlay"])
def test_without_the_overlay_nothing_without_a_wall_is_taken_unasked(
    repo, sandbox, no_namespaces, tmp_path, choice, monkeypatch
):
    monkeypatch.setattr(landlock, "version", lambda: 5)
    with pytest.raises(ProtectionMissing, match="Operation not permitted") as refused:
        sandbox(repo, choice=choice)
    assert "--sandbox clone" in refused.value.hint and "--sandbox off" in refused.value.hint
    assert "without a wall" in refused.value.hint
    assert not overlay_holds(repo, tmp_path / "state")
    assert sandbox(repo, choice="clone").level == "clone, no wall"


def test_without_the_overlay_the_clone_that_landlock_holds_is_taken_only_by_name(
    repo, sandbox, no_namespaces
):
    if not clone_holds():
        pytest.skip("this kernel's Landlock makes no wall")
    assert sandbox(repo, choice="clone").level == "clone"
    for choice in ("auto", "overlay"):
        with pytest.raises(ProtectionMissing, match="Operation not permitted"):
            sandbox(repo, choice=choice)


def test_a_container_is_a_wall_only_in_a_container(repo, sandbox, no_namespaces, monkeypatch, tmp_path):
    for name in ("container", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    if not os.path.exists("/.dockerenv") and not os.path.exists("/run/.containerenv"):
        with pytest.raises(ProtectionMissing, match="no container"):
            sandbox(repo, choice="container")
    monkeypatch.setenv("container", "podman")
    assert sandbox(repo, choice="container").level == "container"


def test_whether_the_overlay_holds_is_tried_and_leaves_nothing(repo, sandbox, tmp_path):
    sandbox(repo, choice="overlay").close()
    assert overlay_holds(repo, tmp_path / "tried")
    assert not list((tmp_path / "tried").iterdir())


async def test_the_command_sees_base_and_changes(repo, sandbox, level):
    (repo / "run.sh").chmod(0o750)
    before = files(repo)
    changes = (
        MergedView(open_base(repo, "tree"))
        .write("a.txt", "new\n")
        .write("n/w", "w\n")
        .write("prog", "#!/bin/sh\necho prog ran\n", EXECUTABLE)
        .delete("src/x.py")
    ).changes
    runner = sandbox(repo, choice=level)
    assert runner.level == level
    done = await runner.run(sh("cat a.txt n/w link; ./prog; ls; exit 3"), changes)
    assert done.output.split("\n") == [
        "new",
        "w",
        "new",
        "prog ran",
        "a.txt",
        "link",
        "n",
        "prog",
        "run.sh",
        "",
    ]
    assert done.returncode == 3
    assert done.changes == changes
    assert files(repo) == before


async def test_what_the_command_changes_comes_back(repo, sandbox, level):
    before = files(repo)
    runner = sandbox(repo, choice=level)
    given = MergedView(open_base(repo, "tree")).write("given", "g\n").write("gone", "g").changes
    text = (
        "rm -r src gone link; echo more >> a.txt; echo y > y; chmod -x run.sh; echo i > i.log; rm .gitignore"
    )
    done = await runner.run(sh(text), given)
    assert done.changes.paths == (
        ".gitignore",
        "a.txt",
        "given",
        "i.log",
        "link",
        "run.sh",
        "src/x.py",
        "y",
    ) or (done.changes.paths == (".gitignore", "a.txt", "given", "link", "run.sh", "src/x.py", "y"))
    seen = MergedView(open_base(repo, "tree"), done.changes)
    assert seen.text("a.txt") == "one\ntwo\nmore\n"
    assert seen.mode("run.sh") == 0o100644
    assert done.changes.get("y").before is None
    assert (await runner.run(sh("ls; cat a.txt"), EMPTY)).output.replace("i.log\n", "") == (
        "a.txt\nlink\nrun.sh\nsrc\none\ntwo\n"
    )
    (repo / "i.log").unlink(missing_ok=True)
    assert files(repo) == before


async def test_removing_everything_is_put_back(repo, sandbox, level):
    before = files(repo)
    done = await sandbox(repo, choice=level).run(sh("rm -rf ./* .gitignore"), EMPTY)
    assert done.changes.paths == (".gitignore", "a.txt", "link", "run.sh", "src/x.py")
    assert files(repo) == before


@pytest.mark.parametrize("spec", ["index", "HEAD"])
async def test_stored_bases(repo, sandbox, level, spec):
    (repo / "a.txt").write_text("only in the tree\n")
    (repo / "untracked").write_text("u")
    (repo / "build").mkdir()
    (repo / "build" / "env").write_text("e\n")
    before = files(repo)
    done = await sandbox(repo, spec, level).run(sh("cat a.txt build/env; ls; echo more >> a.txt"), EMPTY)
    assert done.output.split() == ["one", "two", "e", "a.txt", "build", "link", "run.sh", "src"]
    assert {path: change.content for path, change in done.changes.changes.items()} == {
        "a.txt": b"one\ntwo\nmore\n"
    }
    assert files(repo) == before


async def test_no_stale_compiled_file_is_ever_taken(repo, sandbox, level, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    base, runner = MergedView(open_base(repo, "tree")), sandbox(repo, choice=level)
    command = python("import sys; sys.path.insert(0, 'src'); import x; print(x.X)")
    for number in (2, 3, 1, 2, 4):
        done = await runner.run(command, base.write("src/x.py", f"X = {number}\n").changes)
        assert done.output == f"{number}\n"
    assert (await runner.run(command, EMPTY)).output == "1\n"


async def test_the_time_limit_ends_every_child(repo, sandbox, level, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    before = files(repo)
    text = f"MARK = {mark!r}\n{SPAWN}\nopen('half', 'w').write('x')\ntime.sleep(1000)"
    done = await sandbox(repo, choice=level).run(python(text, timeout_s=1.0), EMPTY)
    assert (done.returncode, done.timed_out, done.changes) == (None, True, EMPTY)
    assert not alive(mark)
    assert files(repo) == before


async def test_cancelling_ends_every_child_and_puts_back(repo, sandbox, level, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    before = files(repo)
    started = asyncio.Event()
    text = f"MARK = {mark!r}\nopen('half', 'w').write('x')\n{SPAWN}\ntime.sleep(1000)"
    task = asyncio.create_task(sandbox(repo, choice=level).run(python(text), EMPTY, lambda _: started.set()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(mark)
    assert files(repo) == before


async def test_missing_program_and_folder(repo, sandbox, level):
    runner = sandbox(repo, choice=level)
    with pytest.raises(FileNotFoundError):
        await runner.run(sh("true", cwd=".").__class__(argv=("nonesuch",)), EMPTY)
    for cwd in ("nonesuch", ".."):
        with pytest.raises(PathError):
            await runner.run(sh("true", cwd=cwd), EMPTY)


def environment(place, line="", finder=""):
    """An environment in `place` whose Python takes the project from where an editable install points."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    packages = next((place / "lib").glob("python*")) / "site-packages"
    (packages / "project.pth").write_text(line or "import _project_finder; _project_finder.install()\n")
    if finder:
        (packages / "_project_finder.py").write_text(finder)
    return place / "bin" / "python"


FINDER = """
import sys
from importlib.util import spec_from_file_location
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return spec_from_file_location(name, {file!r}) if name == "x" else None
def install():
    sys.meta_path.{how}Finder)
"""


@pytest.mark.parametrize("kind", ["path", "finder"])
async def test_a_clone_sees_the_change_past_an_editable_install(repo, sandbox, tmp_path, monkeypatch, kind):
    finder = FINDER.format(file=str(repo / "src" / "x.py"), how="append(") if kind == "finder" else ""
    made = environment(tmp_path / "env", "" if finder else f"{repo / 'src'}\n", finder)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    changes = MergedView(open_base(repo, "tree")).write("src/x.py", "X = 2\n").changes
    command = sh("").__class__(argv=(str(made), "-c", "import x; print(x.X)"))
    assert (await sandbox(repo, choice="clone").run(command, changes)).output == "2\n"
    assert subprocess.run([str(made), "-c", "import x; print(x.X)"], capture_output=True).stdout == b"1\n"


def test_a_clone_that_would_test_the_original_is_refused(repo, tmp_path, monkeypatch):
    environment(tmp_path / "env", finder=FINDER.format(file=str(repo / "src" / "x.py"), how="insert(0, "))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    with pytest.raises(ProtectionMissing, match="module x from the original"):
        open_sandbox(repo, open_base(repo, "tree"), tmp_path / "state", "clone")
    assert not list((tmp_path / "state").iterdir())


async def test_a_clones_own_environment_is_the_copied_one(repo, sandbox):
    made = environment(repo / ".venv", f"{repo / 'src'}\n")
    (repo / ".gitignore").write_text(".venv\n")
    changes = MergedView(open_base(repo, "tree")).write("src/x.py", "X = 2\n").changes
    command = sh("").__class__(argv=(str(made), "-c", "import x; print(x.X)"))
    assert (await sandbox(repo, choice="clone").run(command, changes)).output == "2\n"


def test_what_commands_left_goes_with_the_sandbox_and_with_the_process(repo, tmp_path):
    state = tmp_path / "state"
    runner = open_sandbox(repo, open_base(repo, "tree"), state, level_here())
    other = open_sandbox(repo, open_base(repo, "tree"), state, level_here())
    assert len(list(state.iterdir())) == 2
    runner.close()
    del runner, other
    assert not list(state.iterdir())
    program = f"""
import os, sys
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.sandbox import open_sandbox
root = Path({str(repo)!r})
runner = open_sandbox(root, open_base(root, "tree"), Path({str(state)!r}), {level_here()!r})
(runner._area / "here").write_text("x")
sys.argv[1:] and os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert not list(state.iterdir())
    assert subprocess.run([sys.executable, "-c", program, "die"]).returncode == -9
    (left,) = state.iterdir()
    held = open_sandbox(repo, open_base(repo, "tree"), state, level_here())
    open_sandbox(repo, open_base(repo, "tree"), state, level_here())
    assert not left.exists()
    assert held._area.exists()
