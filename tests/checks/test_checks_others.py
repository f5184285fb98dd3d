"""The checks `parses`, `command` and `schema`, and the words of the checks room."""

import pytest

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.describe import describe_failure, failing_tests, name_some
from treadle.checks.judging import Case, judge
from treadle.checks.network import network_refusal, refusal_of
from treadle.checks.registry import get_check
from treadle.checks.runners.base import Seen
from treadle.protocol.errors import UsageError
from treadle.spec.agent import CheckSpec
from treadle.spec.jsonschema import validate
from treadle.spec.paths import denied_paths, is_denied
from treadle.workspace.command import CommandResult


def test_an_unknown_check_is_refused():
    with pytest.raises(UsageError, match="no check is called 'lint'"):
        get_check(CheckSpec("lint"))


async def test_parses_tells_the_place_of_a_new_error(project):
    there = project({"a.py": "x = 1\n", "b.json": "{}\n", "bad.py": "def (:\n", "n.txt": "x"})
    good = await there.run({"a.py": "x = 2\n", "b.json": '{"a": 1}\n', "n.txt": "y"}, check="parses")
    assert (good.verdict, good.summary) == ("pass", "2 changed files parse (1 of no known language)")
    assert good.detail == "a.py\nb.json"
    bad = await there.run({"a.py": "x = 1\ndef f(:\n    pass\n", "b.json": '{"a": }\n'}, check="parses")
    assert bad.verdict == "fail"
    assert bad.summary.startswith("a.py:2:")
    assert "b.json:1:" in bad.detail


async def test_parses_holds_nothing_against_what_was_broken_before(project):
    there = project({"bad.py": "def (:\n", "n.txt": "x"})
    assert (await there.run({"bad.py": "def (:\n\n"}, check="parses")).verdict == "pass"
    assert (await there.run({"n.txt": "y"}, check="parses")).verdict == "none"
    assert (await there.run({"bad.py": None}, check="parses")).verdict == "none"
    assert (await there.run({}, check="parses")).summary == "no file was changed"


@pytest.mark.parametrize(
    ("command", "verdict", "cause", "says"),
    [
        ("cat a.txt", "pass", "", "`cat a.txt` ended with exit code 0: changed"),
        ("echo no; exit 3", "fail", "", "`echo no; exit 3` ended with exit code 3: no"),
        ("no-such-program", "error", "missing_runner", "no-such-program: "),
        ("sleep 60", "error", "timeout", "`sleep 60` did not end within 1 s"),
        ("echo getaddrinfo ENOTFOUND x >&2; exit 1", "error", "network", "needs the network"),
    ],
)
async def test_command_judges_by_its_exit_code_and_says_so(project, command, verdict, cause, says):
    there = project({"a.txt": "base\n"})
    result = await there.run(
        {"a.txt": "changed\n"}, check="command", command=command, tests={"timeout_s": 1.0}
    )
    assert (result.verdict, result.cause) == (verdict, cause)
    assert says in result.summary


async def test_schema_judges_the_output(project):
    there = project({"a": ""})
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    assert (await there.run(check="schema", schema=schema, output={"summary": "x"})).verdict == "pass"
    assert (await there.run(check="schema", output={})).verdict == "none"
    bad = await there.run(check="schema", schema=schema, output={"summary": 1})
    assert bad.summary == "the output is not of the declared form: $.summary: must be string, is integer"


@pytest.mark.parametrize(
    ("value", "schema", "faults"),
    [
        (
            {"a": [1, "x"]},
            {"properties": {"a": {"items": {"type": "integer"}}}},
            ["$.a[1]: must be integer, is string"],
        ),
        (True, {"type": "integer"}, ["$: must be integer, is boolean"]),
        (1.0, {"type": "integer"}, []),
        (1.5, {"type": "integer"}, ["$: must be integer, is number"]),
        (None, {"type": ["string", "null"]}, []),
        ("c", {"enum": ["a", "b"]}, ["$: must be one of 'a', 'b', is 'c'"]),
        (1, {"enum": [True]}, ["$: must be one of True, is 1"]),
        ("ab", {"const": "a"}, ["$: must be 'a'"]),
        ("abc", {"maxLength": 2}, ["$: must have at most 2 characters, has 3"]),
        ("abc", {"pattern": "^b"}, ["$: must match ^b"]),
        ([], {"minItems": 1}, ["$: must have at least 1 items, has 0"]),
        ([1, 1], {"uniqueItems": True}, ["$: its items must differ"]),
        ({"a": 1}, {"additionalProperties": False}, ["$: `a` is not allowed"]),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, ["$.a: must be string, is integer"]),
        (5, {"minimum": 6}, ["$: must be at least 6, is 5"]),
        (5, {"exclusiveMaximum": 5}, ["$: must be less than 5, is 5"]),
        (5, {"multipleOf": 2}, ["$: must be a multiple of 2, is 5"]),
        (5, {"anyOf": [{"type": "string"}, {"minimum": 9}]}, ["$: must be string, is integer"]),
        (5, {"oneOf": [{"minimum": 1}, {"minimum": 2}]}, ["$: matches 2 of oneOf, must match one"]),
        (5, {"not": {"type": "integer"}}, ["$: must not match the schema under `not`"]),
        (5, {"allOf": [{"minimum": 1}, {"maximum": 3}]}, ["$: must be at most 3, is 5"]),
        (
            {"n": {"n": 1}},
            {"properties": {"n": {"$ref": "#"}}, "type": "object"},
            ["$.n.n: must be object, is integer"],
        ),
        (1, {"$ref": "#/$defs/t", "$defs": {"t": {"type": "string"}}}, ["$: must be string, is integer"]),
        (1, {"$ref": "#/$defs/u"}, ["$: the schema's $ref '#/$defs/u' leads nowhere"]),
        (1, True, []),
        (1, False, ["$: no value is allowed here"]),
    ],
)
def test_a_value_is_held_against_a_schema(value, schema, faults):
    assert validate(value, schema) == faults


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("tests/test_a.py", True), ("test_a.py", True), ("a_test.py", True), ("pkg/conftest.py", True),
        ("tests/data.json", True), ("src/a.test.ts", True), ("src/__tests__/a.js", True), ("m/a_test.go", True),
        ("pytest.ini", True), ("pyproject.toml", True), ("package.json", True), ("jest.config.js", True),
        ("src/treadle/spec/loop.py", False), ("src/testing.py", False), ("src/contest.py", False),
        ("fixtures/a.json", True), ("src/pkg/fixtures/in.txt", True), ("pkg/testdata/golden.txt", True),
        ("src/__snapshots__/a.txt", True), ("testcalc.py", True), ("testCalc.py", True), ("tests.py", True),
        ("src/tester.py", False), ("src/testing_tools.py", False), ("src/testimonials.py", False),
        ("src/fixtures.py", False), ("src/latest.py", False), ("README.md", False), ("src/attest/a.py", False),
    ],
)  # fmt: skip
def test_what_belongs_to_the_tests(path, inside):
    assert is_denied(path, ("tests",)) is inside


def test_denied_globs_hold_for_folders_and_across():
    paths = ("a/b.py", "a/c/d.py", "e.lock", "x/e.lock", "ab/b.py")
    assert denied_paths(paths, ("a",)) == ("a/b.py", "a/c/d.py")
    assert denied_paths(paths, ("a/*.py",)) == ("a/b.py",)
    assert denied_paths(paths, ("**/*.lock",)) == ("e.lock", "x/e.lock")
    assert denied_paths(paths, ("*.lock",)) == ("e.lock",)
    assert denied_paths(paths, ()) == ()


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("OSError: [Errno 101] Network is unreachable", True),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", True),
        ("connect ECONNREFUSED 93.184.216.34:80", True),
        ("connect ECONNREFUSED 127.0.0.1:5432", False),
        ("connect ECONNREFUSED ::1:5432", False),
        ("dial tcp 127.0.0.1:99: connect: connection refused", False),
        ("dial tcp: lookup proxy.golang.org: no such host", True),
        ("ConnectionRefusedError: [Errno 111] Connection refused", False),
        ("AssertionError: 3 != 4", False),
    ],
)
def test_only_a_refused_network_counts_as_one(text, refused):
    assert network_refusal(f"before\n{text}\nafter") == (text if refused else "")


@pytest.mark.parametrize(
    ("message", "trace", "refused"),
    [
        ("socket.gaierror: [Errno -2] Name or service not known", "", True),
        ("OSError: [Errno 101] Network is unreachable", "", True),
        ("AssertionError: 'socket.gaierror' != ''", "socket.gaierror: Name or service not known", False),
        ("AssertionError: no", "OSError: [Errno 101] Network is unreachable", False),
        ("ValueError: [Errno 101] Network is unreachable", "", False),
        ("fetch failed", "TypeError: fetch failed\ncaused by: Error: getaddrinfo EAI_AGAIN a.example", True),
        ("connect ECONNREFUSED 127.0.0.1:80", "Error: connect ECONNREFUSED 127.0.0.1:80", False),
        ("connect ENETUNREACH 192.0.2.1:80", "", True),
        ("expect(received).toBe(expected)", "getaddrinfo ENOTFOUND a.example", False),
        ("wrong text: 'getaddrinfo ENOTFOUND a.example'", "", False),
        ('Get "http://a.example": dial tcp: lookup a.example: no such host', "", True),
        ('got "dial tcp: lookup a.example: no such host", want ""', "", False),
        ("dial tcp 127.0.0.1:99: connect: connection refused", "", False),
        ("called `Result::unwrap()` on an `Err` value: Connect(\"dns error\")", "", True),
        ("assertion `left == right` failed left: \"dns error\"", "", False),
    ],
)  # fmt: skip
def test_an_error_refuses_and_a_text_that_quotes_one_does_not(message, trace, refused):
    assert bool(refusal_of(FailedTest("t", message=message, traceback=trace), "make")) is refused


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("#1", "#2"), ("#1", "#2"), ""),
        (("#1", "#2"), ("#1",), "fewer tests than on the base: 1 of 2"),
        (("a", "b"), ("#1", "#2"), "ran on the base and no longer runs: a, b"),
        (("a", "b"), ("b", "c", "d"), "ran on the base and no longer runs: a"),
        (("l.rs - f (line 3)",), ("l.rs - f (line 9)",), ""),
        (("l.rs - f (line 3)", "l.rs - f (line 9)"), ("l.rs - f (line 9)",),
         "ran on the base and no longer runs: l.rs - f (line 9)"),
        (("t[<f at 0x7f00aa11]",), ("t[<f at 0x7f00bb22]",), ""),
    ],
)  # fmt: skip
def test_what_passed_on_the_base_is_looked_for_by_name(before, after, said):
    seen = Seen(TestReport("make", after, after), finished=True, counted=after[0] == "#1")
    ended = CommandResult(0, "")
    found = judge(Case(seen, ended, "make test", 9, False, baseline=TestReport("make", before, before)))
    assert (found.verdict, found.summary if said else "") == ("fail" if said else "pass", said)


def test_failures_read_well_and_stay_short():
    plain = FailedTest(
        "t.py::test", "t.py", 3, "AssertionError", "T" * 9000, "def test(): ...", "f(1)", "2", "3"
    )
    text = describe_failure(plain, 500)
    assert text.startswith("t.py::test (t.py:3)\nf(1) should be 2, but it is 3.\ndef test(): ...\n")
    assert len(text) <= 500
    raised = FailedTest("t", call="f()", expected="1", got="raises KeyError: 'x'")
    assert describe_failure(raised) == "t\nf() should be 1, but it raises KeyError: 'x'."
    assert failing_tests(TestReport("pytest", failed=(plain, raised))) == [plain, raised]
    assert name_some(("a", "b", "c"), 2) == "a, b and 1 more"
