"""`treadle [TASK]` at a terminal: opens the screen."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from treadle.protocol.errors import TreadleError, UsageError

if TYPE_CHECKING:
    from treadle.session.session import Options


class NoScreen(TreadleError):
    """The screen's package is not installed."""

    exit_code = 2


def can_open() -> bool:
    """Whether a person sits at a terminal that a screen can be drawn on."""
    import os

    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def open_screen(words: Sequence[str]) -> int:
    """The exit code of a sitting; `words` are a task and options, those of `treadle run`.

    Raises: `UsageError` where there is no terminal, `NoScreen` where textual is missing.
    """
    task, loop, mouse, options = _understood(words)
    if not can_open():
        import shlex

        command = f"treadle run {shlex.join(words)}".strip()
        raise UsageError("there is no terminal to draw a screen on", hint=f"without one: {command}")
    try:
        from treadle.tui.open import run_tui
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] != "textual":
            raise
        hint = f"{sys.executable} -m pip install 'textual>=8.2,<9'"
        raise NoScreen("the screen needs the package textual, which is not installed", hint=hint) from None
    from treadle.workspace.git import find_root

    return run_tui(find_root(Path.cwd()), options, task, loop, mouse=mouse)


def _understood(words: Sequence[str]) -> "tuple[str, str, bool, Callable[[], Options]]":
    """Task, loop, whether the mouse is used, and what makes a run's options, later: their room is heavy to import."""
    if not words:
        return "", "", True, _plain_options
    from treadle.cli.arguments import Parser, parse
    from treadle.cli.run import add_run_options, options_of, thread_asked

    parser = Parser(prog="treadle")
    parser.add_argument("task", nargs="?", default="", metavar="TASK")
    parser.add_argument("-l", "--loop", default="", metavar="NAME")
    parser.add_argument("--no-mouse", action="store_true")
    add_run_options(parser)
    args = parse(parser, words)

    def options() -> "Options":
        import msgspec

        from treadle.workspace.git import find_root

        thread = thread_asked(find_root(Path.cwd()), args)
        return msgspec.structs.replace(options_of(args), base=args.base, thread=thread)

    return args.task, args.loop, not args.no_mouse, options


def _plain_options() -> "Options":
    from treadle.session.options import Options

    return Options()
