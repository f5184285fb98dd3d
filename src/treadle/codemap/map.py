"""The code map: what is where in a repository, in few words, for a prompt."""

from collections.abc import Callable, Iterable

from treadle.codemap.parse import language_of, parse
from treadle.codemap.symbols import Symbol, symbols
from treadle.protocol.errors import PathError
from treadle.protocol.text import valid
from treadle.spec.paths import is_test_path

BYTES_PER_TOKEN = 4
"""A rough measure of code in tokens; the map stays under its budget by it."""

_LARGEST = 400_000
_DATA = {"json", "yaml", "toml"}


def code_map(read: Callable[[str], bytes], files: list[str], budget_tokens: int, focus: list[str]) -> str:
    """Each file with its top definitions as indented signature lines, at most `budget_tokens` (4 bytes a token).

    `focus` files come first and with line numbers and methods, then their folders' neighbours, then other code,
    tests last. What did not fit is counted in the last line, and so are languages whose grammar is missing.
    """
    room = budget_tokens * BYTES_PER_TOKEN
    parts: list[str] = []
    left = 0
    ungrammared: set[str] = set()
    code = [f for f in files if language_of(f) and language_of(f) not in _DATA]
    for path in _ordered(code, focus):
        if room <= 0:
            left += 1
            continue
        lines = [valid(line) for line in _lines(read, path, path in focus, ungrammared)]
        text = "\n".join(lines) + "\n"
        while len(lines) > 1 and len(text.encode()) > room:
            lines = [*lines[: max(1, len(lines) // 2)], "  …"] if len(lines) > 3 else lines[:1]
            text = "\n".join(lines) + "\n"
        if len(text.encode()) > room:
            left, room = left + 1, 0
            continue
        parts.append(text)
        room -= len(text.encode())
    if left:
        parts.append(f"({left} more files)\n")
    if ungrammared:
        parts.append(f"(no grammar is installed for {', '.join(sorted(ungrammared))})\n")
    return "".join(parts)


def _ordered(files: list[str], focus: list[str]) -> list[str]:
    folders = {path.rpartition("/")[0] for path in focus}

    def rank(path: str) -> tuple[int, int, str]:
        if path in focus:
            return 0, focus.index(path), path
        return 1 + (path.rpartition("/")[0] not in folders) + 2 * is_test_path(path), path.count("/"), path

    return sorted(files, key=rank)


def _lines(read: Callable[[str], bytes], path: str, whole: bool, ungrammared: set[str]) -> list[str]:
    try:
        content = read(path)
    except PathError:
        return [path]
    if len(content) > _LARGEST:
        return [f"{path} ({len(content) // 1024} KiB)"]
    parsed = parse(path, content)
    if parsed is None:
        ungrammared.add(language_of(path))
        return [path]
    return [path, *(_line(s, whole) for s in _shown(symbols(parsed), whole))]


def _shown(found: Iterable[Symbol], whole: bool) -> list[Symbol]:
    """All for a file in focus, else top-level definitions and the methods of classes that are no `_private`."""
    shown = []
    for symbol in found:
        depth, last = symbol.name.count("."), symbol.name.rsplit(".", 1)[-1]
        inner = depth == 1 and symbol.kind == "method" and (whole or not last.startswith("_"))
        if depth == 0 or inner:
            shown.append(symbol)
    return shown


def _line(symbol: Symbol, whole: bool) -> str:
    indent = "  " * (1 + symbol.name.count("."))
    return f"{indent}{symbol.signature}" + (f"  # {symbol.start}-{symbol.end}" if whole else "")
