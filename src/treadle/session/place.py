"""What a face shows of the place that treadle stands in, read quietly: nothing of the repository is run."""

from pathlib import Path

from treadle.workspace.git import GitFailed, git, git_folders, paths

_BRANCHES = "ref: refs/heads/"


def branch_of(root: Path) -> str:
    """The branch that is checked out at `root`, born or not; "" for none, and without git."""
    for folder in git_folders(root)[:1]:
        try:
            head = (folder / "HEAD").read_text("utf-8", "replace").strip()
        except OSError:
            return ""
        return head.removeprefix(_BRANCHES) if head.startswith(_BRANCHES) else ""
    return ""


def files_of(root: Path) -> tuple[str, ...]:
    """The repository's files but ignored ones, as git lists them; () without git."""
    try:
        return tuple(paths(git(root, "ls-files", "-co", "--exclude-standard", "-z")))
    except GitFailed:
        return ()
