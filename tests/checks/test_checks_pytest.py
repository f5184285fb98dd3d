"""The check `tests` on pytest projects, with this interpreter's pytest in the real sandbox."""

import sys
import venv

import pytest

from treadle.checks.runners.python import _missing

CALC = "def add(a, b):\n    return a + b\n"
INI = "[pytest]\npythonpath = .\n"
TEST = """import pytest
from calc import add

def test_small():
    x = 2
    assert add(x, 3) == 5

class TestMore:
    @pytest.mark.parametrize("text", ["a::b", "a/b [c]", "é", "", "-k x", "a.b"])
    def test_odd(self, text):
        assert add(text, "") == text
"""
WRONG = {"calc.py": "def add(a, b):\n    return a * 2\n"}
FILES = {"pytest.ini": INI, "calc.py": CALC, "tests/test_calc.py": TEST}


async def test_pass_fail_and_single_ids_with_odd_names(project):
    there = project(FILES)
    base = await there.run()
    assert (base.verdict, base.summary, base.tests.runner) == ("pass", "7 of 7 tests pass", "pytest")
    result = await there.run(WRONG)
    assert result.verdict == "fail"
    assert len(result.tests.failed) == 6
    small = result.tests.failed[0]
    assert (small.id, small.call, small.expected, small.got) == (
        "tests/test_calc.py::test_small",
        "add(2, 3)",
        "5",
        "4",
    )
    assert (small.path, small.line) == ("tests/test_calc.py", 6)
    odd = tuple(i for i in result.tests.failed_ids if "TestMore" in i)
    alone = await there.run(WRONG, target=odd)
    assert (alone.verdict, alone.tests.collected) == ("fail", odd)


async def test_a_plain_function_is_enough_to_choose_pytest(project):
    result = await project({"test_a.py": "def test_a():\n    assert True\n"}).run()
    assert (result.verdict, result.tests.runner) == ("pass", "pytest")


async def test_outcomes_of_every_kind(project):
    result = await project(
        {
            "test_kinds.py": """import sys, unittest
import pytest

@pytest.fixture
def broken(): raise OSError("no set-up")

@pytest.fixture
def leaky():
    yield
    raise OSError("no clean-up")

@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail(strict=True)
def test_unexpected(): pass
@pytest.mark.skip
def test_skipped(): assert 0
def test_exits(): sys.exit(0)
def test_setup(broken): pass
def test_teardown(leaky): pass
def test_raises():
    assert int("x") == 3
def test_truth(): assert "".strip()
def test_good(): pass
class TestCase(unittest.TestCase):
    def test_equal(self): self.assertEqual(len("abc"), 4)
"""
        }
    ).run()
    failed = {f.id.rsplit("::", 1)[1]: f for f in result.tests.failed}
    assert set(failed) == {
        "test_unexpected", "test_exits", "test_setup", "test_teardown", "test_raises", "test_truth", "test_equal",
    }  # fmt: skip
    assert failed["test_setup"].message == "setup: OSError: no set-up"
    assert failed["test_teardown"].message == "teardown: OSError: no clean-up"
    raised = failed["test_raises"]
    assert (raised.call, raised.expected) == ('int("x")', "3")
    assert raised.got == "raises ValueError: invalid literal for int() with base 10: 'x'"
    assert (failed["test_truth"].expected, failed["test_truth"].got) == ("True", "''")
    assert (failed["test_equal"].expected, failed["test_equal"].got) == ("4", "3")
    assert result.tests.passed == ("test_kinds.py::test_good",)
    assert result.tests.skipped == ("test_kinds.py::test_expected", "test_kinds.py::test_skipped")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"tests/test_b.py": "def test(:\n"}, "tests/test_b.py: SyntaxError: invalid syntax"),
        (
            {"tests/test_b.py": "import nowhere_at_all\n"},
            "ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ({"tests/conftest.py": "import nowhere_at_all\n"}, "No module named 'nowhere_at_all'"),
        (
            {"tests/test_b.py": "import os\nos._exit(0)\n"},
            "tests/test_b.py: the process ended while it was imported",
        ),
    ],
    ids=["syntax", "import", "conftest", "os-exit"],
)
async def test_what_cannot_be_collected_is_an_error(project, files, says):
    result = await project({**FILES, **files}).run()
    assert (result.verdict, result.cause) == ("error", "collection")
    assert says in result.summary


async def test_a_hanging_and_an_exiting_test_are_named(project):
    hang = await project(
        {"test_a.py": "import time\ndef test_a(): pass\ndef test_b(): time.sleep(99)\n"}
    ).run(tests={"timeout_s": 4.0})
    assert (hang.verdict, hang.cause) == ("error", "timeout")
    assert hang.summary == "the tests did not end within 4 s: test_a.py::test_b was still running"
    gone = await project({"test_a.py": "import os\ndef test_a(): pass\ndef test_b(): os._exit(5)\n"}).run()
    assert (gone.verdict, gone.cause) == ("error", "crash")
    assert gone.summary == "the test process ended during test_a.py::test_b with exit code 5"


async def test_the_network_and_a_megabyte(project):
    body = """import socket
def test_net(): socket.create_connection(("192.0.2.1", 80), timeout=5)
def test_huge():
    print("x" * 1_000_000)
    assert "y" * 1_000_000 == ""
"""
    result = await project({"test_net.py": body}).run()
    assert (result.verdict, result.tests.failed_ids) == ("fail", ("test_net.py::test_huge",))
    assert "1 need the network" in result.summary
    assert len(result.detail) <= 4000
    assert len(result.tests.failed[0].traceback) < 7000


def test_the_systems_interpreter_is_given_an_environment_first():
    said = "/usr/bin/python3: No module named pytest"
    assert _missing(said, "/usr/bin/python3")[1] == (
        "python3 -m venv .venv && .venv/bin/python -m pip install pytest"
    )


async def test_a_missing_pytest_or_plugin_is_named(project, tmp_path):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    result = await project(FILES).run(python=python)
    assert (result.verdict, result.cause) == ("error", "missing_runner")
    assert result.summary == f"pytest is not installed for {python}"
    assert result.hint == f"{python} -m pip install pytest"
    plugin = await project({**FILES, "pytest.ini": "[pytest]\naddopts = --covfefe=src\n"}).run()
    assert (plugin.verdict, plugin.cause) == ("error", "missing_runner")
    assert plugin.summary == "pytest does not know --covfefe=src"


async def test_no_tests_and_no_way_to_test(project):
    empty = await project({"pytest.ini": INI, "calc.py": CALC}).run()
    assert (empty.verdict, empty.cause) == ("none", "no_tests")
    nothing = await project({"README": "x"}).run()
    assert (nothing.verdict, nothing.cause) == ("error", "no_tests")
    assert nothing.summary.startswith("no way to test was found: no pytest configuration")
    assert "tests: {command: …}" in nothing.hint


@pytest.mark.slow
async def test_parallel_workers_of_the_projects_own_are_read(project):
    pytest.importorskip("xdist")
    result = await project({**FILES, "pytest.ini": INI + "addopts = -n 2\n"}).run(WRONG)
    assert (len(result.tests.passed), len(result.tests.failed), len(result.tests.collected)) == (1, 6, 7)


async def test_a_command_of_the_settings_still_gives_ids(project):
    result = await project(FILES).run(WRONG, tests={"command": f"{sys.executable} -m pytest -q tests"})
    assert (result.verdict, len(result.tests.failed), result.tests.runner) == ("fail", 6, "pytest")
