"""One file's difference, in git's form."""

from treadle.workspace.changes import LINK

_BINARY_LOOK = 8000
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
    from difflib import unified_diff

    lines = unified_diff(_lines(old), _lines(new), "a", "b", n=3, lineterm="\n")
    tail = "\t" if " " in from_name or " " in to_name else ""
    out = [f"--- {from_name}{tail}\n", f"+++ {to_name}{tail}\n"]
    for number, line in enumerate(lines):
        if number < 2:
            continue
        out.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(out)


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
