"""The command line: finds the command's room, imports that one alone, and runs it."""

import importlib
from collections.abc import Sequence

from treadle.protocol.errors import UsageError

COMMANDS = {
    "run": ("run", "one run without the screen: --output text|json|jsonl"),
    "demo": ("demo", "a small sample project with a bug, mended before your eyes"),
    "setup": ("setup", "binds the tiers to the models that answer here; at any time again"),
    "doctor": ("doctor", "what is here, which tier binds to what, the next thing to do"),
    "trust": ("trust", "what this repository would have treadle run, and your yes to it"),
    "models": ("models", "local models: list, pull"),
    "agents": ("specs", "agents: list, show, validate, graph"),
    "loops": ("specs", "loops: list, show, validate, graph"),
    "runs": ("runs", "recorded: list, show, diff, apply, resume, replay, rewind"),
}
"""Each command's module in `cli/` and what it is for."""

INTRODUCTION = """\
treadle does each step with the cheapest thing that can: code, then a small
local model, then a large one, and climbs only when your tests say no. Nothing
reaches your files until it is proven.

Without a model it mends simple slips; most real bugs and all new behaviour
need one (`treadle doctor` says what is here)."""

_PRINT = ("-p", "--print")


def run(argv: Sequence[str]) -> int:
    """The exit code of a command line. The one door for errors: each is one message, never a traceback.

    Where JSON is asked for, the last line on stdout is `{"type": "result", …}`, however the command ended.
    """
    words = list(argv)
    try:
        return _run(words)
    except BrokenPipeError:  # whoever read has gone
        return 141
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 the one door
        from treadle.cli.arguments import asked_output
        from treadle.cli.faults import fault_of
        from treadle.headless import tell_error

        return tell_error(fault_of(error, words), asked_output(words))


def _run(words: list[str]) -> int:
    options = words[: words.index("--")] if "--" in words else words
    if words[:1] == ["help"] and words[1:2] and words[1] in COMMANDS:
        return _dispatch([*words[1:], "--help"])
    if words[:1] and words[0] in ("-h", "--help", "help"):
        return _help()
    if words[:1] and words[0] in COMMANDS:
        return _dispatch(words)
    if any(word in _PRINT for word in options) and words[0].startswith("-"):
        return _dispatch(["run", *words])
    if not words or words[0].startswith("-") or " " in words[0]:
        from treadle.cli.screen import open_screen

        return open_screen(words)
    return _loop_or_task(words)


def _dispatch(words: list[str]) -> int:
    """Runs the command that the first word names. Raises what it raises."""
    import argparse

    from treadle.cli.arguments import Parser, parse

    module = importlib.import_module(f"treadle.cli.{COMMANDS[words[0]][0]}")
    parser: argparse.ArgumentParser = Parser(prog="treadle")
    module.add_parsers(parser.add_subparsers(dest="command", required=True))
    try:
        args = parse(parser, words)
    except SystemExit as asked:  # `--help` was printed
        return int(asked.code or 0)
    code: int = args.handle(args)
    return code


def _loop_or_task(words: list[str]) -> int:
    """Runs `treadle NAME …` where NAME is a loop.

    Raises: `UsageError` where the first word is no loop, `SpecError` for faults in the loops' files.
    """
    from treadle.cli.run import loop_names

    first = words[0]
    names = loop_names(first)
    if first in names:
        return _dispatch(["run", "--loop", *words])
    here = f"loops here: {', '.join(names) or 'none'}"
    if any(word in _PRINT for word in words):
        return _dispatch(["run", *words])
    from difflib import get_close_matches

    near = get_close_matches(first, [*COMMANDS, *names], 1)
    mean = f"; did you mean `{near[0]}`?" if near else ""
    raise UsageError(
        f"there is no command or loop `{first}`{mean}", hint=f"treadle --help names the commands; {here}"
    )


def _help() -> int:
    from treadle.protocol.text import put

    lines = [
        INTRODUCTION,
        "",
        "usage: treadle [TASK]    the screen, in this repository",
        "       treadle COMMAND …",
    ]
    lines.append("")
    lines += [f"  {name:<8} {text}" for name, (_, text) in COMMANDS.items()]
    lines += ["  LOOP     short for `run --loop LOOP`", "  -p TASK  short for `run TASK`, as elsewhere", ""]
    lines += ["  treadle COMMAND --help · treadle --version"]
    put("\n".join(lines) + "\n")
    return 0
