"""Checks by name."""

from treadle.checks.base import Check
from treadle.protocol.errors import UsageError
from treadle.spec.agent import CheckSpec

NAMES = ("schema", "places", "parses", "command", "tests")


def get_check(spec: CheckSpec) -> Check:
    """The check that `spec` names. Raises: `UsageError` for a name that is none of `NAMES`."""
    if spec.command or spec.name == "command":
        from treadle.checks.command import CommandCheck

        return CommandCheck(spec.command)
    if spec.name == "tests":
        from treadle.checks.tests import TestsCheck

        return TestsCheck()
    if spec.name == "parses":
        from treadle.checks.parses import ParsesCheck

        return ParsesCheck()
    if spec.name == "schema":
        from treadle.checks.schema import SchemaCheck

        return SchemaCheck()
    if spec.name == "places":
        from treadle.checks.places import PlacesCheck

        return PlacesCheck()
    raise UsageError(f"no check is called {spec.name!r}", hint=f"use one of {', '.join(NAMES)}")
