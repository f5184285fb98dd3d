"""What a rung, an agent, a loop come to once everything has its default."""

from pathlib import Path

import pytest

from treadle.spec.agent import CheckSpec, Limits, Rung
from treadle.spec.layers import Folder, builtin_folder
from treadle.spec.load import load_folders
from treadle.spec.loop import Budget, Question
from treadle.spec.prompt import fill, placeholders

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIXTURES = sorted((HERE / "loops").iterdir())


@pytest.fixture
def agent(load, write):
    """The agent that a text describes, over the head that every agent needs."""

    def reading(text):
        head = "name: mine\ndescription: Mine.\nprompt: worker.md\ninputs: [item]\n"
        write(".treadle/agents/mine.yaml", head + text)
        catalog, faults = load()
        assert faults.lines() == ()
        return catalog.agents["mine"]

    return reading


@pytest.fixture
def steps(load, write):
    """The steps, by name, of a loop with these steps."""

    def reading(text):
        write(".treadle/loops/mine.yaml", "name: mine\ndescription: Mine.\nsteps:\n" + text)
        catalog, faults = load()
        assert faults.lines() == ()
        return {step.name: step for step in catalog.loops["mine"].steps}

    return reading


def test_what_stands_on_the_agent_is_every_rungs_default(agent):
    rungs = agent(
        "tools: [read]\nattempts: 2\nfrom: best\nlimits: {turns: 4, wall_s: 5}\n"
        "ladder:\n"
        "  - {tier: code, solver: repair}\n"
        "  - {tier: small}\n"
        "  - {tier: large, protocol: rewrite-then-edit, attempts: 1, from: base, limits: {turns: 9}}\n"
    ).ladder
    assert rungs == (
        Rung("code", solver="repair", limits=Limits(2, turns=4, wall_s=5), from_best=True),
        Rung("small", tools=("read",), limits=Limits(2, turns=4, wall_s=5), from_best=True),
        Rung("large", protocol="rewrite-then-edit", limits=Limits(1, turns=9, wall_s=5)),
    )


def test_tier_is_short_for_a_ladder_of_one(agent):
    assert agent("tier: code\nsolver: repair\nattempts: 3\n").ladder == (
        Rung("code", solver="repair", limits=Limits(3)),
    )


def test_a_rung_with_an_output_and_nothing_else_fills_it(agent):
    assert agent("tier: small\noutput: {type: object}\n").ladder == (Rung("small", protocol="fill"),)


def test_a_race(agent):
    assert agent("ladder: [{race: [small, large], pick: cheapest, tools: [read]}]\n").ladder == (
        Rung("small", tools=("read",), race=("small", "large"), pick="cheapest"),
    )


def test_checks_in_all_their_forms(agent):
    checks = agent(
        "tier: small\ntools: [edit]\noutput: {type: object}\n"
        'checks: [parses, schema, {tests: fail}, {command: "make lint"}]\n'
    ).checks
    assert checks == (
        CheckSpec("parses"),
        CheckSpec("schema"),
        CheckSpec("tests", expect="fail"),
        CheckSpec("command", "make lint"),
    )


@pytest.mark.parametrize(
    ("way", "writes"),
    [
        ("tier: code\nsolver: repair\n", True),
        ("tier: small\ntools: [read, search]\n", False),
        ("tier: small\ntools: [read, edit]\n", True),
        ("tier: small\ntools: [run]\n", True),
        ("tier: small\nprotocol: fill\noutput: {type: object}\n", False),
        ("tier: small\nprotocol: rewrite-then-edit\n", True),
    ],
)
def test_on_item_goes_on_for_agents_that_only_read(agent, load, write, way, writes):
    assert agent(way).writes is writes
    write(
        ".treadle/loops/mine.yaml",
        "name: m\ndescription: M.\nsteps: [{name: a, agent: mine, each: failing_tests}]\n",
    )
    (step,) = load()[0].loops["m"].steps
    assert step.on_item == ("stop" if writes else "continue")


def test_steps_in_all_their_forms(steps):
    found = steps(
        "  - {name: list, agent: lister, break: true}\n"
        "  - {name: work, agent: worker, each: list.tasks, on_item: continue, parallel: 3}\n"
        "  - {name: look, check: {tests: fail}, on: {fail: list, limit: lint}, max_visits: 2}\n"
        "  - {name: lint, check: {command: make lint}}\n"
        "  - {name: build, command: make}\n"
        "  - {name: inner, loop: each-item}\n"
        "  - {name: sure, ask: Go on?, on: {no: stop}}\n"
        "  - {name: how, ask: {question: How?, answers: [on, off, yes]}, on: {on: keep, off: keep, yes: done}}\n"
        "  - {name: keep, git: commit}\n"
    )
    assert found["list"].breakpoint and not found["work"].breakpoint
    assert (found["work"].each, found["work"].on_item, found["work"].parallel) == (
        "list.tasks",
        "continue",
        3,
    )
    assert (found["look"].check, found["look"].max_visits) == (CheckSpec("tests", expect="fail"), 2)
    assert found["lint"].check == CheckSpec("command", "make lint")
    assert (found["build"].command, found["inner"].loop, found["keep"].git) == ("make", "each-item", "commit")
    assert found["sure"].ask == Question("Go on?")
    assert found["how"].ask == Question("How?", ("on", "off", "yes"))
    assert found["how"].on == {"on": "keep", "off": "keep", "yes": "done"}


def test_a_loops_base_budget_and_apply(load, write):
    text = "name: mine\ndescription: M.\nbase: HEAD~1\napply: step\n"
    text += "budget: {cost_usd: 0, tokens: 5, wall_s: 9, turns: 2}\n"
    write(".treadle/loops/mine.yaml", text + "steps: [{name: a, check: tests}]\n")
    loop = load()[0].loops["mine"]
    assert (loop.base, loop.apply, loop.budget) == ("HEAD~1", "step", Budget(0.0, 5, 9.0, 2))


def test_an_inner_loop_in_each_may_use_the_item(load, write):
    write(".treadle/loops/in.yaml", "name: in\ndescription: I.\nsteps: [{name: go, agent: worker}]\n")
    assert load()[1].codes() == ("agent_item",)
    write(
        ".treadle/loops/out.yaml",
        "name: out\ndescription: O.\nsteps: [{name: a, loop: in, each: failing_tests}]\n",
    )
    assert load()[1].lines() == ()


def test_an_output_of_a_step_that_a_cycle_leads_back_from_may_be_used(load, write):
    text = "name: mine\ndescription: M.\nprompt: mine.md\ninputs: [check.title]\ntier: small\ntools: [read]\n"
    write(".treadle/agents/mine.yaml", text)
    write(".treadle/prompts/mine.md", "Work.")
    steps = "steps:\n  - {name: go, agent: mine}\n  - {name: check, agent: lister%s}\n"
    write(".treadle/loops/mine.yaml", "name: mine\ndescription: M.\n" + steps % "")
    assert load()[1].codes() == ("input_too_late",)
    write(
        ".treadle/loops/mine.yaml",
        "name: mine\ndescription: M.\n" + steps % ", on: {fail: go}, max_visits: 2",
    )
    assert load()[1].lines() == ()


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_the_realistic_loops_load_alone_and_over_the_built_in_ones(folder):
    layer = Folder("repository", folder, inside=folder)
    for folders in ([layer], [builtin_folder(), layer]):
        catalog, faults = load_folders(folders)
        assert faults.lines() == ()
        assert folder.name in catalog.loops or "deliver" in catalog.loops


def test_the_five_loops_hold_what_they_are_there_for():
    loops = {}
    agents = {}
    for folder in FIXTURES:
        catalog, _ = load_folders([Folder("repository", folder, inside=folder)])
        loops |= catalog.loops
        agents |= {f"{folder.name} {name}": agent for name, agent in catalog.agents.items()}
    assert len(FIXTURES) == 5
    assert CheckSpec("tests", expect="fail") in agents["test-first test-writer"].checks
    agree = loops["test-first"].steps[1]
    assert agree.ask is not None and agree.ask.answers == ("yes", "no")
    work = loops["deliver"].steps[1]
    assert (work.loop, work.each) == ("one-change", "plan.tasks")
    assert loops["one-change"].steps[1].on == {"approve": "test", "revise": "write"}
    assert [step.what for step in loops["merge"].steps] == [
        "agent settler",
        "check tests",
        "agent mender",
        "git stage",
        "git commit",
    ]
    assert loops["merge"].apply == "step"
    assert loops["pre-commit"].base == "index"
    assert agents["race mender"].ladder[0].race == ("small", "medium")


def test_placeholders_with_their_lines():
    assert placeholders("a ${x}\n$$ $y ${z.a-b} $${q}\n") == [("x", 1), ("z.a-b", 2)]


def test_filling_is_done_once_and_misses_nothing():
    assert fill("${a} $$5 ${b.c} $d", {"a": "${b.c}", "b.c": "$$"}) == "${b.c} $5 $$ $d"
    with pytest.raises(KeyError):
        fill("${a}", {})
