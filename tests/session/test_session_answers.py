"""The shipped loops that answer and plan, on scripted models: what they say is shown as a claim, nothing is written."""

import subprocess
import sys

import msgspec
import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
from treadle.session.answer import as_text
from treadle.session.result import result_of
from treadle.spec.load import folders_for, load_folders

TIERS = "tiers:\n" + "".join(
    f"  {t}: {{models: [scripted/replies/{t}.yaml]}}\n" for t in ("small", "medium", "large")
)
RIGHT = {"places": [{"path": "calc.py", "line": 2, "quote": "return a - b"}], "answer": "It subtracts."}
WRONG = {"places": [{"path": "calc.py", "line": 2, "quote": "return a + b"}], "answer": "It adds."}
TASKS = [
    {"title": "Add roman", "files": ["calc.py", "test_calc.py"], "what": "Write `roman(n)`.\nTest it."},
    {"title": "Document it", "files": [], "what": "One line in the README."},
]


def reply(**entry):
    return msgspec.json.encode({"replies": [entry]}).decode()


def laid_out(make_repo, first, large=""):
    """The sample project with scripted models; `first` answers on tiers small and medium."""
    large = large or "replies: [{error: no such model, repeat: true}]\n"
    files = treadle_dir(tiers=TIERS, replies__small=first, replies__medium=first, replies__large=large)
    return make_repo({**CALC, **files, ".gitignore": ".treadle/\n__pycache__/\n"})


def status(root):
    said = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True
    )
    return said.stdout


async def test_a_question_is_answered_with_the_places_it_rests_on(make_repo, drive):
    root = laid_out(make_repo, reply(json=RIGHT))
    ran = await drive(root, "ask", task="What does add do?")
    result = result_of(ran.session.folder, ran.view, ran.code)
    assert (result.exit_code, result.output) == (0, RIGHT)
    assert result.answer == "It subtracts.\n\nplaces:\n  calc.py:2: return a - b\n"
    assert result.said_by.endswith("medium.yaml") and result.evidence == ("the place named exists",)
    assert f"  what {result.said_by} says is a claim (the place named exists)" in result.lines()
    assert not result.proven and not result.written and not result.changed and status(root) == ""


async def test_a_model_is_shown_the_passages_before_it_looks_itself(make_repo, drive):
    root = laid_out(
        make_repo, reply(when=["What does add do?", "calc.py:1-2", "   2      return a - b"], json=RIGHT)
    )
    assert (await drive(root, "ask", task="What does add do?")).code == 0


async def test_a_place_that_is_not_there_climbs_and_is_told(make_repo, drive):
    look = {"tool_calls": [{"name": "read", "arguments": {"path": "calc.py"}}]}
    large = msgspec.json.encode({"replies": [look, {"json": RIGHT}]}).decode()
    root = laid_out(make_repo, reply(json=WRONG, repeat=True), large)
    ran = await drive(root, "ask", task="What does add do?")
    assert [(a.tier, a.verdict) for a in ran.events(e.AttemptFinished)] == [
        ("medium", "fail"),
        ("large", "pass"),
    ]
    assert [t.name for t in ran.events(e.ToolFinished)] == ["read"]
    assert result_of(ran.session.folder, ran.view, ran.code).output == RIGHT


async def test_a_wrong_place_is_told_to_the_model_which_may_mend_its_answer(make_repo, drive):
    replies = [
        {"json": WRONG},
        {"when": "`return a + b` does not stand near line 2 of calc.py", "json": RIGHT},
    ]
    root = laid_out(make_repo, msgspec.json.encode({"replies": replies}).decode())
    ran = await drive(root, "ask", task="What does add do?")
    assert [(a.tier, a.verdict, a.candidates) for a in ran.events(e.AttemptFinished)] == [
        ("medium", "pass", 2)
    ]
    assert result_of(ran.session.folder, ran.view, ran.code).output == RIGHT


async def test_without_a_right_answer_there_is_none(make_repo, drive):
    root = laid_out(make_repo, reply(json=WRONG, repeat=True))
    ran = await drive(root, "ask", task="What does add do?")
    result = result_of(ran.session.folder, ran.view, ran.code)
    assert (result.exit_code, result.answer, result.output) == (1, "", None)
    assert "`return a + b` does not stand near line 2 of calc.py" in result.reason


@pytest.mark.parametrize("tool", ["edit", "run"])
async def test_a_model_that_tries_to_write_can_not(make_repo, drive, tool):
    arguments = {
        "edit": {"path": "calc.py", "search": "a - b", "replace": "a + b"},
        "run": {"command": "rm calc.py"},
    }
    calls = {"tool_calls": [{"name": tool, "arguments": arguments[tool]}]}
    large = msgspec.json.encode({"replies": [calls, {"json": RIGHT}]}).decode()
    root = laid_out(make_repo, reply(json=WRONG, repeat=True), large)
    ran = await drive(root, "ask", task="What does add do?")
    assert [t.is_error for t in ran.events(e.ToolFinished)] == [True]
    assert (ran.code, ran.view.written, status(root)) == (0, (), "")


async def test_a_plan_is_shown_as_text_and_nothing_of_it_is_done(make_repo, drive):
    root = laid_out(make_repo, reply(json={"tasks": TASKS}))
    ran = await drive(root, "plan", task="Plan roman numerals")
    result = result_of(ran.session.folder, ran.view, ran.code)
    assert result.answer == (
        "1. Add roman\n   files: calc.py, test_calc.py\n   Write `roman(n)`.\n   Test it.\n"
        "2. Document it\n   One line in the README.\n"
    )
    assert (result.exit_code, result.output, result.changed, status(root)) == (0, {"tasks": TASKS}, (), "")
    assert f"  what {result.said_by} says is a claim (nothing checked it)" in result.lines()


def test_loops_that_never_write_hold_nothing_that_could():
    catalog, faults = load_folders(folders_for(None)[:1])
    never = [loop for loop in catalog.loops.values() if loop.apply == "never"]
    assert not faults and {loop.name for loop in never} == {"ask", "plan"}
    for step in (step for loop in never for step in loop.steps):
        agent = catalog.agents[step.agent]
        assert not agent.writes and {tool for rung in agent.ladder for tool in rung.tools} <= {
            "read",
            "search",
        }


WRITER = treadle_dir(
    agents__hand=(
        "name: hand\ndescription: Does.\nprompt: hand.md\ninputs: [task]\nchecks: [parses, tests]\ntier: small\n"
        "tools: [edit]\n"
    ),
    loops__try="name: try\ndescription: Tries.\napply: never\nsteps: [{name: do, agent: hand}]\n",
    tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
    replies__small=(
        "replies:\n"
        "  - tool_calls: [{name: edit, arguments: {path: calc.py, search: a - b, replace: a + b}}]\n"
        "  - text: done\n"
    ),
) | {".treadle/prompts/hand.md": "${task}\n", ".gitignore": ".treadle/\n__pycache__/\n"}


async def test_apply_never_keeps_what_a_writing_agent_proved_in_the_run(make_repo, drive):
    root = make_repo({**CALC, **WRITER})
    ran = await drive(root, "try", task="x")
    result = result_of(ran.session.folder, ran.view, ran.code)
    assert (result.exit_code, result.written, result.changed, result.proven) == (0, (), ("calc.py",), True)
    assert "+    return a + b" in result.diff and result.answer == ""
    assert status(root) == "" and not ran.view.write


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (None, ""),
        ({}, ""),
        ("One.\nTwo.", "One.\nTwo.\n"),
        ({"summary": "Done."}, "Done.\n"),
        ({"n": 3, "ok": True, "answer": "Yes."}, "Yes.\n\nn: 3\n\nok: yes\n"),
        ([{"summary": "a"}, {"summary": "b"}], "1. a\n2. b\n"),
        ({"places": [{"path": "a.py", "line": 3}, {"path": "b.py"}]}, "places:\n  a.py:3\n  b.py\n"),
        ({"names": ["x", "y"]}, "1. x\n2. y\n"),
    ],
)
def test_an_output_is_text_for_a_person(output, text):
    assert as_text(output) == text


def treadle(root, *words):
    return subprocess.run(
        [sys.executable, "-m", "treadle", *words],
        cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_line_says_which_loop_and_why_and_prints_the_answer(make_repo):
    root = laid_out(make_repo, reply(json=RIGHT))
    done = treadle(root, "run", "What does add do?")
    assert (done.returncode, done.stdout) == (0, "It subtracts.\n\nplaces:\n  calc.py:2: return a - b\n")
    assert "  loop ask: a question (`what`) (--loop picks another)\n" in done.stderr
    result = msgspec.json.decode(treadle(root, "run", "-o", "json", "What does add do?").stdout)
    assert (result["loop"], result["chosen"], result["output"]) == ("ask", "a question (`what`)", RIGHT)
    assert result["answer"].startswith("It subtracts.")


def test_a_named_loop_is_run_without_a_word_about_it(make_repo):
    root = laid_out(make_repo, reply(json=RIGHT))
    done = treadle(root, "ask", "Add is what?")
    assert done.returncode == 0 and "--loop picks another" not in done.stderr
    assert msgspec.json.decode(treadle(root, "ask", "x", "-o", "json").stdout)["chosen"] == ""


def test_an_answer_holds_no_terminal_control(make_repo):
    evil = {**RIGHT, "answer": "\x1b]0;title\x07It subtracts."}
    root = laid_out(make_repo, reply(json=evil))
    assert "\x1b" not in treadle(root, "ask", "x").stderr
