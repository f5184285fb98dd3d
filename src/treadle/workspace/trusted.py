"""What of a repository can act, read as data and as content; and what of it a person trusted, in treadle's state.

Nothing here runs what it reads.
"""

import hashlib
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from treadle.protocol.text import valid
from treadle.workspace.git import environment, git_folders
from treadle.workspace.state import state_dir, write_private

_KEPT = 64 * 1024
_MOST_BYTES = 32 << 20
_MOST_FILES = 5_000
_SAMPLE = ".sample"
# No key of these can stand in a configuration that holds none of the words: a key is written in one piece.
_WORDS = re.compile(
    r"filter|fsmonitor|hookspath|driver|textconv|command|cmd|process|include|proxy|pager|editor|askpass"
    r"|program|helper|external|worktree|diff|hook",
    re.IGNORECASE,
)
_ACTS = re.compile(
    r"filter\..+\.(clean|smudge|process)|diff\.external|diff\..+\.(command|textconv)|merge\..+\.driver"
    r"|core\.(fsmonitor|hookspath|sshcommand|editor|pager|askpass|gitproxy|alternaterefscommand|worktree)"
    r"|credential\.(.+\.)?helper|gpg\.(.+\.)?program|sequence\.editor|interactive\.difffilter|pager\..+"
    r"|trailer\..+\.(command|cmd)|uploadpack\.packobjectshook|include(if)?\..+|hook\..+",
    re.IGNORECASE,
)


class Acting(Struct, frozen=True):
    """One thing that can act: its kind (`tests`, `configuration`, `treadle`, `python`, `hook`, `git`), its path or
    name, and the SHA-256 of its content. `text` is that content as text, "" where it is none or more than 64 KiB.
    """

    kind: str
    name: str
    digest: str
    text: str = ""


class Record(Struct, frozen=True):
    """What was trusted: in the work tree `root`, whose git's shared folder was `common`."""

    root: str
    common: str
    acting: tuple[Acting, ...]


def acting(kind: str, name: str, content: bytes | str) -> Acting:
    """The thing of that name with that content."""
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    is_text = len(data) <= _KEPT and b"\0" not in data
    text = data.decode("utf-8", "replace") if is_text else ""
    return Acting(kind, valid(_spelled(name)), hashlib.sha256(data).hexdigest(), text)


def read_acting(root: Path, path: str, kind: str, label: str = "") -> Acting | None:
    """What stands at `path`, by its content, links in `root` followed; by its place alone where a link leads out of
    `root`; None where nothing stands there, or a folder."""
    full = root / path
    label = label or path
    try:
        found = os.lstat(full)
    except OSError:
        return None
    if stat.S_ISLNK(found.st_mode):
        target = os.readlink(full)
        real = os.path.realpath(full)
        label = f"{label} → {target}"
        top = os.path.realpath(root)
        if real != top and not real.startswith(top.rstrip("/") + "/"):
            return acting(kind, label, real)
        full = Path(real)
    try:
        fd = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        return acting(kind, label, f"can't be read: {error.strerror}")
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            return acting(kind, label, "no regular file")
        if found.st_size > _MOST_BYTES:
            return acting(kind, label, f"{found.st_size} bytes, last changed {found.st_mtime_ns}")
        with os.fdopen(os.dup(fd), "rb") as file:
            return acting(kind, label, file.read())
    finally:
        os.close(fd)


def folder_files(root: Path, folder: str) -> Iterator[str]:
    """All paths under `folder`, sorted; links to folders inside `root` are followed, each place once."""
    top = os.path.realpath(root)
    seen: set[str] = set()
    waiting, count = [folder], 0
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(root / here)
        inside = real == top or real.startswith(top.rstrip("/") + "/")
        if not inside or real in seen:
            continue
        seen.add(real)
        try:
            names = sorted(os.listdir(real))
        except OSError:
            continue
        for name in names:
            path = f"{here}/{name}"
            count += 1
            if count > _MOST_FILES:
                return
            yield path
            if os.path.isdir(root / path):
                waiting.append(path)


def git_acting(root: Path) -> tuple[Acting, ...]:
    """What the repository's own git could run: hooks, and the keys of its configuration that name programs."""
    folders = git_folders(root)
    if not folders:
        return ()
    own, common = folders[0], folders[-1]
    found: list[Acting] = []
    hooks = [common / "hooks"]
    for file in dict.fromkeys((common / "config", own / "config.worktree")):
        for key, value in _configured(file):
            found.append(acting("git", f"{key} = {value}", ""))
            if key.lower() == "core.hookspath":
                hooks.append(root / os.path.expanduser(value))
            if key.lower().startswith("include"):
                included = read_acting(file.parent, os.path.expanduser(value), "git", f"include {value}")
                found += [included] if included else []
    for folder in dict.fromkeys(hooks):
        found += _hooks(folder)
    return tuple(found)


def _hooks(folder: Path) -> Iterator[Acting]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = folder / name
        if name.endswith(_SAMPLE) or not path.is_file() or not os.access(path, os.X_OK):
            continue
        hook = read_acting(folder, name, "hook", name if folder.name == "hooks" else f"{folder.name}/{name}")
        if hook is not None and path.is_symlink():
            hook = acting("hook", hook.name, path.read_bytes()[:_MOST_BYTES])
        if hook is not None:
            yield hook


def _configured(file: Path) -> Iterator[tuple[str, str]]:
    """The keys of a git configuration file that can make git run something, with their values. Nothing is included."""
    try:
        text = file.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return
    if not _WORDS.search(text):
        return
    try:
        done = subprocess.run(
            ["git", "config", "--file", str(file), "--no-includes", "--list", "-z"],
            cwd="/",
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return
    if done.returncode != 0:
        yield "config", f"unreadable: {hashlib.sha256(text.encode()).hexdigest()}"
        return
    for entry in done.stdout.split(b"\0"):
        key, _, value = os.fsdecode(entry).partition("\n")
        if _ACTS.fullmatch(key):
            yield key, value


def common_folder(root: Path) -> str:
    """Where the repository's git keeps what its work trees share, "" without git."""
    folders = git_folders(root)
    return _spelled(str(folders[-1])) if folders else ""


def trusted(root: Path) -> Record | None:
    """What a person trusted at `root`; None for nothing, or where that was another repository."""
    try:
        record = msgspec.json.decode(_file(root).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return record if record.root == _spelled(os.path.realpath(root)) else None


def trust(root: Path, common: str, things: tuple[Acting, ...]) -> None:
    """Remembers that these may act at `root`. The file is for the user's eyes alone."""
    write_private(_file(root), msgspec.json.encode(Record(_spelled(os.path.realpath(root)), common, things)))


def forget(root: Path) -> bool:
    """Takes back what was trusted at `root`; whether there was anything."""
    try:
        _file(root).unlink()
    except FileNotFoundError:
        return False
    return True


def _file(root: Path) -> Path:
    return state_dir(root) / "trust.json"


def _spelled(name: str) -> str:
    """The name as text, bytes that are no UTF-8 written out, so that two names stay apart."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
