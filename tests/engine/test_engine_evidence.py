"""Verdicts are evidence: ways to look green without being it, as an acceptance found them."""

import json

import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e

GREEN = {**CALC, "calc.py": CALC["calc.py"].replace("a - b", "a + b")}
HAND = (
    "name: hand\ndescription: d\nprompt: hand.md\ninputs: [task]\nchecks: {checks}\n"
    "ladder: [{{tier: small, tools: [read, edit, run], limits: {{turns: 4}}}}]\n"
)


def project(base, checks, commands, loop):
    """A model that runs one shell command a turn."""
    turns = "".join(
        f"  - tool_calls: [{{name: run, arguments: {{command: {json.dumps(c)}}}}}]\n" for c in commands
    )
    turns += "  - {text: done, repeat: true}\n"
    return {
        **base,
        **treadle_dir(
            agents__hand=HAND.format(checks=checks),
            loops__go=f"name: go\ndescription: d\n{loop}",
            tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
            replies__small=f"replies:\n{turns}",
        ),
        ".treadle/prompts/hand.md": "Do it: ${task}\n",
    }


ONE = "steps: [{name: act, agent: hand}]\n"
CUTS = {
    "a test that passed is deleted": "sed -i '/def test_half/,+1d' test_calc.py",
    "all tests are deleted": "rm test_calc.py",
    "a test is skipped": "sed -i 's/    def test_half/    @unittest.skip(\"x\")\\n    def test_half/' test_calc.py",
    "a test is renamed": "sed -i 's/test_half/other_half/' test_calc.py",
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("base", [GREEN, CALC], ids=["green", "red"])
async def test_an_agent_that_takes_tests_away_has_not_passed_them(make_repo, drive, cut, base):
    root = make_repo(project(base, "[parses, tests]", [CUTS[cut]], ONE))
    ran = await drive(root, "go", task="x")
    assert (ran.code, ran.view.written) == (1, ())


@pytest.mark.parametrize(
    "cut",
    [
        "sed -i '/def test_add/,+1d' test_calc.py",
        "sed -i 's/    def test_add/    @unittest.skip(\"x\")\\n    def test_add/' test_calc.py",
        "sed -i 's/    def test_add/    @unittest.expectedFailure\\n    def test_add/' test_calc.py",
    ],
)
@pytest.mark.parametrize(
    "first", ["  - {name: t0, check: tests, on: {fail: act}}\n", ""], ids=["looked", "blind"]
)
async def test_a_check_of_the_suite_misses_a_red_test_that_is_gone(make_repo, drive, cut, first):
    loop = f"steps:\n{first}  - {{name: act, agent: hand}}\n  - {{name: t, check: tests}}\n"
    root = make_repo(project(CALC, "[parses]", [cut], loop))
    ran = await drive(root, "go", task="x")
    assert (ran.code, ran.view.written) == (1, ()), ran.view.reason


async def test_a_command_that_swaps_the_suite_is_seen(make_repo, drive):
    swap = "rm test_calc.py; printf 'import unittest\\nclass T(unittest.TestCase):\\n  def test_x(self): pass\\n' > test_x.py"
    loop = f"name: go\ndescription: d\nsteps:\n  - {{name: swap, command: {json.dumps(swap)}}}\n  - {{name: t, check: tests}}\n"
    ran = await drive(make_repo({**GREEN, **treadle_dir(loops__go=loop)}), "go")
    assert (ran.code, ran.view.written) == (1, ())
    assert "test_half" in ran.view.reason


async def test_what_was_only_deleted_is_not_proven_by_a_parser(make_repo, drive):
    ran = await drive(make_repo(project(GREEN, "[parses]", ["rm calc.py"], ONE)), "go", task="x")
    assert (ran.code, ran.view.written) == (3, ())


async def test_items_that_pass_apart_and_fail_together_are_not_written_together(make_repo, drive):
    base = {
        "a.py": "A = 1\n",
        "b.py": "B = 1\n",
        "test_sum.py": (
            "import unittest\nfrom a import A\nfrom b import B\n\n\nclass T(unittest.TestCase):\n"
            "    def test_sum(self):\n        self.assertLessEqual(A + B, 3)\n"
        ),
    }
    lister = (
        "name: lister\ndescription: d\nprompt: hand.md\ninputs: [task]\ntier: small\nprotocol: fill\n"
        "output: {type: object, properties: {files: {type: array, maxItems: 3, items: {type: string, maxLength: 9}}},"
        " required: [files]}\n"
    )
    loop = "steps:\n  - {name: plan, agent: lister}\n  - {name: act, agent: hand, each: plan.files, parallel: 2}\n"
    files = project(base, "[parses, tests]", [], loop)
    files[".treadle/agents/lister.yaml"] = lister
    files[".treadle/agents/hand.yaml"] = HAND.format(checks="[parses, tests]").replace("[task]", "[item]")
    files[".treadle/prompts/hand.md"] = "Raise:\n"
    files[".treadle/replies/small.yaml"] = "replies:\n  - json: {files: [a.py, b.py]}\n" + "".join(
        f"  - {{when: {n}.py, tool_calls: [{{name: run, arguments: {{command: 'echo {n.upper()} = 2 > {n}.py'}}}}]}}\n"
        f"  - {{when: {n}.py, text: done}}\n"
        for n in "ab"
    )
    ran = await drive(make_repo(files), "go", task="x")
    assert ran.code != 0
    assert ran.view.written == ()


async def test_tests_that_were_collected_and_never_ran_are_no_pass(make_repo, drive):
    pytest_suite = {
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "test_p.py": (
            "import pytest\n\n\ndef test_a():\n    pass\n\n\ndef test_b():\n    pytest.exit('bye', 0)\n\n\n"
            "def test_c():\n    assert 1 == 2\n"
        ),
    }
    loop = "name: go\ndescription: d\nsteps: [{name: t, check: tests}]\n"
    ran = await drive(make_repo({**pytest_suite, **treadle_dir(loops__go=loop)}), "go")
    assert ran.code == 1 and ran.view.outcome == "failed"


@pytest.mark.parametrize("word", ["pass", "none", "hmm"])
async def test_a_word_that_was_not_declared_is_no_verdict(make_repo, drive, word):
    spec = (
        "name: hand\ndescription: d\nprompt: hand.md\ninputs: [task]\nverdicts: [approve, revise]\ntier: small\n"
        "protocol: fill\noutput: {type: object, properties: {verdict: {type: string, maxLength: 9}}, required: [verdict]}\n"
    )
    files = project(GREEN, "[]", [], "steps: [{name: act, agent: hand, on: {approve: done, revise: stop}}]\n")
    files[".treadle/agents/hand.yaml"] = spec
    files[".treadle/replies/small.yaml"] = f"replies: [{{json: {{verdict: {word}}}}}]\n"
    ran = await drive(make_repo(files), "go", task="x")
    assert (ran.code, [s.verdict for s in ran.events(e.StepFinished)]) == (1, ["fail"])
