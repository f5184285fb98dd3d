"""The sandbox as somebody without privileges: what most users are."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from workspace_helpers import git, tree

import treadle
from samples import CALC

NOBODY = 65534
SCRIPT = """
import asyncio, sys
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.command import Command
from treadle.workspace.sandbox import open_sandbox
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import restore_checkpoint, write_changes
from treadle.workspace.view import MergedView

root = Path(sys.argv[1])
base = open_base(root, "tree")
runner = open_sandbox(root, base, root.parent / "state", "overlay")
changes = MergedView(base).write("a.txt", "new\\n").write("d/n", "n\\n").delete("src/x.py").changes
text = '''
    id -u; cat a.txt; rm -rf link src; echo b > b; mkdir build; echo o > build/o; ls src
    for p in / /etc /usr ~ ..; do echo evil > $p/evil; done 2> /dev/null; ls ~/evil; echo x > .git/evil
    chmod 000 d; mkdir locked; touch locked/f locked/g; chmod 0 locked/f locked; mkdir build/l; chmod 0 build/l
'''
done = asyncio.run(runner.run(Command(argv=("/bin/sh", "-c", text)), changes))
print(done.output)
print(*done.changes.paths)
again = asyncio.run(runner.run(Command(argv=("/bin/sh", "-c", "cat build/o; ls")), done.changes))
print(again.output)
runner.close()
print(list((root.parent / "state").iterdir()))
state = state_dir(root)
mark = write_changes(root, changes, state)
print((root / "a.txt").read_text())
restore_checkpoint(root, state, mark)
"""


@pytest.fixture
def somebody():
    """Runs a script as `nobody` where this is root, else as oneself; gives a folder of theirs too."""
    folder = Path(tempfile.mkdtemp(prefix="treadle-test-"))
    me = os.getuid() != 0
    who = {} if me else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    places = (Path(treadle.__file__).parents[1], Path(msgspec.__file__).parents[1])
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": ":".join(map(str, places))}
    env["TREADLE_TRUST"] = "1"

    def run(*argv, own=True):
        if own and not me:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
        return subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, check=False, **who)

    for python in (sys.executable, "/usr/bin/python3"):
        try:
            if run(python, "-c", "import treadle.workspace.overlay").returncode == 0:
                yield folder, lambda *args, python=python, **more: run(python, *args, **more)
                break
        except OSError:
            continue
    else:
        pytest.skip("no Python that `nobody` may run has what treadle needs")
    shutil.rmtree(folder)


def test_as_an_ordinary_user(somebody):
    folder, run = somebody
    root = folder / "repo"
    (root / "src").mkdir(parents=True)
    (root / "src" / "x.py").write_text("X = 1\n")
    (root / "a.txt").write_text("one\n")
    (root / "link").symlink_to("a.txt")
    (root / ".gitignore").write_text("build/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    run("-c", "pass")
    before = tree(root)
    done = run("-c", SCRIPT, str(root))
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == str(os.getuid() or NOBODY)
    assert lines[1] == "new"
    assert "a.txt b d/n link locked/f locked/g src/x.py" in lines
    assert lines[-10:] == ["o", "a.txt", "b", "build", "d", "locked", "", "[]", "new", ""]
    assert tree(root) == before
    assert not (folder / "evil").exists()


@pytest.fixture
def locked(somebody):
    """A repository of theirs, with a bug in the package `pkg`; `lock` makes that folder, or all of them, read only
    or root's. Runs treadle there."""
    folder, run = somebody
    root = folder / "repo"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("")
    (root / "pkg" / "calc.py").write_text(CALC["calc.py"])
    (root / "test_calc.py").write_text(CALC["test_calc.py"].replace("from calc", "from pkg.calc"))
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    run("-c", "pass")

    def treadle(*words):
        script = (
            f"import os, sys; os.chdir({str(root)!r}); from treadle.__main__ import main; sys.exit(main())"
        )
        done = run("-c", script, *words, "-o", "json", own=False)
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    yield root, treadle
    for path in (root, root / "pkg"):
        path.chmod(0o755)


@pytest.mark.parametrize("level", ["overlay", "clone", "off"])
@pytest.mark.parametrize("what", ["folder", "repository", "somebody else's"])
def test_a_folder_that_can_not_be_written_is_told_and_the_proven_changes_are_kept(locked, what, level):
    root, treadle = locked
    if what == "somebody else's" and os.getuid() != 0:
        pytest.skip("only root can give a repository away")
    if what == "somebody else's":
        subprocess.run(["chown", "-R", "0:0", str(root)], check=True)
    for path in {"folder": ["pkg"], "repository": ["pkg", "."]}.get(what, []):
        (root / path).chmod(0o555)
    before = tree(root)
    result, stderr = treadle("run", "-l", "fix", "--sandbox", level)
    assert tree(root) == before
    assert (result["exit_code"], result["outcome"]) == (3, "stopped"), stderr
    assert result["reason"].startswith("the folder pkg can't be written: permission denied")
    assert "chmod u+w pkg" in result["hint"]
    if level == "off":
        return
    assert (result["changed"], result["proven"], result["written"]) == (["pkg/calc.py"], True, [])
    again, _ = treadle("runs", "apply")
    assert again["exit_code"] == 3 and tree(root) == before
    if what == "somebody else's":
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(root)], check=True)
    (root / "pkg").chmod(0o755)
    assert treadle("runs", "apply")[0]["written"] == ["pkg/calc.py"]
    assert "a + b" in (root / "pkg" / "calc.py").read_text()
    (root / "pkg").chmod(0o555)
    written = tree(root)
    refused, _ = treadle("runs", "rewind")
    assert refused["exit_code"] == 3 and "treadle runs rewind" in refused["hint"]
    assert tree(root) == written
