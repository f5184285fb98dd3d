"""The dispatcher: which loop a task is given to, by its words, then by what the repository is like."""

import subprocess
from pathlib import Path

import pytest

from samples import CALC, treadle_dir
from treadle.protocol import events as e
from treadle.protocol.errors import UsageError
from treadle.session import situation
from treadle.session.choose import choose_loop
from treadle.session.phrases import found_at_start, found_in, take_apart, words_of
from treadle.spec.catalog import Catalog
from treadle.spec.load import folders_for, load_catalog, load_folders

TASKS = Path(__file__).parents[2] / "benchmarks" / "choose.tsv"
GIVEN = "inputs: [task]\noutput: {type: object, properties: {answer: {type: string}}}\ntier: small\nprompt: p.md\n"

# Names that no shipped loop has: what decides is the YAML.
LOOPS = treadle_dir(
    tiers="tiers: {small: {}}\n",
    agents__hand="name: hand\ndescription: Does.\n" + GIVEN,
    loops__weave=(
        "name: weave\ndescription: Any task.\n"
        "chosen_by: {why: a task, starts: [add], openings: [please, can you], default: task}\n"
        "steps: [{name: a, agent: hand}]\n"
    ),
    loops__mend=(
        "name: mend\ndescription: Tests.\nchosen_by: {why: red, words: ['test* fail*'], state: [failing_tests],"
        " hints: [fix], default: no_task}\nsteps: [{name: t, check: tests}]\n"
    ),
    loops__say=(
        "name: say\ndescription: Says.\nchosen_by: {why: a question, starts: [why, explain], ends: ['?']}\n"
        "steps: [{name: a, agent: hand}]\n"
    ),
    loops__knot=(
        "name: knot\ndescription: Conflicts.\nchosen_by: {why: both sides, state: [conflicts], hints: [go on]}\n"
        "steps: [{name: c, command: 'true'}]\n"
    ),
    loops__keep=(
        "name: keep\ndescription: Staged.\nchosen_by: {state: [staged], words: [commit]}\n"
        "steps: [{name: c, command: 'true'}]\n"
    ),
) | {".treadle/prompts/p.md": "${task}\n", ".gitignore": ".treadle/\n__pycache__/\n"}


@pytest.fixture
def loops() -> Catalog:
    """The shipped loops, without any user's."""
    catalog, faults = load_folders(folders_for(None)[:1])
    assert not faults
    return catalog


def own(root: Path) -> Catalog:
    """The loops of the repository alone."""
    catalog, faults = load_folders(folders_for(root)[2:])
    assert not faults, faults.lines()
    return catalog


def git(root: Path, *argv: str, ok: bool = True) -> None:
    done = subprocess.run(["git", *argv], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 or not ok, done.stderr


@pytest.mark.parametrize(("kind", "least"), [("seen", 29), ("held", 27)])
def test_most_tasks_get_the_loop_that_a_person_expects(loops, tmp_path, kind, least):
    rows = [line.split("\t") for line in TASKS.read_text().splitlines()]
    chosen = [(choose_loop(loops, tmp_path, task), want) for which, want, task in rows if which == kind]
    assert len(chosen) == 30
    assert sum(choice.loop == want for choice, want in chosen) >= least
    wrong_but_sure = [choice for choice, want in chosen if choice.sure and choice.loop != want]
    assert len(wrong_but_sure) <= 1, wrong_but_sure


@pytest.mark.parametrize(
    ("task", "loop", "why", "sure"),
    [
        ("Add a test that fails", "weave", "a task (`add`)", True),
        ("the tests of the parser fail", "mend", "red (`tests fail`)", True),
        ("Why do the tests fail", "say", "a question (`why`)", True),
        ("Are the tests failing?", "say", "a question (it ends with ?)", True),
        ("tests fail, can you look at it?", "mend", "red (`tests fail`)", True),
        ("Please, can you explain it", "say", "a question (`explain`)", True),
        ("make it blue", "weave", "a task (nothing speaks for another loop)", False),
    ],
)
def test_words_decide_first(make_repo, task, loop, why, sure):
    root = make_repo(LOOPS)
    choice = choose_loop(own(root), root, task)
    assert (choice.loop, choice.why, choice.sure) == (loop, why, sure)
    assert sorted((choice.loop, *choice.others)) == sorted(own(root).loops)


def test_what_is_not_sure_names_the_others(make_repo):
    root = make_repo(LOOPS)
    told = choose_loop(own(root), root, "make it blue").told
    assert told == "a task (nothing speaks for another loop); or keep, knot, mend, say?"


def test_the_same_task_always_gives_the_same(make_repo):
    root = make_repo(LOOPS)
    assert len({choose_loop(own(root), root, "fix whatever there is") for _ in range(5)}) == 1


def test_without_a_task_it_is_the_loop_that_needs_none(make_repo):
    root = make_repo(LOOPS)
    choice = choose_loop(own(root), root, "  \n")
    assert (choice.loop, choice.why, choice.sure) == ("mend", "no task was given", True)
    assert not {"weave", "say"} & set(choice.others), "they can do nothing without a task"


def test_conflicts_then_staged_changes_speak_for_their_loops(make_repo):
    root = make_repo({**LOOPS, "a.txt": "one\n"})
    (root / "a.txt").write_text("two\n")
    git(root, "checkout", "-qb", "side")
    git(root, "commit", "-qam", "side")
    git(root, "checkout", "-q", "main")
    (root / "a.txt").write_text("three\n")
    git(root, "add", "a.txt")
    choice = choose_loop(own(root), root, "")
    assert (choice.loop, choice.why) == ("keep", "1 file is staged")
    git(root, "commit", "-qm", "main")
    git(root, "merge", "side", ok=False)
    choice = choose_loop(own(root), root, "")
    assert (choice.loop, choice.why) == ("knot", "1 file has conflicts")
    assert choose_loop(own(root), root, "go on").why == "both sides (`go on`, and 1 file has conflicts)"
    assert choose_loop(own(root), root, "make it blue").loop == "weave", "a state alone takes no task over"


async def test_tests_that_failed_in_the_last_run_speak_as_long_as_the_tree_is_the_same(make_repo, drive):
    root = make_repo({**CALC, **LOOPS})
    assert choose_loop(own(root), root, "fix it").loop == "weave"
    await drive(root, "mend")
    choice = choose_loop(own(root), root, "fix it")
    assert (choice.loop, choice.why) == ("mend", "red (`fix`, and 1 test failed in the last run)")
    await drive(root, "knot")
    assert situation.holds(root, "failing_tests"), "a run that tested nothing says nothing of the tests"
    (root / "calc.py").write_text(CALC["calc.py"].replace("a - b", "a + b"))
    assert situation.holds(root, "failing_tests") == ""
    assert choose_loop(own(root), root, "fix it").loop == "weave"


def test_states_are_looked_at_without_git_and_without_runs(make_repo):
    root = make_repo({"a.txt": ""}, git=False)
    assert {situation.holds(root, state) for state in ("conflicts", "staged", "failing_tests")} == {""}


def test_nothing_of_the_repository_is_run_by_a_look(make_repo, tmp_path):
    root = make_repo(LOOPS)
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "filter.x.clean"):
        git(root, "config", key, str(trap))
    (root / ".gitattributes").write_text("* filter=x\n")
    choose_loop(own(root), root, "")
    choose_loop(own(root), root, "go on and fix")
    assert not (tmp_path / "sprung").exists()


def test_without_a_default_a_loop_has_to_be_named(make_repo):
    files = {k: v.replace(", default: task", "") for k, v in LOOPS.items()}
    root = make_repo(files)
    with pytest.raises(UsageError, match="name a loop with --loop NAME") as raised:
        choose_loop(own(root), root, "make it blue")
    assert "weave: Any task." in raised.value.hint


def test_one_loop_alone_is_taken_and_none_is_told(make_repo):
    root = make_repo({k: v for k, v in LOOPS.items() if "loops/" not in k or "mend" in k})
    assert choose_loop(own(root), root, "anything").why == "the only loop here"
    empty = make_repo({"a.txt": ""}, "empty")
    with pytest.raises(UsageError) as raised:
        choose_loop(own(empty), empty, "anything")
    assert raised.value.hint == "none is configured here"


def test_a_users_default_wins_over_the_shipped_one(make_repo, loops):
    root = make_repo(LOOPS)
    both = load_catalog(root)
    assert [n for n, loop in both.loops.items() if loop.chosen_by.default == "task"] == ["weave"]
    assert [n for n, loop in loops.loops.items() if loop.chosen_by.default == "task"] != ["weave"]


async def test_the_choice_is_on_record_and_a_named_loop_is_not(make_repo, drive):
    root = make_repo({**CALC, **LOOPS})
    ran = await drive(root, "mend", task="tests fail", chosen="red (`tests fail`)")
    assert ran.events(e.RunStarted)[0].chosen == ran.view.chosen == "red (`tests fail`)"
    ran = await drive(root, "mend", task="tests fail")
    assert ran.view.chosen == ""


def test_phrases_are_whole_words_in_order_with_few_between():
    sentence = words_of("The tests in tests/test_a.py::test_b don't pass")
    assert "don't" in sentence and "test_b" in sentence
    assert found_in(("test* pass",), (sentence,)) == ("test_a", "pass")
    assert found_in(("pass test*",), (sentence,)) == ()
    assert found_in(("est* pass",), (sentence,)) == ()
    assert found_in(("tests pass",), (words_of("tests a b c pass"),)) == ("tests", "pass")
    assert found_in(("tests pass",), (words_of("tests a b c d pass"),)) == ()
    assert found_in(("one two",), take_apart("One. Two", ()).sentences) == ()


def test_openings_are_cut_off_and_make_a_request_of_a_question():
    task = take_apart("Hi, could you please add it?", ("hi", "could|can you", "please"))
    assert found_at_start(("add",), task.heads) == ("add",)
    assert task.asks == ""
    assert take_apart("Is it so?", ("could you",)).asks == "Is it so?"
