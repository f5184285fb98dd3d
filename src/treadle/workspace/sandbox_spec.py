"""What the overlay's program is told: where to mount what, what stays in sight, and the command."""

import marshal
import os
import sys
from pathlib import Path

from msgspec import Struct

from treadle.workspace.command import Command
from treadle.workspace.environ import command_environment
from treadle.workspace.git import git_folders

PACKAGE = Path(__file__).parents[1]
"""treadle's own folder, which the command's Python may read."""

_HIDDEN = ("/tmp/", "/var/tmp/", "/dev/")
# Sockets and folders through which a program reaches services outside, even without a network.
_MASKED = (
    "/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/run/dbus",
    "/run/snapd.socket",
    "/run/lxd",
    "/run/libvirt",
    "/run/systemd/private",
)


class Laid(Struct, frozen=True):
    """The folders that were laid out for one command; `denied` is a file that no command can make.

    `lowers` lie over the repository, the first on top; `cache` is the (upper, work) over the home's caches.
    """

    lowers: tuple[Path, ...]
    upper: Path
    work: Path
    cache: tuple[Path, Path]
    denied: Path


def sandbox_spec(root: Path, laid: Laid, command: Command, status: int) -> bytes:
    """What `sandbox_init` reads; `status` is the descriptor on which it says how the command ended."""
    env = command_environment(command.env)
    home = os.path.realpath(env.get("HOME") or "/")
    usable = os.path.isdir(home) and home != "/" and not (home + "/").startswith(f"{root}/")
    return marshal.dumps(
        {
            "root": str(root),
            "lowers": [str(folder) for folder in laid.lowers],
            "upper": str(laid.upper),
            "work": str(laid.work),
            "git": _git_paths(root),
            "keep": sorted(_kept(root, command, env, home)),
            "home": home if usable else "",
            "cache": [str(folder) for folder in laid.cache],
            "scratch": os.path.realpath(command.scratch) if command.scratch else "",
            "denied": str(laid.denied),
            "masked": [*_MASKED, f"/run/user/{os.getuid()}"],
            "argv": list(command.argv),
            "cwd": command.cwd,
            "env": env,
            "network": command.network,
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


def _kept(root: Path, command: Command, env: dict[str, str], home: str) -> set[str]:
    """Folders that must stay in sight though they lie where the command gets an empty /tmp."""
    program = Path(command.argv[0])
    wanted = [Path(home), Path(sys.prefix), Path(sys.base_prefix), PACKAGE, *command.readable]
    if program.is_absolute():
        wanted += [program.parent.parent, Path(os.path.realpath(program)).parent.parent]
    for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "GOROOT", "GOPATH", "CARGO_HOME"):
        wanted += [Path(part) for part in env.get(name, "").split(os.pathsep) if part]
    wanted += git_folders(root) if (root / ".git").is_file() else ()
    found = set()
    for path in wanted:
        full = os.path.normpath(path)
        inside = (full + "/").startswith(f"{root}/")
        if full.startswith(_HIDDEN) and not inside and os.path.exists(full):
            found.add(full)
    return found
