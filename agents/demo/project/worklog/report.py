"""Sums over entries, and the table that shows them."""

from worklog.durations import show
from worklog.intervals import gaps, total

NORM = 8 * 60


def is_workday(day):
    """Monday to Friday."""
    return day.weekday() < 5


def by_project(entries):
    """Minutes by project."""
    minutes = {}
    for entry in entries:
        minutes[entry.project] = minutes.get(entry.project, 0) + entry.minutes
    return minutes


def by_day(entries):
    """Minutes by day; what overlaps counts once."""
    stretches = {}
    for entry in entries:
        stretches.setdefault(entry.day, []).append((entry.start, entry.end))
    return {day: total(intervals) for day, intervals in stretches.items()}


def overtime(entries, norm=NORM):
    """Minutes beyond `norm` on workdays; on other days every minute is beyond it."""
    extra = 0
    for day, minutes in by_day(entries).items():
        if not is_workday(day):
            extra += minutes
        else:
            extra += max(0, minutes - norm)
    return extra


def breaks(entries, day):
    """The free stretches between the first and the last entry of a day."""
    intervals = [(entry.start, entry.end) for entry in entries if entry.day == day]
    if not intervals:
        return []
    first = min(start for start, _ in intervals)
    last = max(end for _, end in intervals)
    return gaps(intervals, first, last)


def shorten(text, width):
    """`text` in at most `width` characters, an ellipsis for what was cut."""
    if len(text) <= width:
        return text
    return text[: width - 1].rstrip() + "…"


def table(minutes, width=12):
    """A line a project, most time first: name, duration, share."""
    whole = sum(minutes.values())
    lines = []
    for project, part in sorted(minutes.items(), key=lambda item: (-item[1], item[0])):
        share = round(100 * part / whole) if whole else 0
        lines.append(f"{shorten(project, width):<{width}} {show(part):>8} {share:>4} %")
    return "\n".join(lines)
