"""What developers run all day works behind the wall: `honest.toml`, written before the wall was."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_workspace_ordinary_user import somebody  # noqa: F401
from workspace_helpers import git

from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command

COMMANDS = tomllib.loads(Path(__file__).with_name("honest.toml").read_text())["command"]
MIRRORS = Path(__file__).parents[3] / ".mirror"


@pytest.fixture(autouse=True)
def _real_home(_own_home, monkeypatch):
    """The user's own tools and caches, as in real use: what a command writes there is thrown away."""
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)


def missing(entry):
    """What the machine lacks for it, "" for nothing."""
    for program in entry.get("needs", ()):
        if shutil.which(program) is None:
            return f"no {program} here"
    for module in entry.get("modules", ()):
        if importlib.util.find_spec(module) is None:
            return f"no {module} here"
    if "mirror" in entry and not (MIRRORS / entry["mirror"].partition("@")[0]).is_dir():
        return "no mirror of the upstream repository here"
    return ""


def lay_out(root, entry):
    """A repository with the entry's files, committed."""
    root.mkdir()
    if "mirror" in entry:
        name, _, commit = entry["mirror"].partition("@")
        store = next(
            path.parent for path in (MIRRORS / name).rglob("HEAD") if (path.parent / "objects").is_dir()
        )
        data = subprocess.run(
            ["git", f"--git-dir={store}", "archive", commit], capture_output=True, check=True
        ).stdout
        subprocess.run(["tar", "x"], cwd=root, input=data, check=True)
    for path, text in entry.get("files", {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    if entry.get("venv"):
        (root / "src").mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
        packages = next((root / ".venv" / "lib").glob("python*")) / "site-packages"
        (packages / "inside.py").write_text("X = 41\n")
        (packages / "editable.pth").write_text(f"{root / 'src'}\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")


AS_SOMEBODY = """
import asyncio, os, sys
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command
from treadle.workspace.sandbox import open_sandbox
root, text = Path(sys.argv[1]), sys.argv[2]
env = {"PYTHON": sys.executable, "PATH": "/usr/local/bin:/usr/bin:/bin"}
runner = open_sandbox(root, open_base(root, "tree"), root.parent / "state", "overlay")
done = asyncio.run(runner.run(Command(("sh", "-c", text), env=env, timeout_s=60), EMPTY))
print(done.output)
runner.close()
sys.exit(done.returncode)
"""


@pytest.mark.slow
@pytest.mark.parametrize("entry", [c for c in COMMANDS if c.get("user")], ids=lambda c: c["name"])
def test_an_honest_command_that_refuses_root_works(entry, somebody):  # noqa: F811
    if missing(entry):
        pytest.skip(missing(entry))
    folder, run = somebody
    lay_out(folder / "repo", entry)
    done = run("-c", AS_SOMEBODY, str(folder / "repo"), entry["run"])
    assert done.returncode == 0 and entry["says"] in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


async def works(entry, root, sandbox):
    """Runs it; fails with what it said where it does not work."""
    lay_out(root, entry)
    env = {"PYTHON": sys.executable}
    text, limit = entry["run"], entry.get("timeout_s", 60)
    done = await sandbox(root).run(Command(("sh", "-c", text), env=env, timeout_s=limit), EMPTY)
    assert done.returncode == 0 and re.search(re.escape(entry["says"]), done.output), done.output[-3000:]


@pytest.mark.parametrize("entry", [c for c in COMMANDS if c.get("quick")], ids=lambda c: c["name"])
async def test_an_honest_command_works(entry, tmp_path, sandbox):
    if missing(entry):
        pytest.skip(missing(entry))
    await works(entry, tmp_path / "repo", sandbox)


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry", [c for c in COMMANDS if not c.get("quick") and not c.get("user")], ids=lambda c: c["name"]
)
async def test_a_longer_honest_command_works(entry, tmp_path, sandbox):
    if missing(entry):
        pytest.skip(missing(entry))
    await works(entry, tmp_path / "repo", sandbox)
