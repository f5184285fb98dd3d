"""The check `places`: what an answer names is there, with the changes of the attempt over the base."""

import pytest

FILES = {
    "a.py": "def f(x):\n    return x * 2\n",
    "sub/b.txt": "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n" + "more\n" * 20,
}


def said(**place):
    return {"answer": "It is so.", "places": [place]}


@pytest.mark.parametrize(
    "place",
    [
        {"path": "a.py"},
        {"path": "a.py", "line": 2},
        {"path": "a.py", "line": 2, "quote": "return x * 2"},
        {"path": "a.py", "line": 1, "quote": "def f(x): return x*2"},
        {"path": "sub/b.txt", "line": 4, "quote": "seven"},
        {"path": "sub/b.txt", "quote": "one two"},
        {"path": "a.py", "line": 2, "quote": "  "},
    ],
)
async def test_what_is_there_passes(project, place):
    result = await project(FILES).run(check="places", output=said(**place))
    assert (result.verdict, result.summary) == ("pass", "the place named exists")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"path": "c.py", "line": 1}, "there is no file c.py"),
        ({"path": "../a.py", "line": 1}, "there is no file ../a.py"),
        ({"path": ".git/config", "line": 1}, "there is no file .git/config"),
        ({"path": "sub", "line": 1}, "there is no file sub"),
        ({"path": "a.py", "line": 3}, "a.py has 2 lines, no line 3"),
        ({"path": "a.py", "line": 0}, "a.py has 2 lines, no line 0"),
        (
            {"path": "a.py", "line": 2, "quote": "return x + 2"},
            "`return x + 2` does not stand near line 2 of a.py",
        ),
        (
            {"path": "sub/b.txt", "line": 25, "quote": "seven"},
            "`seven` does not stand near line 25 of sub/b.txt",
        ),
        ({"path": "a.py", "quote": "nothing"}, "`nothing` does not stand in a.py"),
        ({"line": 3}, "{'line': 3} is no place: it has no path"),
    ],
)
async def test_what_is_not_there_fails_and_is_named(project, place, why):
    result = await project(FILES).run(check="places", output=said(**place))
    assert (result.verdict, result.summary) == ("fail", why)


async def test_all_places_are_looked_at(project):
    places = [{"path": "a.py", "line": 1}, {"path": "no", "line": 1}, {"path": "a.py", "line": 9}]
    result = await project(FILES).run(check="places", output={"places": places})
    assert result.summary == "there is no file no (and 1 more)"
    assert result.detail.splitlines() == ["there is no file no", "a.py has 2 lines, no line 9"]
    result = await project(FILES).run(check="places", output={"places": places[:1] * 2})
    assert (result.verdict, result.summary) == ("pass", "all 2 places named exist")


@pytest.mark.parametrize("output", [None, "text", {}, {"places": []}, {"places": "a.py:1"}])
async def test_without_a_place_there_is_nothing_to_judge_by(project, output):
    assert (await project(FILES).run(check="places", output=output)).verdict == "none"


async def test_files_are_those_of_the_change_set(project):
    edits = {"new.py": "x = 1\n", "a.py": None}
    assert (
        await project(FILES).run(edits, check="places", output=said(path="new.py", line=1))
    ).verdict == "pass"
    assert (
        await project(FILES).run(edits, check="places", output=said(path="a.py", line=1))
    ).verdict == "fail"
