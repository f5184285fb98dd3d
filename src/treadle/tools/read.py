"""The tool `read`."""

from treadle.protocol.messages import Json
from treadle.tools.base import Effect, ToolContext, ToolOutcome

MOST_LINES = 400
MOST_CHARACTERS = 24_000
_LONGEST_LINE = 1000

_PARAMETERS: dict[str, Json] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 1, "description": "relative to the repository's root"},
        "start": {"type": "integer", "minimum": 1},
        "end": {"type": "integer", "minimum": 1},
    },
    "required": ["path"],
    "additionalProperties": False,
}


class Read:
    """Shows a file, or lines of it, with their numbers."""

    name = "read"
    description = (
        "Read a file of the repository. Lines come numbered. Give start and end (from 1, both included) "
        f"for a part; at most {MOST_LINES} lines come at once."
    )
    effect: Effect = "read"
    parameters = _PARAMETERS

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """The numbered lines; where lines are left out, the last line says which."""
        path = str(arguments["path"])
        if not context.view.exists(path):
            return ToolOutcome(_no_file(path, context.view.files()), is_error=True)
        content = context.view.read(path)
        if b"\0" in content[:8192]:
            return ToolOutcome(f"{path} is binary, {len(content)} bytes", is_error=True)
        lines = content.decode("utf-8", "replace").splitlines()
        if not lines:
            return ToolOutcome(f"{path} is empty")
        start, end = int(arguments.get("start", 1)), int(arguments.get("end", len(lines)))
        if start > len(lines) or end < start:
            return ToolOutcome(f"{path} has lines 1 to {len(lines)}, not {start} to {end}", is_error=True)
        return ToolOutcome(show_lines(lines, start, min(end, len(lines))))


def show_lines(lines: list[str], start: int, end: int) -> str:
    """Lines `start` to `end` (from 1), numbered, as far as they fit; a note says what is left out."""
    shown: list[str] = []
    room = MOST_CHARACTERS
    last = min(end, start + MOST_LINES - 1)
    for number in range(start, last + 1):
        text = lines[number - 1]
        if len(text) > _LONGEST_LINE:
            text = f"{text[:_LONGEST_LINE]} [… {len(text) - _LONGEST_LINE} characters left out]"
        room -= len(text) + 8
        if room < 0 and shown:
            break
        shown.append(f"{number:>5}  {text}")
    reached = start + len(shown) - 1
    if reached < end:
        shown.append(
            f"[… lines {reached + 1} to {end} of {len(lines)} left out: read them with start={reached + 1}]"
        )
    return "\n".join(shown)


def _no_file(path: str, files: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    inside = [f for f in files if f.startswith(path.rstrip("/") + "/")]
    if inside:
        more = f" and {len(inside) - 40} more" if len(inside) > 40 else ""
        return f"{path} is a folder with: {', '.join(inside[:40])}{more}"
    name = path.rsplit("/", 1)[-1]
    near = [f for f in files if f.rsplit("/", 1)[-1] == name][:5] or get_close_matches(path, files, 3)
    return f"there is no file {path}" + (f"; did you mean {' or '.join(near)}?" if near else "")
