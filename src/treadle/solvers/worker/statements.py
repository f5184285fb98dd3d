"""Edits of whole statements: one deleted, moved, inserted, or made into another kind."""

from __future__ import annotations

import ast
from typing import Any

from .files import Edit, Source
from .scope import Offers, Proposal, Scope
from .wholes import condition_offers, whole_offers

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
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
    if isinstance(node, _FUNCTIONS):
        return
    if not isinstance(node, (ast.Return, *_FUNCTIONS)) and not getattr(node, "body", None):
        yield from _deleted(scope, node)
    for kind, make in _BY_TYPE.items():
        if isinstance(node, kind):
            yield from make(scope, node)
    yield from _moved(scope, node)
    yield from _inserted(scope, node)


def _lines(source: Source, node: ast.stmt) -> tuple[int, int] | None:
    """The offsets of the whole lines of a statement; None where it shares them with another one."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    start, end = source.starts[first - 1], source.starts[node.end_lineno or first]
    rest = source.text[source.end(node) : end].strip()
    return None if source.indent(node) is None or (rest and not rest.startswith("#")) else (start, end)


def _block(scope: Scope, node: ast.stmt) -> list[ast.stmt]:
    """The statements among which `node` stands."""
    parent = scope.parents.get(node)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and node in block:
            return block
    return [node]


def _deleted(scope: Scope, node: ast.stmt) -> Offers:
    source = scope.source
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    whole = _lines(source, node)
    if len(_block(scope, node)) == 1:
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
    in_function = any(isinstance(a, _FUNCTIONS) for a in _ancestors(scope, node))
    if equals is not None and in_function and isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        for operator, cost in (("+=", 1.4), ("-=", 1.7), ("*=", 1.8), ("|=", 2.0)):
            yield Proposal(cost, (Edit(equals.start, equals.end, operator),))
        for call in ("max", "min"):
            yield Proposal(2.0, (Edit(start, end, f"{call}({name}, {value})"),))
            yield Proposal(2.1, (Edit(start, end, f"{call}(0, {value})"),))
        yield Proposal(2.2, (Edit(start, end, f"{name} or {value}"),))
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
    block = getattr(parent, "body", [])
    at = block.index(node) if node in block else 0
    if word == ["if"] and at and isinstance(block[at - 1], ast.If) and not block[at - 1].orelse:
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
    block = _block(scope, node)
    at, mine = block.index(node), _lines(source, node)
    if mine is None or _has_text_over_lines(node):
        return
    if at + 1 < len(block):
        after = _lines(source, block[at + 1])
        if after is not None:
            between = source.text[mine[1] : after[0]]
            text = source.text[slice(*after)] + between + source.text[slice(*mine)]
            if source.text[slice(*after)].endswith(("\n", "\r")):
                yield Proposal(1.9, (Edit(mine[0], after[1], text),))
    parent: Any = scope.parents.get(node)
    indent = source.indent(node) or ""
    if at == len(block) - 1 and at > 0 and isinstance(parent, (*_LOOPS, ast.If)) and not parent.orelse:
        outer = source.indent(parent)
        moved = _shifted(source.text[slice(*mine)], indent, outer) if outer is not None else None
        if moved is not None:
            yield Proposal(1.7, (Edit(*mine, moved),))
    before: Any = block[at - 1] if at else None
    if isinstance(before, (*_LOOPS, ast.If)) and not before.orelse:
        inner = source.indent(before.body[0])
        moved = _shifted(source.text[slice(*mine)], indent, inner) if inner is not None else None
        if moved is not None:
            yield Proposal(1.7, (Edit(*mine, moved),))


def _ancestors(scope: Scope, node: ast.AST) -> list[ast.AST]:
    out = []
    parent = scope.parents.get(node)
    while parent is not None:
        out.append(parent)
        if isinstance(parent, _FUNCTIONS):
            break
        parent = scope.parents.get(parent)
    return out


def _inserted(scope: Scope, node: ast.stmt) -> Offers:
    """A line after this one, or a guard before the first of a function."""
    source = scope.source
    whole, indent = _lines(source, node), source.indent(node)
    around = _ancestors(scope, node)
    if whole is None or indent is None or not around or not isinstance(around[-1], _FUNCTIONS):
        return
    function, block = around[-1], _block(scope, node)
    last = node is block[-1]
    # A file may end without a line end.
    lead = "" if source.text[: whole[1]].endswith(("\n", "\r")) else source.newline

    end = whole[1]

    def after(text: str, cost: float) -> Proposal:
        return Proposal(cost, (Edit(end, end, f"{lead}{indent}{text}{source.newline}"),))

    in_loop = any(isinstance(a, _LOOPS) for a in around)
    if last and in_loop and not isinstance(node, (ast.Break, ast.Continue, ast.Return, ast.Raise)):
        yield from (after(word, 2.1) for word in ("break", "continue"))
    if last and in_loop and isinstance(scope.parents.get(node), ast.While):
        yield from (after(f"{name} {op} 1", 2.5) for name in scope.names[:6] for op in ("+=", "-="))
    if last and in_loop and block is not function.body:
        yield from (after(f"{a} = {b}", 2.9) for a in scope.names[:5] for b in scope.names[:5] if a != b)
    if last and block is function.body and not isinstance(node, (ast.Return, ast.Raise)):
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


def _simple(function: Any) -> list[ast.stmt]:
    kinds = (ast.Expr, ast.Assign, ast.AugAssign)
    out: list[ast.stmt] = [
        s for s in ast.walk(function) if isinstance(s, kinds) and not isinstance(s.value, ast.Constant)
    ]
    return out[:8]


def _guards(scope: Scope, function: Any, start: int, indent: str) -> Offers:
    names = [a.arg for a in function.args.args if a.arg not in ("self", "cls")]
    for name in names[:3]:
        for value in ("", " " + name, " []", " 0", " ''", " False", " True", " None"):
            text = (
                f"{indent}if not {name}:{scope.source.newline}{indent}    return{value}{scope.source.newline}"
            )
            yield Proposal(2.6, (Edit(start, start, text),))
