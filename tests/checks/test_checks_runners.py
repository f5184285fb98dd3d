"""The check `tests` on projects of other languages: node, cargo, go, make, and what is read of texts."""

import shutil
import subprocess
import sys

import pytest

from treadle.checks.runners.base import Job
from treadle.checks.runners.golang import read_go
from treadle.checks.runners.node import Node
from treadle.checks.runners.texts import read_text
from treadle.workspace.command import CommandResult

needs_node = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not here")


def _works(*argv: str) -> bool:
    """Whether the program is here and not a front for a toolchain that is not."""
    return (
        shutil.which(argv[0]) is not None
        and subprocess.run(argv, capture_output=True, check=False).returncode == 0
    )


needs_cargo = pytest.mark.skipif(not _works("cargo", "--version"), reason="cargo does not work here")
needs_go = pytest.mark.skipif(not shutil.which("go"), reason="go is not here")

PACKAGE = '{"name": "x", "scripts": {"test": "node --test"}}'
NODE_TEST = """const {test, describe, it} = require('node:test');
const assert = require('assert');
const {add} = require('./lib');
test('adds', () => { assert.strictEqual(add(2, 3), 5); });
describe('zero', () => { it('is', () => { assert.equal(add(0, 0), 0); }); });
test('later', {skip: true}, () => {});
"""
NODE = {"package.json": PACKAGE, "lib.js": "exports.add = (a, b) => a + b;\n", "a.test.js": NODE_TEST}

CRATE = {
    "Cargo.toml": '[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n[lib]\ndoctest = false\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "tiny"\nversion = "0.1.0"\n',
    ".gitignore": "target\n",
    "src/lib.rs": """pub fn add(a: i32, b: i32) -> i32 { a + b }
#[cfg(test)]
mod tests {
    #[test] fn adds() { assert_eq!(super::add(2, 3), 5); }
    #[test] #[should_panic] fn panics() { panic!("x"); }
    #[test] #[ignore] fn later() { }
}
""",
}

GO = {
    "go.mod": "module example.com/m\n\ngo 1.21\n",
    "calc/calc.go": "package calc\n\nfunc Add(a, b int) int { return a + b }\n",
    "calc/calc_test.go": """package calc
import "testing"
func TestAdd(t *testing.T) { if got := Add(2, 3); got != 5 { t.Errorf("Add(2, 3) = %d, want 5", got) } }
func TestSub(t *testing.T) { t.Run("one", func(t *testing.T) { if Add(0, 0) != 0 { t.Fatal("no") } }) }
func TestLater(t *testing.T) { t.Skip("later") }
""",
}


@needs_node
async def test_node_tests_pass_fail_and_break(project):
    there = project(NODE)
    base = await there.run()
    assert (base.verdict, base.summary) == ("pass", "2 of 3 tests pass, 1 skipped")
    assert base.tests.passed == ("a.test.js::adds", "a.test.js::zero > is")
    wrong = await there.run({"lib.js": "exports.add = (a, b) => a - b;\n"})
    assert (wrong.verdict, wrong.tests.failed_ids) == ("fail", ("a.test.js::adds",))
    failed = wrong.tests.failed[0]
    assert (failed.path, failed.line, failed.expected, failed.got) == ("a.test.js", 4, "5", "-1")
    broken = await there.run({"lib.js": "exports.add = (\n"})
    assert (broken.verdict, broken.cause) == ("error", "collection")
    assert "a.test.js" in broken.summary


@needs_node
async def test_node_network_hang_and_missing_tool(project):
    needs = "const {test} = require('node:test');\ntest('net', async () => { await fetch('http://example.com'); });\n"
    net = await project({"package.json": PACKAGE, "a.test.js": needs}).run()
    assert (net.verdict, net.cause) == ("error", "network")
    assert "EAI_AGAIN" in net.summary
    hangs = "const {test} = require('node:test');\ntest('hangs', async () => { for (;;); });\n"
    hang = await project({"package.json": PACKAGE, "a.test.js": hangs}).run(tests={"timeout_s": 3.0})
    assert (hang.verdict, hang.cause) == ("error", "timeout")
    absent = await project({"package.json": '{"scripts": {"test": "tapestry tests"}}'}).run()
    assert (absent.verdict, absent.cause) == ("error", "missing_runner")
    assert (absent.summary, absent.hint) == ("tapestry is not installed", "npm install")


async def test_a_manager_that_is_not_here_is_named(project):
    there = project({"package.json": PACKAGE, "yarn.lock": "", "a.test.js": NODE_TEST})
    if shutil.which("yarn"):
        pytest.skip("yarn is here")
    result = await there.run()
    assert (result.verdict, result.cause, result.summary) == (
        "error",
        "missing_runner",
        "yarn is not installed",
    )


@needs_cargo
async def test_cargo_tests_pass_fail_and_break(project):
    there = project(CRATE)
    base = await there.run()
    assert (base.verdict, base.summary) == ("pass", "2 of 3 tests pass, 1 skipped")
    wrong = await there.run({"src/lib.rs": CRATE["src/lib.rs"].replace("a + b", "a - b")})
    (failed,) = wrong.tests.failed
    assert (failed.id, failed.path, failed.line) == ("src/lib.rs::tests::adds", "src/lib.rs", 4)
    assert (failed.expected, failed.got) == ("5", "-1")
    alone = await there.run(target=("src/lib.rs::tests::adds",))
    assert (alone.verdict, alone.tests.collected) == ("pass", ("src/lib.rs::tests::adds",))
    broken = await there.run({"src/lib.rs": CRATE["src/lib.rs"].replace("a + b", "a + c")})
    assert (broken.verdict, broken.cause) == ("error", "collection")
    assert broken.summary.startswith("the tests can't be collected: src/lib.rs:1: cannot find value `c`")


@needs_cargo
async def test_a_crate_that_is_not_here_is_the_networks(project):
    manifest = CRATE["Cargo.toml"].replace("[lib]", '[dependencies]\nserde = "1"\n[lib]')
    result = await project({**CRATE, "Cargo.toml": manifest}).run()
    assert (result.verdict, result.cause, result.hint) == ("error", "network", "--allow-network")


@pytest.mark.slow
@needs_go
async def test_go_tests_pass_fail_and_break(project):
    there = project(GO)
    base = await there.run()
    assert (base.verdict, base.summary) == ("pass", "2 of 3 tests pass, 1 skipped")
    wrong = await there.run({"calc/calc.go": GO["calc/calc.go"].replace("+", "-")})
    (failed,) = wrong.tests.failed
    assert (failed.id, failed.path, failed.line) == ("example.com/m/calc.TestAdd", "calc/calc_test.go", 3)
    assert failed.message == "Add(2, 3) = -1, want 5"
    alone = await there.run(target=("example.com/m/calc.TestSub",))
    assert (alone.verdict, alone.tests.collected) == ("pass", ("example.com/m/calc.TestSub",))
    broken = await there.run({"calc/calc.go": "package calc\n\nfunc Add(a, b int) int { return c }\n"})
    assert (broken.verdict, broken.cause) == ("error", "collection")
    assert "calc/calc.go:3: undefined: c" in broken.summary
    module = await there.run({"calc/calc.go": 'package calc\n\nimport _ "github.com/no/such"\n'})
    assert module.verdict == "error"


def test_go_events_are_read_without_go():
    output = "\n".join(
        [
            '{"Action":"run","Package":"e.com/m/p","Test":"TestA"}',
            '{"Action":"output","Package":"e.com/m/p","Test":"TestA","Output":"    a_test.go:3: wrong\\n"}',
            '{"Action":"fail","Package":"e.com/m/p","Test":"TestA"}',
            '{"Action":"run","Package":"e.com/m/p","Test":"TestB"}',
            '{"Action":"pass","Package":"e.com/m/p","Test":"TestB/sub"}',
            '{"Action":"pass","Package":"e.com/m/p","Test":"TestB"}',
            '{"Action":"run","Package":"e.com/m/p","Test":"TestC"}',
            "half a line",
        ]
    )
    seen = read_go(output, 1.0, False, "e.com/m")
    assert seen.report.passed == ("e.com/m/p.TestB",)
    assert (seen.report.failed[0].path, seen.report.failed[0].line) == ("p/a_test.go", 3)
    assert (seen.running, seen.finished) == (("e.com/m/p.TestC",), False)


async def test_make_test_with_pytest_below_gives_ids(project):
    make = f"test:\n\t{sys.executable} -m pytest -q\n"
    there = project({"Makefile": make, "check_it.py": "def test_a():\n    assert 1 == 2\n", "x.cfg": ""})
    result = await there.run({"Makefile": make.replace("-q", "-q check_it.py")})
    assert (result.verdict, result.tests.failed_ids) == ("fail", ("check_it.py::test_a",))


async def test_make_test_with_unittest_below_gives_counts_and_failed_names(project):
    body = "from unittest import *\nclass T(TestCase):\n    def test_a(self): self.fail('no')\n"
    body += "    def test_b(self): pass\n"
    there = project({"Makefile": f"test:\n\t{sys.executable} -m unittest checks_a\n", "checks_a.py": body})
    base = await there.run()
    assert (base.verdict, base.summary) == ("fail", "1 of 2 tests fails: checks_a.T.test_a")
    good = await there.run(
        {"checks_a.py": body.replace("self.fail('no')", "pass")},
        baseline=base.tests,
        target=base.tests.failed_ids,
    )
    assert (good.verdict, good.summary) == ("pass", "2 of 2 tests pass")
    fewer = await there.run(
        {"checks_a.py": body.replace("test_a", "other")}, baseline=base.tests, target=base.tests.failed_ids
    )
    assert (fewer.verdict, fewer.summary) == ("fail", "fewer tests than on the base: 1 of 2")


async def test_an_exit_code_alone_is_no_evidence(project):
    there = project({"Makefile": "test:\n\t@echo all good\n"})
    quiet = await there.run()
    assert (quiet.verdict, quiet.cause) == ("none", "no_tests")
    assert quiet.summary == "`make test` ended well, but nothing in its output shows a test"
    bad = await there.run({"Makefile": "test:\n\t@echo all good; false\n"})
    assert (bad.verdict, bad.cause) == ("error", "crash")
    gone = await there.run({"Makefile": "test:\n\tno-such-program --all\n"})
    assert (gone.verdict, gone.cause, gone.summary) == (
        "error",
        "missing_runner",
        "no-such-program is not installed",
    )


@pytest.mark.parametrize(
    ("text", "passed", "failed"),
    [
        ("TAP version 13\n1..3\nok 1 - a\nnot ok 2 - b\n  error: no\nok 3 - c # SKIP later\n", 1, ["b"]),
        ("=== RUN   TestA\n--- FAIL: TestA (0.00s)\n--- PASS: TestB (0.00s)\nFAIL\n", 1, ["TestA"]),
        (
            "FAILED tests/a.py::test_x - assert 0\n==== 1 failed, 3 passed, 1 skipped in 0.12s ====\n",
            3,
            ["tests/a.py::test_x"],
        ),
        (
            "FAIL: test_x (m.T.test_x)\nRan 3 tests in 0.001s\n\nFAILED (failures=1, skipped=1)\n",
            1,
            ["m.T.test_x"],
        ),
        ("running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n", 1, []),
        ("everything is fine\n", 0, []),
    ],
)
def test_texts_of_known_tools_are_read(text, passed, failed):
    seen = read_text(text, 1.0, True, "command")
    assert (len(seen.report.passed), list(seen.report.failed_ids)) == (passed, failed)


def test_reports_of_jest_and_mocha_are_read(project, tmp_path):
    view = project({"package.json": PACKAGE}).view()
    root = str(view.base.root)
    job = Job(view, tmp_path, tmp_path)
    # As jest 30 and mocha 12 wrote them, cut to what is read.
    jest = """{"testResults": [{"name": "ROOT/a.test.js", "status": "failed", "message": "", "assertionResults": [
      {"fullName": "adds", "status": "failed", "location": {"line": 2}, "failureMessages": [
        "Error: expect(received).toBe(expected)\\n\\nExpected: 5\\nReceived: -1\\n    at x (ROOT/a.test.js:2:35)"]},
      {"fullName": "zero is", "status": "passed"}, {"fullName": "zero sk", "status": "pending"}]},
      {"name": "ROOT/b.test.js", "status": "failed", "message": "SyntaxError: no", "assertionResults": []}]}"""
    (tmp_path / "tool.json").write_text(jest.replace("ROOT", root))
    seen = Node("npm", "jest").read(CommandResult(1, ""), job)
    assert (seen.report.passed, seen.report.skipped) == (("a.test.js::zero is",), ("a.test.js::zero sk",))
    assert [(f.id, f.path, f.line) for f in seen.report.failed] == [("a.test.js::adds", "a.test.js", 2)]
    assert [(b.path, b.message) for b in seen.broken] == [("b.test.js", "SyntaxError: no")]
    mocha = """{"tests": [{"fullTitle": "adds", "file": "ROOT/a.test.js", "err": {"stack": "Error: no"}},
      {"fullTitle": "zero is", "file": "ROOT/a.test.js", "err": {}}], "pending": []}"""
    (tmp_path / "tool.json").write_text(mocha.replace("ROOT", root))
    seen = Node("npm", "mocha").read(CommandResult(1, ""), job)
    assert (seen.report.passed, seen.report.failed_ids) == (("a.test.js::zero is",), ("a.test.js::adds",))
