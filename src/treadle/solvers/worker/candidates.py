"""All edits of all suspects, in the order in which they are tried."""

from __future__ import annotations

import ast
from typing import Any, Iterator, NamedTuple

from .expressions import offers
from .files import Edit, Files, Source
from .localise import Place, own
from .patch import Chunk, chunks
from .scope import Scope, pairs
from .statements import statement_offers

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MOST_PLACES = 400
_SUSPICION = 1.5
_IMPORTED_ANEW = 0.3


class Candidate(NamedTuple):
    """One edit of one file. `rank` is its cost plus 1.5 for no suspicion at all: the smaller, the earlier."""

    rank: float
    path: str
    line: int
    function: str
    edits: tuple[Edit, ...]
    chunk: Chunk


def candidates(files: Files, places: list[Place], from_test: list[Any]) -> list[Candidate]:
    """The candidates of `places` in the order in which they are tried; equals keep the order of `places`.

    Rank = edit cost + 1.5 x (1 - suspicion): measured on QuixBugs and on HumanEvalFix, which was held out.
    """
    out: list[Candidate] = []
    known: dict[str, _File] = {}
    for place in places[:_MOST_PLACES]:
        source = files.source(place.path)
        if source is None:
            continue
        file = known.setdefault(place.path, _File(source)) if place.path not in known else known[place.path]
        chunk = file.chunk(place.node)
        if chunk is None:
            continue
        base = _SUSPICION * (1 - place.score) + (0 if isinstance(place.scope, _FUNCTIONS) else _IMPORTED_ANEW)
        cheapest: dict[tuple[Edit, ...], float] = {}
        for cost, edits in file.offers(place, from_test):
            if edits:
                cheapest[edits] = min(cost, cheapest.get(edits, cost))
        for edits, cost in cheapest.items():
            out.append(Candidate(cost + base, place.path, place.node.lineno, place.function, edits, chunk))
    return sorted(out, key=lambda c: c.rank)


def describe(source: Source, candidate: Candidate) -> str:
    """The candidate in words, as `` `<` becomes `<=` in line 12 of f ``."""
    where = f"line {candidate.line}" + (
        f" of {candidate.function}" if candidate.function else f" of {candidate.path}"
    )
    changes = []
    for edit in candidate.edits:
        old, new = _shown(source.text[edit.start : edit.end]), _shown(edit.text)
        if old and new:
            changes.append(f"`{old}` becomes `{new}`")
        else:
            changes.append(f"`{new}` is added" if new else f"`{old}` goes")
    return f"{' and '.join(changes)} in {where}"


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."


class _File:
    """What the edits of one file share."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.parents = {child: node for node in ast.walk(source.tree) for child in ast.iter_child_nodes(node)}
        self.chunks = chunks(source)
        self._scopes: dict[ast.AST, Scope] = {}

    def chunk(self, node: ast.stmt) -> Chunk | None:
        at = self.source.start(node)
        return next((c for c in self.chunks if c.start <= at < c.end), None)

    def offers(self, place: Place, from_test: list[Any]) -> Iterator[tuple[float, tuple[Edit, ...]]]:
        scope = self._scope(place.scope, from_test)
        chunk = self.chunk(place.node)
        assert chunk is not None
        yield from ((p.cost, p.edits) for p in statement_offers(scope, place.node) if _within(chunk, p.edits))
        # Of equals the later: as for lines, and who types `x * x` for `x * y` slips at the second.
        for node in reversed(list(self._expressions(place.node))):
            yield from ((p.cost, p.edits) for p in offers(scope, node) if _within(chunk, p.edits))

    def _expressions(self, statement: ast.stmt) -> Iterator[ast.AST]:
        if isinstance(statement, _FUNCTIONS):
            # Only the default values: annotations and names are not what a test sees.
            defaults = [*statement.args.defaults, *(d for d in statement.args.kw_defaults if d is not None)]
            nodes = [n for d in defaults for n in ast.walk(d)]
        else:
            nodes = [n for n in own(statement) if not self._annotates(n)]
        for node in nodes:
            if isinstance(node, ast.expr) and self._placed(node):
                yield node

    def _annotates(self, node: ast.AST) -> bool:
        parent = self.parents.get(node)
        while parent is not None and not isinstance(node, ast.stmt):
            if getattr(parent, "annotation", None) is node:
                return True
            node, parent = parent, self.parents.get(parent)
        return False

    def _placed(self, node: ast.expr) -> bool:
        """Whether the parser's position can be trusted: before Python 3.12 it can't always inside an f-string."""
        parent: ast.AST | None = self.parents.get(node)
        while parent is not None and not isinstance(parent, ast.stmt):
            if isinstance(parent, ast.JoinedStr):
                try:
                    again = ast.parse(self.source.segment(node), mode="eval").body
                    return not isinstance(node, ast.JoinedStr) and ast.dump(again) == ast.dump(node)
                except (SyntaxError, ValueError, IndexError):
                    return False
            parent = self.parents.get(parent)
        return True

    def _scope(self, node: ast.AST, from_test: list[Any]) -> Scope:
        if node not in self._scopes:
            self._scopes[node] = self._make_scope(node, from_test)
        return self._scopes[node]

    def _make_scope(self, node: ast.AST, from_test: list[Any]) -> Scope:
        inside = list(ast.walk(node))
        is_function = isinstance(node, _FUNCTIONS)
        class_ = self._class_of(node)
        names: list[str] = []
        outer: ast.AST | None = node
        while outer is not None and is_function:
            if isinstance(outer, _FUNCTIONS):
                names += _bound(outer)
            outer = self.parents.get(outer)
        top = [n for s in self.source.tree.body for n in _defined(s)]
        used = {n.id for n in inside if isinstance(n, ast.Name)}
        attributes = [n for n in inside if isinstance(n, ast.Attribute)]
        if class_ is not None:
            everything = [n for n in ast.walk(class_) if isinstance(n, ast.Attribute)]
            own_ = [n.attr for n in everything if isinstance(n.value, ast.Name) and n.value.id == "self"]
            own_ += [name for s in class_.body for name in _defined(s)]
        else:
            own_ = []
        return Scope(
            self.source,
            self.parents,
            _few([n for n in names if n not in ("self", "cls")], 14) + (["self"] if "self" in names else []),
            _few([n for n in top if n in used] + [n for n in top if n not in used], 12),
            _few([n for n in own_ if not n.startswith("__")], 12),
            _few([n.attr for n in attributes if not n.attr.startswith("__")], 10),
            _few(
                [self.source.segment(n) for n in inside if isinstance(n, ast.Compare)] if is_function else [],
                6,
            ),
            self._pool(inside) if is_function else [],
            from_test,
            isinstance(node, ast.AsyncFunctionDef),
        )

    def _pool(self, inside: list[ast.AST]) -> list[str]:
        kinds = (ast.Name, ast.Attribute, ast.Call, ast.BinOp, ast.Subscript)
        nodes = [
            n for n in inside if isinstance(n, kinds) and not isinstance(self.parents.get(n), ast.JoinedStr)
        ]
        texts = [self.source.segment(n) for n in nodes if isinstance(getattr(n, "ctx", ast.Load()), ast.Load)]
        return _few([t for t in texts if t and "\n" not in t and len(t) < 60], 16)

    def _class_of(self, node: ast.AST) -> ast.ClassDef | None:
        parent: ast.AST | None = node
        while parent is not None and not isinstance(parent, ast.ClassDef):
            parent = self.parents.get(parent)
        return parent


def _within(chunk: Chunk, edits: tuple[Edit, ...]) -> bool:
    ordered = sorted(edits)
    apart = all(a.end <= b.start for a, b in pairs(ordered))
    return apart and all(chunk.start <= e.start and e.end <= chunk.end for e in edits)


def _few(names: list[str], most: int) -> list[str]:
    return list(dict.fromkeys(names))[:most]


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    stored = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return [*(a.arg for a in plain), *(a.arg for a in rest), *stored]


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return []
