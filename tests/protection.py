"""Which level of protection the tests run under on this machine."""

import functools
import tempfile
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
