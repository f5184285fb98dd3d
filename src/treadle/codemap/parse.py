"""Parses files by tree-sitter. A grammar is loaded when its language is first met."""

from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Tree

_SUFFIXES = {
    "py": "python", "pyi": "python",
    "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "tsx",
    "go": "go", "rs": "rust", "java": "java",
    "c": "c", "h": "cpp", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp",
    "json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml", "sh": "bash", "bash": "bash",
}  # fmt: skip
_MODULES = {
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
}


class Parsed(Struct, frozen=True):
    """A parsed file; `tree` is tree-sitter's."""

    path: str
    language: str
    content: bytes
    tree: Any


class Broken(Struct, frozen=True):
    """A place that does not parse: 1-based line and column (in bytes); `missing` names what should be there."""

    line: int
    column: int
    text: str = ""
    missing: str = ""


def language_of(path: str) -> str:
    """The language by the file's name; "" for one that is not known."""
    name = path.rsplit("/", 1)[-1]
    return _SUFFIXES.get(name.rsplit(".", 1)[-1].lower(), "") if "." in name else ""


def parse(path: str, content: bytes) -> Parsed | None:
    """The file's tree; None for a language that is not known or whose grammar is not installed."""
    language = language_of(path)
    grammar = _grammar(language) if language else None
    if grammar is None:
        return None
    from tree_sitter import Parser

    tree: Tree = Parser(grammar).parse(content)
    return Parsed(path, language, content, tree)


def errors(parsed: Parsed) -> list[Broken]:
    """The places that do not parse, from top to bottom, outermost only; [] for a whole file."""
    found: list[Broken] = []
    stack: list[Node] = [parsed.tree.root_node]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            row, column = node.start_point
            text = (
                parsed.content[node.start_byte : node.end_byte].decode("utf-8", "replace").split("\n")[0][:60]
            )
            found.append(Broken(row + 1, column + 1, text, node.type if node.is_missing else ""))
        elif node.has_error:
            stack.extend(reversed(node.children))
    return found


@cache
def _grammar(language: str) -> "Language | None":
    from importlib import import_module

    module, function = _MODULES.get(language, (f"tree_sitter_{language}", "language"))
    try:
        from tree_sitter import Language

        return Language(getattr(import_module(module), function)())
    except ImportError:
        return None
