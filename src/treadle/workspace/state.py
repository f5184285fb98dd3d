"""Where treadle keeps what is not the user's: outside the work tree, by repository, for the user's eyes alone."""

import hashlib
import os
import re
from pathlib import Path


def state_home() -> Path:
    """The folder of all of treadle's state, made if missing: `$XDG_STATE_HOME/treadle`, 0700."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return _private(Path(base) / "treadle")


def state_dir(root: Path) -> Path:
    """The folder of the repository at `root`, made if missing, 0700. Its name is readable and holds a hash of
    the whole path, so that two repositories of one name stay apart."""
    full = os.path.realpath(root)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(full)).strip("-.") or "root"
    mark = hashlib.sha256(os.fsencode(full)).hexdigest()[:12]
    return _private(state_home() / f"{name[:40]}-{mark}")


def write_private(path: Path, content: bytes) -> None:
    """Writes `content` to `path` as a file only the user can read, whole or not at all, and lasting."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names that came to or went from `folder` last through a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _private(folder: Path) -> Path:
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)  # a journal in a folder that a power loss takes is no journal
    return folder
