"""Which lines are suspected, and in which order."""

import ast
import math
from pathlib import Path

import pytest
from solvers_helpers import ask, lay_out

from treadle.solvers.worker.files import Files
from treadle.solvers.worker.localise import Seen, ochiai, places, scores


def test_ochiai() -> None:
    assert ochiai(2, 0, 2) == 1
    assert ochiai(0, 3, 2) == 0
    assert ochiai(1, 3, 1) == 0.5
    assert ochiai(2, 2, 2) == pytest.approx(1 / math.sqrt(2))


def test_only_what_the_first_failing_test_ran_is_scored() -> None:
    seen = [
        Seen("a", False, 0, {"m.py": [1, 2]}),
        Seen("b", False, 0, {"m.py": [2, 9]}),
        Seen("c", True, 0, {"m.py": [1]}),
    ]
    assert scores(seen, "a") == {("m.py", 1): pytest.approx(0.5), ("m.py", 2): 1}


def test_of_ties_the_later_line_comes_first(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "def f(x):\n    a = x\n    b = a\n    if b:\n        return b\n    return a\n"
    )
    seen = [
        Seen("bad", False, 0, {"m.py": [-1, 2, 3, 4, 5]}),
        Seen("good", True, 0, {"m.py": [-1, 2, 3, 4, 6]}),
    ]
    found = [
        p
        for p in places(Files(str(tmp_path), []), seen, "bad", set())
        if not isinstance(p.node, ast.FunctionDef)
    ]
    assert [(p.node.lineno, round(p.score, 2)) for p in found] == [(5, 1.0), (4, 0.71), (3, 0.71), (2, 0.71)]
    assert all((p.function, p.start, p.end) == ("f", 1, 6) for p in found)


def test_lines_of_one_statement_are_one_suspect(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(x):\n    a = max(\n        x,\n        2,\n    )\n    return a\n")
    seen = [Seen("bad", False, 0, {"m.py": [-1, 2, 3, 4, 6]})]
    found = places(Files(str(tmp_path), []), seen, "bad", set())
    assert [p.node.lineno for p in found if p.score == 1] == [6, 2]


@pytest.mark.parametrize("runner", ["unittest", "pytest"])
def test_suspects_of_a_real_project(runner: str, tmp_path: Path) -> None:
    files = {
        "lib/tax.py": """
        RATE = 0.2

        class Tax:
            def __init__(self, free):
                self.free = free

            def of(self, amount):
                if amount <= self.free:
                    return 0
                over = amount + self.free
                return over * RATE
        """,
        "tests/test_tax.py": """
        import unittest
        from lib.tax import Tax

        class T(unittest.TestCase):
            def test_over(self): self.assertEqual(Tax(100).of(200), 20)
            def test_free(self): self.assertEqual(Tax(100).of(100), 0)
        """,
    }
    root = lay_out(tmp_path / "project", files)
    ids = ["test_tax.T.test_over", "test_tax.T.test_free"]
    if runner == "pytest":
        ids = [i.replace("test_tax.T.", "tests/test_tax.py::T::") for i in ids]
    answer = ask(root, runner, ids[:1], ids[1:], mode="localise")
    told = [(s["line"], s["score"], s["text"], s["function"]) for s in answer["suspects"]]
    half = round(1 / math.sqrt(2), 4)
    assert told == [
        (11, 1.0, "return over * RATE", "Tax.of"),
        (10, 1.0, "over = amount + self.free", "Tax.of"),
        (1, 0.9, "RATE = 0.2", ""),
        (8, half, "if amount <= self.free:", "Tax.of"),
        (5, half, "self.free = free", "Tax.__init__"),
    ]
    assert {(s["start"], s["end"]) for s in answer["suspects"] if s["function"] == "Tax.of"} == {(7, 11)}
    assert not answer["found"] and not answer["tried"]
