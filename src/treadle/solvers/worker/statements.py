"""Edits of whole statements: one deleted, moved, inserted, or made into another kind."""

from __future__ import annotations

import ast
from typing import Any

from .files import Edit
from .insertions import FUNCTIONS, LOOPS, ancestors, block, inserted, lines
from .scope import Offers, Proposal, Scope
from .wholes import condition_offers, whole_offers

_AUGMENTED = (
    ("+=", 1.0),
    ("-=", 1.0),
    ("=", 1.2),
    ("*=", 1.3),
    ("//=", 1.5),
    ("/=", 1.6),
    ("|=", 1.6),
    ("&=", 1.6),
)
_ERRORS = (
    "ValueError",
    "KeyError",
    "TypeError",
    "IndexError",
    "AttributeError",
    "ZeroDivisionError",
    "Exception",
)


def statement_offers(scope: Scope, node: ast.stmt) -> Offers:
    """The edits of one statement as a whole; those inside its expressions are in `expressions.py`."""
    if isinstance(node, FUNCTIONS):
        return
    if not isinstance(node, (ast.Return, *FUNCTIONS)) and not getattr(node, "body", None):
        yield from _deleted(scope, node)
    for kind, make in _BY_TYPE.items():
        if isinstance(node, kind):
            yield from make(scope, node)
    yield from _moved(scope, node)
    yield from inserted(scope, node)


def _deleted(scope: Scope, node: ast.stmt) -> Offers:
    source = scope.source
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        # What is not installed is not mended by doing without it.
        return
    whole = lines(source, node)
    if len(block(scope, node)) == 1:
        yield Proposal(2.0, (Edit(source.start(node), source.end(node), "pass"),))
    elif whole is not None:
        yield Proposal(1.9, (Edit(*whole, ""),))


def _assign(scope: Scope, node: ast.Assign) -> Offers:
    source = scope.source
    target = node.targets[0]
    equals = source.token(source.end(node.targets[-1]), source.start(node.value), "=")
    name = source.segment(target)
    value = source.segment(node.value)
    start, end = source.start(node.value), source.end(node.value)
    in_function = any(isinstance(a, FUNCTIONS) for a in ancestors(scope, node))
    if equals is not None and in_function and isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        for operator, cost in (("+=", 1.4), ("-=", 1.7), ("*=", 1.8), ("|=", 2.0)):
            yield Proposal(cost, (Edit(equals.start, equals.end, operator),))
        for call in ("max", "min"):
            yield Proposal(2.0, (Edit(start, end, f"{call}({name}, {value})"),))
            yield Proposal(2.1, (Edit(start, end, f"{call}(0, {value})"),))
        yield Proposal(2.2, (Edit(start, end, f"{name} or {value}"),))
    if in_function and isinstance(target, (ast.Attribute, ast.Subscript)):
        at = source.start(target), source.end(target)
        others = [e for e in scope.expressions if e != name and e.endswith("]")]
        yield from (Proposal(2.4, (Edit(*at, other),)) for other in others)
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        yield from _in_sequence(scope, node, target, node.value)
    yield from whole_offers(scope, node.value)


def _in_sequence(scope: Scope, node: ast.Assign, targets: ast.Tuple, values: ast.Tuple) -> Offers:
    """`a, b = b, a + b` as one assignment after the other, in both orders."""
    if len(targets.elts) == len(values.elts) == 2:
        texts = [
            f"{scope.source.segment(targets.elts[n])} = {scope.source.segment(values.elts[n])}"
            for n in (0, 1)
        ]
        for order in (texts, texts[::-1]):
            yield Proposal(2.4, (Edit(scope.source.start(node), scope.source.end(node), "; ".join(order)),))


def _augmented(scope: Scope, node: ast.AugAssign) -> Offers:
    source = scope.source
    start, end = source.end(node.target), source.start(node.value)
    token = source.token(
        start, end, "+=", "-=", "*=", "/=", "//=", "%=", "**=", "|=", "&=", "^=", "<<=", ">>="
    )
    if token is not None:
        for text, cost in _AUGMENTED:
            if text != token.text:
                yield Proposal(cost, (Edit(token.start, token.end, text),))
        name, value = source.segment(node.target), source.segment(node.value)
        for call in ("max", "min"):
            text = f"{name} = {call}({name}, {value})"
            yield Proposal(2.3, (Edit(source.start(node), source.end(node), text),))
    yield from whole_offers(scope, node.value)


def _returned(scope: Scope, node: ast.Return) -> Offers:
    source = scope.source
    if node.value is None:
        end = source.end(node)
        yield from (Proposal(1.8, (Edit(end, end, f" {name}"),)) for name in scope.names)
        return
    start, end = source.start(node), source.end(node)
    value = source.segment(node.value)
    yield Proposal(1.7, (Edit(start, end, f"yield {value}"),))
    yield from whole_offers(scope, node.value)
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        texts = [t for n in scope.names for t in (n, f"not {n}", f"{n} == 0")] + scope.conditions
        at = source.start(node.value), source.end(node.value)
        yield from (Proposal(2.0, (Edit(*at, text),)) for text in texts)
    if not isinstance(node.value, ast.Constant):
        yield Proposal(1.8, (Edit(source.start(node.value), source.end(node.value), f"not ({value})"),))
    for name in scope.names[:8]:
        for call in ("max", "min"):
            text = f"{call}({value}, {name})"
            yield Proposal(2.4, (Edit(source.start(node.value), source.end(node.value), text),))


def _branch(scope: Scope, node: Any) -> Offers:
    source = scope.source
    yield from condition_offers(scope, node.test)
    start = source.start(node)
    word = source.text[start : source.start(node.test)].split("(")[0].split()
    for old, new in (("if", "while"), ("while", "if"), ("elif", "if")):
        if word == [old] and not (node.orelse and old == "if"):
            yield Proposal(1.8, (Edit(start, start + len(old), new),))
    parent = scope.parents.get(node)
    beside = getattr(parent, "body", [])
    at = beside.index(node) if node in beside else 0
    if word == ["if"] and at and isinstance(beside[at - 1], ast.If) and not beside[at - 1].orelse:
        yield Proposal(1.8, (Edit(start, start, "el"),))


def _loop_word(scope: Scope, node: ast.stmt) -> Offers:
    start, end = scope.source.start(node), scope.source.end(node)
    other = "continue" if isinstance(node, ast.Break) else "break"
    yield Proposal(1.2, (Edit(start, end, other),))


def _handled(scope: Scope, node: ast.Try) -> Offers:
    for handler in node.handlers:
        if isinstance(handler.type, ast.Name):
            at = scope.source.start(handler.type), scope.source.end(handler.type)
            yield from (Proposal(1.6, (Edit(*at, name),)) for name in _ERRORS if name != handler.type.id)


def _value_of(scope: Scope, node: Any) -> Offers:
    if node.value is not None:
        yield from whole_offers(scope, node.value)


_BY_TYPE: dict[Any, Any] = {
    ast.Assign: _assign,
    ast.AnnAssign: _value_of,
    ast.AugAssign: _augmented,
    ast.Return: _returned,
    (ast.If, ast.While): _branch,
    (ast.Break, ast.Continue): _loop_word,
    ast.Try: _handled,
}


def _shifted(text: str, old: str, new: str) -> str | None:
    """Whole lines from one indentation to another; None where a line stands further left."""
    out = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith(old):
            return None
        out.append(new + line[len(old) :] if line.strip() else line)
    return "".join(out)


def _has_text_over_lines(node: ast.stmt) -> bool:
    strings = (n for n in ast.walk(node) if isinstance(n, (ast.Constant, ast.JoinedStr)))
    return any((n.end_lineno or 0) > n.lineno for n in strings)


def _moved(scope: Scope, node: ast.stmt) -> Offers:
    """The statement swapped with the next; out of its block when last in it; into the block before it."""
    source = scope.source
    around = block(scope, node)
    at, mine = around.index(node), lines(source, node)
    if mine is None or _has_text_over_lines(node):
        return
    if at + 1 < len(around):
        after = lines(source, around[at + 1])
        if after is not None:
            between = source.text[mine[1] : after[0]]
            text = source.text[slice(*after)] + between + source.text[slice(*mine)]
            if source.text[slice(*after)].endswith(("\n", "\r")):
                yield Proposal(1.9, (Edit(mine[0], after[1], text),))
    parent: Any = scope.parents.get(node)
    indent = source.indent(node) or ""
    if at == len(around) - 1 and at > 0 and isinstance(parent, (*LOOPS, ast.If)) and not parent.orelse:
        outer = source.indent(parent)
        moved = _shifted(source.text[slice(*mine)], indent, outer) if outer is not None else None
        if moved is not None:
            yield Proposal(1.7, (Edit(*mine, moved),))
    before: Any = around[at - 1] if at else None
    if isinstance(before, (*LOOPS, ast.If)) and not before.orelse:
        inner = source.indent(before.body[0])
        moved = _shifted(source.text[slice(*mine)], indent, inner) if inner is not None else None
        if moved is not None:
            yield Proposal(1.7, (Edit(*mine, moved),))
