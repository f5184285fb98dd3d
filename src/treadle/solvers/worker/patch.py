"""A candidate put into the living process: new code into the functions that exist, or a fresh import."""

from __future__ import annotations

import ast
import gc
import importlib.machinery
import os
import sys
from types import CodeType, FunctionType
from typing import Any, Iterator, NamedTuple, Tuple

from .files import Edit, Files, Source, splice

# Names from the outside in, each with its place among its likes: (("Book", 0), ("add", 0)).
Path = Tuple[Tuple[str, int], ...]


class Chunk(NamedTuple):
    """Top-level statements that share lines: what is compiled anew for a candidate."""

    first_line: int
    start: int
    end: int


class Compiled(NamedTuple):
    """A candidate's code: what changes in the process, and a key equal for equal programs.

    `swaps` are functions with their new code; `fresh` says that the module must be imported anew.
    """

    key: tuple[Any, ...]
    swaps: list[tuple[FunctionType, CodeType]]
    fresh: bool


def chunks(source: Source) -> list[Chunk]:
    """The top-level statements of a file as chunks, in order."""
    out: list[Chunk] = []
    for node in source.tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        start, end = source.starts[first - 1], source.starts[node.end_lineno or first]
        if out and start < out[-1].end:
            out[-1] = Chunk(out[-1].first_line, out[-1].start, max(end, out[-1].end))
        else:
            out.append(Chunk(first, start, end))
    return out


def _codes(code: CodeType, path: Path = ()) -> Iterator[tuple[Path, CodeType]]:
    yield path, code
    seen: dict[str, int] = {}
    for const in code.co_consts:
        if isinstance(const, CodeType):
            nth = seen[const.co_name] = seen.get(const.co_name, -1) + 1
            yield from _codes(const, (*path, (const.co_name, nth)))


def _const(value: Any) -> Any:
    if isinstance(value, (tuple, frozenset)):
        return type(value).__name__, tuple(map(_const, value))
    return type(value).__name__, repr(value)


def _shallow(code: CodeType) -> tuple[Any, ...]:
    consts = tuple(("code", c.co_name) if isinstance(c, CodeType) else _const(c) for c in code.co_consts)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    table = getattr(code, "co_exceptiontable", b"")
    return (
        code.co_name,
        code.co_code,
        consts,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        shape,
        table,
    )


class Patcher:
    """Compiles candidates and applies them. Made once, in the parent, after the project was imported."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._original: dict[tuple[str, int], dict[Path, CodeType]] = {}
        self._flags: dict[str, int] = {}
        self._living: dict[tuple[str, str, int], list[FunctionType]] = {}
        for thing in gc.get_objects():
            if type(thing) is FunctionType:
                code = thing.__code__
                path = files.editable(code.co_filename)
                if path is not None:
                    self._living.setdefault((path, code.co_name, code.co_firstlineno), []).append(thing)

    def compile(self, source: Source, chunk: Chunk, edits: tuple[Edit, ...]) -> Compiled | None:
        """What the edits, all inside `chunk`, would change; None when they don't parse or change nothing."""
        old = self._original_codes(source, chunk)
        moved = tuple(Edit(e.start - chunk.start, e.end - chunk.start, e.text) for e in edits)
        try:
            text = splice(source.text[chunk.start : chunk.end], moved)
            new = dict(_codes(self._code(source, chunk, text)))
        except (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError):
            return None
        shapes = {path: _shallow(code) for path, code in new.items()}
        changed = {path for path, shape in shapes.items() if path not in old or shape != _shallow(old[path])}
        changed |= {path for path in old if path not in new}
        if not changed:
            return None
        key = (source.path, chunk.start, tuple(shapes.items()))
        swaps = self._swaps(source.path, old, new, changed)
        return Compiled(key, swaps or [], swaps is None)

    def _swaps(
        self, path: str, old: dict[Path, CodeType], new: dict[Path, CodeType], changed: set[Path]
    ) -> list[tuple[FunctionType, CodeType]] | None:
        swaps = []
        # CO_OPTIMIZED: functions, not class bodies.
        functions = {p for p, c in old.items() if c.co_flags & 0x1}
        outermost = set()
        for place in changed:
            inside = [place[:n] for n in range(len(place) + 1) if place[:n] in functions]
            if not inside or inside[0] not in new:
                return None
            outermost.add(inside[0])
        for place in functions:
            if place not in new or not any(p[: len(place)] == place for p in changed):
                continue
            was, now = old[place], new[place]
            living = self._living.get((path, was.co_name, was.co_firstlineno), [])
            if not living and place in outermost:
                return None
            for function in living:
                if function.__code__.co_freevars != now.co_freevars:
                    return None
                swaps.append((function, now))
        return swaps

    def _original_codes(self, source: Source, chunk: Chunk) -> dict[Path, CodeType]:
        known = self._original.get((source.path, chunk.start))
        if known is None:
            known = dict(_codes(self._code(source, chunk, source.text[chunk.start : chunk.end])))
            self._original[source.path, chunk.start] = known
        return known

    def _code(self, source: Source, chunk: Chunk, text: str) -> CodeType:
        filename = os.path.join(self._files.root, source.path)
        if source.path not in self._flags:
            self._flags[source.path] = _future_flags(source.tree)
        padded = "\n" * (chunk.first_line - 1) + text
        code: CodeType = compile(padded, filename, "exec", self._flags[source.path], dont_inherit=True)
        return code


def _future_flags(tree: ast.Module) -> int:
    import __future__

    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= (
                    getattr(__future__, alias.name).compiler_flag if hasattr(__future__, alias.name) else 0
                )
    return flags


def swap(compiled: Compiled) -> None:
    """Give the living functions their new code. For a forked child: nothing is put back."""
    for function, code in compiled.swaps:
        function.__code__ = code


def forget(files: Files, path: str, text: bytes) -> None:
    """Drop the project's modules, so that the next import reads them anew, with `text` as the file `path`.

    For a forked child: nothing is put back.
    """
    target = os.path.join(files.root, path)
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *list(getattr(module, "__path__", []) or [])[:1]]
        inside = any(isinstance(place, str) and files.inside(place) is not None for place in places)
        if inside and name != "__main__":
            del sys.modules[name]
    loader = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if os.path.realpath(self.path) == target:
            return compile(text, self.path, "exec", dont_inherit=True)
        return original(self, fullname)

    loader.get_code = get_code  # type: ignore[method-assign]
