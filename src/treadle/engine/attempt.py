"""How a rung proposes candidates: by a solver, by a protocol of single questions, or by a conversation."""

import time

from treadle.engine.conversation import converse
from treadle.engine.job import Attempt
from treadle.engine.judge import Candidate
from treadle.engine.problem import problem_of
from treadle.engine.run import Run
from treadle.protocol.events import SolverFinished, SolverStarted
from treadle.protocol.text import encode_json


async def propose(run: Run, attempt: Attempt) -> None:
    """Offers candidates until one passes or nothing is left to try.

    Raises: a `ProviderError` when a model could not answer or its answers were no use, `BudgetError`.
    """
    rung = attempt.rung
    if rung.solver:
        await _solve(run, attempt)
    elif rung.protocol == "fill":
        from treadle.engine.protocols.fill import fill

        await fill(run, attempt)
    elif rung.protocol == "rewrite-then-edit":
        from treadle.engine.protocols.rewrite_then_edit import rewrite_then_edit

        await rewrite_then_edit(run, attempt)
    else:
        await converse(run, attempt)


async def _solve(run: Run, attempt: Attempt) -> None:
    """Offers what the rung's solver finds, if anything; the solver's word is a claim, the checks decide."""
    from treadle.solvers.registry import get_solver

    job, name = attempt.job, attempt.rung.solver
    run.emit(attempt.place, SolverStarted(name))
    started = time.monotonic()
    problem = problem_of(run, attempt, attempt.rung.limits.wall_s or 20.0)
    solution = await get_solver(name).solve(problem)
    detail = run.keep(encode_json({"suspects": solution.suspects[:20], "near": solution.near}))
    run.emit(
        attempt.place,
        SolverFinished(
            name,
            solution.changes is not None,
            solution.tried,
            solution.summary,
            detail,
            time.monotonic() - started,
        ),
    )
    if solution.suspects:
        run.suspects[(job.base.id(), job.target)] = solution.suspects
    if solution.changes is None:
        near = "".join(f"\nmakes the test pass and breaks another: {one}" for one in solution.near[:3])
        attempt.say(solution.summary + near)
    else:
        await attempt.offer(Candidate(solution.changes, {"summary": solution.summary}, solution.summary))
