"""What the YAML may name is what the rooms above have, no more and no less."""

from treadle.checks import registry as checks
from treadle.checks.runners.find import RUNNERS
from treadle.solvers import registry as solvers
from treadle.spec import names
from treadle.spec.agent import CheckSpec
from treadle.tools import registry as tools


def test_every_tool_is_there():
    assert set(names.TOOLS) == set(tools.NAMES)
    assert [tools.get_tool(name).name for name in names.TOOLS] == list(names.TOOLS)


def test_every_solver_is_there():
    assert set(names.SOLVERS) == set(solvers.NAMES)
    assert [solvers.get_solver(name).name for name in names.SOLVERS] == list(names.SOLVERS)


def test_every_check_is_there():
    known = {*names.CHECKS, names.COMMAND}
    assert known == set(checks.NAMES)
    assert {checks.get_check(CheckSpec(name)).name for name in known} == known


def test_runners_are_those_of_the_checks():
    assert names.RUNNERS == RUNNERS
