"""What all commands' arguments share: a parser whose faults are errors like any other, and `--output`."""

import argparse
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from treadle.protocol.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

Output = Literal["text", "json", "jsonl"]

_OUTPUT = re.compile(r"(?:-p?o=?|--output=|--output-format=)(.*)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations and raises `UsageError` instead of ending the process."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{**more, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Raises: `UsageError` with the command's name and where its options are told."""
        words = self.prog.removeprefix("treadle").strip()
        hint = f"{self.prog} --help"
        if message.startswith("unrecognized arguments: "):
            hint = self._other(message.partition(": ")[2]) or hint
        raise UsageError(f"{words}: {message}" if words else message, hint=hint)

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """Prints the help on stdout."""
        from treadle.protocol.text import put

        put(self.format_help())

    def _other(self, unknown: str) -> str:
        """What may have been meant by arguments that nothing takes, "" where nothing is near."""
        from difflib import get_close_matches

        first = unknown.split()[0]
        if not first.startswith("-"):
            takes = any(action.dest == "task" for action in self._actions)
            return "the task is one argument: put it in quotes" if takes else ""
        near = get_close_matches(first.partition("=")[0], self._option_string_actions, 1)
        return f"did you mean `{near[0]}`?" if near else ""


def parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """The arguments. Raises: `UsageError` by the parser of the command that `words` name, so that its hint fits."""
    args, unknown = parser.parse_known_args(words)
    if unknown:
        _named(parser, words).error(f"unrecognized arguments: {shlex.join(unknown)}")
    return args


def _named(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the innermost command that `words` name."""
    for word in words:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                parser = action.choices[word]
                break
    return parser


def add_output(parser: argparse.ArgumentParser, help: str = "what stdout gets: a text or JSON") -> None:
    """Adds `--output` in all its spellings; `args.output` is one of `Output`."""
    for names, told in ((("-o", "--output"), help), (("--output-format",), argparse.SUPPRESS)):
        parser.add_argument(
            *names,
            dest="output",
            default="text",
            type=_form,
            choices=("text", "json", "jsonl"),
            metavar="text|json|jsonl",
            help=told,
        )


def asked_output(words: Sequence[str]) -> Output:
    """The output that a command line asks for, read before anything else of it is understood."""
    found = "text"
    for index, word in enumerate(words):
        if word == "--":
            break
        if word in ("-o", "-po", "--output", "--output-format"):
            found = "".join(words[index + 1 : index + 2])
        elif match := _OUTPUT.fullmatch(word):
            found = match[1]
    form = _form(found)
    return "json" if form == "json" else "jsonl" if form == "jsonl" else "text"


def tell(args: argparse.Namespace, text: str = "", *, code: int = 0, **facts: Any) -> int:
    """Prints what a command found, and returns `code`: as text, or as one result line with the `facts`."""
    from treadle.protocol.text import encode_json, put

    if args.output == "text":
        put(text)
    else:
        line = {"type": "result", "is_error": code != 0, "exit_code": code, **facts}
        put(encode_json(line) + b"\n")
    return code


def tell_rows(
    args: argparse.Namespace, kind: str, rows: Sequence[dict[str, Any]], text: str, *, code: int = 0
) -> int:
    """Prints a list, and returns `code`: its text; one result that holds it; or a line for each, then the result."""
    if args.output != "jsonl":
        return tell(args, text, code=code, **{kind: rows})
    from treadle.protocol.text import encode_json, put

    for row in rows:
        put(encode_json({"type": kind.removesuffix("s"), **row}) + b"\n")
    return tell(args, code=code)


def _form(word: str) -> str:
    return "jsonl" if word == "stream-json" else word
