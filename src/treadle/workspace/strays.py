"""Ends what a command left running, where no namespace does it: by a mark in its environment."""

import os
import secrets
import signal
from pathlib import Path

_NAME = "TREADLE_COMMAND"


def new_mark() -> dict[str, str]:
    """An environment variable that all of a command's processes inherit."""
    return {_NAME: secrets.token_hex(16)}


def end_marked(mark: dict[str, str]) -> None:
    """Kills every process that carries `mark`, as far as /proc shows them; nothing where there is no /proc."""
    sought = f"{_NAME}={mark[_NAME]}".encode()
    found = True
    while found:
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if sought in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
                    found = found or not _is_dead(folder)
            except OSError:
                continue


def _is_dead(folder: Path) -> bool:
    try:
        return (folder / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True
