"""The tool `edit`."""

from msgspec import Struct

from treadle.protocol.messages import Json
from treadle.spec.paths import is_denied
from treadle.tools.base import Effect, ToolContext, ToolOutcome
from treadle.tools.read import show_lines

_AROUND = 3

_PARAMETERS: dict[str, Json] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 1, "description": "relative to the repository's root"},
        "search": {"type": "string"},
        "replace": {"type": "string"},
    },
    "required": ["path", "search", "replace"],
    "additionalProperties": False,
}


class Edit:
    """Replaces one place of a file, found by its text."""

    name = "edit"
    description = (
        "Replace `search` by `replace` in a file. `search` must be found exactly once; it may differ in indentation. "
        "An empty `search` creates a new file. The reply shows the place as it is afterwards."
    )
    effect: Effect = "write"
    parameters = _PARAMETERS

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """The new change set and the place as it is now; nothing changes where the text is not found just once."""
        path, search, replace = (str(arguments[name]) for name in ("path", "search", "replace"))
        if is_denied(path, context.denied):
            return ToolOutcome(f"{path} may not be changed here", is_error=True)
        exists = context.view.exists(path)
        if not search.strip():
            if exists and context.view.read(path):
                return ToolOutcome(f"{path} exists: an empty search only creates a new file", is_error=True)
            view = context.view.write(path, replace)
            return ToolOutcome(_shown(path, replace, 0, len(replace)), changes=view.changes)
        if not exists:
            return ToolOutcome(f"there is no file {path}; an empty search creates one", is_error=True)
        text = context.view.text(path)
        if "\0" in text[:8192]:
            return ToolOutcome(f"{path} is binary", is_error=True)
        found = replace_once(text, search, replace)
        if isinstance(found, str):
            return ToolOutcome(f"{path}: {found}", is_error=True)
        if found.text == text:
            return ToolOutcome(f"{path}: the replacement is what stands there already", is_error=True)
        view = context.view.write(path, found.text)
        return ToolOutcome(_shown(path, found.text, found.start, found.end), changes=view.changes)


class Replaced(Struct, frozen=True):
    """The new text, and where the replacement stands in it."""

    text: str
    start: int
    end: int


def replace_once(text: str, search: str, replace: str) -> Replaced | str:
    """`text` with the one place that `search` names replaced, or why not.

    An exact match goes first; else whole lines that match but for whitespace at their ends, and then the
    replacement gets the indentation that the place has. The file's line endings are kept, and so is a
    missing newline at its end.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    search, replace = (part.replace("\r\n", "\n").replace("\n", ending) for part in (search, replace))
    places = _exact(text, search)
    if len(places) == 1:
        start = places[0]
        return Replaced(text[:start] + replace + text[start + len(search) :], start, start + len(replace))
    if places:
        return _ambiguous(text, places)
    return _tolerant(text, search, replace, ending)


def _exact(text: str, search: str) -> list[int]:
    places, at = [], text.find(search)
    while at >= 0:
        places.append(at)
        at = text.find(search, at + 1)
    return places


def _ambiguous(text: str, places: list[int]) -> str:
    lines = ", ".join(str(text.count("\n", 0, at) + 1) for at in places[:10])
    return (
        f"the search text is found {len(places)} times, at lines {lines}; give more of what stands around it"
    )


def _tolerant(text: str, search: str, replace: str, ending: str) -> Replaced | str:
    """By whole lines, whitespace at their ends aside; blank lines around the search text aside, too."""
    lines = text.splitlines(keepends=True)
    wanted = search.strip(" \t\r\n").splitlines()
    keys = [line.strip() for line in wanted]
    first_raw = next(line for line in search.splitlines() if line.strip())
    bare = [line.strip() for line in lines]
    hits = [n for n in range(len(lines) - len(keys) + 1) if bare[n : n + len(keys)] == keys]
    if len(hits) > 1:
        return _ambiguous(text, [len("".join(lines[:n])) for n in hits])
    if not hits:
        return _not_found(lines, keys)
    at = hits[0]
    there = _indent(lines[at])
    body = _reindented(replace.strip("\r\n").splitlines(), _indent(first_raw), there)
    if body is None:
        return f"the text is found at line {at + 1} but for its indentation, and the replacement's does not fit it"
    old = "".join(lines[at : at + len(keys)])
    if old.endswith("\n"):
        ending = "\r\n" if old.endswith("\r\n") else "\n"
    new = "".join(line + ending for line in body)
    if new and not old.endswith(("\n", "\r")):
        new = new[: -len(ending)]
    before = "".join(lines[:at])
    return Replaced(before + new + "".join(lines[at + len(keys) :]), len(before), len(before) + len(new))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _reindented(lines: list[str], given: str, there: str) -> list[str] | None:
    """The lines with the indentation `given` exchanged for `there`; None where a line has less than `given`."""
    if given == there:
        return lines
    if any(line.strip() and not line.startswith(given) for line in lines):
        return None
    return [there + line[len(given) :] if line.strip() else "" for line in lines]


def _not_found(lines: list[str], keys: list[str]) -> str:
    """That the text is not there, with the lines that come nearest to its first one."""
    from difflib import get_close_matches

    near = get_close_matches(keys[0], [line.strip() for line in lines if line.strip()], 1, 0.6)
    if not near:
        return "the search text is not found"
    at = next(n for n, line in enumerate(lines) if line.strip() == near[0])
    plain = [line.rstrip("\r\n") for line in lines]
    shown = show_lines(plain, at + 1, min(len(lines), at + max(1, min(len(keys), 10))))
    return f"the search text is not found; the nearest is\n{shown}"


def _shown(path: str, text: str, start: int, end: int) -> str:
    """The changed place with a few lines around, numbered."""
    lines = text.splitlines()
    if not lines:
        return f"{path} is empty now"
    first = text.count("\n", 0, start) + 1
    last = text.count("\n", 0, max(start, end - 1)) + 1
    low, high = max(1, first - _AROUND), min(len(lines), last + _AROUND)
    return f"{path} is now, at lines {low} to {high}:\n{show_lines(lines, low, high)}"
