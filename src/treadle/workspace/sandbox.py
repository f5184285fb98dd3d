"""Opens the protection that commands run under."""

import os
import sys
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace.command import Grants, Runner
from treadle.workspace.layers import remove_tree
from treadle.workspace.view import Base

if TYPE_CHECKING:
    from treadle.workspace.overlay import Overlay

_PREFIX = "treadle-sandbox-"
_R = TypeVar("_R", bound=Runner)


Choice = Literal["auto", "overlay", "clone", "container", "off"]


def open_sandbox(
    root: Path, base: Base, state: Path, choice: Choice = "auto", grants: Grants | None = None
) -> Runner:
    """What runs commands on `base` and change sets over it; `.level` is the level in force, `.close()` removes
    what the commands left behind.

    `state` is a folder of the run's own, outside the repository, for layers and caches. `auto` is `overlay`: a clone
    is never taken unasked, for tests fail behind its wall that are no bugs. Raises: `ProtectionMissing` where the
    level does not hold; it says why.
    """
    root, grants = Path(os.path.realpath(root)), grants or Grants()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if choice == "off":
        from treadle.workspace.in_place import InPlace

        return _owning(lambda area: InPlace(root, base, area), state)
    if choice == "clone":
        return _clone(root, base, state, grants)
    if choice == "container":
        _must_be_container()
    runner, why = _overlay(root, base, state, grants)
    if runner is not None:
        return runner
    if choice == "container":
        return _clone(root, base, state, grants, "container")
    raise ProtectionMissing(f"no overlay here: {why}", hint=_HINT)


def clone_holds() -> bool:
    """Whether this machine's kernel makes a wall around a copy."""
    if not sys.platform.startswith("linux"):
        return False
    from treadle.workspace.landlock import WALL, version

    return version() >= WALL


def _has_landlock() -> bool:
    """Whether the kernel has any version of it."""
    if not sys.platform.startswith("linux"):
        return False
    from treadle.workspace.landlock import version

    return version() > 0


def _must_be_container() -> None:
    """Raises `ProtectionMissing` where nothing shows that this is a container."""
    marks = ("/.dockerenv", "/run/.containerenv")
    named = ("KUBERNETES_SERVICE_HOST", "container")
    if any(os.path.exists(mark) for mark in marks) or any(os.environ.get(name) for name in named):
        return
    try:
        text = Path("/proc/1/cgroup").read_text() + Path("/proc/1/mountinfo").read_text().partition("\n")[0]
    except OSError:
        text = ""
    if any(word in text for word in ("docker", "kubepods", "containerd", "libpod", "/lxc", " - overlay ")):
        return
    raise ProtectionMissing("this is no container, as far as can be seen", hint=_HINT)


def overlay_holds(root: Path, state: Path) -> bool:
    """Whether commands on the repository at `root` can be walled in here: tried with a real mount, nothing of the
    repository is run. `state` is a folder outside it, which is left as it was."""
    from treadle.workspace.base import open_base

    root = Path(os.path.realpath(root))
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    runner, _ = _overlay(root, open_base(root, "tree"), state, Grants())
    if runner is None:
        return False
    runner.close()
    return True


_HINT = (
    "allow unprivileged user namespaces; or choose --sandbox clone (a copy at another path; without a wall where the "
    "kernel has no Landlock) or --sandbox off (in place, without one)"
)


def _clone(root: Path, base: Base, state: Path, grants: Grants, level: str = "") -> Runner:
    from treadle.workspace.clone import Clone

    has = _has_landlock()
    level = level or ("clone" if clone_holds() else "clone, no wall")
    clone = _owning(lambda area: Clone(root, base, area, grants, level=level, walled=has), state)
    try:
        clone.probe_clone()
        if has:
            clone.probe_wall()
    except ProtectionMissing:
        clone.close()
        raise
    return clone


_TRIED: set[tuple[Path, int]] = set()
"""Where the overlay held when this process tried it: once is enough, for each command tries the wall by itself."""


def _overlay(root: Path, base: Base, state: Path, grants: Grants) -> "tuple[Overlay | None, str]":
    """An overlay that was tried with a real mount, or why there is none. Its upper folder lies in `state`, or
    where that can't hold one (it lies on an overlay itself) in another place of this machine."""
    if not sys.platform.startswith("linux"):
        return None, f"{sys.platform} has none"
    from treadle.workspace.overlay import Overlay

    first = ""
    for place in (state, *_other_places(state)):
        try:
            overlay = _owning(lambda area: Overlay(root, base, area, grants), place)
        except OSError:
            continue
        tried = root, place.stat().st_dev
        try:
            if tried not in _TRIED:
                overlay.probe()
                _TRIED.add(tried)
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


def _owning(make: Callable[[Path], _R], place: Path) -> _R:
    """What `make` makes of a new folder in `place`, which goes when that goes, at the latest with this process;
    those that killed processes left go now."""
    for left in place.glob(_PREFIX + "*"):
        fd = _hold(left) if left.stat().st_uid == os.getuid() else None
        if fd is not None:
            _release(left, fd)
    area = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    fd = _hold(area)
    made = make(area)
    weakref.finalize(made, _release, area, fd)
    return made


def _hold(area: Path) -> int | None:
    """Locks `area` for as long as this process lives; None where another holds it."""
    import fcntl

    fd = os.open(area, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except OSError:
        os.close(fd)
        return None


def _release(area: Path, fd: int | None) -> None:
    remove_tree(area)
    if fd is not None:
        os.close(fd)
