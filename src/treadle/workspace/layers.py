"""An overlay's folders, from outside: laid out before a command, read as a change set after it."""

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from treadle.workspace.base import git_mode
from treadle.workspace.changes import EXECUTABLE, LINK, Change, ChangeSet
from treadle.workspace.paths import parents

_OPAQUE = "user.overlay.opaque"
LARGEST_FILE = 32 * 1024 * 1024


def lay_out(layer: Path, root: Path, changes: ChangeSet, stamps: dict[str, int] | None = None) -> None:
    """Puts `changes` into the folder `layer`, to lie over `root`: files, links, and a whiteout for each deletion.

    A file gets its mtime in ns from `stamps`, else the present; folders have the modes that they have in `root`.
    """
    put = [path for path in changes if changes.changes[path].content is not None]
    for path in put:
        _make_folders(layer, root, path)
        put_file(layer / path, changes.changes[path], root / path)
        stamp = (stamps or {}).get(path)
        if stamp is not None:
            os.utime(layer / path, ns=(stamp, stamp), follow_symlinks=False)
    placed = frozenset(put)
    taken = {*put, *(folder for path in put for folder in parents(path))}
    for path in changes:
        if path not in taken and not placed.intersection(parents(path)):
            white_out(layer, root, path)


def white_out(layer: Path, root: Path, path: str) -> None:
    """Hides `path` of `root` in `layer`, and the folders that this leaves empty."""
    if not os.path.lexists(root / path):
        return
    _make_folders(layer, root, path)
    if not os.path.lexists(layer / path):
        os.mknod(layer / path, stat.S_IFCHR, os.makedev(0, 0))
    for folder in parents(path):
        here = layer / folder
        names = set(os.listdir(here))
        if any(not is_whiteout(here / name) for name in names) or not names.issuperset(
            os.listdir(root / folder)
        ):
            return
        shutil.rmtree(here)
        os.mknod(here, stat.S_IFCHR, os.makedev(0, 0))


def white_out_new(layer: Path, like: Path, path: str) -> None:
    """Hides `path` in `layer` unless something lies there; its folders get the modes that they have in `like`."""
    if not os.path.lexists(layer / path):
        _make_folders(layer, like, path)
        os.mknod(layer / path, stat.S_IFCHR, os.makedev(0, 0))


def is_whiteout(path: Path) -> bool:
    """Whether `path` stands for a deletion."""
    found = os.lstat(path)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


class Upper(Struct, frozen=True):
    """What lies in an upper folder: `entries` by path are the `lstat` of files, links and odd things;
    `gone` are whiteouts, `opaque` folders that hide what was below them."""

    entries: dict[str, os.stat_result]
    gone: tuple[str, ...]
    opaque: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def scan(upper: Path, skip: Iterable[str] = ()) -> Upper:
    """Everything in `upper` but what lies under `skip` and in `.git`; links are not followed."""
    entries: dict[str, os.stat_result] = {}
    gone: list[str] = []
    opaque: list[str] = []
    skipped = set(skip)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in os.scandir(upper / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name == ".git" or path in skipped:
                continue
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                waiting.append(path)
                if found.st_mode & 0o700 != 0o700:
                    # A command may lock its own folders; without privileges nobody could look into them.
                    (upper / path).chmod(stat.S_IMODE(found.st_mode) | 0o700)
                if is_opaque(upper / path):
                    opaque.append(path)
            elif stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
                gone.append(path)
            else:
                entries[path] = found
    return Upper(entries, tuple(gone), tuple(opaque))


def is_opaque(folder: Path) -> bool:
    """Whether `folder` hides what layers below hold at its place."""
    try:
        return os.getxattr(folder, _OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def load(upper: Path, path: str, found: os.stat_result) -> Change | None:
    """The file or link at `path` as a change without its `before`; None for what no change set can hold
    (pipes, sockets, files over `LARGEST_FILE`)."""
    mode = git_mode(found.st_mode)
    if mode is None or found.st_size > LARGEST_FILE:
        return None
    if mode == LINK:
        return Change(os.fsencode(os.readlink(upper / path)), LINK)
    if not found.st_mode & 0o400:
        (upper / path).chmod(stat.S_IMODE(found.st_mode) | 0o400)
    return Change((upper / path).read_bytes(), mode)


def merge(source: Path, layer: Path, path: str, below: Iterable[Path]) -> None:
    """Moves `path` from the folder `source` into `layer`, which lies over the folders `below`."""
    here, there = source / path, layer / path
    _make_folders(layer, source, path)
    if is_whiteout(here):
        _remove(there)
        if any(os.path.lexists(folder / path) for folder in below):
            os.rename(here, there)
        return
    if (
        here.is_dir()
        and not here.is_symlink()
        and there.is_dir()
        and not there.is_symlink()
        and not is_opaque(here)
    ):
        for name in os.listdir(here):
            merge(source, layer, f"{path}/{name}", below)
        return
    _remove(there)
    os.rename(here, there)


def remove_tree(folder: Path) -> None:
    """Removes `folder` with all in it, unreadable folders included; nothing where it does not exist."""

    def retry(_: object, name: str, __: object) -> None:
        try:
            os.chmod(os.path.dirname(name), 0o700)
            if os.path.islink(name) or not os.path.isdir(name):
                os.unlink(name)
            else:
                os.chmod(name, 0o700)
                shutil.rmtree(name, ignore_errors=True)
        except OSError:
            pass

    shutil.rmtree(folder, onerror=retry)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    elif os.path.lexists(path):
        path.unlink()


def _make_folders(layer: Path, like: Path, path: str) -> None:
    for folder in reversed(parents(path)):
        here = layer / folder
        if here.is_dir() and not here.is_symlink():
            continue
        if os.path.lexists(here):
            here.unlink()
        here.mkdir()
        give_mode(here, like / folder)


def give_mode(folder: Path, like: Path) -> None:
    """Gives `folder`, which is treadle's own, the mode of the folder `like`, if there; it stays open to treadle."""
    try:
        mode = os.stat(like).st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        folder.chmod(stat.S_IMODE(mode) | 0o700)


def put_file(path: Path, change: Change, like: Path) -> None:
    """Makes `path` the file or link that `change` holds, with the permissions of the file `like`, if there."""
    assert change.content is not None
    bits = permissions(like, change.mode)
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    elif os.path.lexists(path):
        path.unlink()
    if change.mode == LINK:
        os.symlink(os.fsdecode(change.content), path)
        return
    path.write_bytes(change.content)
    path.chmod(bits)


def permissions(like: Path, mode: int) -> int:
    """The permission bits for a file of git mode `mode` that takes the place of the file `like`, if there."""
    bits = 0o644
    try:
        found = os.lstat(like)
        if git_mode(found.st_mode) == mode:
            return stat.S_IMODE(found.st_mode)
        if stat.S_ISREG(found.st_mode):
            bits = stat.S_IMODE(found.st_mode)
    except OSError:
        pass
    return bits | (bits & 0o444) >> 2 if mode == EXECUTABLE else bits & ~0o111
