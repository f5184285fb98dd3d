"""Sets single keys in a YAML file of the user's; every other byte of it, comments included, stays as it is.

A line that treadle wrote ends in `# setup` and a digest of the line, so that a line which a person changed since
is known to be theirs.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import yaml

from treadle.spec.faults import Faults, Source
from treadle.spec.read import parse, plain

Keys = tuple[str, ...]

_PLAIN = re.compile(r"[A-Za-z_](?:[\w./@+*-]|:(?=[\w./@+*-]))*( [A-Za-z][\w-]*)*\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_MARK = re.compile(r"(?P<line>.*\S)\s+# setup (?P<digest>[0-9a-f]{6})\s*\Z")


class CannotEdit(Exception):
    """The file is written in a way that one line can't be set in."""


def put(text: str, keys: Keys, value: Any, *, order: Keys = (), mark: bool = False) -> str:
    """The text with `keys` (a path of one or two) set to `value`; a new key stands where `order` places it.

    With `mark` the line says that treadle wrote it. Raises: `CannotEdit` where more than that would change.
    """
    new = _put(text, keys, value, order, mark)
    if _data(new) != with_value(_data(text), keys, value):
        raise CannotEdit("the edit changes more than it should")
    return new


def is_own(text: str, keys: Keys) -> bool:
    """Whether the line of `keys` is one that `put` marked and nobody changed since."""
    try:
        node = _find(_root(text), keys)
    except CannotEdit:
        return False
    if node is None:
        return False
    found = _MARK.match(text.splitlines()[node[0].start_mark.line])
    return found is not None and found["digest"] == _digest(found["line"])


def with_value(data: dict[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    """The data with `keys` set to `value`, as a new mapping."""
    first, *rest = keys
    below = data.get(first)
    return {
        **data,
        first: with_value(below if isinstance(below, dict) else {}, tuple(rest), value) if rest else value,
    }


def dumped(data: dict[str, Any]) -> str:
    """The data as a file of its own; comments have no place in it."""
    return yaml.safe_dump(data, default_flow_style=None, sort_keys=False, allow_unicode=True, width=1_000_000)


def data_of(text: str) -> dict[str, Any]:
    """What the text holds. Raises: `CannotEdit` where it is no mapping that can be read."""
    return _data(text)


def _put(text: str, keys: Keys, value: Any, order: Keys, mark: bool) -> str:
    root = _root(text)
    found = _find(root, keys)
    newline = "\r\n" if "\r\n" in text else "\n"
    if found is not None:
        return _replaced(text, *found, value, mark, newline)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    above = _find(root, keys[:1]) if len(keys) > 1 else None
    parent = root
    if above is not None:
        parent = above[1]
        if not isinstance(parent, yaml.MappingNode):
            raise CannotEdit(f"`{keys[0]}` is no mapping")
    if parent is not None and (parent.flow_style or not parent.value):
        raise CannotEdit("a mapping in braces has no lines of its own")
    rest = keys[1:] if above is not None else keys
    at, indent = _place(parent, rest[0], order, lines) if parent is not None else (len(lines), 0)
    new = [" " * (indent + 2 * depth) + f"{_flow(key)}:" for depth, key in enumerate(rest)]
    new[-1] = _line(f"{new[-1]} {_flow(value)}", mark)
    return "".join([*lines[:at], *(f"{line}{newline}" for line in new), *lines[at:]])


def _replaced(text: str, key: Any, node: Any, value: Any, mark: bool, newline: str) -> str:
    """The text with that key's value replaced: a scalar alone, or the whole line of one that treadle wrote."""
    if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">") and not mark:
        start, end = node.start_mark.index, node.end_mark.index
        space = " " if start == end else ""
        return text[:start] + space + _flow(value) + text[end:]
    lines = text.splitlines(keepends=True)
    at = key.start_mark.line
    line = lines[at].rstrip("\r\n")
    found = _MARK.match(line)
    if found is None or found["digest"] != _digest(found["line"]):
        raise CannotEdit(f"`{key.value}` was written by hand")
    lines[at] = _line(line[: key.end_mark.column] + f": {_flow(value)}", mark) + newline
    return "".join(lines)


def _place(parent: yaml.MappingNode, key: str, order: Keys, lines: list[str]) -> tuple[int, int]:
    """The line that a new key goes to, counted from 0, and its indent. A comment stays above what it is on."""
    keys = [(child.value, child, value) for child, value in parent.value]
    indent = parent.value[0][0].start_mark.column
    before = order[: order.index(key)] if key in order else ()
    later = order[order.index(key) + 1 :] if key in order else ()
    for name, _, value in reversed(keys):
        if name in before or not (before or later):
            return _last_line(value) + 1, indent
    first = next((child for name, child, _ in keys if name in later), None)
    if first is None:
        return _last_line(keys[-1][2]) + 1, indent
    at: int = first.start_mark.line
    while at > 0 and re.match(rf" {{{indent}}}#", lines[at - 1]):
        at -= 1
    return at, indent


def _last_line(node: Any) -> int:
    """The line that the node ends on, counted from 0."""
    if isinstance(node, yaml.ScalarNode):
        return int(node.end_mark.line) - (1 if node.style in ("|", ">") else 0)
    if node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(node, yaml.MappingNode) else last)


def _root(text: str) -> yaml.MappingNode | None:
    """The document's mapping, None for an empty document. Raises: `CannotEdit`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise CannotEdit("it is not YAML") from error
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        raise CannotEdit("it holds no mapping")
    return root


def _find(root: yaml.MappingNode | None, keys: Keys) -> tuple[Any, Any] | None:
    """The key's node and its value's, None where it is not there."""
    node: Any = root
    pair = None
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        pair = next(((k, v) for k, v in node.value if k.value == key), None)
        if pair is None:
            return None
        node = pair[1]
    return pair


def _data(text: str) -> dict[str, Any]:
    faults = Faults()
    source = Source(Path("-"), "-", "user", Path())
    value = plain(parse(text, source, faults))
    if faults or not (value is None or isinstance(value, dict)):
        raise CannotEdit("it can't be read")
    return value or {}


def _line(line: str, mark: bool) -> str:
    return f"{line} # setup {_digest(line)}" if mark else line


def _digest(line: str) -> str:
    return hashlib.sha256(line.strip().encode()).hexdigest()[:6]


def _flow(value: Any) -> str:
    """The value as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    import json

    return json.dumps(value, ensure_ascii=False)
