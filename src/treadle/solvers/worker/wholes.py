"""Edits of a whole condition or value: narrowed, widened, or another expression of the function in its place."""

from __future__ import annotations

import ast
from typing import Iterator

from .scope import Offers, Scope, negated, put, text_of


def condition_offers(scope: Scope, test: ast.expr) -> Offers:
    """The edits of a whole condition: negated, fixed, narrowed or widened by another one of the function."""
    if not isinstance(test, ast.Compare) or len(test.ops) > 1:
        yield from negated(scope, test, 1.2)
    yield from (put(scope, test, text, 2.0) for text in ("True", "False"))
    for name in scope.names[:10]:
        yield put(scope, test, name, 1.8 if isinstance(test, ast.Constant) else 2.4)
    mine = text_of(scope, test, atom=not isinstance(test, ast.Compare))
    for other in scope.conditions:
        if other != scope.source.segment(test):
            yield put(scope, test, f"{mine} and {other}", 2.6, atom=False)
            yield put(scope, test, f"{mine} or {other}", 2.6, atom=False)
            yield put(scope, test, f"{mine} and not {other}", 2.7, atom=False)
    for base in dict.fromkeys(_bases(scope, test)):
        yield put(scope, test, f"{base} is None or {mine}", 2.2, atom=False)
        yield put(scope, test, f"{base} is not None and {mine}", 2.2, atom=False)
        yield put(scope, test, f"not {base} or {mine}", 2.3, atom=False)
        yield put(scope, test, f"{base} and {mine}", 2.3, atom=False)
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        yield put(scope, test, f"{test.left.id} and {mine}", 2.6, atom=False)


def _bases(scope: Scope, test: ast.expr) -> Iterator[str]:
    """What a condition looks into: it may be None or empty."""
    for node in ast.walk(test):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(
            node.value, (ast.Name, ast.Attribute)
        ):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                yield scope.source.segment(node.value)


def whole_offers(scope: Scope, value: ast.expr) -> Offers:
    """The edits that put another expression of the same function in place of a whole value."""
    mine = scope.source.segment(value)
    for other in scope.expressions:
        if other != mine:
            yield put(scope, value, other, 2.3, atom=False)
    for name in scope.names[:6]:
        if name != mine:
            yield put(scope, value, f"{text_of(scope, value, True)} + {name}", 2.6, atom=False)
            yield put(scope, value, f"{name} + {text_of(scope, value, True)}", 2.6, atom=False)
            yield put(scope, value, f"{text_of(scope, value, True)} or {name}", 2.7, atom=False)
