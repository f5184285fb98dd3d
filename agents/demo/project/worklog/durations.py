"""Durations as people write them, in minutes."""

import re

_UNITS = {"h": 60, "m": 1}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([hm])")


def parse(text):
    """The minutes in `1h30m`, `1.5h`, `45m`, `1:15` or a bare number of minutes."""
    text = text.strip().lower()
    if text.isdigit():
        return int(text)
    if ":" in text:
        hours, minutes = text.split(":")
        return int(hours) * 60 + int(minutes)
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        total += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    if not text or end != len(text):
        raise ValueError(f"not a duration: {text!r}")
    return round(total)


def show(minutes):
    """`95` as `1h 35m`; whole hours and less than an hour without the other part."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}m"
    return f"{hours}h {rest:02d}m" if rest else f"{hours}h"


def round_up(minutes, step=15):
    """The next whole `step`, as bills have it."""
    return -(-minutes // step) * step
