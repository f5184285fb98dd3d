"""`treadle doctor`, what is here: treadle itself, the repository, the terminal, the sandbox, the tests."""

import os
import sys
from pathlib import Path
from typing import Literal

from treadle.protocol.errors import TreadleError
from treadle.spec.catalog import Catalog

_UNWALLED = "off, as your settings say: in place, without a wall"
_COPIED = "clone, as your settings say: a copy at another path, "


def place_rows(root: Path) -> list[tuple[str, str]]:
    """What treadle is, and where it stands."""
    import platform
    import shutil

    from treadle import __version__
    from treadle.workspace.git import top_level

    git = (
        "git"
        if top_level(root)
        else "no git: the tree is read and written as it is; hooks and conflicts need git"
    )
    return [
        ("treadle", f"{__version__} on Python {platform.python_version()}, {platform.system()}"),
        ("repository", f"{root} ({git if shutil.which('git') else 'the program git is missing'})"),
        ("terminal", terminal()),
    ]


def terminal() -> str:
    """What the terminal can: its kind, size, colours, UTF-8, and whether what the screen needs is installed."""
    said = [os.environ.get("TERM", "") or "TERM is not set"]
    size = next((found for fd in (1, 2, 0) if (found := _size(fd))), None)
    said.append(f"{size[0]}×{size[1]}" if size else "no terminal here")
    said.append(_colours())
    encoding = (sys.stdout.encoding or "").lower().replace("_", "-")
    said.append("UTF-8" if encoding in ("utf-8", "utf8") else f"{encoding or 'no encoding'}, not UTF-8")
    return f"{', '.join(said)}; {_screen()}"


def _size(descriptor: int) -> tuple[int, int] | None:
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except (OSError, ValueError):
        return None
    return (columns, lines) if columns and lines else None


def _colours() -> str:
    """By the variables that programs go by; https://no-color.org says what NO_COLOR means."""
    if os.environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    kind = os.environ.get("TERM", "")
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or kind.endswith("-direct"):
        return "16 million colours"
    if "256color" in kind:
        return "256 colours"
    return "no colours" if kind in ("", "dumb") else "16 colours"


def _screen() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"textual {version('textual')}"
    except PackageNotFoundError:
        return "textual, which the screen needs, is not installed"


def sandbox(
    root: Path, choice: Literal["auto", "overlay", "clone", "container", "off"]
) -> tuple[str, TreadleError | None]:
    """The level of protection that a run would have, or what is missing: the overlay is tried, nothing run in it."""
    import tempfile

    from treadle.workspace.base import open_base
    from treadle.workspace.sandbox import clone_holds, open_sandbox

    if choice == "off":
        return _UNWALLED, None
    if choice == "clone":
        return _COPIED + ("held by Landlock" if clone_holds() else "without a wall"), None

    with tempfile.TemporaryDirectory(prefix="treadle-doctor-") as area:
        try:
            return open_sandbox(root, open_base(root, "tree"), Path(area), choice).level, None
        except TreadleError as fault:
            return f"none: {fault.message}", fault


def test_rows(root: Path, catalog: Catalog) -> tuple[list[tuple[str, str]], TreadleError | None]:
    """How the project is tested, and with which Python; the fault where no way was found."""
    from treadle.checks.runners.find import find_runner
    from treadle.workspace.base import open_base
    from treadle.workspace.interpreter import project_python
    from treadle.workspace.view import MergedView

    python = project_python(root, catalog.settings.python)
    rows = [("python", f"{python.path} ({python.origin})")]
    try:
        runner = find_runner(MergedView(open_base(root, "tree")), catalog.settings, str(python.path))
    except TreadleError as fault:
        why = fault.message.removeprefix("no way to test was found: ")
        return [*rows, ("tests", f"none found: {why}")], fault
    how = runner.how if runner.how.startswith(runner.name) else f"{runner.name}: {runner.how}"
    return [*rows, ("tests", how)], None
