"""Stretches of time as (start, end) pairs of minutes; the end does not belong to them."""


def clip(interval, low, high):
    """The part of an interval between `low` and `high`, None when there is none."""
    start, end = interval
    start, end = max(start, low), min(end, high)
    return (start, end) if start < end else None


def merge(intervals):
    """The same stretches without overlaps, in order; those that touch become one."""
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            last_start, last_end = merged[-1]
            merged[-1] = (last_start, max(last_end, end))
        else:
            merged.append((start, end))
    return merged


def total(intervals):
    """The minutes covered, each counted once."""
    minutes = 0
    for start, end in merge(intervals):
        minutes += end - start
    return minutes


def gaps(intervals, low, high):
    """What is free between `low` and `high`."""
    free = []
    cursor = low
    for interval in merge(intervals):
        inside = clip(interval, low, high)
        if inside is None:
            continue
        start, end = inside
        if start > cursor:
            free.append((cursor, start))
        cursor = max(cursor, end)
    if cursor < high:
        free.append((cursor, high))
    return free
