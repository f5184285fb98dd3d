"""Solvers by name."""

from treadle.protocol.errors import UsageError
from treadle.solvers.base import Solver

NAMES = ("repair",)


def get_solver(name: str) -> Solver:
    """The solver that is called `name`. Raises: `UsageError` for a name that is none of `NAMES`."""
    if name == "repair":
        from treadle.solvers.repair import Repair

        return Repair()
    raise UsageError(f"no solver is called {name!r}", hint=f"use one of {', '.join(NAMES)}")
