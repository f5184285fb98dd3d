"""A model's words as they stream: painted line by line, so that what is finished is never painted again."""

import re

from textual.content import Content

from treadle.tui.paint import line

_LONGEST = 4000
_SPANS = re.compile(r"(`[^`\n]+`|\*\*[^*\n]+\*\*)")


class Prose:
    """Text fed piece by piece; `lines` are the painted lines, the last one still growing."""

    def __init__(self, indent: str = "    ") -> None:
        self._indent = indent
        self._done: list[Content] = []
        self._open = ""
        self._fenced = False

    def feed(self, text: str) -> None:
        """Takes the next piece."""
        *whole, self._open = (self._open + text).split("\n")
        # What goes on and on without an end of a line is painted piece by piece too.
        *pieces, self._open = _pieces(self._open)
        for row in [piece for long in (*whole, *pieces) for piece in _pieces(long)]:
            self._done.append(self._painted(row))
            if row.lstrip().startswith("```"):
                self._fenced = not self._fenced

    @property
    def lines(self) -> list[Content]:
        """All lines so far."""
        return [*self._done, self._painted(self._open)] if self._open else list(self._done)

    def _painted(self, row: str) -> Content:
        stripped = row.lstrip()
        if stripped.startswith("```"):
            return line((self._indent + row, "$faint"))
        if self._fenced or stripped[:1] in ("{", "[", '"'):
            return line((self._indent + row, "$secondary" if self._fenced else "$foreground"))
        if stripped.startswith("#"):
            return line((self._indent + row, "bold"))
        parts: list[str | tuple[str, str]] = [self._indent]
        for piece in _SPANS.split(row):
            if piece[:1] == "`" and len(piece) > 1:
                parts.append((piece.strip("`"), "$primary"))
            elif piece[:2] == "**" and len(piece) > 3:
                parts.append((piece.strip("*"), "bold"))
            else:
                parts.append(piece)
        return line(*parts)


def _pieces(row: str) -> list[str]:
    """The row in pieces of at most `_LONGEST` characters, cut after a space where there is one."""
    pieces = []
    while len(row) > _LONGEST:
        at = row.rfind(" ", _LONGEST // 2, _LONGEST) + 1 or _LONGEST
        pieces.append(row[:at].rstrip(" "))
        row = row[at:]
    return [*pieces, row]
