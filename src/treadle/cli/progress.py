"""How far a download is: a bar redrawn in place on a terminal, elsewhere a line for each tenth."""

import sys
import time
from collections.abc import Callable


def progress() -> Callable[[int, int], None]:
    """Takes bytes that are here and bytes in all (0: not known yet), and shows them on stderr."""
    return _drawn() if sys.stderr.isatty() else _told()


def size(count: int) -> str:
    """The number of bytes as a person reads it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _drawn() -> Callable[[int, int], None]:
    began, before = time.monotonic(), -1

    def draw(done: int, total: int) -> None:
        nonlocal before
        if total <= 0:
            return
        before = done if before < 0 else before
        filled = 30 * done // total
        rate = (done - before) / max(time.monotonic() - began, 0.001)
        bar = "█" * filled + "░" * (30 - filled)
        sys.stderr.write(
            f"\r{bar} {100 * done // total:3} %  {size(done)} of {size(total)}  {size(int(rate))}/s "
        )
        sys.stderr.flush()

    return draw


def _told() -> Callable[[int, int], None]:
    said = -1

    def tell(done: int, total: int) -> None:
        nonlocal said
        tenth = 10 * done // total if total > 0 else -1
        if tenth > said:
            said = tenth
            sys.stderr.write(f"{10 * tenth} %  {size(done)} of {size(total)}\n")

    return tell
