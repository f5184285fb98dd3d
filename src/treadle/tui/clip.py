"""The clipboard: the terminal's own sequence, and the desktop's program where there is one."""

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

_PROGRAMS = (("wl-copy",), ("xclip", "-selection", "clipboard"), ("pbcopy",), ("clip.exe",))
_WAIT_S = 2


def copy(app: "App[int]", text: str) -> None:
    """Puts a text on the clipboard and says so; some terminals take it only from a program of the desktop."""
    if not text:
        app.notify("There is nothing to copy yet.", severity="warning")
        return
    app.copy_to_clipboard(text)
    for argv in _PROGRAMS:
        if shutil.which(argv[0]):
            try:
                subprocess.run(argv, input=text.encode(), timeout=_WAIT_S, check=False, capture_output=True)
            except (OSError, subprocess.TimeoutExpired):
                continue
            break
    app.notify(f"Copied {len(text.splitlines())} lines.", timeout=2)
