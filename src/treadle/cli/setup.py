"""`treadle setup`: looks for models, shows what each tier would use, asks what a person must say, and writes it."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from treadle.cli.arguments import add_output, tell
from treadle.protocol.errors import Aborted, TreadleError
from treadle.session.setup import Binding, Cloud, Found, Offer, Row, Written

_CHOICES: dict[str, Cloud] = {
    "all": "all",
    "large-only": "large only",
    "large only": "large only",
    "never": "never",
}
_MEANING: tuple[tuple[Cloud, str], ...] = (
    ("all", "every tier may use it"),
    ("large only", "the tier large alone"),
    ("never", "nothing leaves this machine"),
)


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `setup` to the command line."""
    parser = sub.add_parser(
        "setup",
        help="binds the tiers to the models that answer here",
        description="Looks for models, shows what each tier would use, and writes it to your own settings.",
    )
    parser.add_argument(
        "--cloud",
        default="",
        choices=tuple(_CHOICES),
        metavar="all|large-only|never",
        help="what the cloud may be used for",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="write what is proposed, without questions")
    parser.add_argument("--dry-run", action="store_true", help="show it, write nothing")
    add_output(parser)
    parser.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code: 0 when it was written (or would be, with --dry-run), 3 when a person has to say so."""
    from treadle.session.setup import probe, propose, with_prices, write

    root = _root()
    found = asyncio.run(probe(root))
    _must_be_sound(found)
    cloud: Cloud = _CHOICES[args.cloud] if args.cloud else found.cloud or "never"
    attended = args.output == "text" and sys.stdin.isatty() and sys.stderr.isatty() and not args.yes
    if attended and not args.dry_run:
        return _talk(args, root, found, cloud)
    binding = asyncio.run(with_prices(found, propose(found, cloud)))
    may = bool(args.yes or args.cloud)
    if args.dry_run or not may:
        return _shown(args, found, binding, code=0 if args.dry_run else 3)
    return _shown(args, found, binding, write(binding, cloud if args.cloud or found.cloud else None))


def _root() -> Path | None:
    from treadle.workspace.git import find_root

    return find_root(Path.cwd())


def _must_be_sound(found: Found) -> None:
    """Raises: `SpecError` where the user's own tiers or settings have faults, for they can't be added to."""
    from treadle.protocol.errors import SpecError

    if found.faults:
        raise SpecError(found.faults)


def _talk(args: argparse.Namespace, root: Path | None, found: Found, cloud: Cloud) -> int:
    """The questions, one after another; nothing is written before the last one is answered with yes."""
    from treadle.cli.tables import found_rows, table, wrapped
    from treadle.session.setup import clouds, probe, propose, rows, with_prices, write

    _say("What answers here:")
    for name, said in found_rows(found):
        _say(wrapped(f"  {name:<8} {said}", " " * 11).rstrip("\n"))
    if clouds(found) and not args.cloud:
        cloud = _ask_cloud(found, cloud)
    binding = asyncio.run(with_prices(found, propose(found, cloud)))
    said = f" (the cloud: {cloud})" if clouds(found) else ""
    _say(f"\nWhat each tier would use, the cheapest first{said}:")
    _say(table(rows(found, binding)).rstrip("\n"))
    if binding.offers:
        for offer in binding.offers:
            _offer(offer, found)
        found = asyncio.run(probe(root))
        after = asyncio.run(with_prices(found, propose(found, cloud)))
        if rows(found, after) != rows(found, binding):
            _say("\nWith that, each tier uses:")
            _say(table(rows(found, after)).rstrip("\n"))
        binding = after
    if not _yes(f"\nWrite this to {_folder()}?", default=True):
        raise Aborted("nothing was written", hint="treadle setup asks again")
    chosen = bool(args.cloud or found.cloud or clouds(found))
    return _shown(args, found, binding, write(binding, cloud if chosen else None), short=True)


def _ask_cloud(found: Found, standing: Cloud) -> Cloud:
    """What the person wants the cloud to be used for; enter keeps what stands, which is `never` at first."""
    from treadle.cli.tables import wrapped
    from treadle.session.setup import clouds, is_cloud, propose

    text = f"At hand: {'; '.join(clouds(found))}. Where the cloud is used, parts of your code are sent to it."
    _say("\n" + wrapped(text, "").rstrip("\n"))
    for number, (choice, meaning) in enumerate(_MEANING, 1):
        binding = propose(found, choice)
        away = [
            f"{tier.tier} {named.entry.name.partition('/')[2]}"
            for tier in binding.tiers
            if (named := next((c for c in tier.choices if is_cloud(c.entry, found)), None))
        ]
        line = f"  {number}  {choice:<10} {meaning}{': ' + ', '.join(away) if away else ''}"
        _say(wrapped(line, " " * 16).rstrip("\n"))
    numbers = {str(i): choice for i, (choice, _) in enumerate(_MEANING, 1)}
    while True:
        said = _answer(f"Use the cloud for: 1 all, 2 large only, 3 never [{standing}] ").lower()
        if not said:
            return standing
        chosen = numbers.get(said) or _CHOICES.get(said) or ("large only" if said == "large" else None)
        if chosen is not None:
            return chosen
        _say("  1, 2 or 3")


def _offer(offer: Offer, found: Found) -> None:
    """Makes the offer; what fails is told with the way to do it by hand, and set-up goes on."""
    from treadle.cli.progress import progress
    from treadle.cli.tables import offered, wrapped
    from treadle.session.setup import accept

    verb = "Pull it" if offer.kind == "pull" else "Install it"
    lead = "No small model of this machine's own answers yet: " if offer.kind == "pull" else ""
    text = f"{lead}{offered(offer)}"
    _say("\n" + wrapped(text, "").rstrip("\n"))
    if not _yes(f"{verb} now, with `{offer.command}`?", default=False):
        return
    try:
        accept(offer, found, progress(), lambda line: _say(f"  {line}"))
        _say("\n  done")
    except TreadleError as fault:
        _say(f"\n  {fault.message}")
        if fault.hint:
            _say(f"  next: {fault.hint}")
    except KeyboardInterrupt:
        _say("\n  stopped; what came is kept, and the same command goes on with it")


def _shown(
    args: argparse.Namespace,
    found: Found,
    binding: Binding,
    written: Written | None = None,
    *,
    code: int = 0,
    short: bool = False,
) -> int:
    """Prints what came of it, and returns `code`."""
    from treadle.cli.tables import table
    from treadle.protocol.text import clean
    from treadle.session.setup import clouds, rows

    lines = rows(found, binding)
    text = "" if short else table(lines)
    if written is not None:
        text += "".join(f"wrote {path}\n" for path in written.files) or "nothing to change\n"
        text += "".join(f"what was there is kept as {path}\n" for path in written.copies)
    after = _next(found, binding)
    if code == 3:
        _say("treadle: nothing was written: nobody is there to ask")
        after = "treadle setup --yes" + (" --cloud all|large-only|never" if clouds(found) else "")
    text += f"next: {after}\n" if written is not None else ""
    if args.output == "text" and written is None:
        _say(f"  next: {after}")
    return tell(
        args,
        clean(text),
        code=code,
        **_facts(found, binding, lines, written),
        next=after,
        dry_run=args.dry_run,
    )


def _next(found: Found, binding: Binding) -> str:
    """What to do once it is written."""
    from treadle.session.setup import next_thing

    after = next_thing(msgspec.structs.replace(found, cloud=found.cloud or binding.cloud), binding)
    if after and after != "treadle setup":
        return after
    return "treadle   (in your repository; treadle demo to watch a first run)"


def _facts(
    found: Found, binding: Binding, lines: tuple[Row, ...], written: Written | None
) -> dict[str, object]:
    """For a program: names of keys and never a value."""
    return {
        "cloud": binding.cloud,
        "tiers": [msgspec.structs.asdict(row) for row in lines],
        "ollama": {
            "at": found.ollama.place,
            "version": found.ollama.version,
            "models": [msgspec.structs.asdict(model) for model in found.ollama.models],
            "fault": found.ollama.fault,
        },
        "keys": [name for key in found.keys for name in key.variables],
        "engine": found.engine,
        "litellm": found.litellm,
        "offers": [msgspec.structs.asdict(offer) for offer in binding.offers],
        "written": list(written.files) if written else [],
        "copies": list(written.copies) if written else [],
    }


def _folder() -> Path:
    from treadle.spec.layers import user_folder

    return user_folder().path


def _yes(question: str, *, default: bool) -> bool:
    while True:
        said = _answer(f"{question} [{'Y/n' if default else 'y/N'}] ").lower()
        if said in ("", "y", "yes", "n", "no"):
            return default if not said else said[0] == "y"


def _answer(question: str) -> str:
    """What the person types. Raises: `Aborted` at the end of input."""
    from treadle.protocol.text import clean

    sys.stderr.write(clean(question))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise Aborted("nothing was written", hint="treadle setup asks again")
    return line.strip()


def _say(text: str) -> None:
    from treadle.protocol.text import clean

    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()
