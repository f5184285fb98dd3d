"""The check `places`: what an answer says it rests on is there. That the answer follows from it, nobody checked."""

import re

from treadle.checks.base import CheckResult, Subject
from treadle.protocol.errors import PathError
from treadle.protocol.messages import FAIL, NONE, PASS, Json
from treadle.workspace.view import MergedView

NEAR = 10
"""How many lines above or below its line a quote may begin."""

_LOOSE = re.compile(r"[\s\"'`\\]")
"""What a quote may have otherwise than the file: blanks, line breaks, the kind of quotes, escapes."""


class PlacesCheck:
    """Holds the output's field `places` against the files: a list of `{path, line, quote}`, the last two optional."""

    name = "places"

    async def run(self, subject: Subject) -> CheckResult:
        """`fail` for a path, a line or a quote that is not there; `none` where no place is named."""
        output = subject.output
        places = output.get("places") if isinstance(output, dict) else None
        if not isinstance(places, list) or not places:
            return CheckResult(self.name, NONE, "the answer names no place in the repository")
        faults = [fault for place in places if (fault := _fault(place, subject.view))]
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            return CheckResult(self.name, FAIL, f"{faults[0]}{more}", "\n".join(faults))
        count = "the place named exists" if len(places) == 1 else f"all {len(places)} places named exist"
        return CheckResult(self.name, PASS, count)


def _fault(place: Json, view: MergedView) -> str:
    """What of the place is not there, "" where all is."""
    if not isinstance(place, dict) or not isinstance(path := place.get("path"), str):
        return f"{place!r} is no place: it has no path"
    try:
        lines = view.text(path).splitlines()
    except PathError:
        return f"there is no file {path}"
    line = place.get("line")
    if isinstance(line, int) and not 1 <= line <= max(1, len(lines)):
        return f"{path} has {len(lines)} lines, no line {line}"
    quote = place.get("quote")
    if isinstance(quote, str) and quote.strip():
        first = 0 if not isinstance(line, int) else max(0, line - 1 - NEAR)
        last = len(lines) if not isinstance(line, int) else line + NEAR + quote.count("\n")
        if _LOOSE.sub("", quote) not in _LOOSE.sub("", "\n".join(lines[first:last])):
            where = f"near line {line} of {path}" if isinstance(line, int) else f"in {path}"
            return f"`{quote.strip().splitlines()[0][:60]}` does not stand {where}"
    return ""
