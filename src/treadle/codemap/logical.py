"""Logical lines of a Python function: what a small model is shown, and the way back into the user's text.

Continuation lines are joined, comments and the docstring left out: a 1.5B model edits such lines far better
(measured; the protocol named `rewrite-then-edit`). An edit touches the physical lines of its logical line
alone, so that formatting and comments elsewhere stay.
"""

import io
import tokenize
from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

_SKIP = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


class Line(Struct, frozen=True):
    """One logical line: `text` stripped and joined, `indent` its leading space, `start` to `end` its rows (from 1)."""

    text: str
    indent: str
    start: int
    end: int


def logical_lines(source: str) -> tuple[Line, ...]:
    """The logical lines of Python source, in order. Raises `SyntaxError` where it can't be told."""
    rows = source.splitlines(keepends=True)
    lines: list[Line] = []
    held: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NEWLINE and held:
                lines.append(_line(held, rows))
                held = []
            elif token.type not in _SKIP and token.type != tokenize.NEWLINE:
                held.append(token)
    except (tokenize.TokenError, IndentationError) as fault:
        raise SyntaxError(str(fault)) from fault
    return tuple(lines)


def _line(tokens: list[tokenize.TokenInfo], rows: list[str]) -> Line:
    start, end = tokens[0].start[0], tokens[-1].end[0]
    indent = rows[start - 1][: tokens[0].start[1]]
    if start == end:
        text = rows[start - 1][tokens[0].start[1] : tokens[-1].end[1]]
    else:
        text = tokens[0].string
        for before, token in pairwise(tokens):
            same_row = before.end[0] == token.start[0]
            gap = rows[token.start[0] - 1][before.end[1] : token.start[1]] if same_row else " "
            tight = before.string in ("(", "[", "{") or token.string in (")", "]", "}", ",", ".")
            text += ("" if tight and not same_row else gap) + token.string
    return Line(text, indent, start, end)


def function_lines(source: str, start: int, end: int) -> tuple[Line, ...]:
    """The logical lines of the function in rows `start` to `end`, decorators and the docstring left out."""
    inside = [line for line in logical_lines(source) if start <= line.start and line.end <= end]
    while inside and inside[0].text.startswith("@"):
        inside.pop(0)
    if len(inside) > 1 and inside[1].text.lstrip("rRuUbB")[:1] in ("'", '"') and _is_string(inside[1].text):
        inside.pop(1)
    return tuple(inside)


def _is_string(text: str) -> bool:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    return all(t.type in (tokenize.STRING, tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER) for t in tokens)


def shown(lines: Iterable[Line]) -> str:
    """The lines as a model is shown them: indented from the first line's column."""
    lines = tuple(lines)
    base = len(lines[0].indent) if lines else 0
    return "\n".join(line.indent[base:] + line.text for line in lines)


def replace_line(source: str, line: Line, replacement: str) -> str:
    """The source with one logical line replaced; the replacement takes its indentation.

    Later lines of the replacement keep their own indentation relative to its first.
    """
    rows = source.splitlines(keepends=True)
    pieces = [piece for piece in replacement.expandtabs(4).splitlines() if piece.strip()]
    first = len(pieces[0]) - len(pieces[0].lstrip()) if pieces else 0
    ending = _ending(rows[line.end - 1])
    new = []
    for piece in pieces:
        own = max(0, len(piece) - len(piece.lstrip()) - first)
        new.append(line.indent + " " * own + piece.strip() + ending)
    return "".join([*rows[: line.start - 1], *new, *rows[line.end :]])


def rewrite(source: str, lines: tuple[Line, ...], answer: str) -> str:
    """The source with a function's logical lines replaced by those of a model's rewrite of it.

    Lines that are alike stay as they stand in the source, comments and formatting with them.
    Raises `SyntaxError` when the answer is no Python.
    """
    from difflib import SequenceMatcher

    mine = [(len(x.indent) - len(lines[0].indent), _squeezed(x.text)) for x in lines]
    theirs = function_lines(answer, 1, 1 << 30)
    if not theirs:
        raise SyntaxError("the answer holds no function")
    outer = len(theirs[0].indent)
    unit = _unit([len(x.indent) - outer for x in theirs]) or 4
    own_unit = _unit([depth for depth, _ in mine]) or 4
    other = [((len(x.indent) - outer) * own_unit // unit, _squeezed(x.text)) for x in theirs]
    rows = source.splitlines(keepends=True)
    ending = _ending(rows[lines[0].start - 1])
    char = "\t" if lines[-1].indent.startswith("\t") else " "
    for op, a, b, c, d in reversed(SequenceMatcher(None, mine, other, autojunk=False).get_opcodes()):
        if op == "equal":
            continue
        new = [lines[0].indent + char * other[i][0] + theirs[i].text + ending for i in range(c, d)]
        begin, stop = (lines[a].start - 1, lines[b - 1].end) if a < b else (lines[a - 1].end,) * 2
        rows[begin:stop] = new
    return "".join(rows)


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace('"', "'").replace(",)", ")").replace(",]", "]").replace(",}", "}")


def _unit(depths: list[int]) -> int:
    return min((d for d in depths if d > 0), default=0)


def _ending(row: str) -> str:
    return "\r\n" if row.endswith("\r\n") else "\n"
