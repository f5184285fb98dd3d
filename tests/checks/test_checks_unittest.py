"""The check `tests` on unittest projects, run by the real thing in the real sandbox."""

import pytest

CALC = "def add(a, b):\n    return a + b\n"
TEST = """import unittest
from calc import add

class Adds(unittest.TestCase):
    def test_small(self):
        x = 2
        self.assertEqual(add(x, 3), 5)

    def test_zero(self):
        self.assertEqual(0, add(0, 0))
"""
HEAD = "import os, time, unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
WRONG = {"calc.py": "def add(a, b):\n    return a - b\n"}


async def test_passes_with_the_ids_as_evidence(project):
    result = await project({"calc.py": CALC, "test_calc.py": TEST}).run()
    assert (result.verdict, result.summary) == ("pass", "2 of 2 tests pass")
    assert result.tests.runner == "unittest"
    assert result.tests.passed == ("test_calc.Adds.test_small", "test_calc.Adds.test_zero")


async def test_a_change_set_fails_where_the_tree_passes(project):
    there = project({"calc.py": CALC, "test_calc.py": TEST})
    result = await there.run(WRONG)
    assert (result.verdict, result.summary) == ("fail", "1 of 2 tests fails: test_calc.Adds.test_small")
    (failed,) = result.tests.failed
    assert (failed.call, failed.expected, failed.got) == ("add(2, 3)", "5", "-1")
    assert (failed.path, failed.line, failed.message) == ("test_calc.py", 7, "AssertionError: -1 != 5")
    assert failed.source.startswith("def test_small(self):\n    x = 2\n")
    assert "add(2, 3) should be 5, but it is -1." in result.detail
    assert (there.root / "calc.py").read_text() == CALC


@pytest.mark.parametrize(
    "files",
    [
        {"test_calc.py": TEST},
        {"tests/test_calc.py": TEST},
        {"tests/__init__.py": "", "tests/test_calc.py": TEST},
        {"tests/unit/deep/test_calc.py": TEST},
        {"pkg/__init__.py": "", "pkg/tests/__init__.py": "", "pkg/tests/testcalc.py": TEST},
        {"tests/calc_cases.py": TEST},
    ],
    ids=["top", "folder", "package", "deep", "inside", "odd-name"],
)
async def test_every_usual_place_of_tests_is_found(project, files):
    there = project({"calc.py": CALC, **files})
    result = await there.run()
    assert (result.verdict, len(result.tests.passed)) == ("pass", 2)
    again = await there.run(target=result.tests.passed[:1])
    assert (again.verdict, len(again.tests.passed)) == ("pass", 1)


async def test_a_source_folder_is_on_the_path(project):
    result = await project({"src/calc.py": CALC, "tests/test_calc.py": TEST}).run()
    assert result.verdict == "pass"


async def test_outcomes_of_every_kind(project):
    result = await project(
        {
            "test_kinds.py": """import unittest
class Kinds(unittest.TestCase):
    def test_subs(self):
        for n in range(4):
            with self.subTest(n=n):
                self.assertEqual(n % 2, 0)
    def test_good_subs(self):
        for n in range(4):
            with self.subTest(n=n):
                self.assertEqual(n, n)
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    @unittest.skip("later")
    def test_skipped(self): self.fail()
    def test_exits(self): raise SystemExit(0)
    def test_named(self):
        got = len("abc")
        self.assertEqual(got, 4)
    def test_truth(self): self.assertTrue("".strip())
    async def helper(self): pass
class Async(unittest.IsolatedAsyncioTestCase):
    async def test_async(self): self.assertEqual(1, 1)
class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no set-up")
    def test_never(self): pass
"""
        }
    ).run()
    report = result.tests
    failed = {f.id.rsplit(".", 1)[1]: f for f in report.failed}
    assert set(failed) == {
        "test_subs",
        "test_unexpected",
        "test_exits",
        "test_named",
        "test_truth",
        "test_never",
    }
    assert failed["test_subs"].message == "subtest (n=1): AssertionError: 1 != 0"
    assert failed["test_never"].message == "setUpClass: OSError: no set-up"
    assert (failed["test_named"].call, failed["test_named"].expected, failed["test_named"].got) == (
        'len("abc")',
        "4",
        "3",
    )
    assert (failed["test_truth"].expected, failed["test_truth"].got) == ("True", "''")
    assert {p.rsplit(".", 1)[1] for p in report.passed} == {"test_good_subs", "test_async"}
    assert report.skipped == ("test_kinds.Kinds.test_expected", "test_kinds.Kinds.test_skipped")
    assert len(report.collected) == 10


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"test_a.py": "import unittest\nclass T(unittest.TestCase:\n"}, "test_a.py:2: SyntaxError"),
        ({"test_a.py": "import unittest\nimport nowhere_at_all\n"}, "No module named 'nowhere_at_all'"),
        ({"test_a.py": "import unittest\nraise SystemExit(3)\n"}, "test_a.py:2: SystemExit: 3"),
        ({"lib.py": "x = (\n", "test_a.py": "import unittest\nimport lib\n"}, "lib.py:1: SyntaxError"),
        (
            {"test_a.py": "import os, unittest\nos._exit(0)\n"},
            "test_a.py: the process ended while it was imported",
        ),
    ],
    ids=["syntax", "import", "exit", "library", "os-exit"],
)
async def test_what_cannot_be_collected_is_an_error_with_its_place(project, files, place):
    result = await project(
        {**files, "test_good.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n"}
    ).run()
    assert (result.verdict, result.cause) == ("error", "collection")
    assert place in result.summary


async def test_a_process_that_ends_names_the_test(project):
    result = await project({"test_a.py": HEAD + "    def test_b(self): os._exit(0)\n"}).run()
    assert (result.verdict, result.cause) == ("error", "crash")
    assert result.summary == "the test process ended during test_a.T.test_b with exit code 0"
    assert result.tests.passed == ("test_a.T.test_a",)


async def test_a_hanging_test_is_named(project):
    body = HEAD + "    def test_b(self): time.sleep(99)\n"
    result = await project({"test_a.py": body}).run(tests={"timeout_s": 2.0})
    assert (result.verdict, result.cause) == ("error", "timeout")
    assert result.summary == "the tests did not end within 2 s: test_a.T.test_b was still running"


async def test_a_test_that_needs_the_network_is_no_bug(project):
    body = """import socket, unittest, urllib.request
class T(unittest.TestCase):
    def test_name(self): urllib.request.urlopen("http://example.com/", timeout=5)
    def test_number(self): socket.create_connection(("192.0.2.1", 80), timeout=5)
    def test_local(self): pass
"""
    there = project({"test_net.py": body})
    result = await there.run()
    assert (result.verdict, result.cause, result.hint) == ("error", "network", "--allow-network")
    assert result.tests.failed == ()
    assert "2 tests need the network" in result.summary
    mixed = await there.run(
        {"test_more.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.fail()\n"}
    )
    assert (mixed.verdict, mixed.tests.failed_ids) == ("fail", ("test_more.T.test",))
    assert "2 need the network, which the sandbox has not" in mixed.summary


async def test_a_megabyte_of_output_hides_nothing(project):
    body = (
        HEAD
        + "    def test_b(self):\n        print('x' * 1_000_000)\n        self.assertEqual('y' * 1_000_000, '')\n"
    )
    result = await project({"test_a.py": body}).run()
    assert (result.verdict, result.tests.failed_ids) == ("fail", ("test_a.T.test_b",))
    assert len(result.detail) <= 4000
    assert len(result.tests.failed[0].message) < 600


async def test_a_target_is_judged_with_what_passed_before(project):
    there = project({"calc.py": WRONG["calc.py"], "test_calc.py": TEST})
    base = (await there.run()).tests
    target = base.failed_ids
    assert target == ("test_calc.Adds.test_small",)
    good = await there.run({"calc.py": CALC}, target=target, baseline=base)
    assert good.verdict == "pass"
    breaks = await there.run({"calc.py": "def add(a, b):\n    return 5\n"}, target=target, baseline=base)
    assert (breaks.verdict, breaks.tests.failed_ids) == ("fail", ("test_calc.Adds.test_zero",))


async def test_fewer_tests_than_on_the_base_is_no_pass(project):
    there = project({"calc.py": CALC, "test_calc.py": TEST})
    base = (await there.run()).tests
    one_gone = {"test_calc.py": TEST.replace("def test_zero", "def zero")}
    result = await there.run(one_gone, baseline=base)
    assert (result.verdict, result.summary) == (
        "fail",
        "ran on the base and no longer runs: test_calc.Adds.test_zero",
    )
    skipped = {"test_calc.py": TEST.replace("    def test_zero", "    @unittest.skip('')\n    def test_zero")}
    assert (await there.run(skipped, baseline=base)).summary == (
        "ran on the base and is skipped now: test_calc.Adds.test_zero"
    )
    aimed = await there.run(one_gone, baseline=base, target=("test_calc.Adds.test_small",))
    assert (aimed.verdict, aimed.summary) == (
        "fail", "ran on the base and no longer runs: test_calc.Adds.test_zero",
    )  # fmt: skip
    none = await there.run({"test_calc.py": "import unittest\n"}, baseline=base)
    assert (none.verdict, none.summary) == ("fail", "no test ran; on the base 2 did")


async def test_nothing_to_run_is_no_verdict(project):
    result = await project({"test_calc.py": "import unittest\n"}).run()
    assert (result.verdict, result.cause) == ("none", "no_tests")
    skipped = (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('')\n    def test(self): pass\n"
    )
    assert (await project({"test_calc.py": skipped}).run()).summary == "all 1 tests were skipped"


async def test_bytecode_of_the_same_size_and_second_hides_no_change(project):
    there = project({"calc.py": CALC, "test_calc.py": TEST})
    import compileall
    import os

    os.utime(there.root / "calc.py", (1_700_000_000, 1_700_000_000))
    compileall.compile_dir(str(there.root), quiet=1)
    assert (await there.run(WRONG)).verdict == "fail"
    assert (await there.run()).verdict == "pass"


LYING = """import socket, unittest
class T(unittest.TestCase):
    def test_quotes(self): self.assertEqual("socket.gaierror: [Errno -2] Name or service not known", "")
    def test_raises_other(self): raise ValueError("\\nsocket.gaierror: [Errno 101] Network is unreachable")
    def test_fallback(self):
        try:
            raise socket.gaierror(-2, "Name or service not known")
        except OSError:
            {}["missing"]
    def test_wrapped(self):
        try:
            socket.create_connection(("example.com", 80))
        except OSError as error:
            raise RuntimeError("no report") from error
"""


async def test_text_that_speaks_of_the_network_is_no_refusal(project):
    result = await project({"test_net.py": LYING}).run()
    assert (result.verdict, result.tests.failed_ids) == (
        "fail",
        ("test_net.T.test_fallback", "test_net.T.test_quotes", "test_net.T.test_raises_other"),
    )
    assert "1 need the network" in result.summary


async def test_a_deleted_test_is_missed_though_an_empty_one_took_its_place(project):
    there = project({"calc.py": CALC, "test_calc.py": TEST})
    base = (await there.run()).tests
    edits = {
        "calc.py": "def add(a, b):\n    return 5\n",
        "test_calc.py": TEST.replace("def test_zero", "def test_new(self): pass\n\n    def zero"),
    }
    result = await there.run(edits, baseline=base)
    assert (result.verdict, result.summary) == (
        "fail",
        "ran on the base and no longer runs: test_calc.Adds.test_zero",
    )
