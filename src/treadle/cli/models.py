"""`treadle models list|pull`: the weights that can be here, what an Ollama server has, and getting more."""

import argparse
import sys
from pathlib import Path

import msgspec

from treadle.cli.arguments import add_output, tell, tell_rows
from treadle.cli.progress import progress, size
from treadle.protocol.text import clean


class _Row(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    licence: str
    here: bool
    path: str
    about: str
    aliases: tuple[str, ...] = ()


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `models list` and `models pull` to the command line."""
    models = sub.add_parser("models", help="local models: what is here, and getting more")
    below = models.add_subparsers(dest="models_command", required=True, metavar="list|pull")
    listing = below.add_parser("list", help="known models, your own GGUF files, your Ollama server's models")
    listing.set_defaults(handle=_list)
    pulling = below.add_parser(
        "pull", help="download one model's weights, checked by their hash; ollama/NAME by Ollama"
    )
    pulling.add_argument("name", metavar="NAME")
    pulling.add_argument("--from", dest="source", metavar="FILE", help="a copy that you have already")
    pulling.set_defaults(handle=_pull)
    for command in (listing, pulling):
        add_output(command)


def _list(args: argparse.Namespace) -> int:
    rows = _rows()
    wide = max(len(r.name) for r in rows)
    text = ""
    for row in rows:
        state = "here" if row.here else "not here"
        text += f"{row.name:{wide}}  {size(row.bytes):>8}  {row.licence:10}  {state:8}  {row.about}\n"
    if not any(row.here for row in rows):
        sys.stderr.write("To get one: treadle models pull qwen2.5-coder-1.5b\n")
    return tell_rows(args, "models", [msgspec.structs.asdict(row) for row in rows], text)


def _rows() -> list[_Row]:
    from treadle.models.weights import KNOWN, installed, users_own

    rows = []
    for w in KNOWN:
        path = installed(w.name)
        rows.append(
            _Row(f"local/{w.aliases[0]}", w.bytes, w.licence, bool(path), str(path or ""), w.about, (w.name,))
        )
    for path in users_own():
        rows.append(
            _Row(f"local/{path.stem}", path.stat().st_size, "your own", True, str(path), "your own file")
        )
    from treadle.cli.ollama import PREFIX, about, listed

    for model in listed():
        name = f"{PREFIX}{clean(model.name)}"
        rows.append(_Row(name, model.bytes, "-", not model.elsewhere, "", about(model)))
    return rows


def _pull(args: argparse.Namespace) -> int:
    if args.name.startswith("ollama/"):
        from treadle.cli.ollama import pull as pull_by_ollama

        return pull_by_ollama(args)
    from treadle.models.pull import place, pull
    from treadle.models.weights import must_know

    weights = must_know(args.name)
    sys.stderr.write(f"{weights.about}\n{size(weights.bytes)}, licence {weights.licence}\n")
    file = Path(args.source) if args.source else None
    path = place(weights, file) if file else pull(weights, progress=progress())
    sys.stderr.write(f"\nlocal/{weights.aliases[0]} is ready, its SHA-256 is as pinned\n")
    return tell(args, f"{path}\n", model=f"local/{weights.aliases[0]}", path=str(path))
