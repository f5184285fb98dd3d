"""Folders that take the repository's place where no overlay can: laid out before a command, read after it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from treadle.workspace.base import TreeBase, file_mode, read_file
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.harvest import pyc_files
from treadle.workspace.layers import put_file, remove_tree
from treadle.workspace.paths import is_own, parents
from treadle.workspace.view import Base

Signature = tuple[int, int, int, int]


def copy_tree(source: Path, target: Path) -> None:
    """Copies everything under `source` to the new folder `target`, sharing blocks where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for option in (["--reflink=auto"], []):
        done = subprocess.run(
            ["cp", "-a", *option, "--", str(source), str(target)], capture_output=True, check=False
        )
        if target.is_dir() and (done.returncode == 0 or not option):
            break
    else:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    _open(target)


def _open(folder: Path) -> None:
    """Makes the folders of a copy writable to treadle, whatever they are where they were copied from."""
    for here, folders, _ in os.walk(folder):
        for path in (os.path.join(here, name) for name in folders):
            mode = os.lstat(path).st_mode
            if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
                os.chmod(path, stat.S_IMODE(mode) | 0o700)
    mode = os.lstat(folder).st_mode
    os.chmod(folder, stat.S_IMODE(mode) | 0o700)


def part_git(folder: Path, store: Path) -> None:
    """Moves git's folder of the copy `folder` to `store`, where a command in the copy can't change it; not one with
    submodules, which know it by where it lies."""
    own = folder / ".git"
    if own.is_dir() and not own.is_symlink() and not (own / "modules").exists():
        os.rename(own, store)
        point_to_git(folder, store)


def point_to_git(folder: Path, store: Path) -> None:
    """Makes the `.git` of the copy what it was, whatever a command made of it."""
    own = folder / ".git"
    if not store.is_dir():
        return
    if own.is_dir() and not own.is_symlink():
        remove_tree(own)
    own.unlink(missing_ok=True)
    own.write_bytes(b"gitdir: " + os.fsencode(store) + b"\n")


def signatures(folder: Path, paths: Iterable[str]) -> dict[str, Signature]:
    """What tells an unchanged file by its path: mtime and ctime in ns, size, mode. Missing ones are left out."""
    found: dict[str, Signature] = {}
    for path in paths:
        try:
            here = os.lstat(folder / path)
        except OSError:
            continue
        found[path] = (here.st_mtime_ns, here.st_ctime_ns, here.st_size, here.st_mode)
    return found


def apply(folder: Path, changes: ChangeSet) -> None:
    """Makes the files in `folder` as `changes` says, with the present as mtime; compiled files of theirs go."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in changes:
        if changes.changes[path].content is None:
            drop(folder, path)
    for path in changes:
        change = changes.changes[path]
        if change.content is not None:
            for above in reversed(parents(path)):
                if not (folder / above).is_dir():
                    (folder / above).mkdir()
            put_file(folder / path, change, folder / path)
        for stale in pyc_files(path, [folder]):
            (folder / stale).unlink(missing_ok=True)


def state(folder: Path, path: str) -> Change | None:
    """What stands at `path` as a change; None for no file."""
    content, mode = read_file(folder, path), file_mode(folder, path)
    return None if content is None or mode is None else Change(content, mode)


def drop(folder: Path, path: str) -> None:
    """Removes the file at `path`, and the folders that this leaves empty."""
    try:
        (folder / path).unlink(missing_ok=True)
        for above in parents(path):
            (folder / above).rmdir()
    except OSError:
        pass


def reset(folder: Path, base: Base) -> None:
    """Makes the files of `folder` those of the work tree again; ignored ones stay. What was otherwise gets the
    present as its mtime, so that nothing made from it passes for up to date."""
    tree = TreeBase(base.root, base.kind != "tree" or os.path.lexists(base.root / ".git"))
    wanted = set(tree.files())
    for path in set(listed(folder)) - wanted:
        drop(folder, path)
    back: dict[str, Change] = {}
    for path in wanted:
        content, mode = read_file(base.root, path), file_mode(base.root, path)
        if content is None or mode is None:
            continue
        if read_file(folder, path) != content or file_mode(folder, path) != mode:
            back[path] = Change(content, mode)
    apply(folder, ChangeSet(back))


def collect(folder: Path, base: Base, given: ChangeSet, before: dict[str, Signature]) -> ChangeSet:
    """The whole change set that `folder` now is over `base`; `before` are its signatures as laid out."""
    names = {*before, *listed(folder), *base.files(), *given.changes}
    now = signatures(folder, names)
    after: dict[str, Change] = {}
    for path in names:
        earlier = given.get(path)
        if now.get(path) == before.get(path) or is_own(path):
            if earlier is not None:
                after[path] = earlier
            continue
        content, mode = base.read(path), base.mode(path)
        was = earlier.before if earlier else (None if content is None else digest(content))
        mode_was = earlier.mode_before if earlier else mode
        found, found_mode = read_file(folder, path), file_mode(folder, path)
        if found is None or found_mode is None:
            if content is not None:
                after[path] = Change(None, mode or 0o100644, was, mode_was)
        elif (found, found_mode) != (content, mode):
            after[path] = Change(found, found_mode, was, mode_was)
    return ChangeSet(after)


def remove(folder: Path) -> None:
    """Removes `folder` with all in it."""
    remove_tree(folder)


def listed(folder: Path) -> tuple[str, ...]:
    """The files of `folder` as a work tree, ignored ones left out, sorted."""
    return TreeBase(folder, os.path.lexists(folder / ".git")).files()
