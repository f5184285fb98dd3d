"""Fault localisation: which lines the failing tests run and the passing ones don't."""

from __future__ import annotations

import ast
import signal
import sys
import threading
import time
from math import sqrt
from typing import Any, Callable, Iterator, NamedTuple

from .files import Files, Source
from .runners import Tests

_MODULE_SHARE = 0.9


class Seen(NamedTuple):
    """One test's traced run. `lines` maps a path to the lines it ran; a function's entry is minus its first line."""

    id: str
    passed: bool
    seconds: float
    lines: dict[str, list[int]]


class Hang(BaseException):
    """Raised inside a test that runs past its time; no `except Exception` of the project swallows it."""


class Tracer:
    """Records the lines of editable files that run while it is on. By sys.monitoring where there is one."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._paths: dict[str, str | None] = {}
        self.lines: dict[str, set[int]] = {}
        self._monitoring: Any = getattr(sys, "monitoring", None)
        self._tool = 4

    def _path(self, filename: str) -> str | None:
        if filename not in self._paths:
            self._paths[filename] = self._files.editable(filename)
        return self._paths[filename]

    def start(self) -> None:
        """Begin with no lines."""
        self.lines = {}
        if self._monitoring is not None and self._monitor():
            return
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self) -> None:
        """End recording; `lines` stays."""
        if self._monitoring is not None:
            self._monitoring.set_events(self._tool, 0)
            return
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type,unused-ignore]

    def _call(self, frame: Any, event: str, argument: Any) -> Any:
        path = self._path(frame.f_code.co_filename)
        if path is None:
            return None
        here = self.lines.setdefault(path, set())
        here.add(-frame.f_code.co_firstlineno)

        def line(frame: Any, event: str, argument: Any) -> Any:
            if event == "line":
                here.add(frame.f_lineno)
            return line

        return line

    def _monitor(self) -> bool:
        monitoring = self._monitoring
        if monitoring.get_tool(self._tool) is None:
            monitoring.use_tool_id(self._tool, "treadle")
            monitoring.register_callback(self._tool, monitoring.events.LINE, self._line)
            monitoring.register_callback(self._tool, monitoring.events.PY_START, self._entry)
        elif monitoring.get_tool(self._tool) != "treadle":
            self._monitoring = None
            return False
        monitoring.restart_events()
        monitoring.set_events(self._tool, monitoring.events.LINE | monitoring.events.PY_START)
        return True

    def _line(self, code: Any, line: int) -> Any:
        path = self._path(code.co_filename)
        if path is not None:
            self.lines.setdefault(path, set()).add(line)
        return self._monitoring.DISABLE

    def _entry(self, code: Any, offset: int) -> Any:
        return self._line(code, -code.co_firstlineno)


def trace(
    tests: Tests,
    ids: list[str],
    files: Files,
    each_s: float,
    report: Callable[[Seen], None],
    traced: bool = True,
) -> None:
    """Run `ids`, traced or not, in order, giving each to `report` as it ends; one past `each_s` seconds fails.

    For a forked child's main thread: it takes over SIGALRM.
    """
    tracer = Tracer(files)
    begun = [0.0]

    def hang(number: int, frame: Any) -> None:
        raise Hang

    def on_start(test_id: str) -> None:
        begun[0] = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, each_s)
        if traced:
            tracer.start()

    def on_end(test_id: str, good: bool) -> None:
        if traced:
            tracer.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        lines = {path: sorted(found) for path, found in tracer.lines.items()}
        report(Seen(test_id, good, time.perf_counter() - begun[0], lines))

    signal.signal(signal.SIGALRM, hang)
    tests.run(ids, on_start, on_end, stop=False)


class Place(NamedTuple):
    """A statement under suspicion, and the function around it (dotted, '' at module level) with its lines."""

    path: str
    node: ast.stmt
    score: float
    function: str
    scope: ast.AST
    start: int
    end: int


def ochiai(failed: int, passed: int, all_failed: int) -> float:
    """The suspicion of a line run by `failed` of `all_failed` failing tests and by `passed` passing ones.

    Abreu, Zoeteweij, van Gemund: An evaluation of similarity coefficients for software fault localization,
    PRDC 2006.
    """
    return failed / sqrt(all_failed * (failed + passed)) if failed else 0.0


def scores(seen: list[Seen], first: str) -> dict[tuple[str, int], float]:
    """Ochiai's score of every line that the test `first` ran, by path and line (entries as in `Seen`)."""
    reached = {(p, n) for s in seen if s.id == first for p, lines in s.lines.items() for n in lines}
    failed = dict.fromkeys(reached, 0)
    passed = dict.fromkeys(reached, 0)
    for s in seen:
        count = passed if s.passed else failed
        for path, lines in s.lines.items():
            for n in lines:
                if (path, n) in count:
                    count[path, n] += 1
    all_failed = sum(not s.passed for s in seen)
    return {at: ochiai(failed[at], passed[at], all_failed) for at in reached}


def places(files: Files, seen: list[Seen], first: str, mentioned: set[str]) -> list[Place]:
    """The statements that `first` ran, and the constants they read: most suspicious first, ties later line first.

    Where it ran none, the constants of which the test has the names, `mentioned`.

    A function's header (its default values) and a module's or class's assignments run at import, unseen; they
    take 0.9 of the score of what was seen to use them. Ties go to the later line: measured, the
    faulty line comes first for 22 of QuixBugs' 40 instead of 11.
    """
    found = scores(seen, first)
    out: list[Place] = []
    named: dict[str, float] = {}
    for path in sorted({path for path, _ in found}):
        source = files.source(path)
        if source is not None:
            here = list(_statements(source, found))
            out += here
            for place in here:
                for name in _names(place.node):
                    named[name] = max(named.get(name, 0.0), place.score)
    named = named or dict.fromkeys(mentioned, 1.0)
    for path in sorted({path for path, _ in found} | _imported(files)):
        source = files.source(path)
        if source is not None:
            out += _constants(source, source.tree, named, "")
    return sorted(out, key=lambda p: (-p.score, p.path, -p.node.lineno))


def _imported(files: Files) -> set[str]:
    modules = [getattr(m, "__file__", None) for m in list(sys.modules.values())]
    return {p for p in (files.editable(f) for f in modules if isinstance(f, str)) if p is not None}


def header_end(node: ast.stmt) -> int:
    """The last line of a statement's own part: its body, if it has one, left out."""
    body = getattr(node, "body", None)
    if not body:
        return node.end_lineno or node.lineno
    first: int = min([body[0].lineno, *(d.lineno for d in getattr(body[0], "decorator_list", []))])
    return max(node.lineno, first - 1)


def _statements(source: Source, found: dict[tuple[str, int], float]) -> Iterator[Place]:
    def walk(node: ast.AST, names: tuple[str, ...], scope: ast.AST) -> Iterator[Place]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = [child.lineno, *(d.lineno for d in child.decorator_list)]
                score = max(found.get((source.path, -n), 0.0) for n in lines)
                inner = (*names, child.name)
                if score:
                    yield Place(
                        source.path, child, score * _MODULE_SHARE, ".".join(inner), child, *_extent(child)
                    )
                yield from walk(child, inner, child)
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, (*names, child.name), scope)
            else:
                if isinstance(child, ast.stmt) and isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    lines = range(child.lineno, header_end(child) + 1)  # type: ignore[assignment]
                    score = max(found.get((source.path, n), 0.0) for n in lines)
                    if score:
                        yield Place(source.path, child, score, ".".join(names), scope, *_extent(scope))
                if not isinstance(child, ast.expr):
                    yield from walk(child, names, scope)

    yield from walk(source.tree, (), source.tree)


def _extent(node: Any) -> tuple[int, int]:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno


def own(node: ast.stmt) -> Iterator[ast.AST]:
    """The statement and the nodes of its own part, nested statements and their parts left out, outside in."""
    yield node
    waiting = [c for c in ast.iter_child_nodes(node) if not isinstance(c, _NESTED)]
    while waiting:
        child = waiting.pop(0)
        yield child
        waiting = [c for c in ast.iter_child_nodes(child) if not isinstance(c, _NESTED)] + waiting


_NESTED = (ast.stmt, ast.ExceptHandler) + ((ast.match_case,) if sys.version_info >= (3, 10) else ())


def _names(node: ast.stmt) -> set[str]:
    found = {getattr(n, "id", getattr(n, "attr", None)) for n in own(node)}
    return {n for n in found if isinstance(n, str)}


def _constants(source: Source, node: ast.AST, named: dict[str, float], inside: str) -> Iterator[Place]:
    for child in getattr(node, "body", []):
        if isinstance(child, ast.ClassDef):
            yield from _constants(source, child, named, f"{inside}.{child.name}".lstrip("."))
        elif isinstance(child, (ast.Assign, ast.AnnAssign)) and child.value is not None:
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            score = max((named.get(name, 0.0) for name in names), default=0)
            if score:
                lines = child.lineno, child.end_lineno or child.lineno
                yield Place(source.path, child, score * _MODULE_SHARE, inside, source.tree, *lines)
