"""Opens the strongest protection that holds here."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace.command import Runner
from treadle.workspace.view import Base


def open_sandbox(
    root: Path, base: Base, state: Path, choice: Literal["auto", "overlay", "clone", "off"] = "auto"
) -> Runner:
    """What runs commands on `base` and change sets over it; `.level` is the level in force, `.close()` removes
    what the commands left behind.

    `state` is a folder of the run's own, outside the repository, for layers and caches. `auto` is `overlay`,
    else `clone`. Raises: `ProtectionMissing` where the level, or for `auto` every level, does not hold; it says why.
    """
    root = Path(os.path.realpath(root))
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if choice == "off":
        from treadle.workspace.in_place import InPlace

        return InPlace(root, base, _area(state))
    why = ""
    if choice in ("auto", "overlay"):
        runner, why = _overlay(root, base, state)
        if runner is not None:
            return runner
        if choice == "overlay":
            raise ProtectionMissing(f"no overlay here: {why}", hint=_HINT)
    from treadle.workspace.clone import Clone

    clone = Clone(root, base, _area(state))
    try:
        clone.probe_clone()
    except ProtectionMissing as error:
        clone.close()
        also = f" (no overlay here: {why})" if why else ""
        raise ProtectionMissing(error.message + also, hint=error.hint) from None
    return clone


_HINT = "allow unprivileged user namespaces, or choose --sandbox=clone or --sandbox=off"


def _overlay(root: Path, base: Base, state: Path) -> tuple[Runner | None, str]:
    """An overlay that was tried with a real mount, or why there is none. Its upper folder lies in `state`, or
    where that can't hold one (it lies on an overlay itself) in another place of this machine."""
    if not sys.platform.startswith("linux"):
        return None, f"{sys.platform} has none"
    from treadle.workspace.overlay import Overlay

    first = ""
    for place in (state, *_other_places(state)):
        try:
            area = _area(place)
        except OSError:
            continue
        overlay = Overlay(root, base, area)
        try:
            overlay.probe()
            return overlay, ""
        except ProtectionMissing as error:
            overlay.close()
            first = first or error.message
            if "overlay on" not in error.message:
                break
    return None, first


def _other_places(state: Path) -> list[Path]:
    here = state.stat().st_dev
    named = (os.environ.get("XDG_RUNTIME_DIR", ""), "/var/tmp", "/tmp", "/dev/shm")
    return [Path(n) for n in named if n and Path(n).is_dir() and Path(n).stat().st_dev != here]


def _area(state: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="treadle-sandbox-", dir=state))
