"""`treadle run`: one run of one loop, without the screen."""

import argparse
import os
import select
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treadle.cli.arguments import Output, add_output
from treadle.cli.trust import ask_person
from treadle.protocol.errors import SpecError
from treadle.protocol.text import valid
from treadle.spec.load import folders_for, load_folders
from treadle.workspace.git import find_root

if TYPE_CHECKING:
    from treadle.session.session import Options


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `run` to the command line."""
    parser = sub.add_parser(
        "run",
        help="one run without the screen",
        usage="treadle run [TASK] [--loop NAME] [OPTION …]",
        description="One run of one loop. stdout gets the result, stderr the progress.",
    )
    parser.add_argument(
        "task",
        nargs="?",
        default="",
        metavar="TASK",
        help="what to do, one argument; `-` reads it from stdin",
    )
    parser.add_argument(
        "-l",
        "--loop",
        default="",
        metavar="NAME",
        help="the loop to run (treadle loops list); without it one is chosen by the task",
    )
    add_run_options(parser)
    parser.set_defaults(handle=handle)


def add_run_options(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Adds what any command that runs a loop takes; `again`: without what a recorded run has settled."""
    add_output(parser, "what stdout gets: the diff, one result, or every event and then the result")
    parser.add_argument(
        "--mode",
        default="",
        choices=("auto", "step", "into", "plan"),
        metavar="auto|step|into|plan",
        help="wait before each step; also before each turn and tool call; or write nothing",
    )
    if not again:
        parser.add_argument(
            "-c",
            "--continue",
            action="store_true",
            dest="follows",
            help="follow the newest run: its thread is told",
        )
        parser.add_argument("--thread", default="", metavar="ID", help="follow that run")
        parser.add_argument(
            "--base", default="", metavar="tree|index|COMMIT", help="what is read, checked and changed"
        )
    parser.add_argument(
        "--sandbox",
        default="",
        choices=("auto", "overlay", "clone", "container", "off"),
        metavar="auto|overlay|clone|container|off",
        help="where commands run (container: this one is the wall; off: in place)",
    )
    parser.add_argument(
        "--network",
        default="",
        choices=("none", "loopback", "all"),
        metavar="none|loopback|all",
        help="what commands of this run reach (your settings: loopback, an interface of their own)",
    )
    parser.add_argument(
        "--allow-network", action="store_const", const="all", dest="network", help="short for --network all"
    )
    parser.add_argument(
        "--cloud",
        default="",
        type=_cloud,
        choices=("all", "large only", "never"),
        metavar="all|large-only|never",
        help="which tiers may ask models in the cloud (your settings: never, until you say otherwise)",
    )
    parser.add_argument("--git", action="store_true", help="git steps act unasked")
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing; what was proven is kept in the run"
    )
    parser.add_argument("--wait", type=float, default=0, metavar="S", help="seconds a model may stay silent")
    parser.add_argument(
        "--trust", action="store_true", help="trust what is here for this run (treadle trust remembers it)"
    )
    # Taken because scripts say it: there is no screen to leave out.
    parser.add_argument("-p", "--print", action="store_true", help=argparse.SUPPRESS)


def _cloud(word: str) -> str:
    return "large only" if word == "large-only" else word


def handle(args: argparse.Namespace) -> int:
    """The exit code of `treadle run`."""
    task = args.task or _piped() if args.task != "-" else _read_stdin()
    return run_loop_headless(find_root(Path.cwd()), args.loop, valid(task), args)


def run_loop_headless(root: Path, loop: str, task: str, args: Any) -> int:
    """The exit code of one run of `loop` at `root`; `args` holds what `add_run_options` added."""
    import msgspec

    from treadle.headless import run_headless
    from treadle.session.choose import choose_loop, must_have_task
    from treadle.session.session import Session
    from treadle.session.trust import catalog_for_run

    output: Output = args.output
    attended = is_attended(args)

    def start() -> Session:
        catalog = catalog_for_run(root, waived=args.trust, ask=ask_person if attended else None)
        choice = None if loop else choose_loop(catalog, root, task)
        must_have_task(catalog, loop, task)
        options = msgspec.structs.replace(
            options_of(args),
            task=task,
            loop=choice.loop if choice else loop,
            base=args.base,
            attended=attended,
            trusted=True,
            chosen=choice.told if choice else "",
            thread=thread_asked(root, args),
        )
        return Session(root, catalog, options)

    return run_headless(start, output)


def is_attended(args: Any) -> bool:
    """Whether a person sits there who can be asked, and sees the question."""
    return args.output == "text" and sys.stdin.isatty() and sys.stderr.isatty()


def options_of(args: Any) -> "Options":
    """A run's options as far as all commands that run a loop take them; `args` holds what `add_run_options` added."""
    from treadle.session.session import Flags, Options

    return Options(
        mode=args.mode,
        sandbox=args.sandbox,
        network=args.network,
        flags=Flags(write=not args.dry_run, git=args.git),
        silence_s=args.wait,
        cloud=args.cloud,
        trusted=args.trust,
    )


def thread_asked(root: Path, args: Any) -> str:
    """The id of the run that the new one follows, "" for none; `args` holds what `add_run_options` added.

    Raises: `TraceError` where there is no such run.
    """
    if not (args.follows or args.thread):
        return ""
    from treadle.session.records import find_run

    return find_run(root, args.thread).name


def loop_names(wanted: str) -> list[str]:
    """The names of the loops that stand here, sorted. Raises `SpecError` for faults where `wanted` is none of them."""
    catalog, faults = load_folders(folders_for(find_root(Path.cwd())))
    if wanted not in catalog.loops and faults:
        raise SpecError(faults.lines())
    return sorted(catalog.loops)


def _piped() -> str:
    """What stands ready on stdin where a file or a pipe is its source; an idle pipe is not waited for."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode):
        return _read_stdin()
    if stat.S_ISFIFO(mode) and select.select([sys.stdin], [], [], 0.2)[0]:
        return _read_stdin()
    return ""


def _read_stdin() -> str:
    """All of stdin as text, with U+FFFD for bytes that are no UTF-8."""
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return text.replace("\r\n", "\n").strip()
