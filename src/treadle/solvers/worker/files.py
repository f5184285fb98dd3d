"""Which files may be changed, their text as the parser counts it, and edits as spliced text."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from bisect import bisect_left
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_FOREIGN = {
    "site-packages",
    "dist-packages",
    "node_modules",
    "__pycache__",
    ".git",
    ".tox",
    ".nox",
    ".venv",
    "venv",
}


class Edit(NamedTuple):
    """The characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class Token(NamedTuple):
    """An operator or name in the text, by character offsets."""

    start: int
    end: int
    text: str


def splice(text: str, edits: tuple[Edit, ...]) -> str:
    """`text` with all `edits` done, which must not overlap; every other character stays as it is."""
    parts, done = [], 0
    for edit in sorted(edits):
        if edit.start < done:
            raise ValueError("edits overlap")
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


class Source:
    """A Python file: text, tree, and the places of its nodes as character offsets.

    `text` has the file's own line ends; `encode` gives the file's bytes again, byte order mark and all.
    Raises `SyntaxError`, `UnicodeDecodeError` or `ValueError` for what Python can't read.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self.encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.text = data[len(self.mark) :].decode(self.encoding)
        self.tree = ast.parse(self.text)
        ends = [m.end() for m in _LINE_END.finditer(self.text)]
        self.starts = [0, *ends, len(self.text) + 1] if not ends or ends[-1] < len(self.text) else [0, *ends]
        self.newline = m.group() if (m := _LINE_END.search(self.text)) else "\n"
        self._tokens: list[Token] | None = None

    def encode(self, text: str) -> bytes:
        """`text` as this file's bytes."""
        return self.mark + text.encode(self.encoding)

    def at(self, line: int, column: int) -> int:
        """The character offset of a parser's position: line from 1, column in UTF-8 bytes."""
        start = self.starts[line - 1]
        whole = self.text[start : self.starts[line]] if line < len(self.starts) else self.text[start:]
        if whole.isascii():
            return start + column
        return start + len(whole.encode()[:column].decode(errors="ignore"))

    def start(self, node: ast.AST) -> int:
        """Where `node` starts, its decorators left out."""
        return self.at(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Where `node` ends."""
        return self.at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def segment(self, node: ast.AST) -> str:
        """The text of `node`, without parentheses around it."""
        return self.text[self.start(node) : self.end(node)]

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        if not 1 <= number < len(self.starts):
            return ""
        return self.text[self.starts[number - 1] : self.starts[number]].rstrip("\r\n")

    def indent(self, node: ast.stmt) -> str | None:
        """The white space before a statement; None when it is not the first on its line."""
        before = self.text[self.starts[node.lineno - 1] : self.start(node)]
        return before if not before.strip() else None

    def token(self, start: int, end: int, *wanted: str) -> Token | None:
        """The first token between two offsets whose text is one of `wanted`."""
        tokens = self._all_tokens()
        for token in tokens[bisect_left(tokens, (start, 0, "")) :]:
            if token.start >= end:
                return None
            if token.text in wanted:
                return token
        return None

    def _all_tokens(self) -> list[Token]:
        if self._tokens is None:
            self._tokens = []
            try:
                for t in tokenize.generate_tokens(io.StringIO(self.text, newline="").readline):
                    if t.type in (tokenize.OP, tokenize.NAME):
                        start, end = (self.starts[row - 1] + column for row, column in (t.start, t.end))
                        if self.text[start:end] == t.string:
                            self._tokens.append(Token(start, end, t.string))
            except (tokenize.TokenError, SyntaxError, IndexError):
                self._tokens = []
        return self._tokens


class Files:
    """The files under `root` that may be changed: Python, not tests, not of `denied` paths, not somebody else's."""

    def __init__(self, root: str, denied: list[str]) -> None:
        self.root = os.path.realpath(root)
        self.tests: set[str] = set()
        self._denied = {*denied}
        self._editable: dict[str, str | None] = {}
        self._sources: dict[str, Source | None] = {}

    def inside(self, filename: str) -> str | None:
        """The path of `filename` relative to the root, posix; None when it lies outside."""
        full = os.path.realpath(filename)
        if not full.startswith(self.root + os.sep):
            return None
        relative = os.path.relpath(full, self.root).replace(os.sep, "/")
        return None if _FOREIGN & set(relative.split("/")) else relative

    def editable(self, filename: str) -> str | None:
        """As `inside`, for files that may be changed; None for all others."""
        if filename not in self._editable:
            path = self.inside(filename) if filename.endswith(".py") else None
            refused = path in self.tests or path in self._denied
            self._editable[filename] = None if refused else path
        return self._editable[filename]

    def source(self, path: str) -> Source | None:
        """The file's text and tree; None when it can't be read or parsed."""
        if path not in self._sources:
            try:
                with open(os.path.join(self.root, path), "rb") as file:
                    self._sources[path] = Source(path, file.read())
            except (OSError, SyntaxError, ValueError, RecursionError):
                self._sources[path] = None
        return self._sources[path]
