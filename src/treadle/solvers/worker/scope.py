"""What an edit of an expression is made from: the place it stands in, and the names and texts around it."""

from __future__ import annotations

import ast
from typing import Any, Iterator, NamedTuple

from .files import Edit, Source

ATOMS = (
    ast.Name,
    ast.Constant,
    ast.Call,
    ast.Attribute,
    ast.Subscript,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
)
_FREE = (
    ast.stmt,
    ast.Call,
    ast.keyword,
    ast.List,
    ast.Set,
    ast.Slice,
    ast.Dict,
    ast.Tuple,
    ast.Subscript,
    ast.NamedExpr,
)
_WRAPS = ("len", "sorted", "list", "set", "str", "int", "abs", "float")
_TAILS = (
    (".copy()", 2.3),
    (".strip()", 2.2),
    (".lower()", 2.2),
    ("[::-1]", 2.2),
    ("[1:]", 2.4),
    ("[:-1]", 2.4),
)


class Proposal(NamedTuple):
    """Edits and what they cost: the smaller, the earlier they are tried."""

    cost: float
    edits: tuple[Edit, ...]


class Scope(NamedTuple):
    """What is known around a statement.

    `names` can be read there, own ones first; `own_attributes` are those of `self`, `attributes` all others seen;
    `conditions` and `expressions` are texts from the same function; `from_test` the failing test's constants.
    """

    source: Source
    parents: dict[ast.AST, ast.AST]
    names: list[str]
    globals: list[str]
    own_attributes: list[str]
    attributes: list[str]
    conditions: list[str]
    expressions: list[str]
    from_test: list[Any]
    is_async: bool


Offers = Iterator[Proposal]


def put(scope: Scope, node: ast.AST, text: str, cost: float, atom: bool = True) -> Proposal:
    """`text` in the place of `node`, in parentheses where `text` is no `atom` and the place asks for them."""
    parent = scope.parents.get(node)
    free = isinstance(parent, _FREE) and not (
        isinstance(parent, (ast.Call, ast.Subscript))
        and node in (getattr(parent, "func", 0), getattr(parent, "value", 0))
    )
    text = text if atom or free or _sum_fits(parent, node, text) else f"({text})"
    return Proposal(cost, (Edit(scope.source.start(node), scope.source.end(node), text),))


def _sum_fits(parent: ast.AST | None, node: ast.AST, text: str) -> bool:
    """Whether `x + 1` needs no parentheses in the place of `node`."""
    if not text.endswith((" + 1", " - 1")):
        return False
    if isinstance(parent, ast.BinOp):
        return isinstance(parent.op, ast.Add) or (isinstance(parent.op, ast.Sub) and parent.left is node)
    return isinstance(parent, (ast.Compare, ast.BoolOp, ast.comprehension))


def pairs(items: list[Any]) -> list[tuple[Any, Any]]:
    """Each item with the next."""
    return [(items[n], items[n + 1]) for n in range(len(items) - 1)]


def text_of(scope: Scope, node: ast.AST, atom: bool = False) -> str:
    """The text of `node`; with `atom` in parentheses, unless it holds together without."""
    text = scope.source.segment(node)
    return f"({text})" if atom and not isinstance(node, ATOMS) else text


def swapped(scope: Scope, a: ast.AST, b: ast.AST, cost: float) -> Proposal:
    """The places of `a` and `b` swapped."""
    source = scope.source
    first, second = source.segment(a), source.segment(b)
    return Proposal(
        cost, (Edit(source.start(a), source.end(a), second), Edit(source.start(b), source.end(b), first))
    )


def negated(scope: Scope, node: ast.AST, cost: float) -> Offers:
    """`not` before `node`, unless there is one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return
    text = text_of(scope, node, atom=isinstance(node, (ast.BoolOp, ast.IfExp, ast.Lambda)))
    yield put(scope, node, f"not {text}", cost, atom=False)


def stretched(scope: Scope, node: ast.AST) -> Offers:
    """The expression plus and minus one, negated, wrapped in a call, sliced."""
    parent = scope.parents.get(node)
    text = text_of(scope, node, True)
    close = isinstance(parent, (ast.Subscript, ast.Slice, ast.Compare)) or (
        isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "range"
    )
    mine = node.id if isinstance(node, ast.Name) else ""
    for name in scope.names[:8] if mine else ():
        if name == mine:
            continue
        if node is getattr(parent, "iter", None):
            yield put(scope, node, f"{text}[{name}:]", 2.2)
            yield put(scope, node, f"{text}[:{name}]", 2.2)
        elif close or isinstance(parent, ast.Call):
            yield put(scope, node, f"{text} - {name}", 2.4, atom=False)
            yield put(scope, node, f"{text} + {name}", 2.4, atom=False)
    base = 1.2 if close else 1.8
    yield put(scope, node, f"{text} + 1", base, atom=False)
    yield put(scope, node, f"{text} - 1", base, atom=False)
    yield put(scope, node, f"-{text}", 2.0, atom=False)
    for tail in (" ** 2", " * 2", " // 2", " / 2"):
        yield put(scope, node, text + tail, 2.2, atom=False)
    for call in _WRAPS:
        yield put(scope, node, f"{call}({text_of(scope, node)})", 2.3)
    for tail, cost in _TAILS:
        yield put(scope, node, text + tail, cost)
    for tail in ("[0]", "[-1]", ".items()", ".values()"):
        yield put(scope, node, text + tail, 2.5)
