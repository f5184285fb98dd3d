"""Git, asked quietly: only commands that run nothing of the repository's, whatever its configuration says."""

import os
import subprocess
from functools import cache
from pathlib import Path

from treadle.protocol.errors import TreadleError

_QUIET = frozenset({"rev-parse", "ls-files", "ls-tree", "cat-file", "hash-object", "check-ignore"})
_FLAGS = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "diff.external=",
    "-c",
    "core.quotePath=false",
    "-c",
    "safe.directory=*",
    "-c",
    "safe.bareRepository=explicit",
)
_LOUD = frozenset({"--textconv", "--filters", "--path", "--ext-diff"})
"""Options by which a quiet command would run what the repository configures."""
# What `git rev-parse --local-env-vars` lists, and the ones that make git run or write something.
_UNSET = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
        "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX",
        "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
        "GIT_CEILING_DIRECTORIES", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_SSH",
        "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_ATTR_SOURCE",
        "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
    }
)  # fmt: skip


class GitFailed(TreadleError):
    """A quiet git command failed; the message holds what it said."""


def environment() -> dict[str, str]:
    """The environment for quiet git: no system or user configuration, no locks, no prompts, no traces."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in _UNSET and not k.startswith(("GIT_TRACE", "GIT_CONFIG_"))
    }
    kept.update(
        GIT_OPTIONAL_LOCKS="0",
        GIT_TERMINAL_PROMPT="0",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_NO_LAZY_FETCH="1",
        # Git before 2.44 knows the line above not, and fetches a missing object by the repository's own means.
        GIT_ALLOW_PROTOCOL="",
        GIT_FLUSH="1",
        LC_ALL="C",
    )
    return kept


def argv(root: Path, *args: str) -> list[str]:
    """The whole command line of a quiet git command in `root`. Raises: `ValueError` for one that is not quiet."""
    loud = not _LOUD.isdisjoint(args) or (args[0] == "hash-object" and "--no-filters" not in args)
    if args[0] not in _QUIET or loud:
        raise ValueError(f"git {args[0]} may run what the repository configures")
    return ["git", *_FLAGS, *_excludes(), "-C", str(root), *args]


def git(root: Path, *args: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
    """What a quiet git command prints. Raises: `GitFailed` for a return code outside `ok`, or without git."""
    try:
        done = subprocess.run(
            argv(root, *args), input=stdin, capture_output=True, env=environment(), check=False
        )
    except FileNotFoundError:
        raise GitFailed("git is not installed") from None
    if done.returncode not in ok:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitFailed(f"git {args[0]}: {said or done.returncode}")
    return done.stdout


def paths(data: bytes) -> list[str]:
    """The NUL-separated paths of git's `-z` output; bytes that are no UTF-8 as surrogates."""
    return [os.fsdecode(part) for part in data.split(b"\0") if part]


def top_level(folder: Path) -> Path | None:
    """The work tree that `folder` stands in; None without git, or inside a repository's own folder."""
    try:
        said = git(folder, "rev-parse", "--show-toplevel")
    except GitFailed:
        return None
    top = Path(os.fsdecode(said.rstrip(b"\n"))) if said.strip() else None
    here = Path(os.path.realpath(folder))
    # core.worktree can name any folder: one that does not hold this one is not believed.
    if top is None or (here != top and top not in here.parents):
        return None
    return top


def find_root(cwd: Path) -> Path:
    """The git top level above `cwd`; without git the nearest folder upwards with a `.treadle` in it of the same
    owner as `cwd` (what others left in a shared folder above is none), else `cwd` itself. Links are resolved."""
    here = Path(os.path.realpath(cwd))
    top = top_level(here)
    if top is not None:
        return top
    owner = here.stat().st_uid
    for folder in (here, *here.parents):
        mark = folder / ".treadle"
        if os.path.isdir(mark) and mark.stat().st_uid == owner:
            return folder
    return here


def git_folders(root: Path) -> tuple[Path, ...]:
    """Git's own folders for the work tree `root` (its own, then the shared one); none without git."""
    if not os.path.lexists(root / ".git"):
        return ()
    try:
        said = git(root, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
    except GitFailed:
        return ()
    return tuple(dict.fromkeys(Path(os.fsdecode(line)) for line in said.splitlines()))


@cache
def _excludes() -> tuple[str, ...]:
    """The user's own ignore file, which goes missing with the user's configuration."""
    try:
        done = subprocess.run(
            ["git", "config", "--global", "--type=path", "--get", "core.excludesFile"],
            capture_output=True,
            cwd="/",
            check=False,
        )
    except OSError:
        return ()
    name = os.fsdecode(done.stdout.rstrip(b"\n"))
    return ("-c", f"core.excludesFile={name}") if done.returncode == 0 and name else ()
