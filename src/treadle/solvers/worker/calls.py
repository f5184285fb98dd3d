"""Edits inside one call, attribute, subscript or slice."""

from __future__ import annotations

import ast

from .families import RELATIVES
from .files import Edit, Source
from .scope import Offers, Proposal, Scope, put, stretched, swapped, text_of


def attribute(scope: Scope, node: ast.Attribute) -> Offers:
    """Another attribute or method of the kind; the value changed by a little."""
    own = isinstance(node.value, ast.Name) and node.value.id == "self"
    end = scope.source.end(node)
    here = (end - len(node.attr), end)
    if scope.source.text[slice(*here)] != node.attr:
        return
    for name in RELATIVES.get(node.attr, ()):
        yield Proposal(1.2, (Edit(*here, name),))
    others = scope.own_attributes if own else scope.attributes
    for name in others:
        if name != node.attr and name not in RELATIVES.get(node.attr, ()):
            yield Proposal(1.5, (Edit(*here, name),))
    parent = scope.parents.get(node)
    if isinstance(node.ctx, ast.Load) and not (isinstance(parent, ast.Call) and parent.func is node):
        yield from stretched(scope, node)
        if own and node.attr in scope.names:
            yield put(scope, node, node.attr, 1.4)


def call(scope: Scope, node: ast.Call) -> Offers:
    """Arguments swapped, dropped, added; the call itself dropped, awaited, or another name in its place."""
    source = scope.source
    plain = [a for a in node.args if not isinstance(a, (ast.Starred, ast.GeneratorExp))]
    for at, a in enumerate(plain):
        for b in plain[at + 1 :]:
            yield swapped(scope, a, b, 1.2)
    if len(node.args) == 1 and not node.keywords and isinstance(node.func, ast.Name):
        yield put(scope, node, text_of(scope, node.args[0], True), 1.7)
    if isinstance(node.func, ast.Attribute) and not isinstance(scope.parents.get(node), ast.Expr):
        yield put(scope, node, source.segment(node.func.value), 1.7)
    everything = [*node.args, *(k.value for k in node.keywords)]
    if len(everything) > 1:
        starts = [*(source.start(a) for a in node.args), *(_keyword_start(source, k) for k in node.keywords)]
        # From the end of the argument before, so that its comma goes too.
        for at in range(1, len(everything)):
            before = source.token(source.end(everything[at - 1]), starts[at], ",")
            if before is not None:
                yield Proposal(1.7, (Edit(before.start, source.end(everything[at]), ""),))
    if everything and not isinstance(everything[-1], ast.GeneratorExp):
        end = source.end(everything[-1])
        yield from (Proposal(cost, (Edit(end, end, text),)) for text, cost in _EXTRA.get(_called(node), ()))
        if _called(node) == "range" and len(everything) == 1:
            start = source.start(everything[0])
            yield Proposal(1.3, (Edit(start, start, "1, "),))
        if _called(node) == "range" and len(everything) == 2:
            yield Proposal(1.7, (Edit(end, end, ", -1"),))
    elif not everything:
        end = source.end(node) - 1
        yield from (Proposal(2.0, (Edit(end, end, text),)) for text in _ONLY.get(_called(node), ()))
    yield from stretched(scope, node)
    yield from (put(scope, node, name, 2.2) for name in scope.names[:8])
    if scope.is_async and not isinstance(scope.parents.get(node), ast.Await):
        yield put(scope, node, f"await {source.segment(node)}", 1.6, atom=False)


_EXTRA = {
    "get": ((", 0", 1.7), (", ''", 2.0), (", []", 1.9)),
    "sorted": ((", reverse=True", 1.5),),
    "sort": ((", reverse=True", 1.5),),
    "enumerate": ((", 1", 1.4),),
    "max": ((", default=0", 1.9),),
    "min": ((", default=0", 1.9),),
    "round": ((", 1", 2.2), (", 2", 2.0)),
    "split": ((", 1", 1.7),),
    "rsplit": ((", 1", 1.7),),
    "pop": ((", None", 1.7),),
    "next": ((", None", 1.9),),
    "sum": ((", 0.0", 2.6),),
    "int": ((", 2", 2.3), (", 16", 2.3)),
}
_ONLY = {"pop": ("0", "-1"), "split": ("','", "'\\n'"), "sort": ("reverse=True",), "strip": ("'\\n'",)}


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def _keyword_start(source: Source, node: ast.keyword) -> int:
    return source.at(node.lineno, node.col_offset)


def subscript(scope: Scope, node: ast.Subscript) -> Offers:
    """Indexes swapped, bounds of a slice dropped or added."""
    source = scope.source
    if isinstance(node.value, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        yield swapped(scope, node.value.slice, node.slice, 1.5)
    if isinstance(node.ctx, ast.Load):
        yield put(scope, node, source.segment(node.value), 2.0)
        yield from (put(scope, node, name, 2.2) for name in scope.names[:8])
        if not isinstance(node.slice, ast.Slice):
            yield put(scope, node, f"{source.segment(node.value)}.get({source.segment(node.slice)}, 0)", 2.2)
            start = source.start(node.slice)
            yield from (Proposal(2.2, (Edit(start, start, text),)) for text in (":", "-"))
            end = source.end(node.slice)
            yield Proposal(2.2, (Edit(end, end, ":"),))
    if isinstance(node.slice, ast.Slice):
        yield from _slice(scope, node, node.slice)


def _slice(scope: Scope, node: ast.Subscript, part: ast.Slice) -> Offers:
    source = scope.source
    open_, close = source.end(node.value), source.end(node) - 1
    bracket = source.token(open_, close, "[")
    if bracket is None or part.step is not None:
        return
    low = source.segment(part.lower) if part.lower else ""
    high = source.segment(part.upper) if part.upper else ""

    def offer(text: str, cost: float) -> Proposal:
        return Proposal(cost, (Edit(bracket.end, close, text),))

    if low:
        yield offer(f":{high}", 1.5)
        yield offer(f":{low}", 1.6)
    else:
        yield from (offer(f"{n}:{high}", 1.5) for n in ("1",))
    if high:
        yield offer(f"{low}:", 1.5)
        yield offer(f"{high}:", 1.6)
    else:
        yield from (offer(f"{low}:{n}", 1.6) for n in ("-1",))
    yield offer(f"{low}:{high}:-1" if low or high else "::-1", 1.9)
