"""What the benchmarks here share: one process measured, several interleaved, a table.

Figures are ratios to bare `python -c pass` of the same interpreter in the same run, so they mean the same on
a slow machine. Cases take turns, so that a busy moment meets all of them alike; medians hide the rest.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

BARE = (sys.executable, "-c", "pass")


class Sample(NamedTuple):
    """One process, its waited-for children included: seconds of wall and CPU, peak MiB, exit code.

    A peak below the measuring process's own (some 12 MiB) can't be seen: the kernel carries it over exec.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    code: int


class Median(NamedTuple):
    """Medians over the samples of a case, and the greatest peak."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    n: int


def once(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None) -> Sample:
    """One process run to its end with nothing on stdin and its output dropped."""
    null = subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=null, stdout=null, stderr=null)
    return finish(process, began)


def finish(process: subprocess.Popen[bytes], began: float) -> Sample:
    """What the process used until its end; `began` is `time.perf_counter()` at its start."""
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(wall, used.ru_utime + used.ru_stime, mib(used.ru_maxrss), process.returncode)


def mib(maxrss: int) -> float:
    """`ru_maxrss` in MiB: the kernel counts KiB on Linux and bytes on macOS."""
    return maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def interleaved(cases: Mapping[str, Callable[[], Sample]], n: int) -> dict[str, Median]:
    """Each case's median over `n` rounds in which every case runs once, after a round that is not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in cases}
    for turn in range(n + 1):
        for name, case in cases.items():
            sample = case()
            if turn:
                samples[name].append(sample)
    return {
        name: Median(
            statistics.median(s.wall_s for s in got),
            statistics.median(s.cpu_s for s in got),
            max(s.peak_mib for s in got),
            len(got),
        )
        for name, got in samples.items()
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under the head as a Markdown table, columns lined up."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), line(["-" * w for w in widths]), *(line(row) for row in rows)])


def machine() -> str:
    """The machine in a line: what the figures were taken on."""
    load = f", load {os.getloadavg()[0]:.1f}"
    return f"Python {sys.version.split()[0]} on {sys.platform}, {os.cpu_count()} cores{load}"
