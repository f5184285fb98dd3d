"""The log: one entry a line, `DAY START-END PROJECT: NOTE`."""

from datetime import date
from typing import NamedTuple

_DAY = 24 * 60


class LogError(ValueError):
    """A line that can't be read; says which."""


class Entry(NamedTuple):
    """One line: start and end in minutes after midnight, the end past 24 hours when work went on overnight."""

    day: date
    start: int
    end: int
    project: str
    note: str = ""

    @property
    def minutes(self):
        return self.end - self.start


def _clock(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def parse_line(line):
    """The entry of one line. Raises ValueError."""
    day, times, rest = line.split(maxsplit=2)
    start, end = (_clock(part) for part in times.split("-"))
    if end < start:
        end += _DAY
    project, _, note = rest.partition(":")
    return Entry(date.fromisoformat(day), start, end, project.strip().lower(), note.strip())


def parse_log(text):
    """All entries, in order; empty lines and comments are passed over."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            entries.append(parse_line(line))
        except ValueError as error:
            raise LogError(f"line {number}: {error}") from error
    return entries
