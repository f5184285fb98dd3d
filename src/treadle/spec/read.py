"""YAML as the 1.2 core schema, with the line of every key and value.

Only `true` and `false` are booleans, so `on`, `yes`, `no` are text; `012` is twelve, `12:30` is
text, and so is `0o12`, other than in the core schema. Keys are always text. Tags, anchors, aliases, merge keys and
duplicate keys are faults: a file means what it shows.
The schema is section 10.3 of the YAML 1.2.2 specification.
"""

import os
import re
import stat
from typing import Any

import yaml

from treadle.spec.faults import Faults, Place, Source

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32

_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_BASED = re.compile(r"0x[0-9a-fA-F]{1,15}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")
"""Characters that a terminal or a reader could be misled by; none may stand in a file of treadle's."""


class Map(dict[str, Any]):
    """A mapping that knows where it, its keys and its values stand."""

    __slots__ = ("at", "keys_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.at: dict[str, Place] = {}

    def put(self, key: str, value: Any, key_at: Place, at: Place) -> None:
        """Sets `key`, with where it and its value stand."""
        self[key] = value
        self.keys_at[key] = key_at
        self.at[key] = at


class Items(list[Any]):
    """A list that knows where it and its items stand."""

    __slots__ = ("at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.at: list[Place] = []


def plain(value: Any) -> Any:
    """The value without its places: dicts, lists and scalars."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def read_bytes(source: Source, faults: Faults) -> bytes | None:
    """The file's bytes; None after a fault: no regular file, unreadable, too large, a link to the outside."""
    top = (source, 1)
    try:
        if source.inside is not None and not source.path.resolve().is_relative_to(source.inside.resolve()):
            faults.add(top, "outside")
            return None
        descriptor = os.open(source.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                faults.add(top, "unreadable", reason="it is no regular file")
                return None
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        faults.add(top, "unreadable", reason=reason[:1].lower() + reason[1:])
        return None
    if len(data) > MAX_BYTES:
        faults.add(top, "too_large")
        return None
    return data


def read_text(source: Source, faults: Faults) -> str | None:
    """The file's text, without a byte order mark; None after a fault."""
    data = read_bytes(source, faults)
    if data is None:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add((source, data.count(b"\n", 0, error.start) + 1), "not_utf8")
        return None
    found = CONTROL.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        faults.add((source, line), "control_character", char=f"U+{ord(found[0]):04X}")
        return None
    return text


def read_yaml(source: Source, faults: Faults) -> Any:
    """The file's one document as `Map`, `Items` and scalars; None for an empty one, and after a fault."""
    text = read_text(source, faults)
    return None if text is None else parse(text, source, faults)


def parse(text: str, source: Source, faults: Faults, *, pure: bool = False) -> Any:
    """The document in `text`. `pure` takes PyYAML's own parser where the C one is there too."""
    try:
        return _Composer(_parser(text, pure), source, faults, "\\" in text).document()
    except yaml.YAMLError as error:
        line, reason = _plain_words(error, text)
        faults.add((source, line), "syntax", reason=reason)
    except _TooDeep as error:
        faults.add((source, error.args[0]), "too_deep")
    return None


class _TooDeep(Exception):
    """Nested deeper than MAX_DEPTH; its argument is the line."""


def _parser(text: str, pure: bool) -> Any:
    if not pure:
        try:
            from yaml._yaml import CParser

            return CParser(text)
        except ImportError:
            pass
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureParser(Reader, Scanner, Parser):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)

    return PureParser(text)


class _Composer:
    """Builds values from the parser's events, one pass, faulting what is not taken."""

    def __init__(self, parser: Any, source: Source, faults: Faults, escapes: bool) -> None:
        self._next = parser.get_event
        self._source = source
        self._faults = faults
        self._escapes = escapes

    def document(self) -> Any:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value, _ = self._value(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._faults.add(self._place(event), "many_documents")
        return value

    def _place(self, event: Any) -> Place:
        return self._source, event.start_mark.line + 1

    def _value(self, event: Any, depth: int) -> tuple[Any, Place]:
        kind = type(event)
        place = self._place(event)
        if kind is yaml.AliasEvent:
            self._faults.add(place, "no_alias", name=event.anchor)
            return None, place
        if event.anchor is not None:
            self._faults.add(place, "no_anchor", name=event.anchor)
        if event.tag is not None:
            self._faults.add(place, "no_tag", tag=event.tag.replace("tag:yaml.org,2002:", "!!"))
        if kind is yaml.ScalarEvent:
            return self._scalar(event, place), place
        if depth >= MAX_DEPTH:
            raise _TooDeep(place[1])
        if kind is yaml.MappingStartEvent:
            return self._mapping(place, depth + 1), place
        return self._list(place, depth + 1), place

    def _list(self, place: Place, depth: int) -> Items:
        items = Items(place)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            value, at = self._value(event, depth)
            items.append(value)
            items.at.append(at)
        return items

    def _mapping(self, place: Place, depth: int) -> Map:
        mapping = Map(place)
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, key_at = self._key(event, depth)
            value, at = self._value(self._next(), depth)
            if key is None:
                continue
            if key in mapping:
                self._faults.add(key_at, "duplicate_key", key=key, first=mapping.keys_at[key][1])
                continue
            mapping.put(key, value, key_at, at)
        return mapping

    def _key(self, event: Any, depth: int) -> tuple[str | None, Place]:
        """The key as text, whatever it looks like; None where it can't be one."""
        place = self._place(event)
        if type(event) is not yaml.ScalarEvent:
            self._value(event, depth)
            if type(event) is not yaml.AliasEvent:
                found = "a mapping" if type(event) is yaml.MappingStartEvent else "a list"
                self._faults.add(place, "no_compound_key", found=found)
            return None, place
        if event.anchor is not None or event.tag is not None:
            self._value(event, depth)
        if event.value == "<<" and event.implicit[0]:
            self._faults.add(place, "no_merge")
            return None, place
        return str(event.value), place

    def _scalar(self, event: Any, place: Place) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            found = CONTROL.search(text) if self._escapes else None
            if found is not None:
                self._faults.add(place, "control_character", char=f"U+{ord(found[0]):04X}")
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if _INT.match(text):
            return int(text)
        if _BASED.match(text):
            return int(text, 0)
        number = float(text) if _FLOAT.match(text) else None
        if _NOT_FINITE.match(text) or number in (float("inf"), float("-inf")):
            self._faults.add(place, "bad_number", text=text[:40])
            return None
        return text if number is None else number


_CAUSES = (
    ("mapping values are not allowed", "this `:` can't stand here: put text that holds `: ` in quotes, and "
     "indent keys of one mapping alike"),
    ("sequence entries are not allowed", "a list starts on the line after its key"),
    ("end of stream", "the quote opened here is never closed"),
    ("',' or ']'", "the list opened here with `[` lacks a `,` or its `]`"),
    ("',' or '}'", "the mapping opened here with `{` lacks a `,` or its `}`"),
    ("escape", "no such escape after `\\` in double quotes: use single quotes"),
    ("could not find expected ':'", "neither `key: value` nor an item of a list"),
    ("expected key", "indented otherwise than the lines it belongs to"),
    ("'-' indicator", "indented otherwise than the lines it belongs to"),
    ("<block end>", "indented otherwise than the lines it belongs to"),
    ("alphabetic or numeric", "text can't start with `&` or `*`: put it in quotes"),
    ("block scalar", "after `|` or `>` the text starts on the next line"),
    ("tab character", "a tab: indent with spaces"),
    ("cannot start any token", "text can't start with this character: put it in quotes"),
)  # fmt: skip
_OPENED = ("opened here", "neither")


def _plain_words(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line and cause of a syntax error, in a user's words; the parser's own where no better ones are known."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be parsed")
    context = getattr(error, "context", None) or ""
    reason = next((words for cause, words in _CAUSES if cause in f"{context}: {problem}"), problem)
    if mark is None:
        return 1, reason
    lines = text.split("\n")
    if "cannot start" in problem and "\t" in lines[mark.line][: mark.column + 1]:
        reason = "a tab: indent with spaces"
    opened = getattr(error, "context_mark", None)
    if opened is not None and any(words in reason for words in _OPENED):
        mark = opened
    return min(mark.line + 1, max(1, len(lines))), reason
