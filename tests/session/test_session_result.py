"""The result's one line of a step: the tier and model that its verdict comes from."""

import pytest

from treadle.session.result import result_of
from treadle.session.view import AttemptView, StepView, View


def attempt(number: int, tier: str, verdict: str) -> AttemptView:
    return AttemptView(number, tier, "tools", f"m-{tier}", verdict)


@pytest.mark.parametrize(
    ("verdict", "attempts", "tier"),
    [
        ("pass", [("small", "pass"), ("large", "")], "small"),
        ("pass", [("small", "fail"), ("medium", "pass"), ("large", "error")], "medium"),
        ("fail", [("small", "fail"), ("large", "fail")], "large"),
        ("bug", [("small", "none"), ("large", "none")], "large"),
        ("error", [], ""),
    ],
)
def test_the_tier_is_that_of_the_attempt_that_settled_the_step(tmp_path, verdict, attempts, tier):
    tried = tuple(attempt(number, *told) for number, told in enumerate(attempts, 1))
    view = View(steps=(StepView("a@1", "agent a", verdict=verdict, attempts=tried),))
    line = result_of(tmp_path, view, 0).steps[0]
    assert (line.tier, line.model, line.attempts) == (tier, f"m-{tier}" if tier else "", len(tried))
