"""Edits inside one expression: an operator, a constant, a name, an argument replaced by one that people mix up with it.

Costs are small for slips that are common and have few alternatives; see `candidates.py` for their use.
"""

from __future__ import annotations

import ast
from typing import Any, Callable

from .calls import attribute, call, subscript
from .families import BINARY_TOKEN, COMPARE, COMPARE_TOKEN, RELATIVES, binary, constants
from .files import Edit
from .scope import ATOMS, Offers, Proposal, Scope, negated, pairs, put, stretched, swapped, text_of

_NONCOMMUTATIVE = {"-", "/", "//", "%", "**", "<<", ">>"}


def _constant(scope: Scope, node: ast.Constant) -> Offers:
    parent = scope.parents.get(node)
    if isinstance(parent, (ast.Expr, ast.JoinedStr)):
        return
    names = {*scope.names, *scope.globals}
    for text, cost in constants(node.value, scope.from_test, names):
        text = _quoted_as(scope.source.segment(node), text)
        if text.startswith("-") and isinstance(parent, (ast.UnaryOp, ast.BinOp)):
            text = f"({text})"
        yield put(scope, node, text, cost)
    if (
        isinstance(node.value, int)
        and not isinstance(node.value, bool)
        and isinstance(parent, (ast.Return, ast.Assign))
    ):
        yield from (put(scope, node, name, 2.0) for name in scope.names)


def _quoted_as(original: str, text: str) -> str:
    """A string's text in the quotes that the file has in its place."""
    plain = text.lstrip("fb")
    if original.endswith('"') and plain.startswith("'") and '"' not in plain and "'" not in plain[1:-1]:
        return text.replace("'", '"')
    return text


def _compare(scope: Scope, node: ast.Compare) -> Offers:
    source = scope.source
    sides = [node.left, *node.comparators]
    for at, op in enumerate(node.ops):
        start, end = source.end(sides[at]), source.start(sides[at + 1])
        word = COMPARE_TOKEN[type(op)]
        token = source.token(start, end, *word.split())
        if token is not None:
            # `not in` and `is not` are two tokens: what stands between them goes too.
            last = source.token(token.end, end, word.split()[1]) if " " in word else token
            for text, cost in COMPARE[word]:
                if last is not None:
                    yield Proposal(cost, (Edit(token.start, last.end, text),))
        if word in ("in", "not in") and len(node.ops) == 1:
            yield swapped(scope, sides[at], sides[at + 1], 1.6)


def _binary(scope: Scope, node: ast.BinOp) -> Offers:
    source = scope.source
    word = BINARY_TOKEN[type(node.op)]
    token = source.token(source.end(node.left), source.start(node.right), word)
    left, right = source.segment(node.left), source.segment(node.right)
    if token is not None:
        for text, cost in binary(word):
            yield Proposal(cost, (Edit(token.start, token.end, text),))
            if isinstance(scope.parents.get(node), ast.BinOp) or isinstance(node.left, ast.BinOp):
                start, end = source.start(node), source.end(node)
                whole = source.text[start : token.start] + text + source.text[token.end : end]
                yield Proposal(cost + 0.4, (Edit(start, end, f"({whole})"),))
        if isinstance(node.left, ast.BinOp):
            # (a + b) * c for a + b * c and the other way round
            inner = source.segment(node.left.right)
            start, end = source.start(node.left.right), source.end(node)
            yield Proposal(
                1.5, (Edit(start, end, f"({inner}{source.text[source.end(node.left.right) : end]})"),)
            )
        if isinstance(node.right, ast.BinOp):
            start, end = source.start(node), source.end(node.right.left)
            yield Proposal(1.5, (Edit(start, end, f"({source.text[start:end]})"),))
    if word in _NONCOMMUTATIVE or word == "+":
        both = f"{text_of(scope, node.right, True)} {word} {text_of(scope, node.left, True)}"
        yield put(scope, node, both, 1.7 if word == "+" else 1.4, atom=False)
    yield put(scope, node, left, 1.6, isinstance(node.left, ATOMS))
    yield put(scope, node, right, 1.6, isinstance(node.right, ATOMS))


def _boolean(scope: Scope, node: ast.BoolOp) -> Offers:
    source = scope.source
    word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    edits = []
    for a, b in pairs(node.values):
        token = source.token(source.end(a), source.start(b), word)
        if token is not None:
            edits.append(Edit(token.start, token.end, other))
    yield Proposal(1.0, tuple(edits))
    for at, value in enumerate(node.values):
        kept = [text_of(scope, v, True) for v in node.values[:at] + node.values[at + 1 :]]
        yield put(scope, node, f" {word} ".join(kept), 1.5, len(kept) == 1)
        yield from negated(scope, value, 1.4)


def _unary(scope: Scope, node: ast.UnaryOp) -> Offers:
    yield put(scope, node, text_of(scope, node.operand, True), 1.1)


def _name(scope: Scope, node: ast.Name) -> Offers:
    if not isinstance(node.ctx, ast.Load):
        yield from (put(scope, node, name, 1.9) for name in scope.names if name != node.id)
        return
    parent = scope.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    for name in RELATIVES.get(node.id, ()):
        yield put(scope, node, name, 1.2)
    if node.id in scope.own_attributes and "self" in scope.names:
        yield put(scope, node, f"self.{node.id}", 1.4)
    for name in scope.globals if called or node.id in scope.globals else scope.names:
        if name != node.id:
            alike = name in node.id or node.id in name or (name[:2] == node.id[:2] and len(name) > 2)
            yield put(scope, node, name, 1.3 if alike else 1.5)
    if not called and node.id not in scope.globals:
        yield from stretched(scope, node)
        yield from (put(scope, node, f"self.{a}", 1.7) for a in scope.own_attributes if "self" in scope.names)


def _conditional(scope: Scope, node: ast.IfExp) -> Offers:
    yield swapped(scope, node.body, node.orelse, 1.2)
    yield put(scope, node, text_of(scope, node.body, True), 1.9)
    yield put(scope, node, text_of(scope, node.orelse, True), 1.9)
    yield from negated(scope, node.test, 1.3)


def _elements(scope: Scope, node: Any) -> Offers:
    source = scope.source
    if isinstance(node, ast.List) and isinstance(node.ctx, ast.Load):
        yield put(scope, node, f"[{source.segment(node)}]", 2.0)
    for at, (a, b) in enumerate(pairs(node.elts)):
        yield swapped(scope, a, b, 1.4)
        if len(node.elts) > 2:
            yield Proposal(1.9, (Edit(source.end(a), source.end(b), ""),))
            if at == 0:
                yield Proposal(1.9, (Edit(source.start(a), source.start(b), ""),))


def _comprehension(scope: Scope, node: Any) -> Offers:
    for generator in node.generators:
        for test in generator.ifs:
            word = scope.source.token(scope.source.end(generator.iter), scope.source.start(test), "if")
            if word is not None and len(generator.ifs) == 1:
                yield Proposal(1.7, (Edit(word.start, scope.source.end(test), ""),))
            yield from negated(scope, test, 1.3)


def _await(scope: Scope, node: ast.Await) -> Offers:
    yield put(scope, node, scope.source.segment(node.value), 1.8)


def _yield(scope: Scope, node: ast.Yield) -> Offers:
    if node.value is not None:
        yield put(scope, node, f"yield from {scope.source.segment(node.value)}", 1.3, atom=False)


def _yield_from(scope: Scope, node: ast.YieldFrom) -> Offers:
    yield put(scope, node, f"yield {scope.source.segment(node.value)}", 1.3, atom=False)


_BY_TYPE: dict[type, Callable[..., Offers]] = {
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Name: _name,
    ast.Attribute: attribute,
    ast.Call: call,
    ast.Subscript: subscript,
    ast.IfExp: _conditional,
    ast.Tuple: _elements,
    ast.List: _elements,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}


def offers(scope: Scope, node: ast.AST) -> Offers:
    """The edits of one node."""
    make = _BY_TYPE.get(type(node))
    if make is not None:
        yield from make(scope, node)
