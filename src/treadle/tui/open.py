"""Opens the screen: the one function that the command line calls."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.session.session import Options


def run_tui(
    root: Path, options: "Callable[[], Options]", task: str = "", loop: str = "", *, mouse: bool = True
) -> int:
    """The exit code of a sitting at the screen in the repository `root`; `task` is run at once where it is given.

    Raises what went wrong in the screen itself, once the terminal is as it was.
    """
    from treadle.tui.app import TreadleApp

    app = TreadleApp(root, options, task, loop)
    code = app.run(mouse=mouse)
    if app.fault is not None:
        raise app.fault
    return code or 0
