"""Edits that insert a line: a copy of another statement, a jump, a return, a guard."""

from __future__ import annotations

import ast
from typing import Any

from .files import Edit, Source
from .scope import Offers, Proposal, Scope

LOOPS = (ast.For, ast.AsyncFor, ast.While)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def lines(source: Source, node: ast.stmt) -> tuple[int, int] | None:
    """The offsets of the whole lines of a statement; None where it shares them with another one."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    start, end = source.starts[first - 1], source.starts[node.end_lineno or first]
    rest = source.text[source.end(node) : end].strip()
    return None if source.indent(node) is None or (rest and not rest.startswith("#")) else (start, end)


def block(scope: Scope, node: ast.stmt) -> list[ast.stmt]:
    """The statements among which `node` stands."""
    parent = scope.parents.get(node)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and node in block:
            return block
    return [node]


def ancestors(scope: Scope, node: ast.AST) -> list[ast.AST]:
    """What `node` stands in, from the inside out, to the function around it."""
    out = []
    parent = scope.parents.get(node)
    while parent is not None:
        out.append(parent)
        if isinstance(parent, FUNCTIONS):
            break
        parent = scope.parents.get(parent)
    return out


def inserted(scope: Scope, node: ast.stmt) -> Offers:
    """A line after this one, or a guard before the first of a function."""
    source = scope.source
    whole, indent = lines(source, node), source.indent(node)
    around = ancestors(scope, node)
    if whole is None or indent is None or not around or not isinstance(around[-1], FUNCTIONS):
        return
    function, beside = around[-1], block(scope, node)
    last = node is beside[-1]
    # A file may end without a line end.
    lead = "" if source.text[: whole[1]].endswith(("\n", "\r")) else source.newline

    end = whole[1]

    def after(text: str, cost: float) -> Proposal:
        return Proposal(cost, (Edit(end, end, f"{lead}{indent}{text}{source.newline}"),))

    in_loop = any(isinstance(a, LOOPS) for a in around)
    if last and in_loop and not isinstance(node, (ast.Break, ast.Continue, ast.Return, ast.Raise)):
        yield from (after(word, 2.1) for word in ("break", "continue"))
    if last and in_loop and isinstance(scope.parents.get(node), ast.While):
        yield from (after(f"{name} {op} 1", 2.5) for name in scope.names[:6] for op in ("+=", "-="))
    if in_loop and beside is not function.body:
        yield from (after(f"{a} = {b}", 2.9) for a in scope.names[:5] for b in scope.names[:5] if a != b)
    if last and beside is function.body and not isinstance(node, (ast.Return, ast.Raise)):
        yield from (after(f"return {name}", 2.0) for name in scope.names[:10])
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        yield after(f"{name} = {name}.copy()", 2.8)
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if body and node is body[0]:
        yield from _guards(scope, function, whole[0], indent)
    for other in _simple(function):
        text = source.segment(other)
        if other is not node and "\n" not in text:
            yield after(text, 2.7)
            yield from (after(varied, 2.9) for varied in _varied(scope, other))


def _simple(function: Any) -> list[ast.stmt]:
    kinds = (ast.Expr, ast.Assign, ast.AugAssign)
    out: list[ast.stmt] = [
        s for s in ast.walk(function) if isinstance(s, kinds) and not isinstance(s.value, ast.Constant)
    ]
    return out[:8]


def _varied(scope: Scope, node: ast.stmt) -> list[str]:
    """A statement that is a call, with another name in the place of one of its names."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return []
    source, start, end = scope.source, scope.source.start(node), scope.source.end(node)
    out = []
    for name in [n for n in ast.walk(node) if isinstance(n, ast.Name)][:3]:
        before, after = source.text[start : source.start(name)], source.text[source.end(name) : end]
        out += [before + other + after for other in scope.names[:6] if other != name.id]
    return out


def _guards(scope: Scope, function: Any, start: int, indent: str) -> Offers:
    names = [a.arg for a in function.args.args if a.arg not in ("self", "cls")]
    for name in names[:3]:
        for value in ("", " " + name, " []", " 0", " ''", " False", " True", " None"):
            text = (
                f"{indent}if not {name}:{scope.source.newline}{indent}    return{value}{scope.source.newline}"
            )
            yield Proposal(2.6, (Edit(start, start, text),))
