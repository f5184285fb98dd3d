"""Finds the Python that a project is run and tested with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

_FOLDERS = (".venv", "venv", "env", ".env")
_MANAGERS = {
    "poetry.lock": ("poetry", "env", "info", "--executable"),
    "Pipfile": ("pipenv", "--py"),
}
_ASK_S = 15.0


class Interpreter(Struct, frozen=True):
    """A Python and where it was found; `own` marks treadle's own, taken for want of another."""

    path: str
    found: str
    own: bool = False


def project_python(root: Path, configured: str = "") -> Interpreter:
    """The interpreter of the project at `root`: always one.

    Looked for in this order: `configured` (the settings' `python`), the active environment (VIRTUAL_ENV,
    CONDA_PREFIX), an environment folder in the root, poetry or pipenv where their lock file lies, `python3` on
    the PATH, treadle's own.
    """
    if configured:
        return Interpreter(shutil.which(configured) or configured, "settings")
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        active = os.environ.get(variable)
        if active and (python := _in_environment(Path(active))):
            return Interpreter(python, variable)
    for folder in _FOLDERS:
        if python := _in_environment(root / folder):
            return Interpreter(python, folder)
    for file, question in _MANAGERS.items():
        if (root / file).exists() and (python := _ask(question, root)):
            return Interpreter(python, question[0])
    found = shutil.which("python3") or shutil.which("python")
    if found:
        return Interpreter(found, "PATH")
    return Interpreter(sys.executable, "treadle's own", own=True)


def _in_environment(folder: Path) -> str:
    for name in ("bin/python", "bin/python3", "Scripts/python.exe"):
        if (folder / name).is_file():
            return str(folder / name)
    return ""


def _ask(question: tuple[str, ...], root: Path) -> str:
    """The path that a manager prints, "" where it is not there or knows none."""
    if shutil.which(question[0]) is None:
        return ""
    try:
        said = subprocess.run(question, cwd=root, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = said.stdout.strip().splitlines()
    return lines[-1] if said.returncode == 0 and lines and Path(lines[-1]).is_file() else ""
