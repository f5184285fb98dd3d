"""The tool `search`."""

import re
import shutil
from collections.abc import Iterator

from treadle.protocol.errors import PathError
from treadle.protocol.messages import Json
from treadle.spec.paths import is_denied
from treadle.tools.base import Effect, ToolContext, ToolOutcome
from treadle.workspace.command import Command
from treadle.workspace.view import MergedView

MOST_HITS = 100
_MOST_A_FILE = 20
_LONGEST_LINE = 250
_LARGEST = 2_000_000
_LONGEST_PATTERN = 1000
_RIPGREP_FILES = 2000
"""From this many files on, ripgrep pays for the start of its process."""

_PARAMETERS: dict[str, Json] = {
    "type": "object",
    "properties": {
        "pattern": {"type": "string", "minLength": 1, "maxLength": _LONGEST_PATTERN},
        "regex": {"type": "boolean"},
        "ignore_case": {"type": "boolean"},
        "path": {
            "type": "string",
            "description": "only files under this folder, or that match this glob",
        },
    },
    "required": ["pattern"],
    "additionalProperties": False,
}


class Search:
    """Finds a text or a regular expression in the repository's files."""

    name = "search"
    description = (
        "Search all files of the repository, line by line. The pattern is taken literally unless regex is true "
        f"(Python's syntax). Hits come as path:line: text, at most {MOST_HITS}."
    )
    effect: Effect = "read"
    parameters = _PARAMETERS

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """The hits by file and line, with how many were left out; an invalid expression is told."""
        text, literal = str(arguments["pattern"]), not arguments.get("regex", False)
        flags = re.IGNORECASE if arguments.get("ignore_case") else 0
        try:
            pattern = re.compile((re.escape(text) if literal else text).encode("utf-8"), flags)
        except re.error as error:
            return ToolOutcome(f"the regular expression is wrong: {error}", is_error=True)
        files = _under(context.view.files(), str(arguments.get("path", "")))
        if literal and len(files) >= _RIPGREP_FILES and shutil.which("rg"):
            files = await _narrowed(context, text, bool(flags), files)
        shown: list[str] = []
        left = 0
        for path in files:
            for count, (line, hit) in enumerate(_hits(context.view, path, pattern)):
                if len(shown) < MOST_HITS and count < _MOST_A_FILE:
                    shown.append(f"{path}:{line}: {hit}")
                else:
                    left += 1
        if not shown:
            return ToolOutcome(f"nothing matches in {len(files)} files")
        note = [f"[… {left} more hits: narrow the pattern or give a path]"] if left else []
        return ToolOutcome("\n".join([*shown, *note]))


def _under(files: tuple[str, ...], where: str) -> list[str]:
    where = where.removeprefix("./").rstrip("/")
    if not where or where == ".":
        return list(files)
    return [f for f in files if is_denied(f, (where if where != "tests" else "tests/**",))]


def _hits(view: MergedView, path: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, str]]:
    try:
        content = view.read(path)
    except PathError:
        return
    if len(content) > _LARGEST or b"\0" in content[:8192] or not pattern.search(content):
        return
    for number, line in enumerate(content.splitlines(), 1):
        if pattern.search(line):
            text = line.decode("utf-8", "replace").strip()
            yield number, text[:_LONGEST_LINE] + ("…" if len(text) > _LONGEST_LINE else "")


async def _narrowed(context: ToolContext, text: str, ignore_case: bool, files: list[str]) -> list[str]:
    """The files in which ripgrep finds the text, on the base and the changes together."""
    argv = ("rg", "--files-with-matches", "--null", "--fixed-strings", "--hidden", "--no-messages")
    more = ("--ignore-case",) if ignore_case else ()
    command = Command((*argv, *more, "--", text, "."), timeout_s=context.timeout_s)
    try:
        ended = await context.runner.run(command, context.view.changes)
    except FileNotFoundError:
        return files
    if ended.returncode not in (0, 1) or ended.cut_bytes:
        return files
    found = {name.removeprefix("./") for name in ended.output.split("\0")}
    return [f for f in files if f in found]
