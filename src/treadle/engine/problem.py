"""An attempt's job as a solver is given it."""

from treadle.engine.job import Attempt
from treadle.engine.run import Run
from treadle.solvers.base import Problem


def problem_of(run: Run, attempt: Attempt, wall_s: float) -> Problem:
    """The problem: the item's tests first among the failing ones, and what passes now and must stay so."""
    job, report = attempt.job, attempt.job.baseline
    others = report.failed_ids if report else ()
    return Problem(
        run.view(job.base),
        run.runner,
        run.catalog.settings,
        report.runner if report else "",
        (*job.target, *(i for i in others if i not in job.target)),
        report.passed if report else (),
        job.agent.deny,
        wall_s,
    )
