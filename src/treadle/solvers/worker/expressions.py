"""Edits inside one expression: an operator, a constant, a name, an argument replaced by one that people mix up with it.

Costs are small for slips that are common and have few alternatives; see `candidates.py` for their use.
"""

from __future__ import annotations

import ast
from typing import Any, Callable, Iterator, NamedTuple

from .families import BINARY_TOKEN, COMPARE, COMPARE_TOKEN, RELATIVES, binary, constants
from .files import Edit, Source

_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp)
_FREE = (ast.stmt, ast.Call, ast.keyword, ast.List, ast.Set, ast.Slice, ast.Dict, ast.Tuple, ast.Subscript, ast.NamedExpr)
_NONCOMMUTATIVE = {"-", "/", "//", "%", "**", "<<", ">>"}
_WRAPS = ("len", "sorted", "list", "set", "str", "int", "abs", "float")


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


def _put(scope: Scope, node: ast.AST, text: str, cost: float, atom: bool = True) -> Proposal:
    parent = scope.parents.get(node)
    free = isinstance(parent, _FREE) and not (
        isinstance(parent, (ast.Call, ast.Subscript)) and node in (getattr(parent, "func", 0), getattr(parent, "value", 0))
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


def _text(scope: Scope, node: ast.AST, atom: bool = False) -> str:
    text = scope.source.segment(node)
    return f"({text})" if atom and not isinstance(node, _ATOMS) else text


def _swapped(scope: Scope, a: ast.AST, b: ast.AST, cost: float) -> Proposal:
    source = scope.source
    first, second = source.segment(a), source.segment(b)
    return Proposal(cost, (Edit(source.start(a), source.end(a), second), Edit(source.start(b), source.end(b), first)))


def _constant(scope: Scope, node: ast.Constant) -> Offers:
    parent = scope.parents.get(node)
    if isinstance(parent, ast.Expr) or isinstance(parent, ast.JoinedStr):
        return
    names = {*scope.names, *scope.globals}
    for text, cost in constants(node.value, scope.from_test, names):
        text = _quoted_as(scope.source.segment(node), text)
        if text.startswith("-") and isinstance(parent, (ast.UnaryOp, ast.BinOp)):
            text = f"({text})"
        yield _put(scope, node, text, cost)
    if isinstance(node.value, int) and not isinstance(node.value, bool) and isinstance(parent, (ast.Return, ast.Assign)):
        yield from (_put(scope, node, name, 2.0) for name in scope.names)


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
            yield _swapped(scope, sides[at], sides[at + 1], 1.6)


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
            yield Proposal(1.5, (Edit(start, end, f"({inner}{source.text[source.end(node.left.right):end]})"),))
        if isinstance(node.right, ast.BinOp):
            start, end = source.start(node), source.end(node.right.left)
            yield Proposal(1.5, (Edit(start, end, f"({source.text[start:end]})"),))
    if word in _NONCOMMUTATIVE or word == "+":
        both = f"{_text(scope, node.right, True)} {word} {_text(scope, node.left, True)}"
        yield _put(scope, node, both, 1.7 if word == "+" else 1.4, atom=False)
    yield _put(scope, node, left, 1.6, isinstance(node.left, _ATOMS))
    yield _put(scope, node, right, 1.6, isinstance(node.right, _ATOMS))


def _boolean(scope: Scope, node: ast.BoolOp) -> Offers:
    source = scope.source
    word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    edits = []
    for a, b in zip(node.values, node.values[1:]):
        token = source.token(source.end(a), source.start(b), word)
        if token is not None:
            edits.append(Edit(token.start, token.end, other))
    yield Proposal(1.0, tuple(edits))
    for at, value in enumerate(node.values):
        kept = [_text(scope, v, True) for v in node.values[:at] + node.values[at + 1 :]]
        yield _put(scope, node, f" {word} ".join(kept), 1.5, len(kept) == 1)
        yield from _negated(scope, value, 1.4)


def _negated(scope: Scope, node: ast.AST, cost: float) -> Offers:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return
    text = _text(scope, node, atom=isinstance(node, (ast.BoolOp, ast.IfExp, ast.Lambda)))
    yield _put(scope, node, f"not {text}", cost, atom=False)


def _unary(scope: Scope, node: ast.UnaryOp) -> Offers:
    yield _put(scope, node, _text(scope, node.operand, True), 1.1)


def _name(scope: Scope, node: ast.Name) -> Offers:
    if not isinstance(node.ctx, ast.Load):
        yield from (_put(scope, node, name, 1.9) for name in scope.names if name != node.id)
        return
    parent = scope.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    for name in RELATIVES.get(node.id, ()):
        yield _put(scope, node, name, 1.2)
    if node.id in scope.own_attributes and "self" in scope.names:
        yield _put(scope, node, f"self.{node.id}", 1.4)
    for name in scope.globals if called or node.id in scope.globals else scope.names:
        if name != node.id:
            alike = name in node.id or node.id in name or (name[:2] == node.id[:2] and len(name) > 2)
            yield _put(scope, node, name, 1.3 if alike else 1.5)
    if not called and node.id not in scope.globals:
        yield from _stretched(scope, node)
        yield from (_put(scope, node, f"self.{a}", 1.7) for a in scope.own_attributes if "self" in scope.names)


def _stretched(scope: Scope, node: ast.AST) -> Offers:
    """The expression plus and minus one, negated, wrapped in a call, sliced."""
    parent = scope.parents.get(node)
    text = _text(scope, node, True)
    if isinstance(node, ast.Name) and node is getattr(parent, "iter", None):
        for name in scope.names[:8]:
            if name != node.id:
                yield _put(scope, node, f"{text}[{name}:]", 2.2)
                yield _put(scope, node, f"{text}[:{name}]", 2.2)
    close = isinstance(parent, (ast.Subscript, ast.Slice, ast.Compare)) or (
        isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "range"
    )
    base = 1.2 if close else 1.8
    yield _put(scope, node, f"{text} + 1", base, atom=False)
    yield _put(scope, node, f"{text} - 1", base, atom=False)
    yield _put(scope, node, f"-{text}", 2.0, atom=False)
    for call in _WRAPS:
        yield _put(scope, node, f"{call}({_text(scope, node)})", 2.3)
    for tail, cost in ((".copy()", 2.3), (".strip()", 2.2), (".lower()", 2.2), ("[::-1]", 2.2), ("[1:]", 2.4), ("[:-1]", 2.4)):
        yield _put(scope, node, text + tail, cost)
    for tail in ("[0]", "[-1]", ".items()", ".values()"):
        yield _put(scope, node, text + tail, 2.5)


def _attribute(scope: Scope, node: ast.Attribute) -> Offers:
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
        yield from _stretched(scope, node)
        if own and node.attr in scope.names:
            yield _put(scope, node, node.attr, 1.4)


def _call(scope: Scope, node: ast.Call) -> Offers:
    source = scope.source
    plain = [a for a in node.args if not isinstance(a, (ast.Starred, ast.GeneratorExp))]
    for at, a in enumerate(plain):
        for b in plain[at + 1 :]:
            yield _swapped(scope, a, b, 1.2)
    if len(node.args) == 1 and not node.keywords and isinstance(node.func, ast.Name):
        yield _put(scope, node, _text(scope, node.args[0], True), 1.7)
    if isinstance(node.func, ast.Attribute) and not isinstance(scope.parents.get(node), ast.Expr):
        yield _put(scope, node, source.segment(node.func.value), 1.7)
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
    yield from _stretched(scope, node)
    yield from (_put(scope, node, name, 2.2) for name in scope.names[:8])
    if scope.is_async and not isinstance(scope.parents.get(node), ast.Await):
        yield _put(scope, node, f"await {source.segment(node)}", 1.6, atom=False)


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


def _subscript(scope: Scope, node: ast.Subscript) -> Offers:
    source = scope.source
    if isinstance(node.value, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        yield _swapped(scope, node.value.slice, node.slice, 1.5)
    if isinstance(node.ctx, ast.Load):
        yield _put(scope, node, source.segment(node.value), 2.0)
        yield from (_put(scope, node, name, 2.2) for name in scope.names[:8])
        if not isinstance(node.slice, ast.Slice):
            yield _put(scope, node, f"{source.segment(node.value)}.get({source.segment(node.slice)}, 0)", 2.2)
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


def _conditional(scope: Scope, node: ast.IfExp) -> Offers:
    yield _swapped(scope, node.body, node.orelse, 1.2)
    yield _put(scope, node, _text(scope, node.body, True), 1.9)
    yield _put(scope, node, _text(scope, node.orelse, True), 1.9)
    yield from _negated(scope, node.test, 1.3)


def _elements(scope: Scope, node: Any) -> Offers:
    source = scope.source
    for at, (a, b) in enumerate(zip(node.elts, node.elts[1:])):
        yield _swapped(scope, a, b, 1.4)
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
            yield from _negated(scope, test, 1.3)


def _await(scope: Scope, node: ast.Await) -> Offers:
    yield _put(scope, node, scope.source.segment(node.value), 1.8)


def _yield(scope: Scope, node: ast.Yield) -> Offers:
    if node.value is not None:
        yield _put(scope, node, f"yield from {scope.source.segment(node.value)}", 1.3, atom=False)


def _yield_from(scope: Scope, node: ast.YieldFrom) -> Offers:
    yield _put(scope, node, f"yield {scope.source.segment(node.value)}", 1.3, atom=False)


_BY_TYPE: dict[type, Callable[..., Offers]] = {
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
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


def condition_offers(scope: Scope, test: ast.expr) -> Offers:
    """The edits of a whole condition: negated, fixed, narrowed or widened by another one of the function."""
    if not isinstance(test, ast.Compare) or len(test.ops) > 1:
        yield from _negated(scope, test, 1.2)
    yield from (_put(scope, test, text, 2.0) for text in ("True", "False"))
    for name in scope.names[:10]:
        yield _put(scope, test, name, 1.8 if isinstance(test, ast.Constant) else 2.4)
    mine = _text(scope, test, atom=not isinstance(test, ast.Compare))
    for other in scope.conditions:
        if other != scope.source.segment(test):
            yield _put(scope, test, f"{mine} and {other}", 2.6, atom=False)
            yield _put(scope, test, f"{mine} or {other}", 2.6, atom=False)
            yield _put(scope, test, f"{mine} and not {other}", 2.7, atom=False)
    for base in dict.fromkeys(_bases(scope, test)):
        yield _put(scope, test, f"{base} is None or {mine}", 2.2, atom=False)
        yield _put(scope, test, f"{base} is not None and {mine}", 2.2, atom=False)
        yield _put(scope, test, f"not {base} or {mine}", 2.3, atom=False)
        yield _put(scope, test, f"{base} and {mine}", 2.3, atom=False)
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        yield _put(scope, test, f"{test.left.id} and {mine}", 2.6, atom=False)


def _bases(scope: Scope, test: ast.expr) -> Iterator[str]:
    """What a condition looks into: it may be None or empty."""
    for node in ast.walk(test):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.value, (ast.Name, ast.Attribute)):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                yield scope.source.segment(node.value)


def whole_offers(scope: Scope, value: ast.expr) -> Offers:
    """The edits that put another expression of the same function in place of a whole value."""
    mine = scope.source.segment(value)
    for other in scope.expressions:
        if other != mine:
            yield _put(scope, value, other, 2.3, atom=False)
    for name in scope.names[:6]:
        if name != mine:
            yield _put(scope, value, f"{_text(scope, value, True)} + {name}", 2.6, atom=False)
            yield _put(scope, value, f"{name} + {_text(scope, value, True)}", 2.6, atom=False)
            yield _put(scope, value, f"{_text(scope, value, True)} or {name}", 2.7, atom=False)
