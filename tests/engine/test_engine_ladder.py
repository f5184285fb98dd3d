"""The ladder on real tests in the real sandbox, climbed by scripted models."""

import textwrap

from samples import CALC, treadle_dir
from treadle.protocol import events as e

AGENT = """
name: mender
description: Mends one failing test.
inputs: [item, receipt]
prompt: mender.md
checks: [parses, tests]
permissions: {deny: [tests]}
ladder:
"""
LOOP = """
name: go
description: Mend each failing test.
steps:
  - {name: test, check: tests, on: {pass: done, fail: mend}}
  - {name: mend, agent: mender, each: failing_tests}
"""


def edit(old: str, new: str) -> str:
    """A scripted conversation: one edit of calc.py, then done."""
    call = {"path": "calc.py", "search": old, "replace": new}
    return f"  - tool_calls: [{{name: edit, arguments: {call!r}}}]\n  - text: done\n"


def project(rungs: str, **scripts: str) -> dict[str, str]:
    """A project whose agent climbs `rungs`; each script is a tier's scripted model."""
    tiers = "tiers:\n" + "".join(f"  {n}: {{models: [scripted/replies/{n}.yaml]}}\n" for n in scripts)
    replies = {f"replies__{name}": "replies:\n" + text for name, text in scripts.items()}
    files = treadle_dir(mender=AGENT + textwrap.indent(rungs, "  "), loops__go=LOOP, tiers=tiers, **replies)
    return {**CALC, **files, ".treadle/prompts/mender.md": "Mend it.\n${item}\n${receipt}\n"}


WRONG = edit("return a - b", "return a * b")
RIGHT = edit("return a - b", "return a + b")
TOOLS = "- {tier: %s, tools: [read, edit], limits: {turns: 2}}\n"


async def test_a_wrong_answer_climbs_with_a_receipt_and_a_right_one_is_written(make_repo, drive):
    root = make_repo(project(TOOLS % "small" + TOOLS % "large", small=WRONG, large=RIGHT))
    ran = await drive(root, "go")

    attempts = ran.events(e.AttemptFinished)
    assert [(a.tier, a.verdict) for a in attempts] == [("small", "fail"), ("large", "pass")]
    assert [a.model.rsplit("/", 1)[-1] for a in attempts] == ["small.yaml", "large.yaml"]
    assert attempts[0].receipt
    assert (root / "calc.py").read_text() == CALC["calc.py"].replace("a - b", "a + b")
    assert (ran.code, ran.view.proven) == (0, True)


async def test_what_fails_on_every_rung_is_a_fail_and_writes_nothing(make_repo, drive):
    root = make_repo(project(TOOLS % "small", small=WRONG))
    ran = await drive(root, "go")
    assert (ran.code, ran.view.outcome) == (1, "failed")
    assert (root / "calc.py").read_text() == CALC["calc.py"]


async def test_an_unavailable_rung_is_left_out_and_the_next_one_used(make_repo, drive):
    root = make_repo(
        project(TOOLS % "small" + TOOLS % "large", small="  - error: unreachable\n", large=RIGHT)
    )
    ran = await drive(root, "go")
    assert [r.tier for r in ran.events(e.RungUnavailable)] == ["small"]
    assert ran.code == 0


async def test_no_rung_to_be_had_ends_with_four_and_the_way_to_get_one(make_repo, drive):
    root = make_repo(project(TOOLS % "small", small="  - error: no such model\n"))
    ran = await drive(root, "go")
    assert ran.code == 4
    assert "treadle setup" in ran.view.hint


async def test_a_model_may_not_touch_what_is_denied(make_repo, drive):
    cheat = "  - tool_calls: [{name: edit, arguments: {path: test_calc.py, search: '5)', replace: '-1)'}}]\n"
    root = make_repo(project(TOOLS % "small", small=cheat + "  - text: done\n"))
    ran = await drive(root, "go")
    assert ran.code == 1
    assert [t.is_error for t in ran.events(e.ToolFinished)] == [True]
    assert (root / "test_calc.py").read_text() == CALC["test_calc.py"]


async def test_a_candidate_that_breaks_another_test_is_no_pass(make_repo, drive):
    both = (
        "  - tool_calls:\n"
        "      - {name: edit, arguments: {path: calc.py, search: a - b, replace: a + b}}\n"
        "      - {name: edit, arguments: {path: calc.py, search: x // 2, replace: x // 3}}\n"
        "  - text: done\n"
    )
    root = make_repo(project(TOOLS % "small", small=both))
    ran = await drive(root, "go")
    assert ran.code == 1
    assert "test_half" in ran.events(e.AttemptFinished)[0].summary


async def test_two_attempts_without_progress_end_the_rung_not_the_step(make_repo, drive):
    rungs = "- {tier: small, tools: [read, edit], attempts: 5, limits: {turns: 2}}\n" + TOOLS % "large"
    root = make_repo(project(rungs, small=WRONG * 5, large=RIGHT))
    ran = await drive(root, "go")
    assert [a.tier for a in ran.events(e.AttemptFinished)] == ["small", "small", "large"]
    assert ran.code == 0


async def test_a_check_never_runs_twice_on_the_same_change_set(make_repo, drive):
    root = make_repo(project(TOOLS % "small" + TOOLS % "large", small=WRONG, large=WRONG))
    ran = await drive(root, "go")
    tests = [c for c in ran.events(e.CheckFinished) if c.check == "tests" and c.on == "candidate"]
    assert [c.cached for c in tests] == [False, True]


async def test_a_race_keeps_the_first_that_passes(make_repo, drive):
    rungs = "- {race: [small, medium], pick: first, tools: [read, edit], limits: {turns: 2}}\n"
    slow = "  - {delay_s: 30, text: too late}\n"
    root = make_repo(project(rungs, small=slow, medium=RIGHT))
    ran = await drive(root, "go")
    ended = {a.tier: a.verdict for a in ran.events(e.AttemptFinished)}
    assert ended == {"medium": "pass", "small": "none"}
    assert ran.code == 0


async def test_every_started_attempt_and_step_is_finished_in_the_trace(make_repo, drive):
    root = make_repo(project(TOOLS % "small" + TOOLS % "large", small=WRONG, large=RIGHT))
    ran = await drive(root, "go")
    for start, end in ((e.StepStarted, e.StepFinished), (e.AttemptStarted, e.AttemptFinished)):
        assert len(ran.events(start)) == len(ran.events(end)) > 0
    assert isinstance(ran.envelopes[-1].event, e.RunFinished)


async def test_a_base_that_can_not_be_collected_reaches_no_model(make_repo, drive):
    files = project(TOOLS % "small", small=RIGHT)
    root = make_repo({**files, "test_calc.py": "import nowhere_to_be_found\n" + files["test_calc.py"]})
    ran = await drive(root, "go")
    assert ran.events(e.ModelRequested) == ran.events(e.AttemptStarted) == []
    assert "nowhere_to_be_found" in ran.view.reason
    assert ran.code == 1


async def test_what_a_person_can_act_on_is_told_of_rungs_that_could_not_be_had(make_repo, drive):
    files = project(
        TOOLS % "small" + TOOLS % "medium" + TOOLS % "large",
        small="  - error: no such model\n",
        medium="  - {error: rate-limited, retry_after_s: 60}\n",
        large="  - error: refused\n",
    )
    ran = await drive(make_repo(files), "go")
    assert ran.code == 75
    assert "rate" in ran.view.reason.lower()
