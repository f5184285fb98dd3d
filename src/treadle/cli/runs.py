"""`treadle runs`: what is on record, and what can still be done with it."""

import argparse
import sys
from pathlib import Path
from typing import Literal

from treadle.workspace.git import find_root

_VERBS = {
    "list": "the runs of this repository, newest first",
    "show": "a run's result",
    "replay": "a run's events once more, from its trace",
    "diff": "the changes of a run, or as they stood after a step",
    "apply": "write a run's changes into the tree",
    "resume": "go on with a run that was killed or ended short",
    "rewind": "put back what stood in the tree before a run wrote",
}


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `runs` to the command line."""
    from treadle.cli.run import add_run_options

    runs = sub.add_parser("runs", help="recorded runs", allow_abbrev=False)
    verbs = runs.add_subparsers(dest="verb", required=True)
    for verb, text in _VERBS.items():
        parser = verbs.add_parser(verb, help=text, allow_abbrev=False)
        if verb != "list":
            parser.add_argument(
                "id", nargs="?", default="", help="a run's id, or its beginning or end; the newest"
            )
        if verb in ("diff", "apply"):
            parser.add_argument("--step", default="", help="as it stood after this step")
        if verb == "resume":
            add_run_options(parser)
        else:
            parser.add_argument("-o", "--output", default="text", choices=("text", "json", "jsonl"))
    runs.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code of one of the verbs."""
    root = find_root(Path.cwd())
    verbs = {
        "list": _list,
        "show": _show,
        "replay": _replay,
        "diff": _diff,
        "apply": _apply,
        "resume": _resume,
        "rewind": _rewind,
    }
    return verbs[args.verb](root, args)


def _list(root: Path, args: argparse.Namespace) -> int:
    import msgspec

    from treadle.protocol.text import clean
    from treadle.session.records import list_runs, runs_of, view_of

    for name in list_runs(root):
        view = view_of(runs_of(root) / name)
        row = {"run": name, "loop": view.loop, "outcome": view.outcome or "unfinished", "task": view.task}
        if args.output == "text":
            sys.stdout.write(clean(f"{name}  {row['outcome']:<10}  {view.loop:<12}  {view.task[:60]}\n"))
        else:
            sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
    return 0


def _show(root: Path, args: argparse.Namespace) -> int:
    from treadle.headless import show_run
    from treadle.session.records import find_run, view_of

    folder = find_run(root, args.id)
    view = view_of(folder)
    show_run(view, folder, "json" if args.output != "text" else "text")
    return 0


def _replay(root: Path, args: argparse.Namespace) -> int:
    from treadle.headless import replay
    from treadle.session.records import find_run

    replay(find_run(root, args.id), args.output)
    return 0


def _diff(root: Path, args: argparse.Namespace) -> int:
    from treadle.protocol.text import clean
    from treadle.session.records import diff_of_run, find_run

    sys.stdout.write(clean(diff_of_run(root, find_run(root, args.id), args.step)))
    return 0


def _apply(root: Path, args: argparse.Namespace) -> int:
    from treadle.session.records import apply_run, find_run

    for path in apply_run(root, find_run(root, args.id), args.step):
        sys.stdout.write(f"{path}\n")
    return 0


def _resume(root: Path, args: argparse.Namespace) -> int:
    from treadle.headless import run_headless
    from treadle.session.records import find_run
    from treadle.session.session import Flags, Options, resume

    folder = find_run(root, args.id)
    output: Literal["text", "json", "jsonl"] = "jsonl" if args.output == "stream-json" else args.output
    options = Options(
        mode=args.mode,
        sandbox=args.sandbox,
        flags=Flags(write=not args.dry_run, git=args.git, network=args.allow_network),
        attended=output == "text" and sys.stdin.isatty() and sys.stderr.isatty(),
    )
    return run_headless(lambda: resume(root, folder, options), output)


def _rewind(root: Path, args: argparse.Namespace) -> int:
    from treadle.session.records import find_run, rewind_run

    checkpoint = rewind_run(root, find_run(root, args.id))
    sys.stderr.write(f"treadle: put back; what stood there is checkpoint {checkpoint}\n")
    return 0
