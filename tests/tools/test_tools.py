"""The tools on a real view and sandbox."""

from collections.abc import Callable
from pathlib import Path

import pytest

from protection import level_here
from treadle.protocol.errors import UsageError
from treadle.tools.base import ToolContext, ToolOutcome
from treadle.tools.edit import Replaced, replace_once
from treadle.tools.registry import NAMES, get_tool
from treadle.workspace.base import open_base
from treadle.workspace.sandbox import open_sandbox
from treadle.workspace.view import MergedView

Make = Callable[..., ToolContext]

CODE = "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def lay(files: dict[str, str | bytes], denied: tuple[str, ...] = ()) -> ToolContext:
        root = tmp_path / "project"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode() if isinstance(text, str) else text)
        base = open_base(root)
        return ToolContext(
            MergedView(base), open_sandbox(root, base, tmp_path / "state", level_here()), denied
        )

    return lay


async def call(name: str, context: ToolContext, **arguments: object) -> ToolOutcome:
    return await get_tool(name).run(arguments, context)


def test_every_named_tool_is_there_and_no_other():
    assert [get_tool(name).name for name in NAMES] == list(NAMES)
    with pytest.raises(UsageError, match="no tool is called 'delete'"):
        get_tool("delete")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("read", {}, "`path` is missing"),
        ("read", {"path": 3}, "path: must be string, is integer"),
        ("read", {"path": "a", "lines": 3}, "`lines` is not allowed"),
        ("read", {"path": "a", "start": 0}, "start: must be at least 1"),
        ("edit", {"path": "a", "search": "b"}, "`replace` is missing"),
        ("search", {"pattern": ""}, "pattern: must have at least 1 characters"),
        ("run", {"command": "true", "timeout_s": 0}, "timeout_s: must be more than 0"),
    ],
)
async def test_a_wrong_call_is_told(make: Make, name, arguments, says):
    outcome = await get_tool(name).run(arguments, make({"a": "x"}))
    assert outcome.is_error
    assert says in outcome.text


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ".git/config", "a/../../b"])
@pytest.mark.parametrize("tool", ["read", "edit"])
async def test_a_path_out_of_the_repository_is_refused(make: Make, tool, path):
    more = {"search": "", "replace": "x"} if tool == "edit" else {}
    outcome = await call(tool, make({"a": "x"}), path=path, **more)
    assert outcome.is_error
    assert outcome.changes is None


async def test_read_numbers_lines_and_says_what_it_left_out(make: Make):
    context = make({"long.txt": "".join(f"line {n}\n" for n in range(1, 1001))})
    whole = await call("read", context, path="long.txt")
    assert whole.text.splitlines()[0] == "    1  line 1"
    assert whole.text.splitlines()[-1] == "[… lines 401 to 1000 of 1000 left out: read them with start=401]"
    part = await call("read", context, path="long.txt", start=7, end=8)
    assert part.text == "    7  line 7\n    8  line 8"
    beyond = await call("read", context, path="long.txt", start=2000)
    assert (beyond.is_error, beyond.text) == (True, "long.txt has lines 1 to 1000, not 2000 to 1000")


async def test_read_cuts_by_size_and_refuses_binary(make: Make):
    context = make({"wide.txt": ("y" * 5000 + "\n") * 300, "b.bin": b"\0\1", "none.txt": ""})
    assert len((await call("read", context, path="wide.txt")).text) < 26_000
    assert (await call("read", context, path="b.bin")).text == "b.bin is binary, 2 bytes"
    assert (await call("read", context, path="none.txt")).text == "none.txt is empty"


async def test_read_of_a_missing_file_names_near_ones(make: Make):
    context = make({"src/deep/calc.py": "", "src/deep/other.py": ""})
    assert "did you mean src/deep/calc.py" in (await call("read", context, path="calc.py")).text
    assert (
        "is a folder with: src/deep/calc.py, src/deep/other.py"
        in (await call("read", context, path="src")).text
    )


async def test_search_sees_changes_first_and_caps_hits(make: Make):
    context = make({"a.py": "old = 1\n", "many.txt": "needle\n" * 500, "x/b.py": "import re\n"})
    context = ToolContext(context.view.write("a.py", "new = 1\n"), context.runner)
    assert (await call("search", context, pattern="old")).text == "nothing matches in 3 files"
    assert (await call("search", context, pattern="new")).text == "a.py:1: new = 1"
    many = (await call("search", context, pattern="needle")).text.splitlines()
    assert (len(many), many[-1]) == (21, "[… 480 more hits: narrow the pattern or give a path]")
    assert (await call("search", context, pattern="imp.*re", regex=True)).text == "x/b.py:1: import re"
    assert (await call("search", context, pattern="imp.*re")).text == "nothing matches in 3 files"
    assert (await call("search", context, pattern="IMPORT", ignore_case=True, path="x")).text.startswith(
        "x/b.py:1"
    )
    assert (
        await call("search", context, pattern="import", path="*.txt")
    ).text == "nothing matches in 1 files"


async def test_search_tells_a_broken_expression(make: Make):
    outcome = await call("search", make({"a": "x"}), pattern="(", regex=True)
    assert outcome.is_error
    assert "the regular expression is wrong: missing )" in outcome.text


async def test_edit_replaces_the_one_place_and_shows_it(make: Make):
    context = make({"calc.py": CODE})
    outcome = await call(
        "edit",
        context,
        path="calc.py",
        search="b):\n    return a - b\n\n",
        replace="b):\n    return a + b\n\n",
    )
    assert outcome.changes is not None
    assert outcome.changes.changes["calc.py"].content == CODE.replace("-", "+", 1).encode()
    assert "    2      return a + b" in outcome.text
    assert context.view.text("calc.py") == CODE


LATIN = (
    b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n"
    + CODE.replace("sub", "le\u0301").encode()
    + b"x = '\xff\xfe'"
)


async def test_a_file_that_is_no_utf8_is_shown_as_text_and_edited_byte_for_byte(make: Make):
    context = make({"latin.py": LATIN, "caf\udce9.py": LATIN})
    for path in ("latin.py", "caf\udce9.py"):
        shown = [
            await call("read", context, path=path),
            await call("search", context, pattern="caf"),
            await call("search", context, pattern="'", path=path),
            await call("edit", context, path=path, search="a - c", replace="x"),
            await call("edit", context, path=path, search="caf", replace="tea"),
        ]
        assert [outcome.is_error for outcome in shown] == [False, False, False, True, False]
        for outcome in shown:
            outcome.text.encode()
        assert "# caf\ufffd" in shown[0].text and "# tea\ufffd" in shown[-1].text
        after = shown[-1].changes
        assert after is not None and after.changes[path].content == LATIN.replace(b"caf", b"tea")
        wide = await call("edit", context, path=path, search="def le\u0301(a, b): ", replace="def mul(a, b):")
        assert wide.changes is not None
        assert wide.changes.changes[path].content == LATIN.replace("def le\u0301(".encode(), b"def mul(")
    gone = await call("read", context, path="cafe.py")
    assert gone.is_error and gone.text.encode()


async def test_edit_refuses_what_it_finds_twice_with_the_lines(make: Make):
    outcome = await call(
        "edit", make({"calc.py": CODE}), path="calc.py", search="return a - b", replace="return a + b"
    )
    assert outcome.changes is None
    assert "found 2 times, at lines 2, 6" in outcome.text


async def test_edit_of_what_is_not_there_shows_the_nearest(make: Make):
    outcome = await call(
        "edit", make({"calc.py": CODE}), path="calc.py", search="def subb(a, b):", replace=""
    )
    assert outcome.is_error
    assert "    5  def sub(a, b):" in outcome.text


async def test_edit_creates_only_what_does_not_exist(make: Make):
    context = make({"calc.py": CODE})
    made = await call("edit", context, path="new/file.py", search="", replace="x = 1\n")
    assert made.changes is not None
    assert made.changes.paths == ("new/file.py",)
    assert (await call("edit", context, path="calc.py", search="", replace="x")).is_error
    assert (await call("edit", context, path="none.py", search="a", replace="b")).is_error


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py",
        "test_a.py",
        "tests/data/x.json",
        "conftest.py",
        "pyproject.toml",
        "pkg/a_test.go",
        "secret/k",
    ],
)
async def test_denied_paths_are_refused(make: Make, path):
    outcome = await call(
        "edit", make({path: "a\n"}, ("tests", "secret/*")), path=path, search="a", replace="b"
    )
    assert (outcome.is_error, outcome.text) == (True, f"{path} may not be changed here")


@pytest.mark.parametrize(
    ("text", "search", "replace", "after"),
    [
        ("a\r\nb\r\nc", "b\n", "x\ny\n", "a\r\nx\r\ny\r\nc"),
        ("a\nb", "b", "c", "a\nc"),
        ("if x:\n        y = 1\n", "y = 1", "y = 2", "if x:\n        y = 2\n"),
        (
            "class A:\n    def f(self):\n        return 1\n",
            "def f(self):\n    return 1",
            "def f(self):\n    if x:\n        return 2\n    return 1",
            "class A:\n    def f(self):\n        if x:\n            return 2\n        return 1\n",
        ),
        (
            "def f():\n\treturn 1\n",
            "def f():\n    return 1\n",
            "def f():\n\treturn 2\n",
            "def f():\n\treturn 2\n",
        ),
        ("  last", "last  ", "final", "  final"),
        ("a\n\nb\n", "a\n   \nb", "c", "c\n"),
    ],
)
def test_replace_keeps_endings_and_indentation(text, search, replace, after):
    found = replace_once(text, search, replace)
    assert isinstance(found, Replaced)
    assert found.text == after


def test_replace_refuses_an_indentation_that_does_not_fit():
    said = replace_once(
        "class A:\n    x = 1\n    y = 2\n", "        x = 1\n        y = 2", "    x = 3\n        y = 2"
    )
    assert (
        said == "the text is found at line 2 but for its indentation, and the replacement's does not fit it"
    )


async def test_run_gives_output_and_changes_but_leaves_the_tree(make: Make, tmp_path: Path):
    context = make({"a.txt": "one\n"})
    outcome = await call("run", context, command="cat a.txt; echo two >> a.txt; echo new > b.txt; exit 3")
    assert outcome.is_error
    assert outcome.text == "one\n[exit code 3]\n[changed: a.txt, b.txt]"
    assert outcome.changes is not None
    assert outcome.changes.changes["a.txt"].content == b"one\ntwo\n"
    assert (tmp_path / "project" / "a.txt").read_text() == "one\n"


async def test_run_sees_earlier_changes_and_tells_only_its_own(make: Make):
    context = make({"a.txt": "one\n"})
    context = ToolContext(context.view.write("a.txt", "mine\n"), context.runner)
    quiet = await call("run", context, command="cat a.txt")
    assert (quiet.text, quiet.changes) == ("mine\n[exit code 0]", None)
    loud = await call("run", context, command="echo x > b.txt")
    assert loud.text == "(no output)\n[exit code 0]\n[changed: b.txt]"
    assert loud.changes is not None
    assert loud.changes.paths == ("a.txt", "b.txt")


async def test_run_keeps_nothing_when_it_touches_what_is_denied(make: Make):
    context = make({"tests/test_a.py": "assert 0\n"}, ("tests",))
    outcome = await call("run", context, command="echo pass > tests/test_a.py; echo x > ok.txt")
    assert (outcome.is_error, outcome.changes) == (True, None)
    assert "it changed tests/test_a.py" in outcome.text


async def test_run_cuts_a_megabyte_and_ends_at_its_limit(make: Make):
    context = make({"a.txt": ""})
    huge = await call("run", context, command="head -c 1000000 /dev/zero | tr '\\0' x")
    assert len(huge.text) < 13_000
    assert "characters left out" in huge.text
    hung = await call("run", context, command="echo begun; sleep 60", timeout_s=0.5)
    assert hung.is_error
    assert hung.text == "begun\n[did not end within 0.5 s]"
