"""The command line: finds the command's room, imports that one alone, and runs it."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from treadle.protocol.errors import TreadleError

COMMANDS = {
    "run": ("run", "one run without the screen: --output text|json|jsonl"),
    "demo": ("demo", "a small sample project with a bug, mended before your eyes"),
    "doctor": ("doctor", "what is here, which tier binds to what, the next thing to do"),
    "models": ("models", "local models: list, pull"),
    "agents": ("specs", "agents: list, show, validate"),
    "loops": ("specs", "loops: list, show, validate, graph"),
    "runs": ("runs", "recorded runs: list, show, diff, apply, resume, replay, rewind"),
}
"""Each command's module in `cli/` and what it is for."""

INTRODUCTION = """\
treadle does each step with the cheapest thing that can: code, then a small local model, then a large one, and
climbs only when your tests say no. Nothing reaches your files until it is proven.

Without a model it mends simple slips; most real bugs need one (`treadle doctor` says what is here)."""


def run(argv: Sequence[str]) -> int:
    """The exit code of a command line. Errors are one message, never a traceback."""
    words = list(argv)
    if words[:1] in (["-p"], ["--print"]):
        words[0] = "run"
    try:
        if not words or words[0] in ("-h", "--help", "help"):
            return _help(bool(words))
        if words[0] in COMMANDS:
            return _dispatch(words)
        return _loop_or_task(words)
    except TreadleError as fault:
        from treadle.headless import tell_error

        return tell_error(fault)
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except KeyboardInterrupt:
        return 130


def _dispatch(words: list[str]) -> int:
    module = importlib.import_module(f"treadle.cli.{COMMANDS[words[0]][0]}")
    parser = argparse.ArgumentParser(prog="treadle", allow_abbrev=False)
    module.add_parsers(parser.add_subparsers(dest="command", required=True))
    args = parser.parse_args(words)
    code: int = args.handle(args)
    return code


def _loop_or_task(words: list[str]) -> int:
    """Runs `treadle NAME …` where NAME is a loop; else says what to do with a task."""
    from treadle.cli.run import loop_names

    names = loop_names()
    if words[0] in names:
        return _dispatch(["run", "--loop", *words])
    if words[0].startswith("-") or " " not in words[0]:
        from difflib import get_close_matches

        near = get_close_matches(words[0], [*COMMANDS, *names], 1)
        sys.stderr.write(f"treadle: there is no command or loop `{words[0]}`")
        sys.stderr.write(f"; did you mean `{near[0]}`?\n" if near else "\n")
        sys.stderr.write(f"  commands: {', '.join(COMMANDS)}\n  loops here: {', '.join(names) or 'none'}\n")
        return 2
    sys.stderr.write(
        "treadle: this version has no screen yet; run the task without one:\n"
        "  treadle run --loop NAME 'TASK'" + f"   (loops here: {', '.join(names) or 'none'})\n"
    )
    return 2


def _help(asked: bool) -> int:
    stream = sys.stdout if asked else sys.stderr
    lines = [INTRODUCTION, "", "usage: treadle COMMAND …", ""]
    lines += [f"  {name:<8} {text}" for name, (_, text) in COMMANDS.items()]
    lines += ["  LOOP     short for `run --loop LOOP`", "", "  treadle --version · treadle COMMAND --help"]
    stream.write("\n".join(lines) + "\n")
    return 0 if asked else 2
