"""Opens the strongest protection that holds here."""

import os
import tempfile
from pathlib import Path
from typing import Literal

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace.command import Runner
from treadle.workspace.overlay import Overlay
from treadle.workspace.view import Base


def open_sandbox(
    root: Path, base: Base, state: Path, choice: Literal["auto", "overlay", "clone", "off"] = "auto"
) -> Runner:
    """What runs commands on `base` and change sets over it; `.level` is the level in force.

    `state` is a folder of the run's own, outside the repository, for layers and caches. `auto` is `overlay`,
    else `clone`. Raises: `ProtectionMissing` where the level, or for `auto` every level, does not hold.
    """
    root = Path(os.path.realpath(root))
    state.mkdir(parents=True, exist_ok=True)
    area = Path(tempfile.mkdtemp(prefix="sandbox-", dir=state))
    return Overlay(root, base, area)
