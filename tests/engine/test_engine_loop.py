"""The loop's pure part: where each verdict leads, and that every loop ends."""

from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.engine.loop import destination, next_step
from treadle.engine.state import LoopState, Outcome, StepResult
from treadle.spec.agent import CheckSpec
from treadle.spec.loop import LoopSpec, Question, StepSpec

CHECK = CheckSpec("tests")


def loop_of(*steps: StepSpec) -> LoopSpec:
    return LoopSpec("l", "", steps)


def step(name: str, **fields) -> StepSpec:
    return StepSpec(name, check=CHECK, **fields)


def test_pass_goes_on_and_after_the_last_step_is_done():
    loop = loop_of(step("a"), step("b"))
    assert [destination(loop, s, "pass") for s in loop.steps] == ["b", "done"]


def test_what_is_not_named_stops():
    loop = loop_of(step("a"), step("b"))
    assert {destination(loop, loop.steps[0], v) for v in ("fail", "error", "none", "other")} == {"stop"}


def test_the_first_answer_of_a_question_goes_on_and_the_others_stop():
    loop = loop_of(StepSpec("q", ask=Question("Go on?")), step("b"))
    assert destination(loop, loop.steps[0], "yes") == "b"
    assert destination(loop, loop.steps[0], "no") == "stop"


def test_a_used_up_step_leads_where_limit_says_else_ends_by_limit():
    looping = loop_of(step("a", on={"pass": "a"}, max_visits=2), step("b"))
    state = LoopState()
    for _ in range(2):
        assert next_step(looping, state) == looping.steps[0]
        state = state.after("a", StepResult("pass", ""))
    ended = next_step(looping, state)
    assert isinstance(ended, Outcome) and (ended.kind, ended.step) == ("limit", "a")

    answered = loop_of(step("a", on={"pass": "a", "limit": "b"}, max_visits=2), step("b"))
    assert next_step(answered, state) == answered.steps[1]


NAMES = ("a", "b", "c", "d")


@st.composite
def bounded_loops(draw) -> LoopSpec:
    """Loops of up to four steps with any edges, every step bounded."""
    names = NAMES[: draw(st.integers(1, 4))]
    targets = st.sampled_from((*names, "done", "stop", "ask"))
    edges = st.dictionaries(st.sampled_from(("pass", "fail", "error", "none", "limit")), targets, max_size=5)
    return loop_of(*(step(n, on=draw(edges), max_visits=draw(st.integers(1, 3))) for n in names))


@settings(max_examples=300, deadline=None)
@given(
    bounded_loops(), st.lists(st.sampled_from(("pass", "fail", "error", "none")), min_size=13, max_size=13)
)
def test_every_loop_ends_within_the_sum_of_its_visits(loop: LoopSpec, verdicts: list[str]):
    state = LoopState()
    most = sum(s.max_visits or 0 for s in loop.steps)
    for verdict in verdicts[: most + 1]:
        now = next_step(loop, state)
        if isinstance(now, Outcome):
            return
        state = state.after(now.name, StepResult(verdict, ""))
    raise AssertionError(f"still going after {most} visits")
