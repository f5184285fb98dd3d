"""A fork per candidate: the failing test first, then the others that fail, then those that pass."""

from __future__ import annotations

import gc
import json
import os
import time
from typing import Any, Callable, Iterator, NamedTuple, Optional

from .candidates import Candidate, candidates, describe
from .children import Child, limit_cpu, wait
from .files import Files, splice
from .localise import Place, Seen, trace
from .patch import Compiled, Patcher, forget, swap
from .runners import Tests, enter

_SIDE_BY_SIDE = 2
_CPU_S = 0.3
_CPU_AGAIN_S = 3.0
# How many more are tried for one that mends the other failing tests too: of those that run the changed line; of all.
_MORE_WHEN_OWED = 600
_MORE_WHEN_PARTIAL = 60
_NEAR = 5


class Request(NamedTuple):
    """What is asked: see `main.py`."""

    root: str
    runner: str
    target: list[str]
    passing: list[str]
    denied: list[str]
    wall_s: float
    mode: str


class Trial(NamedTuple):
    """What became of a candidate: `mended` other failing tests if it mends the `first`; `whole` when nothing broke.

    Otherwise `broke` is the test that did, '' where a limit or a crash came before one could.
    """

    first: bool
    mended: list[str]
    whole: bool
    broke: str
    timed_out: bool


class Finding(NamedTuple):
    """A candidate that passes, and how many failing tests it mends.

    `owed` counts failing tests that run the changed line and still fail: it may be no more than a way around.
    `order` is its place among those that were tried.
    """

    candidate: Candidate
    mended: int
    owed: int
    order: int


def _nothing(*_: Any) -> None:
    return None


def observe(
    tests: Tests, ids: list[str], files: Files, each_s: float, wall_s: float, traced: bool
) -> list[Seen]:
    """The runs of `ids` in one child, as far as they come in `wall_s`; `lines` is empty unless `traced`."""
    if not ids:
        return []

    def work(write: Callable[[bytes], None]) -> None:
        def report(seen: Seen) -> None:
            write(json.dumps(seen).encode() + b"\n")

        trace(tests, ids, files, each_s, report, traced)

    child = Child(work, None, wall_s)
    ended = child.poll()
    while ended is None:
        wait([child], 0.1)
        ended = child.poll()
    lines = ended.output.split(b"\n")
    return [Seen(*json.loads(line)) for line in lines[:-1]]


class Limits(NamedTuple):
    """When the search ends (monotonic clock), and how long the failing test and the imports take on a processor."""

    deadline: float
    cpu_s: float
    import_s: float


class Search:
    """The search for a candidate that makes the first failing test pass and no other one fail.

    `tell` is called as it goes on.
    """

    def __init__(
        self, request: Request, tests: Tests, files: Files, seen: list[Seen], limits: Limits
    ) -> None:
        self._request, self._tests, self._files, self._deadline = request, tests, files, limits.deadline
        self._targets = tests.known(request.target)
        self._passing = {s.id: s for s in seen if s.passed}
        self._failing = {s.id: s for s in seen if not s.passed}
        self._cpu_s, self._import_s = max(_CPU_S, limits.cpu_s), limits.import_s
        self._keys: set[tuple[Any, ...]] = set()
        self._patcher = Patcher(files)
        self.tried = 0
        self.cpu_s = 0.0
        self.near: list[str] = []
        self.exhausted = False
        self.best: Optional[Finding] = None

    def run(self, places: list[Place], tell: Callable[[], None]) -> Optional[Finding]:
        """The best finding: the first that mends all failing tests, else the one that owes least and mends most."""
        found = candidates(self._files, places, self._tests.constants(self._targets[0]))
        gc.collect()
        gc.freeze()
        late = self._pass(self._fresh(found), 1.0, tell)
        if self.best is None and late is not None and not self._is_late():
            late = self._pass(iter(late), _CPU_AGAIN_S / _CPU_S, tell)
        self.exhausted = self.best is None and late is not None and not self._is_late()
        return self.best

    def _fresh(self, found: list[Candidate]) -> Iterator[tuple[Candidate, Compiled]]:
        """The candidates that parse and differ from the file and from each other."""
        for candidate in found:
            source = self._files.source(candidate.path)
            compiled = source and self._patcher.compile(source, candidate.chunk, candidate.edits)
            if compiled and compiled.key not in self._keys:
                self._keys.add(compiled.key)
                yield candidate, compiled

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _pass(
        self, found: Iterator[tuple[Candidate, Compiled]], factor: float, tell: Callable[[], None]
    ) -> Optional[list[tuple[Candidate, Compiled]]]:
        """Try all; those that ran out of time come back, or None when the search ended before the last.

        Two run side by side; of two that pass, the earlier in the order wins, whichever ended first.
        """
        timed_out: list[tuple[Candidate, Compiled]] = []
        running: list[tuple[Child, Candidate, Compiled, int]] = []
        left, told, more = -1, time.monotonic(), True
        try:
            while True:
                while more and left and len(running) < _SIDE_BY_SIDE and not self._is_over():
                    entry = next(found, None)
                    if entry is None:
                        more = False
                        break
                    self.tried += 1
                    running.append((self._start(*entry, factor), *entry, self.tried))
                    left -= 1
                if not running:
                    return None if more else timed_out
                wait([child for child, *_ in running], max(0, self._deadline - time.monotonic()))
                for child, candidate, compiled, order in list(running):
                    ended = child.poll()
                    if ended is None:
                        continue
                    self.cpu_s += ended.cpu_s
                    running = [r for r in running if r[0] is not child]
                    trial = self._read(ended.output, ended.timed_out)
                    if trial.timed_out and not trial.first:
                        timed_out.append((candidate, compiled))
                    if self._judge(candidate, trial, order) and self.best is not None:
                        left = _MORE_WHEN_OWED if self.best.owed else _MORE_WHEN_PARTIAL
                if time.monotonic() - told > 0.5:
                    told = time.monotonic()
                    tell()
                if self._is_late():
                    return None
        finally:
            for child, *_ in running:
                child.end()

    def _is_over(self) -> bool:
        return self._is_late() or (self.best is not None and self.best.mended == len(self._targets))

    def _judge(self, candidate: Candidate, trial: Trial, order: int) -> bool:
        """Whether it is a new best."""
        if not trial.first:
            return False
        if not trial.whole:
            source = self._files.source(candidate.path)
            if source is not None and len(self.near) < _NEAR:
                self.near.append(f"{describe(source, candidate)}: breaks {trial.broke or 'the time limit'}")
            return False
        reached = [i for i, s in self._failing.items() if candidate.line in s.lines.get(candidate.path, ())]
        owed = len([i for i in reached if i not in trial.mended and i != self._targets[0]])
        found = Finding(candidate, 1 + len(trial.mended), owed, order)
        if self.best is not None and _merit(self.best) <= _merit(found):
            return False
        self.best = found
        return True

    def _start(self, candidate: Candidate, compiled: Compiled, factor: float) -> Child:
        cpu_s = self._cpu_s * factor + (2 * self._import_s + 1.0 if compiled.fresh else 0)
        guards = self._guards(candidate)
        guard_s = 3 * sum(self._passing[i].seconds for i in guards) + 1

        def trial(tests: Tests, write: Callable[[bytes], None]) -> None:
            if not tests.run(self._targets[:1], _nothing, _nothing, stop=True):
                return
            write(b"first\n")
            limit_cpu(self._cpu_s * factor * len(self._targets) + 1)
            for test_id in self._targets[1:]:
                if tests.run([test_id], _nothing, _nothing, stop=True):
                    write(b"mended " + test_id.encode() + b"\n")
            limit_cpu(guard_s)
            if tests.run(guards, lambda i: write(b"now " + i.encode() + b"\n"), _nothing, stop=True):
                write(b"whole\n")

        def work(write: Callable[[bytes], None]) -> None:
            if not compiled.fresh:
                swap(compiled)
                trial(self._tests, write)
                return
            source = self._files.source(candidate.path)
            assert source is not None
            forget(self._files, candidate.path, source.encode(splice(source.text, candidate.edits)))
            ids = [*self._targets, *guards]
            enter(self._request.runner, self._request.root, ids, lambda tests: trial(tests, write))

        return Child(work, cpu_s, 6 * cpu_s + 1, 4 * (guard_s + len(self._targets) * self._cpu_s * factor))

    def _guards(self, candidate: Candidate) -> list[str]:
        """The passing tests to run: those that reach the changed function's file first; all, where that is quick."""
        near = [i for i, s in self._passing.items() if candidate.path in s.lines]
        near.sort(key=lambda i: candidate.line not in self._passing[i].lines[candidate.path])
        rest = [i for i in self._passing if candidate.path not in self._passing[i].lines]
        quick = sum(self._passing[i].seconds for i in rest) < 2
        return near + (rest if quick else [])

    def _read(self, output: bytes, timed_out: bool) -> Trial:
        lines = output.decode(errors="replace").split("\n")
        first = "first" in lines
        now = [line[4:] for line in lines if line.startswith("now ")]
        whole = "whole" in lines
        broke = now[-1] if now and not whole and not timed_out else ""
        mended = [line[7:] for line in lines if line.startswith("mended ")]
        return Trial(first, mended, whole, broke, timed_out and not whole)


def _merit(finding: Finding) -> tuple[int, int, int]:
    return finding.owed, -finding.mended, finding.order


def mend(files: Files, finding: Finding) -> dict[str, Any]:
    """The finding for the response: `path`, `source`, what it `was` (latin-1: every byte kept), in words, `mended`."""
    source = files.source(finding.candidate.path)
    assert source is not None
    data = source.encode(splice(source.text, finding.candidate.edits))
    return {
        "found": True,
        "path": finding.candidate.path,
        "source": data.decode("latin-1"),
        "was": source.encode(source.text).decode("latin-1"),
        "description": describe(source, finding.candidate),
        "mended": finding.mended,
    }


def quiet_exit() -> None:
    """End this process without what the project hung on its exit."""
    os._exit(0)
