"""What the overlay's program is told: where to mount what, what stays in sight, and the command."""

import marshal
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from treadle.workspace.command import Command, Grants, Limits
from treadle.workspace.environ import command_environment
from treadle.workspace.git import git_folders
from treadle.workspace.hidden import hidden_paths, sockets
from treadle.workspace.launch import PACKAGE

_EMPTIED = ("/tmp/", "/var/tmp/", "/dev/", "/run/", "/var/run/")


class Laid(Struct, frozen=True):
    """The folders that were laid out for one command; `denied` is a file that no command can make.

    `lowers` lie over the repository, the first on top; `cache` is the (upper, work) over the home's caches.
    """

    lowers: tuple[Path, ...]
    upper: Path
    work: Path
    cache: tuple[Path, Path]
    denied: Path


def sandbox_spec(root: Path, laid: Laid, command: Command, status: int, grants: Grants) -> bytes:
    """What `sandbox_init` reads; `status` is the descriptor on which it says how the command ended."""
    env = command_environment(command.env)
    home = os.path.realpath(env.get("HOME") or "/")
    usable = os.path.isdir(home) and home != "/" and not (home + "/").startswith(f"{root}/")
    masked = [*hidden_paths(home), *sockets()]
    network = "all" if command.network else grants.network
    wanted = _wanted(root, command, env, home, network)
    return marshal.dumps(
        {
            "root": str(root),
            "lowers": [str(folder) for folder in laid.lowers],
            "upper": str(laid.upper),
            "work": str(laid.work),
            "git": _git_paths(root),
            "keep": sorted(_below(_EMPTIED, wanted, root)),
            "unmask": sorted(_below([f"{path}/" for path in masked], wanted, root)),
            "home": home if usable else "",
            "cache": [str(folder) for folder in laid.cache],
            "scratch": os.path.realpath(command.scratch) if command.scratch else "",
            "denied": str(laid.denied),
            "masked": masked,
            "argv": list(command.argv),
            "cwd": command.cwd,
            "env": env,
            "network": network,
            "limits": limits_of(grants.limits, command.timeout_s),
            "capabilities": _capabilities(root),
            "uid": os.getuid(),
            "gid": os.getgid(),
            "parent": os.getpid(),
            "status": status,
        }
    )


def _git_paths(root: Path) -> list[str]:
    """Git's folder (or file) in the repository, and its folders elsewhere."""
    own = root / ".git"
    if not os.path.lexists(own):
        return []
    if own.is_dir() and not own.is_symlink():
        return [str(own)]
    return [str(own), *(str(path) for path in git_folders(root))]


def limits_of(limits: Limits, timeout_s: float) -> dict[str, int]:
    """The limits by the names that `confine` knows; processor time follows from the time limit."""
    return {
        "processes": limits.processes,
        "file_bytes": limits.file_mb << 20,
        "open_files": limits.open_files,
        "memory_bytes": limits.memory_mb << 20,
        "cpu_s": int(timeout_s * (os.cpu_count() or 1)) + 60,
    }


def _capabilities(root: Path) -> list[int]:
    """None, but for root in somebody else's repository: the rights over that one's files (CAP_CHOWN,
    CAP_DAC_OVERRIDE, CAP_FOWNER), without which it could not so much as write there."""
    return [0, 1, 3] if os.getuid() == 0 and root.stat().st_uid != 0 else []


def _wanted(root: Path, command: Command, env: dict[str, str], home: str, network: str) -> set[str]:
    """Folders and files that must stay in sight wherever they lie."""
    program = Path(command.argv[0])
    wanted = [Path(home), Path(sys.prefix), Path(sys.base_prefix), PACKAGE, *command.readable]
    if program.is_absolute():
        wanted += [program.parent.parent, Path(os.path.realpath(program)).parent.parent]
    for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "GOROOT", "GOPATH", "CARGO_HOME"):
        wanted += [Path(part) for part in env.get(name, "").split(os.pathsep) if part]
    wanted += git_folders(root) if (root / ".git").is_file() else ()
    if network == "all":
        wanted.append(Path(os.path.realpath("/etc/resolv.conf")))
    return {os.path.normpath(path) for path in wanted}


def _below(folders: Iterable[str], paths: set[str], root: Path) -> set[str]:
    """Those of `paths` that are here and lie in one of `folders`, but for the repository's own."""
    inside = tuple(folders)
    return {
        path
        for path in paths
        if path.startswith(inside) and not f"{path}/".startswith(f"{root}/") and os.path.exists(path)
    }
