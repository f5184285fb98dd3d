"""`treadle trust`: what a repository would have treadle run and obey, and a person's yes to it; the one question."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from treadle.cli.arguments import add_output, tell

if TYPE_CHECKING:
    from treadle.session.trust import Standing


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `trust` to the command line."""
    parser = sub.add_parser(
        "trust",
        help="what this repository would have treadle run, and your yes to it",
        description="Shows what a repository would have treadle run and obey, and remembers your yes to just that.",
    )
    parser.add_argument(
        "path", nargs="?", default="", metavar="PATH", help="a repository (default: this one)"
    )
    does = parser.add_mutually_exclusive_group()
    does.add_argument("-y", "--yes", action="store_true", help="trust it as it is now, without a question")
    does.add_argument("--show", action="store_true", help="only show it; 0 where it is trusted, else 6")
    does.add_argument("--revoke", action="store_true", help="take it back: the next run asks again")
    add_output(parser)
    parser.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code: 0 where it is trusted now (or no longer, with --revoke), 6 where nobody said yes."""
    from treadle.protocol.errors import UsageError
    from treadle.protocol.text import clean
    from treadle.session.trust import difference, grant, refusal, revoke, standing, told
    from treadle.workspace.git import find_root

    place = Path(args.path or ".")
    if not place.is_dir():
        raise UsageError(f"trust {args.path}: there is no such folder")
    root = find_root(place)
    if args.revoke:
        was = revoke(root)
        return tell(args, f"{clean(str(root))}: {'no longer' if was else 'was not'} trusted\n", revoked=was)
    now = standing(root)
    changed = now.is_changed
    if not now.is_trusted and not args.show:
        attended = args.output == "text" and sys.stdin.isatty() and sys.stderr.isatty()
        if not args.yes and not (attended and ask_person(now)):
            if attended:
                return 6
            raise refusal(now)
        grant(now)
        now = standing(root)
    word = "trusted" if now.is_trusted else "changed since you trusted it" if changed else "not trusted yet"
    rows = [(name, clean(text)) for name, text in told(now)]
    text = f"{clean(str(root))}: {word}\n" + "".join(f"  {name:<11} {said}\n" for name, said in rows)
    if not now.is_trusted and changed:
        text += clean(difference(now)) + "\n"
    facts = {"trusted": now.is_trusted, "changed": not now.is_trusted and changed, "rows": rows}
    return tell(args, text, code=0 if now.is_trusted else 6, root=clean(str(root)), **facts)


def ask_person(now: "Standing") -> bool:
    """Shows what the repository would have treadle run, or what of it changed, and asks; whether they said yes."""
    from treadle.protocol.text import clean
    from treadle.session.trust import difference, told

    if now.is_changed:
        lines = [f"{now.root} changed since you trusted it:", *difference(now).splitlines()]
        question = "Trust it as it is now?"
    else:
        lines = [f"{now.root} is not trusted yet. A run would go by this, in the sandbox:"]
        lines += [f"  {name:<11} {text}" for name, text in told(now)]
        question = "Trust it?"
    for line in lines:
        print(clean(line), file=sys.stderr)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
