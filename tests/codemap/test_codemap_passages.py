"""Passages: the right piece of the right file first, whole lines with their numbers, within the budget."""

import re

import pytest

from treadle.codemap.passages import LINES, passages
from treadle.protocol.errors import PathError

FILES = {
    "app/words.py": (
        '"""Words."""\n\nRULES = []\n\n\ndef _irregular(singular, plural):\n    """Adds rules."""\n'
        "    RULES.append((singular, plural))\n    RULES.append((plural, singular))\n\n\n"
        "def pluralize(word):\n    for rule, plural in RULES:\n        if rule == word:\n            return plural\n"
        "    return word + 's'\n\n\n_irregular('person', 'people')\n_irregular('man', 'men')\n"
    ),
    "app/retry.py": (
        "class RetryPolicy:\n    maxAttempts = 3\n\n    def next_delay(self, attempt):\n        return 2**attempt\n\n\n"
        "def unrelated():\n    return None\n"
    ),
    "tests/test_words.py": "from app.words import pluralize\n\n\ndef test_person():\n    assert pluralize('person') == 'people'\n",
    "README.md": "# Sample\n\nMakes words.\n\n## Configuration\n\nSet WORDS_HOME to the folder of your rules.\n",
    "CHANGELOG.md": "# Changes\n\n- person has a plural now, the plural of person is people\n",
    "logo.png": "\x89PNG\0\0 person plural",
}  # fmt: skip


def find(question, files=FILES, budget=1000):
    def read(path):
        if path not in files:
            raise PathError(f"no such file: {path}")
        return files[path].encode("utf-8", "surrogateescape")

    return passages(read, sorted(files), question, budget)


def first(question, **more):
    return find(question, **more).split("\n", 1)[0]


@pytest.mark.parametrize(
    ("question", "head"),
    [
        ("Where is the plural of person decided?", "app/words.py:19-20"),
        ("How does pluralize work?", "app/words.py:12-16"),
        ("what is the max of attempts", "app/retry.py:1-2"),
        ("What delay comes after a retry?", "app/retry.py:4-5"),
        ("Which test covers person?", "tests/test_words.py:4-5"),
        ("how is it configured", "README.md:5-7"),
        ("what is next_delay", "app/retry.py:4-5"),
    ],
)
def test_the_piece_that_is_asked_for_comes_first(question, head):
    assert first(question) == head


def test_lines_stand_with_their_numbers():
    block = find("Where is the plural of person decided?").split("\n\n")[0]
    assert "  19  _irregular('person', 'people')" in block


def test_the_same_question_gives_the_same():
    assert len({find("person plural retry") for _ in range(3)}) == 1


def test_nothing_found_is_nothing():
    assert find("zebra crossing") == "" and find("what is it?") == "" and find("person", files={}) == ""


def test_binary_files_and_files_that_are_gone_are_left_out():
    assert "logo.png" not in find("person plural")
    assert passages(lambda path: FILES["app/retry.py"].encode(), ["app/retry.py"], "retry", 100)

    def gone(path):
        raise PathError("gone")

    assert passages(gone, ["a.py"], "retry", 100) == ""


@pytest.mark.parametrize("budget", [20, 60, 200, 1000])
def test_the_budget_holds_and_lines_are_whole(budget):
    found = find("person plural word", budget=budget)
    assert 0 < len(found.encode()) <= budget * 4
    for line in found.splitlines():
        assert re.match(r"( *\d+  |[\w/.]+:\d+-\d+$|$)", line), line


def test_long_definitions_are_cut_in_pieces():
    body = "".join(f"    value_{n} = {n}\n" for n in range(100)) + "    return needle\n"
    found = find("needle", files={"a.py": f"def f():\n{body}"})
    start, end = map(int, re.match(r"a\.py:(\d+)-(\d+)", found).groups())
    assert end == 102 and end - start < LINES


def test_files_too_large_to_look_at_are_counted():
    found = find("person", files={**FILES, "big.txt": "person " * 40_000})
    assert found.endswith("(1 files were too large or too many to look at)\n")


def test_bytes_that_are_no_text_do_no_harm():
    found = find("person", files={"a.txt": "person \udcff\udcfe and \udc80\n"})
    found.encode("utf-8")
    assert found.startswith("a.txt:1-1")
