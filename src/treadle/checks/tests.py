"""The check `tests`: the project's own tests, run in the proving ground."""

import atexit
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from treadle.checks.base import CheckResult, Subject, TestReport
from treadle.checks.judging import Case, judge
from treadle.checks.runners.base import Job, TestRunner
from treadle.checks.runners.find import find_runner
from treadle.protocol.errors import NothingToTest
from treadle.protocol.messages import ERROR, PASS
from treadle.workspace.interpreter import project_python

WHOLE_SUITE_S = 10.0
"""A suite that took less than this on the base is run whole, also for a target."""

WORTH_A_RUN_S = 1.0
"""A suite that took longer than this on the base is run only once the target passes by itself."""

_SLOWER = 5.0
_LEAST_S = 20.0


class TestsCheck:
    """Passes when what must pass was seen to pass, and nothing that passed on the base fails or is gone."""

    name = "tests"
    __test__ = False

    async def run(self, subject: Subject) -> CheckResult:
        """The verdict on the target, or on the whole suite; what the tests write to the repository is dropped."""
        started = time.monotonic()
        try:
            python = str(project_python(subject.view.base.root, subject.settings.python).path)
            runner = find_runner(subject.view, subject.settings, python)
        except NothingToTest as nothing:
            return CheckResult("tests", ERROR, nothing.message, cause="no_tests", hint=nothing.hint)
        result = await self._target_first(subject, runner) or await self._run(subject, runner)
        return structs.replace(result, duration_s=time.monotonic() - started)

    async def _target_first(self, subject: Subject, runner: TestRunner) -> CheckResult | None:
        """The result of the target alone where it is no pass and the rest takes long; None to run on."""
        base = subject.baseline
        if not subject.target or not runner.targets or base is None or base.duration_s < WORTH_A_RUN_S:
            return None
        result = await self._run(subject, runner, (subject.target, ()))
        return None if result.verdict == PASS else result

    async def _run(
        self,
        subject: Subject,
        runner: TestRunner,
        chosen: tuple[tuple[str, ...], tuple[str, ...]] | None = None,
    ) -> CheckResult:
        ids, scope = chosen or _what_runs(subject, runner)
        limit = _limit(subject)
        with _scratch() as (room, scratch):
            job = Job(subject.view, room, scratch, ids, limit, subject.network)
            command = runner.command(job)
            try:
                ended = await subject.runner.run(command, subject.view.changes)
            except FileNotFoundError:
                program = command.argv[0]
                return CheckResult(
                    "tests",
                    ERROR,
                    f"{program} is not installed",
                    cause="missing_runner",
                    hint=f"install {program}",
                )
            seen = runner.read(ended, job)
            if ids and runner.targets:
                seen = structs.replace(seen, report=structs.replace(seen.report, asked=ids))
        return judge(
            Case(seen, ended, runner.how, limit, subject.network, subject.target, subject.baseline, scope)
        )


def _what_runs(subject: Subject, runner: TestRunner) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(ids to run, empty for all; ids that passed on the base and must pass again).

    A target brings along what passed on the base in the same files or classes; the whole suite when that is
    quick or when the runner can't run single tests.
    """
    if not subject.target:
        return (), ()
    base = subject.baseline or TestReport(runner.name)
    groups = {runner.group(test) for test in subject.target}
    near = tuple(test for test in base.passed if runner.group(test) in groups)
    quick = subject.baseline is not None and base.duration_s < WHOLE_SUITE_S
    if not runner.targets or quick:
        return (), base.passed
    return tuple(dict.fromkeys((*subject.target, *near))), near


def _limit(subject: Subject) -> float:
    """Seconds for the whole run: the settings' limit, or less where the base shows that it takes less."""
    limit = subject.settings.tests.timeout_s
    if subject.baseline is None or not subject.baseline.duration_s:
        return limit
    return min(limit, max(_LEAST_S, _SLOWER * subject.baseline.duration_s))


_rooms: list[Path] = []


@contextmanager
def _scratch() -> Iterator[tuple[Path, Path]]:
    """(this process's folder for all test runs, a fresh one in it); the latter is gone afterwards."""
    if not _rooms:
        _rooms.append(Path(tempfile.mkdtemp(prefix="treadle-tests-")))
        atexit.register(shutil.rmtree, _rooms[0], ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=_rooms[0]))
    try:
        yield _rooms[0], scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
