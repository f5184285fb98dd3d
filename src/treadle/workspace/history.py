"""What git says of the work at hand: paths that differ from HEAD, conflicts, an operation in progress."""

import os
from pathlib import Path

from treadle.protocol.errors import UsageError
from treadle.workspace.base import StoredBase, open_base
from treadle.workspace.git import GitFailed, git, git_folders
from treadle.workspace.view import Base

_IN_PROGRESS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("MERGE_HEAD", "merge"),
)


def changed_paths(base: Base) -> tuple[str, ...]:
    """The paths in which `base` differs from HEAD, sorted; () without git."""
    try:
        head = open_base(base.root, "HEAD")
    except UsageError:
        return ()
    if base.kind == "tree":
        return head.delta.paths
    named = {*head.files(), *base.files()}
    return tuple(sorted(p for p in named if head.read(p) != base.read(p)))


def conflicted_paths(root: Path) -> tuple[str, ...]:
    """The paths with unmerged entries in the index, sorted; () without git."""
    try:
        listed = git(root, "ls-files", "-z", "--unmerged")
    except GitFailed:
        return ()
    return tuple(sorted({os.fsdecode(part.split(b"\t", 1)[1]) for part in listed.split(b"\0") if part}))


def staged_paths(root: Path) -> tuple[str, ...]:
    """The paths in which the index differs from HEAD, unmerged ones left out, sorted; () without git."""
    try:
        index, head = open_base(root, "index"), open_base(root, "HEAD")
    except (UsageError, GitFailed):
        return ()
    assert isinstance(index, StoredBase) and isinstance(head, StoredBase)
    staged, committed = index.entries(), head.entries()
    paths = staged.keys() | committed.keys()
    unmerged = {path for path, (_, oid) in staged.items() if not oid}
    return tuple(sorted(p for p in paths - unmerged if staged.get(p) != committed.get(p)))


def operation_in_progress(root: Path) -> str:
    """The git command whose `--continue` is due: rebase, cherry-pick, revert or merge; "" for none."""
    for folder in git_folders(root):
        for name, command in _IN_PROGRESS:
            if (folder / name).exists():
                return command
    return ""
