"""Nothing reaches the user's files until it is proven: what counts as proof, and what does not."""

import asyncio

import pytest

from samples import CALC, treadle_dir
from treadle.checks.base import CheckResult, FailedTest, TestReport
from treadle.engine.verdicts import merge_reports, relative
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.spec.agent import CheckSpec

GREEN = {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b")}
TESTS = CheckSpec("tests")
RED = CheckSpec("tests", expect="fail")


def agent(checks: str, ladder: str = "tools: [read, edit], ", output: str = "") -> str:
    return (
        f"name: hand\ndescription: d\nprompt: hand.md\ninputs: [task]\n{output}checks: {checks}\n"
        f"ladder: [{{tier: small, {ladder}limits: {{turns: 4}}}}]\n"
    )


def project(
    spec: str, replies: str, loop: str = "steps: [{name: act, agent: hand}]\n", base=GREEN, **more: str
):
    return {
        **base,
        **treadle_dir(
            agents__hand=spec,
            loops__go=f"name: go\ndescription: d\n{loop}",
            tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
            replies__small=f"replies:\n{replies}",
            **more,
        ),
        ".treadle/prompts/hand.md": "Do it: ${task}\n",
    }


def edit(path: str, search: str, replace: str) -> str:
    return (
        f"  - tool_calls: [{{name: edit, arguments: {dict(path=path, search=search, replace=replace)!r}}}]\n"
    )


OUTPUT = "output: {type: object, properties: {summary: {type: string, maxLength: 9}}, required: [summary]}\n"
BROKEN = edit("calc.py", "return a + b", "return a +") + "  - json: {summary: done}\n"


async def test_the_form_of_an_output_proves_no_file(make_repo, drive):
    root = make_repo(project(agent("[]", output=OUTPUT), BROKEN))
    ran = await drive(root, "go", task="x")
    assert (ran.code, ran.view.proven) == (3, False)
    assert (root / "calc.py").read_text() == GREEN["calc.py"]


async def test_an_answer_that_changes_nothing_needs_no_proof(make_repo, drive):
    root = make_repo(project(agent("[]", "tools: [read], "), "  - text: It adds.\n"))
    ran = await drive(root, "go", task="what does it do?")
    assert (ran.code, ran.view.outcome) == (0, "done")


async def test_a_writing_agent_that_changes_nothing_has_not_done_it(make_repo, drive):
    root = make_repo(project(agent("[tests]"), "  - {text: done, repeat: true}\n"))
    ran = await drive(root, "go", task="x")
    assert ran.code == 1 and "nothing was changed" in ran.view.reason


async def test_what_a_command_changed_is_written_only_once_a_check_passed(make_repo, drive):
    loop = "apply: step\nsteps:\n  - {name: put, command: 'echo x = 1 > new.py'}\n  - {name: look, check: parses}\n"
    root = make_repo({**GREEN, **treadle_dir(loops__go=f"name: go\ndescription: d\n{loop}")})
    ran = await drive(root, "go")
    assert (ran.code, (root / "new.py").exists()) == (3, False)

    judged = loop.replace("check: parses", "check: tests")
    other = make_repo({**GREEN, **treadle_dir(loops__go=f"name: go\ndescription: d\n{judged}")}, "other")
    ran = await drive(other, "go")
    assert (ran.code, (other / "new.py").read_text()) == (0, "x = 1\n")


async def test_unproven_changes_are_kept_and_written_where_the_user_allows_it(
    make_repo, drive, tmp_path, monkeypatch
):
    files = project(agent("[]"), edit("calc.py", "return a + b", "return b + a") + "  - text: done\n")
    root = make_repo(files)
    ran = await drive(root, "go", task="x")
    assert ran.code == 3 and ran.view.diff and not ran.view.written

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "treadle").mkdir(parents=True)
    (tmp_path / "config" / "treadle" / "settings.yaml").write_text("unproven: allow\n")
    ran = await drive(root, "go", task="x")
    assert (ran.code, ran.view.written) == (0, ("calc.py",))


async def test_each_keeps_what_could_not_be_judged_and_says_so(make_repo, drive):
    loop = "steps:\n  - {name: plan, agent: lister}\n  - {name: act, agent: hand, each: plan.files, on_item: stop}\n"
    lister = (
        "name: lister\ndescription: d\nprompt: hand.md\ninputs: [task]\ntier: small\nprotocol: fill\n"
        "output: {type: object, properties: {files: {type: array, maxItems: 3, items: {type: string, maxLength: 9}}},"
        " required: [files]}\n"
    )
    replies = (
        "  - json: {files: [a.txt, b.txt]}\n"
        + edit("a.txt", "", "a\n") + "  - text: one\n"
        + edit("b.txt", "", "b\n") + "  - text: two\n"
    )  # fmt: skip
    files = project(agent("[tests]"), replies, loop, base={"readme": "x\n"}, agents__lister=lister)
    root = make_repo(files)
    ran = await drive(root, "go", task="x")
    assert ran.code == 3
    assert "+a" in (ran.session.folder / "blobs" / ran.view.diff).read_text()
    assert "+b" in (ran.session.folder / "blobs" / ran.view.diff).read_text()


async def test_an_output_is_held_against_each_agents_own_schema(make_repo, drive):
    loop = "steps: [{name: one, agent: hand}, {name: two, agent: strict}]\n"
    form = "tier: small\nprotocol: fill\nprompt: hand.md\ninputs: [task]\ndescription: d\n"
    free = f"name: hand\n{form}{OUTPUT}"
    strict = (
        f"name: strict\n{form}output: {{type: object, properties: {{summary: {{type: string, maxLength: 9}}, "
        "count: {type: integer}}, required: [summary, count]}\n"
    )
    root = make_repo(project(free, "  - {json: {summary: a}, repeat: true}\n", loop, agents__strict=strict))
    ran = await drive(root, "go", task="x")
    assert ran.code == 1 and "count" in ran.view.reason


async def test_an_abort_before_the_write_writes_nothing(make_repo, drive):
    loop = "name: go\ndescription: d\nsteps: [{name: put, command: 'echo x > new.txt'}, {name: t, check: tests}]\n"
    root = make_repo({**GREEN, **treadle_dir(loops__go=loop)})
    ran = await drive(root, "go", mode="step", answers=[commands.Next(), commands.Next(), commands.Abort()])
    assert (ran.code, ran.view.outcome) == (130, "aborted")
    assert not (root / "new.txt").exists()


async def test_an_item_that_ends_the_run_ends_the_others_with_it(make_repo, drive):
    loop = (
        "budget: {cost_usd: 1}\nsteps:\n  - {name: plan, agent: lister}\n"
        "  - {name: act, agent: hand, each: plan.files, parallel: 2}\n"
    )
    lister = (
        "name: lister\ndescription: d\nprompt: hand.md\ninputs: [task]\ntier: small\nprotocol: fill\n"
        "output: {type: object, properties: {files: {type: array, maxItems: 3, items: {type: string, maxLength: 9}}},"
        " required: [files]}\n"
    )
    replies = (
        "  - json: {files: [a, b]}\n    usage: {cost_usd: 0.5}\n  - {text: one, usage: {cost_usd: 9}}\n"
        "  - {text: two, delay_s: 30}\n"
    )
    spec = agent("[tests]").replace("turns: 4", "turns: 3")
    root = make_repo(project(spec, replies, loop, agents__lister=lister))
    ran = await asyncio.wait_for(drive(root, "go", task="x"), 25)
    assert ran.code == 5
    assert isinstance(ran.envelopes[-1].event, e.RunFinished)


@pytest.mark.parametrize(("inner", "code"), [("max_visits: 1, on: {fail: a}", 5), ("on: {fail: ask}", 3)])
async def test_an_inner_loops_limit_and_question_end_the_run_as_its_own_would(make_repo, drive, inner, code):
    loops = treadle_dir(
        loops__go="name: go\ndescription: d\nsteps: [{name: in, loop: round}]\n",
        loops__round=f"name: round\ndescription: d\nsteps: [{{name: a, check: tests, {inner}}}]\n",
    )
    ran = await drive(make_repo({**CALC, **loops}), "go")
    assert ran.code == code


async def test_an_inner_loops_own_budget_holds(make_repo, drive):
    inner = "name: round\ndescription: d\nbudget: {wall_s: 1}\nsteps: [{name: a, command: sleep 30}]\n"
    loops = treadle_dir(
        loops__go="name: go\ndescription: d\nsteps: [{name: in, loop: round}]\n", loops__round=inner
    )
    ran = await drive(make_repo({**CALC, **loops}), "go")
    assert ran.code == 5 and "wall_s" in ran.view.reason


def report(passed=(), failed=(), collected=None) -> TestReport:
    tests = tuple(FailedTest(i) for i in failed)
    return TestReport("r", tuple(collected or (*passed, *failed)), tuple(passed), tests)


def said(verdict: str, tests: TestReport | None = None, cause: str = "") -> CheckResult:
    return CheckResult("tests", verdict, "s", tests=tests, cause=cause)


@pytest.mark.parametrize(
    ("spec", "result", "baseline", "target", "verdict"),
    [
        (TESTS, said("fail", report(["a"], ["b"])), report(["a"], ["b"]), (), "pass"),
        (TESTS, said("fail", report(["a"], ["b"])), report(["a"], ["b"]), ("b",), "fail"),
        (TESTS, said("fail", report(["a", "c"], ["b"])), report(["a"], ["b", "c"]), ("c",), "pass"),
        (TESTS, said("fail", report([], ["a", "b"])), report(["a"], ["b"]), (), "fail"),
        (TESTS, said("fail", report(["x"], ["b"])), report(["a"], ["b"]), (), "fail"),
        (TESTS, said("error", None, "collection"), report(["a"]), (), "fail"),
        (TESTS, said("error", None, "network"), report(["a"]), (), "error"),
        (TESTS, said("error", None, "no_tests"), None, (), "none"),
        (RED, said("fail", report(["a"], ["new"])), report(["a"]), (), "pass"),
        (RED, said("fail", report([], ["a", "new"])), report(["a"]), (), "fail"),
        (RED, said("fail", report(["a"], ["old"])), report(["a"], ["old"]), (), "fail"),
        (RED, said("pass", report(["a", "new"])), report(["a"]), (), "fail"),
        (RED, said("error", None, "collection"), None, (), "fail"),
        (RED, said("fail", report([], ["new"])), None, (), "pass"),
    ],
)
def test_a_verdict_counts_against_what_was_asked_and_what_was_there(spec, result, baseline, target, verdict):
    assert relative(spec, result, baseline, target).verdict == verdict


def test_a_partial_run_is_put_over_the_whole_one():
    merged = merge_reports(report(["a", "b"], ["c", "d"]), report(["c"], ["b"]))
    assert (merged.passed, merged.failed_ids) == (("a", "c"), ("d", "b"))
    assert merged.collected == ("a", "b", "c", "d")
