"""Which level of protection the tests run under on this machine."""

import contextlib
import functools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal


@functools.cache
def level_here() -> Literal["overlay", "clone"]:
    """The overlay where it holds, else a copy: the choice a developer without user namespaces would make."""
    from treadle.workspace.sandbox import overlay_holds

    with tempfile.TemporaryDirectory(prefix="treadle-tests-level-") as place:
        root = Path(place) / "root"
        root.mkdir()
        return "overlay" if overlay_holds(root, Path(place) / "state") else "clone"


REFUSING = Path(__file__).parent / "workspace" / "refusing_init.py"


def refuse_namespaces(landlock: int = 0) -> None:
    """Makes treadle see, in this process, a kernel that refuses user namespaces and has that Landlock."""
    from treadle.workspace import landlock as room
    from treadle.workspace import launch, overlay, sandbox

    told, refusing = launch.start, REFUSING.read_text() + "sys.exit(main())\n"

    def start(module: str) -> tuple[str, ...]:
        return (sys.executable, "-c", refusing) if module == "sandbox_init" else told(module)

    launch.start = overlay.start = start
    room.version = lambda: landlock
    sandbox._TRIED.clear()


@contextlib.contextmanager
def namespaces_refused(landlock: int = 0) -> Iterator[None]:
    """The same for a while."""
    from treadle.workspace import landlock as room
    from treadle.workspace import launch, overlay

    was = launch.start, overlay.start, room.version
    try:
        refuse_namespaces(landlock)
        yield
    finally:
        launch.start, overlay.start, room.version = was
