"""The worker on small projects of our own: every way in which Python holds a function."""

import ast
import os
import select
from pathlib import Path
from typing import NamedTuple

import pytest
from solvers_helpers import ask, lay_out, source


class Case(NamedTuple):
    """`files`, the test files among them; `mended` is the line that must stand in `path` afterwards."""

    files: dict[str, str]
    target: list[str]
    passing: list[str]
    path: str
    mended: str


def unit(body: str, imports: str) -> str:
    """A unittest file with `body` as the methods of class T."""
    methods = "\n".join("    " + line for line in body.strip().splitlines())
    return f"import unittest\n{imports}\n\nclass T(unittest.TestCase):\n{methods}\n"


def t(*names: str) -> list[str]:
    return [f"test_it.T.test_{name}" for name in names]


UNITTEST = {
    "a method": Case(
        {
            "bank.py": """
            class Account:
                def __init__(self):
                    self.balance = 0

                def pay_in(self, amount):
                    self.balance += amount

                def pay_out(self, amount):
                    if amount >= self.balance:
                        raise ValueError("not enough")
                    self.balance -= amount
            """,
            "test_it.py": unit(
                "def test_all(self):\n    a = Account(); a.pay_in(5); a.pay_out(5); self.assertEqual(a.balance, 0)\n"
                "def test_more(self):\n    a = Account(); a.pay_in(5)\n    with self.assertRaises(ValueError): a.pay_out(6)",
                "from bank import Account",
            ),
        },
        t("all"),
        t("more"),
        "bank.py",
        "        if amount > self.balance:",
    ),
    "a decorated function": Case(
        {
            "shop.py": """
            import functools

            def logged(function):
                @functools.wraps(function)
                def inner(*args):
                    return function(*args)
                return inner

            @functools.lru_cache(maxsize=None)
            @logged
            def price(amount, each):
                return amount + each
            """,
            "test_it.py": unit(
                "def test_price(self): self.assertEqual(price(3, 4), 12)", "from shop import price"
            ),
        },
        t("price"),
        [],
        "shop.py",
        "    return amount * each",
    ),
    "a property and a class method": Case(
        {
            "shape.py": """
            class Box:
                def __init__(self, width, height):
                    self.width = width
                    self.height = height

                @classmethod
                def square(cls, side):
                    return cls(side, side)

                @property
                def area(self):
                    return self.width * self.width
            """,
            "test_it.py": unit(
                "def test_area(self): self.assertEqual(Box(2, 3).area, 6)\n"
                "def test_square(self): self.assertEqual(Box.square(3).area, 9)",
                "from shape import Box",
            ),
        },
        t("area"),
        t("square"),
        "shape.py",
        "        return self.width * self.height",
    ),
    "a closure made at import": Case(
        {
            "scale.py": """
            def scaler(factor):
                def scale(value):
                    return value - factor
                return scale

            double = scaler(2)
            """,
            "test_it.py": unit(
                "def test_double(self): self.assertEqual(double(5), 10)", "from scale import double"
            ),
        },
        t("double"),
        [],
        "scale.py",
        "        return value * factor",
    ),
    "a closure made in the test": Case(
        {
            "count.py": """
            def counter(start):
                value = start

                def step():
                    nonlocal value
                    value -= 1
                    return value

                return step
            """,
            "test_it.py": unit(
                "def test_steps(self):\n    step = counter(3)\n    self.assertEqual([step(), step()], [4, 5])",
                "from count import counter",
            ),
        },
        t("steps"),
        [],
        "count.py",
        "        value += 1",
    ),
    "a generator": Case(
        {
            "series.py": """
            def upto(limit):
                n = 1
                while n < limit:
                    yield n
                    n += 1
            """,
            "test_it.py": unit(
                "def test_upto(self): self.assertEqual(list(upto(3)), [1, 2, 3])\n"
                "def test_none(self): self.assertEqual(list(upto(0)), [])",
                "from series import upto",
            ),
        },
        t("upto"),
        t("none"),
        "series.py",
        "    while n <= limit:",
    ),
    "a constant of the module": Case(
        {
            "limits.py": "MAXIMUM = 9\nNAME = 'x'\n",
            "clamp.py": """
            from limits import MAXIMUM

            def clamp(value):
                return min(value, MAXIMUM)
            """,
            "test_it.py": unit(
                "def test_high(self): self.assertEqual(clamp(99), 10)\n"
                "def test_low(self): self.assertEqual(clamp(3), 3)",
                "from clamp import clamp",
            ),
        },
        t("high"),
        t("low"),
        "limits.py",
        "MAXIMUM = 10",
    ),
    "an attribute of the class": Case(
        {
            "deck.py": """
            class Deck:
                hand = 4

                def deal(self, cards):
                    return cards[:self.hand]

                def is_full(self, cards):
                    return len(cards) >= self.hand
            """,
            "test_it.py": unit(
                "def test_deal(self): self.assertEqual(Deck().deal('abcdefg'), 'abcde')\n"
                "def test_full(self): self.assertFalse(Deck().is_full('abcd'))\n"
                "def test_hand(self): self.assertEqual(Deck.hand, 5)\n"
                "def test_few(self): self.assertEqual(Deck().deal('ab'), 'ab')",
                "from deck import Deck",
            ),
        },
        t("deal", "full", "hand"),
        t("few"),
        "deck.py",
        "    hand = 5",
    ),
    "a default value": Case(
        {
            "cut.py": """
            def cut(text, width=11):
                return text[:width]
            """,
            "test_it.py": unit(
                "def test_cut(self): self.assertEqual(cut('x' * 50), 'x' * 10)", "from cut import cut"
            ),
        },
        t("cut"),
        [],
        "cut.py",
        "def cut(text, width=10):",
    ),
    "an async function": Case(
        {
            "work.py": """
            import asyncio

            async def fetch(n):
                await asyncio.sleep(0)
                return n * 10

            async def both(a, b):
                first = await fetch(a)
                second = await fetch(a)
                return first, second
            """,
            "test_it.py": "import unittest\nfrom work import both\n\n"
            "class T(unittest.IsolatedAsyncioTestCase):\n"
            "    async def test_both(self):\n        self.assertEqual(await both(1, 2), (10, 20))\n",
        },
        t("both"),
        [],
        "work.py",
        "    second = await fetch(b)",
    ),
    "candidates that never end": Case(
        {
            "digits.py": """
            def digits(n):
                found = []
                while n > 0:
                    found.append(n % 10)
                    n = n / 10
                return found
            """,
            "test_it.py": unit(
                "def test_digits(self): self.assertEqual(digits(123), [3, 2, 1])", "from digits import digits"
            ),
        },
        t("digits"),
        [],
        "digits.py",
        "        n = n // 10",
    ),
    "tests that print a lot": Case(
        {
            "loud.py": """
            import sys

            def loud(n):
                print("noise " * 20000)
                sys.stderr.write("noise " * 20000)
                return n < 0
            """,
            "test_it.py": unit("def test_loud(self): self.assertTrue(loud(1))", "from loud import loud"),
        },
        t("loud"),
        [],
        "loud.py",
        "    return n > 0",
    ),
    "a src layout and a subtest": Case(
        {
            "src/pack/__init__.py": "",
            "src/pack/sign.py": """
            def sign(n):
                return 1 if n > 0 else -1 if n < 0 else 1
            """,
            "tests/test_it.py": unit(
                "def test_sign(self):\n    for n, s in ((3, 1), (-3, -1), (0, 0)):\n"
                "        with self.subTest(n=n): self.assertEqual(sign(n), s)",
                "from pack.sign import sign",
            ),
        },
        t("sign"),
        [],
        "src/pack/sign.py",
        "    return 1 if n > 0 else -1 if n < 0 else 0",
    ),
    "a missing f before a string": Case(
        {
            "greet.py": """
            def greet(name):
                return "Hello {name}!"
            """,
            "test_it.py": unit(
                "def test_greet(self): self.assertEqual(greet('Ann'), 'Hello Ann!')",
                "from greet import greet",
            ),
        },
        t("greet"),
        [],
        "greet.py",
        '    return f"Hello {name}!"',
    ),
    "a text that the test expects": Case(
        {
            "grade.py": """
            def grade(points):
                return "passed" if points > 50 else "faild"
            """,
            "test_it.py": unit(
                "def test_low(self): self.assertEqual(grade(3), 'failed')", "from grade import grade"
            ),
        },
        t("low"),
        [],
        "grade.py",
        """    return "passed" if points > 50 else "failed\"""",
    ),
}


@pytest.mark.parametrize("name", UNITTEST)
def test_mends_under_unittest(name: str, tmp_path: Path) -> None:
    case = UNITTEST[name]
    root = lay_out(tmp_path / "project", case.files)
    answer = ask(root, "unittest", case.target, case.passing)
    assert answer["found"], answer
    assert answer["path"] == case.path
    assert case.mended in source(answer).splitlines()
    assert answer["mended"] == len(case.target)
    before = (root / case.path).read_text()
    changed = [a for a, b in zip(before.splitlines(), source(answer).splitlines(), strict=True) if a != b]
    assert len(changed) == 1, "only the one line differs, and the user's file is as before"


def test_a_hanging_test_is_mended(tmp_path: Path) -> None:
    files = {
        "climb.py": """
        def climb(height):
            at, steps = 0, 0
            while at < height:
                at -= 3
                steps += 1
            return steps
        """,
        "test_it.py": unit("def test_climb(self): self.assertEqual(climb(8), 3)", "from climb import climb"),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("climb"))
    assert "        at += 3" in source(answer).splitlines()


def test_a_constant_that_only_the_test_reads(tmp_path: Path) -> None:
    files = {
        "units.py": "MINUTES = 61\nHOURS = 24\n",
        "test_it.py": unit("def test_hour(self): self.assertEqual(units.MINUTES, 60)", "import units"),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("hour"))
    assert source(answer) == "MINUTES = 60\nHOURS = 24\n"


PYTEST_FILES = {
    "pack/__init__.py": "",
    "pack/prices.py": """
    RATE = 0.2

    def total(prices, rate=RATE):
        net = sum(prices)
        return net - net * rate

    def cheapest(prices):
        return max(prices)
    """,
    "conftest.py": "import pytest\n\n@pytest.fixture\ndef prices():\n    return [10, 20, 30]\n",
    "test_prices.py": """
    import pytest
    from pack.prices import cheapest, total

    def test_total(prices):
        assert total(prices) == 72

    @pytest.mark.parametrize("given, least", [([3, 1, 2], 1), ([5], 5)])
    def test_cheapest(given, least):
        assert cheapest(given) == least

    class TestMore:
        def test_free(self):
            assert total([5], 0) == 5
    """,
}


def test_mends_one_of_two_bugs_under_pytest(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "project", PYTEST_FILES)
    passing = ["test_prices.py::test_cheapest[given1-5]", "test_prices.py::TestMore::test_free"]
    other = "test_prices.py::test_cheapest[given0-1]"
    answer = ask(root, "pytest", ["test_prices.py::test_total", other], passing)
    assert answer["found"] and answer["mended"] == 1
    assert "    return net + net * rate" in source(answer).splitlines()
    answer = ask(root, "pytest", [other, "test_prices.py::test_total"], passing)
    assert "    return min(prices)" in source(answer).splitlines()
    assert answer["description"] == "`max` becomes `min` in line 8 of cheapest"


def test_mends_what_was_read_at_import_under_pytest(tmp_path: Path) -> None:
    files = {
        **PYTEST_FILES,
        "pack/prices.py": "RATE = 1.2\n\n\ndef total(prices, rate=RATE):\n    return sum(prices) * (1 + rate)\n\n\n"
        "def cheapest(prices):\n    return min(prices)\n",
    }
    root = lay_out(tmp_path / "project", files)
    files["test_prices.py"] = files["test_prices.py"].replace("== 72", "== pytest.approx(120)")
    lay_out(root, {"test_prices.py": files["test_prices.py"].replace("72", "120")})
    answer = ask(root, "pytest", ["test_prices.py::test_total"], ["test_prices.py::TestMore::test_free"])
    assert answer["found"], answer
    assert ast.literal_eval(source(answer).splitlines()[0].split("=")[1].strip()) == 1


def test_a_skipped_test_is_not_a_passed_one(tmp_path: Path) -> None:
    files = {
        "lock.py": "def is_open(door):\n    return door == 'locked'\n",
        "test_it.py": unit(
            "def test_open(self):\n    if is_open('locked') == is_open('ajar'): self.skipTest('no')\n"
            "    self.assertTrue(is_open('ajar'))",
            "from lock import is_open",
        ),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("open"))
    assert "    return door != 'locked'" in source(answer).splitlines()


def test_nothing_that_breaks_a_passing_test_is_taken(tmp_path: Path) -> None:
    files = {
        "age.py": "def is_adult(age):\n    return age > 20\n",
        "test_it.py": unit(
            "def test_eighteen(self): self.assertTrue(is_adult(18))\n"
            "def test_seven(self): self.assertFalse(is_adult(7))\n"
            "def test_forty(self): self.assertTrue(is_adult(40))",
            "from age import is_adult",
        ),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("eighteen"), t("seven", "forty"))
    ran: dict[str, object] = {}
    exec(source(answer), ran)
    assert [ran["is_adult"](n) for n in (7, 18, 40)] == [False, True, True]  # type: ignore[operator]
    assert answer["near"] and "breaks test_it.T.test_" in answer["near"][0]


def test_tests_and_denied_files_are_not_touched(tmp_path: Path) -> None:
    files = {
        "rules.py": "def double(n):\n    return n + 2\n",
        "test_it.py": unit(
            "def test_double(self): self.assertEqual(double(5), 10)", "from rules import double"
        ),
    }
    root = lay_out(tmp_path / "project", files)
    answer = ask(root, "unittest", t("double"), denied=["rules.py"])
    assert not answer["found"] and not answer["suspects"]
    assert answer["note"] == "the failing test runs no code of the project that may be changed"


def test_what_small_edits_cannot_do_is_said(tmp_path: Path) -> None:
    files = {
        "roman.py": "def roman(n):\n    return ''\n",
        "test_it.py": unit(
            "def test_roman(self): self.assertEqual(''.join([roman(4), '!']), 'IV!')",
            "from roman import roman",
        ),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("roman"))
    assert not answer["found"]
    assert answer["exhausted"] and answer["tried"] > 3
    assert [(s["line"], s["text"], s["function"], s["start"], s["end"]) for s in answer["suspects"]] == [
        (2, "return ''", "roman", 1, 2)
    ]


def test_a_test_that_passes_is_not_mended(tmp_path: Path) -> None:
    files = {
        "one.py": "def one():\n    return 1\n",
        "test_it.py": unit("def test_one(self): self.assertEqual(one(), 1)", "from one import one"),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("one"))
    assert answer["note"] == "the failing test passes when it runs by itself" and not answer["tried"]


def test_no_child_is_left_behind(tmp_path: Path) -> None:
    files = {
        "spawn.py": """
        import subprocess, sys

        def spawn(n):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "treadle-left-behind"])
            open("pids", "a").write(f"{child.pid}\\n")
            return n + 1
        """,
        "test_it.py": unit("def test_spawn(self): self.assertEqual(spawn(3), 2)", "from spawn import spawn"),
    }
    root = lay_out(tmp_path / "project", files)
    answer = ask(root, "unittest", t("spawn"))
    assert "    return n - 1" in source(answer).splitlines()
    pids = (root / "pids").read_text().split()
    assert len(pids) > 2
    for pid in pids:
        try:
            ended = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        assert select.select([ended], [], [], 10)[0], f"{pid} still runs"
        os.close(ended)


def test_the_response_outlives_the_time_limit(tmp_path: Path) -> None:
    body = "".join(f"    m = m * {n} + n - {n}\n" for n in range(2, 80))
    files = {
        "slow.py": f"def slow(n):\n    m = 0\n{body}    return 'a' + str(m)\n",
        "test_it.py": unit(
            "def test_slow(self): self.assertEqual(slow(9)[::-1], 'b-b')", "from slow import slow"
        ),
    }
    answer = ask(lay_out(tmp_path / "project", files), "unittest", t("slow"), wall_s=0.5)
    assert not answer["found"] and not answer["exhausted"]
    lines = {s["line"] for s in answer["suspects"]}
    assert len(lines) == 25 and lines <= set(range(2, 82))
