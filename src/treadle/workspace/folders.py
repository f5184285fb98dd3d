"""The folders that a write makes and leaves empty. `dirty` gathers those whose names changed, to be synced once."""

import os
from pathlib import Path

from treadle.protocol.errors import PathError
from treadle.workspace import beneath, swap
from treadle.workspace.checkpoints import Checkpoint
from treadle.workspace.paths import parents
from treadle.workspace.state import sync_folder


def make(root: Path, path: str, bits: dict[str, int], dirty: set[str]) -> None:
    """Makes the folders above `path` that are missing, with their permissions where `bits` names them (a folder's
    name there ends in a slash)."""
    for folder in reversed(parents(path)):
        if not beneath.is_folder(root, folder):
            beneath.make_folder(root, folder, bits.get(folder + "/", -1))
            dirty.add(above(folder))


def clear(root: Path, folder: str) -> None:
    """Removes a folder that holds nothing but empty ones. Raises: `Raced` when it holds more."""
    try:
        inside = [place for place, _, _ in os.walk(root / folder, topdown=False)]
        for place in inside:
            beneath.remove_folder(root, os.path.relpath(place, root))
    except OSError:
        raise swap.Raced(folder) from None


def remove_empty(root: Path, path: str, dirty: set[str]) -> None:
    """Removes the folders above `path`, up to the first that holds something."""
    for folder in parents(path):
        try:
            beneath.remove_folder(root, folder)
        except FileNotFoundError:
            continue  # gone before a crash that cut this short
        except (OSError, PathError):
            return
        dirty.discard(folder)
        dirty.add(above(folder))


def unmake(root: Path, checkpoint: Checkpoint, under: str = "") -> None:
    """Removes the folders that the write made, as far as they are empty; only those at or below `under`."""
    made = [folder for folder, bits in checkpoint.folders.items() if bits < 0]
    for folder in sorted(made, key=len, reverse=True):
        if not under or folder == under or folder.startswith(under + "/"):
            try:
                beneath.remove_folder(root, folder)
            except OSError:
                pass


def sync(root: Path, dirty: set[str]) -> None:
    """Makes the names that came to or went from these folders last; those that are gone are left out."""
    for folder in sorted(dirty):
        if (root / folder).is_dir():
            sync_folder(root / folder)


def above(path: str) -> str:
    """The folder that holds `path`, "" for the root."""
    return path.rpartition("/")[0]
