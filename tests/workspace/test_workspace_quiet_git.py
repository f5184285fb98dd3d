"""Git is asked through one room, and what a hostile repository configures is not run by it."""

import ast
import contextlib
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from torture_lab import rounds
from workspace_helpers import git, tree

import treadle
from treadle.protocol.errors import TreadleError
from treadle.session.place import branch_of, files_of
from treadle.workspace import git as quiet
from treadle.workspace.base import open_base
from treadle.workspace.history import changed_paths, conflicted_paths, operation_in_progress, staged_paths
from treadle.workspace.marks import marks_of
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import restore_checkpoint, write_changes
from treadle.workspace.view import MergedView

SOURCES = Path(treadle.__file__).parent
CALLERS = {
    "workspace/git.py": "the room itself",
    "workspace/trusted.py": "git config --file, without includes: parses a file as data",
    "engine/gitstep.py": "the user's own git, with hooks, after a yes",
    "cli/demo.py": "makes a repository of treadle's own",
}


STARTS = ("subprocess.", "asyncio.create_subprocess", "os.exec", "os.spawn", "shutil.which")


def calls_git(file):
    """Lines where git is started or looked for, or a list or tuple is the begin of its command line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.List | ast.Tuple):
            words = node.elts
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(STARTS):
            words = node.args
        else:
            continue
        if words and isinstance(words[0], ast.Constant) and words[0].value in ("git", "/usr/bin/git"):
            yield node.lineno


# Words that begin with git and are no command line: settings, and the doctor's look for the program.
NO_COMMANDS = {"spec/resolve_settings.py", "spec/names.py", "cli/doctor_here.py"}


def test_nobody_else_calls_git():
    found = {}
    for file in SOURCES.rglob("*.py"):
        name = str(file.relative_to(SOURCES))
        lines = list(calls_git(file))
        if lines and name not in CALLERS and name not in NO_COMMANDS:
            found[name] = lines
    assert found == {}
    assert list(calls_git(SOURCES / "workspace" / "git.py"))


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("diff",),
        ("add", "-A"),
        ("log", "-p"),
        ("hash-object", "-w", "x"),
        ("cat-file", "--textconv", "HEAD:x"),
    ],
)
def test_a_loud_command_is_refused(tmp_path, words):
    with pytest.raises(ValueError, match="may run what the repository configures"):
        quiet.argv(tmp_path, *words)


def test_every_variable_that_git_calls_local_is_dropped(monkeypatch):
    listed = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(listed) > 10
    kept = quiet.environment()
    monkeypatch.setenv("GIT_TRACE2_EVENT", "/nowhere")
    for name in listed:
        monkeypatch.setenv(name, "/nowhere")
    assert quiet.environment() == kept


HOOKS = (
    *("pre-commit", "post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"),
    *("post-merge", "pre-auto-gc", "update"),
)


def hostile(root, canary):
    """Makes git run `canary` by every key, attribute and hook that is known to."""
    (root / "a.bin").write_text("a\n")
    (root / "lost.txt").write_text("lost\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "more")
    git(root, "tag", "before")
    oid = git(root, "rev-parse", "HEAD:lost.txt").decode().strip()
    config = {
        "core.fsmonitor": canary, "core.hooksPath": str(root / "hooks"), "core.pager": canary, "core.editor": canary,
        "core.sshCommand": canary, "core.askPass": canary, "core.gitProxy": canary, "core.alternateRefsCommand": canary,
        "diff.external": canary, "diff.x.command": canary, "diff.x.textconv": canary, "filter.x.clean": canary,
        "filter.x.smudge": canary, "filter.x.process": canary, "filter.x.required": "true", "merge.x.driver": canary,
        "gpg.program": canary, "credential.helper": canary, "sequence.editor": canary, "interactive.diffFilter": canary,
        "alias.rev-parse": f"!{canary}", "alias.ls-files": f"!{canary}", "uploadpack.packObjectsHook": canary,
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{canary}", "remote.origin.uploadpack": canary, "protocol.ext.allow": "always",
        "protocol.allow": "always", "protocol.file.allow": "always", "submodule.recurse": "true",
    }  # fmt: skip
    (root / ".gitattributes").write_text("* filter=x diff=x merge=x text=auto ident\n")
    (root / "hooks").mkdir()
    for folder in (root / "hooks", root / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in HOOKS:
            shutil.copy(canary, folder / hook)
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    for key, value in config.items():
        subprocess.run(["git", "config", "--file", str(root / ".git" / "config"), key, value], check=True)
    object_file = root / ".git" / "objects" / oid[:2] / oid[2:]
    object_file.unlink()
    (root / "lost.txt").unlink()
    (root / "a.txt").write_text("changed since\n")
    (root / "new.txt").write_text("untracked\n")


@pytest.fixture
def trap(repo, tmp_path):
    """A hostile repository; whether anything of it ran is told by a file."""
    ran, canary = tmp_path / "ran", tmp_path / "canary"
    canary.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{ran}'\nexit 1\n")
    canary.chmod(0o755)
    hostile(repo, str(canary))
    assert not ran.exists()
    return repo, ran


def test_the_trap_works(trap):
    """A git that is not quiet runs it."""
    repo, ran = trap
    for words in (["status"], ["diff"], ["cat-file", "-p", "HEAD:lost.txt"]):
        subprocess.run(
            ["git", *words], cwd=repo, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=20
        )
    assert len(ran.read_text().splitlines()) > 2


def test_nothing_of_a_hostile_repository_runs(trap):
    repo, ran = trap
    before = tree(repo / ".git")
    for spec in ("tree", "index", "HEAD", "before", "HEAD~1"):
        base = open_base(repo, spec)
        for path in base.files():
            with contextlib.suppress(TreadleError):
                base.read(path)
        with contextlib.suppress(TreadleError):
            _ = base.delta
        marks_of(base, spec)
        with contextlib.suppress(TreadleError):
            changed_paths(base)
    for ask in (conflicted_paths, staged_paths, operation_in_progress, branch_of, files_of, quiet.find_root):
        with contextlib.suppress(TreadleError):
            ask(repo)
    view = MergedView(open_base(repo)).write("a.txt", "by treadle\n").write("n/x", "n")
    mark = write_changes(repo, view.changes, state_dir(repo))
    view.diff()
    restore_checkpoint(repo, state_dir(repo), mark)
    assert not ran.exists(), ran.read_text()
    assert tree(repo / ".git") == before


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["loops", "list"],
        ["agents", "list"],
        ["runs", "list"],
        ["trust"],
        ["loops", "validate"],
        ["run", "x"],
    ],
    ids=" ".join,
)
def test_no_command_that_reads_runs_anything(trap, words, monkeypatch):
    from treadle.cli.main import run

    repo, ran = trap
    monkeypatch.chdir(repo)
    assert run(words) != 70
    assert not ran.exists(), ran.read_text()


def test_index_head_refs_stash_config_and_hooks_stay_as_they_are(repo):
    """Random states of a repository, random writes and undoings of treadle's: nothing of git's changes."""
    chance = random.Random(3)
    git(repo, "config", "user.name", "t")
    git(repo, "config", "user.email", "t@example.invalid")
    for number in range(rounds(20, 300)):
        _stir(repo, chance, number)
        before = tree(repo / ".git")
        view = MergedView(open_base(repo))
        files = [p for p in view.files() if view.mode(p) != 0o120000]
        for _ in range(chance.randrange(1, 5)):
            path = chance.choice([*files, f"new/{chance.randrange(9)}"])
            kind = chance.randrange(4)
            if kind == 0 and view.exists(path):
                view = view.delete(path)
            else:
                with contextlib.suppress(TreadleError):
                    view = view.write(path, f"{chance.random()}\r\n", 0o100755 if kind == 1 else None)
        for spec in ("tree", "index", "HEAD"):
            _ = open_base(repo, spec).delta
        staged_paths(repo)
        changed_paths(open_base(repo))
        mark = write_changes(repo, view.changes, state_dir(repo))
        if chance.random() < 0.7:
            mark = restore_checkpoint(repo, state_dir(repo), mark)
            if chance.random() < 0.5:
                restore_checkpoint(repo, state_dir(repo), mark)
        assert tree(repo / ".git") == before
        (repo / ".git" / "index.lock").unlink(missing_ok=True)
    subprocess.run(["git", "fsck", "--strict"], cwd=repo, check=True, capture_output=True)


def _stir(repo, chance, number):
    """What a user does to a repository between two runs."""
    (repo / f"u{chance.randrange(4)}").write_text(f"{number}\n")
    what = chance.randrange(6)
    if what == 0:
        git(repo, "add", "-A")
    elif what == 1:
        git(repo, "add", "-A")
        git(repo, "commit", "-qm", "c", "--allow-empty")
    elif what == 2:
        git(repo, "stash", "-u", "-q")
    elif what == 3:
        git(repo, "checkout", "-q", "-B", f"b{number}")
    elif what == 4:
        git(repo, "tag", f"t{number}")
    else:
        (repo / ".git" / "index.lock").write_text("held by the user")
