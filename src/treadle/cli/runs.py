"""`treadle runs`: what is on record, and what can still be done with it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from treadle.cli.arguments import add_output, tell, tell_rows
from treadle.cli.trust import ask_person
from treadle.protocol.errors import TraceError
from treadle.session.view import View
from treadle.workspace.git import find_root

_VERBS = {
    "list": "the runs of this repository, newest first",
    "show": "a run's result",
    "replay": "a run's events once more, from its trace",
    "diff": "the changes of a run, or as they stood after a step",
    "apply": "write a run's changes into the tree",
    "resume": "go on with a run that was killed or ended short",
    "rewind": "put back the files as they stood before a run wrote",
}


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `runs` to the command line."""
    from treadle.cli.run import add_run_options

    runs = sub.add_parser("runs", help="recorded runs")
    verbs = runs.add_subparsers(dest="verb", required=True, metavar="|".join(_VERBS))
    for verb, text in _VERBS.items():
        parser = verbs.add_parser(verb, help=text, description=text)
        if verb != "list":
            parser.add_argument(
                "id",
                nargs="?",
                default="",
                metavar="ID",
                help="a run's id, or how it begins or ends; the newest",
            )
        if verb in ("diff", "apply"):
            parser.add_argument(
                "--step",
                default="",
                help="as it stood after this step: its number, name or place (runs show)",
            )
        if verb == "resume":
            add_run_options(parser, again=True)
        else:
            add_output(parser)
    runs.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code of one of the verbs; `show` and `replay` end with the run's own."""
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
    """A run that can't be read is listed all the same, as `unreadable`."""
    from treadle.protocol.text import clean
    from treadle.session.records import list_runs, runs_of, view_of, with_end

    rows, text = [], ""
    for name in list_runs(root):
        folder = runs_of(root) / name
        try:
            view, reason = with_end(folder, view_of(folder)), ""
        except TraceError as fault:
            view, reason = View(outcome="unreadable", exit_code=fault.exit_code), fault.message
        rows.append(
            {
                "run": name,
                "loop": view.loop,
                "outcome": view.outcome,
                "exit_code": view.exit_code,
                "reason": reason or view.reason,
                "task": view.task,
            }
        )
        task = " ".join((view.task or reason).split())
        text += clean(f"{name}  {view.outcome:<10}  {view.loop:<12}  {task[:60]}".rstrip() + "\n")
    if not rows:
        sys.stderr.write("treadle: no run of this repository is on record\n")
    return tell_rows(args, "runs", rows, text)


def _show(root: Path, args: argparse.Namespace) -> int:
    from treadle.headless import show_run
    from treadle.protocol.text import clean
    from treadle.session.records import find_run, finished_steps, view_of, with_end

    folder = find_run(root, args.id)
    view = with_end(folder, view_of(folder))
    if args.output == "text":
        for number, (place, step) in enumerate(finished_steps(folder), 1):
            sys.stderr.write(
                clean(f"{number:>3} {place}  {step.verdict}: {step.summary}".split("\n")[0]) + "\n"
            )
    return show_run(view, folder, "json" if args.output != "text" else "text")


def _replay(root: Path, args: argparse.Namespace) -> int:
    from treadle.headless import replay
    from treadle.session.records import begin_of, find_run

    folder = find_run(root, args.id)
    begin_of(folder)
    return replay(folder, args.output)


def _diff(root: Path, args: argparse.Namespace) -> int:
    from treadle.protocol.text import clean, put
    from treadle.session.records import diff_of_run, find_run

    folder = find_run(root, args.id)
    text = diff_of_run(root, folder, args.step)
    if args.output == "text" and not sys.stdout.isatty():
        # For another program, which must get the very bytes (`| git apply`).
        put(text.encode("utf-8", "surrogateescape"))
        return 0
    shown = clean(text) if args.output == "text" else text
    return tell(args, shown, run=folder.name, diff=shown)


def _apply(root: Path, args: argparse.Namespace) -> int:
    from treadle.session.afterwards import apply_run
    from treadle.session.records import find_run

    folder = find_run(root, args.id)
    paths = apply_run(root, folder, args.step)
    sys.stderr.write(f"treadle: written; to take it back: treadle runs rewind {folder.name}\n")
    return _tell_paths(args, folder, "written", paths)


def _resume(root: Path, args: argparse.Namespace) -> int:
    import msgspec

    from treadle.cli.run import is_attended, options_of
    from treadle.headless import run_headless
    from treadle.session.records import find_run
    from treadle.session.session import Session, resume
    from treadle.session.trust import ensure

    folder = find_run(root, args.id)
    attended = is_attended(args)
    options = msgspec.structs.replace(options_of(args), attended=attended, trusted=True)

    def start() -> Session:
        ensure(root, waived=args.trust, ask=ask_person if attended else None)
        return resume(root, folder, options)

    return run_headless(start, args.output)


def _rewind(root: Path, args: argparse.Namespace) -> int:
    from treadle.session.afterwards import rewind_run
    from treadle.session.records import find_run

    folder = find_run(root, args.id)
    paths = rewind_run(root, folder)
    sys.stderr.write(f"treadle: put back; to write it again: treadle runs apply {folder.name}\n")
    return _tell_paths(args, folder, "restored", paths)


def _tell_paths(args: argparse.Namespace, folder: Path, what: str, paths: tuple[str, ...]) -> int:
    from treadle.protocol.text import clean

    shown = [clean(path) for path in paths]
    facts: dict[str, Any] = {"run": folder.name, what: shown}
    return tell(args, "".join(f"{path}\n" for path in shown), **facts)
