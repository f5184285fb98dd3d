"""One file's difference, in git's form."""

from collections import Counter
from collections.abc import Hashable, Sequence

from treadle.workspace.changes import LINK

_BINARY_LOOK = 8000
_MOST_PAIRS = 5_000_000
"""Texts with more pairs of equal lines than this (some two seconds of comparing) are told as one change."""
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b"}


def unified(path: str, old: bytes | None, old_mode: int | None, new: bytes | None, mode: int) -> str:
    """The difference of `path` as `git diff` writes it, three lines around each change; "" for none."""
    if old is None and new is None:
        return ""
    if old is not None and new is not None and (old_mode == LINK) != (mode == LINK):
        return unified(path, old, old_mode, None, mode) + unified(path, None, None, new, mode)
    a, b = _quote("a/" + path), _quote("b/" + path)
    head = [f"diff --git {a} {b}\n"]
    if old is None:
        head.append(f"new file mode {mode:o}\n")
    elif new is None:
        head.append(f"deleted file mode {old_mode or mode:o}\n")
    elif old_mode is not None and old_mode != mode:
        head.append(f"old mode {old_mode:o}\nnew mode {mode:o}\n")
    body = _body(a, b, old, new)
    if not body and len(head) == 1:
        return ""
    return "".join(head) + body


def _body(a: str, b: str, old: bytes | None, new: bytes | None) -> str:
    if (old or b"") == (new or b""):
        return ""
    from_name = "/dev/null" if old is None else a
    to_name = "/dev/null" if new is None else b
    if b"\0" in (old or b"")[:_BINARY_LOOK] or b"\0" in (new or b"")[:_BINARY_LOOK]:
        return f"Binary files {from_name} and {to_name} differ\n"
    tail = "\t" if " " in from_name or " " in to_name else ""
    out = [f"--- {from_name}{tail}\n", f"+++ {to_name}{tail}\n"]
    for line in _compared(_lines(old), _lines(new)):
        out.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(out)


def _compared(old: list[str], new: list[str]) -> list[str]:
    """The pieces with their heads; all of both where comparing would take too long."""
    if takes_long(old, new, autojunk=len(new) >= 200):
        whole = f"@@ -{int(bool(old))},{len(old)} +{int(bool(new))},{len(new)} @@\n"
        return [whole, *("-" + line for line in old), *("+" + line for line in new)]
    from difflib import unified_diff

    return list(unified_diff(old, new, "a", "b", n=3, lineterm="\n"))[2:]


def takes_long(old: Sequence[Hashable], new: Sequence[Hashable], *, autojunk: bool) -> bool:
    """Whether comparing these lines with SequenceMatcher would; with `autojunk` it leaves out lines that are in `new`
    more than once in a hundred."""
    here, there = Counter(old), Counter(new)
    most = len(new) // 100 + 1 if autojunk else len(new)
    return sum(here[line] * many for line, many in there.items() if many <= most) > _MOST_PAIRS


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _quote(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape")
    odd = any(c < " " or c in '"\\' or c == "\x7f" or "\udc80" <= c <= "\udcff" for c in name)
    if not odd:
        return name
    out = []
    for char in raw.decode("utf-8", "surrogateescape"):
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char < " " or char == "\x7f":
            out.append(f"\\{ord(char):03o}")
        elif "\udc80" <= char <= "\udcff":
            out.append(f"\\{ord(char) - 0xDC00:03o}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
