"""`treadle run --continue` and `--thread`: a run that follows another."""

import pytest

from samples import APART, MENDS, mending
from treadle.session.records import find_run, view_of

FILES = {**APART, **mending(MENDS, "text: 'the sign was wrong'")}


@pytest.mark.parametrize("words", [("--continue",), ("-c",), ("--thread",)])
def test_a_run_follows_the_newest_or_the_one_named(treadle, make_repo, words):
    root = make_repo(FILES)
    assert treadle(root, "run", "Mend add", "-l", "go", "--dry-run", "-o", "json").code == 0
    first = find_run(root).name
    named = (first[-4:],) if words == ("--thread",) else ()
    assert treadle(root, "run", "And half", "-l", "go", "-o", "json", *words, *named).code == 0
    assert view_of(find_run(root)).thread == first


@pytest.mark.parametrize("words", [("-c",), ("--thread", "dead")])
def test_nothing_to_follow_is_one_clear_line(treadle, make_repo, words):
    said = treadle(make_repo(FILES), "run", "Mend add", "-l", "go", "-o", "json", *words)
    assert said.code == 2 and "no run of this repository is on record" in said.result["reason"]
    assert said.result["hint"].startswith("start one: treadle run")


def test_mode_plan_writes_nothing_and_says_how_to(treadle, make_repo):
    root = make_repo(FILES)
    said = treadle(root, "run", "Mend add", "-l", "go", "--mode", "plan", "-o", "json")
    assert said.code == 0 and said.result["written"] == []
    assert "mode plan" in said.result["reason"] and "runs apply" in said.result["hint"]
    assert treadle(root, "runs", "apply", "-o", "json").code == 0
    assert "a + b" in (root / "calc.py").read_text()
