"""Grammars, symbols and the map."""

import pytest

from treadle.codemap import parse as parsing
from treadle.codemap.map import BYTES_PER_TOKEN, code_map
from treadle.codemap.parse import errors, language_of, parse
from treadle.codemap.symbols import enclosing, symbols

PYTHON = """import os

@cache
def top(a: int,
        b: int) -> int:
    def inner(): pass
    return a

class Shape(Base):
    size = 1

    async def area(self): return 1
    def _hidden(self): ...
"""

SAMPLES = {
    "a.py": ("def f():\n    pass\n", "def f(:\n"),
    "a.js": ("const f = (x) => x;\nclass A { m() {} }\n", "function (\n"),
    "a.ts": ("interface I { a: string }\nfunction f(x: I): void {}\n", "function f(: string\n"),
    "a.tsx": ("export const A = () => <b>x</b>;\n", "const A = <b>\n"),
    "a.go": ("package a\nfunc F() {}\n", "package a\nfunc {\n"),
    "a.rs": ("struct S;\nimpl S { fn m(&self) {} }\n", "fn {\n"),
    "A.java": ("class A { void m() {} }\n", "class {\n"),
    "a.c": ("int f(void) { return 1; }\n", "int f( {\n"),
    "a.cpp": ("class A { int m() { return 1; } };\n", "class A {\n"),
    "a.json": ('{"a": [1]}\n', '{"a": }\n'),
    "a.yaml": ("a:\n  - b\n", "a: [1\n"),
    "a.toml": ("a = 1\n", "a =\n"),
    "a.sh": ("f() { echo x; }\n", "if true; then\n"),
}


@pytest.mark.parametrize("path", SAMPLES)
def test_each_language_parses_and_shows_its_errors(path):
    good, bad = SAMPLES[path]
    whole, broken = parse(path, good.encode()), parse(path, bad.encode())
    assert whole is not None
    assert broken is not None
    assert errors(whole) == []
    assert errors(broken)[0].line >= 1


def test_an_error_has_its_place_and_a_missing_token_its_name():
    parsed = parse("a.js", b"let a = 1;\nfoo(1;\n")
    assert parsed is not None
    (found,) = errors(parsed)
    assert (found.line, found.missing) == (2, ")")


def test_unknown_languages_and_missing_grammars_are_none(monkeypatch):
    assert (language_of("Makefile"), language_of("a.xyz"), language_of("b/a.PY")) == ("", "", "python")
    assert parse("a.xyz", b"") is None
    monkeypatch.setattr(parsing, "_grammar", lambda language: None)
    assert parse("a.py", b"") is None
    text = code_map(lambda path: b"", ["a.py"], 100, [])
    assert text == "a.py\n(no grammar is installed for python)\n"


def test_python_symbols_have_dotted_names_lines_and_signatures():
    parsed = parse("a.py", PYTHON.encode())
    assert parsed is not None
    found = symbols(parsed)
    assert [(s.name, s.kind, s.start, s.end) for s in found] == [
        ("top", "function", 3, 7),
        ("top.inner", "function", 6, 6),
        ("Shape", "class", 9, 13),
        ("Shape.area", "method", 12, 12),
        ("Shape._hidden", "method", 13, 13),
    ]
    assert found[0].signature == "def top(a: int, b: int) -> int"
    assert enclosing(found, 6) == found[1]
    assert enclosing(found, 7) == found[0]
    assert enclosing(found, 1) is None


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a.js", ["f", "A", "A.m"]),
        ("a.ts", ["I", "f"]),
        ("a.tsx", ["A"]),
        ("a.go", ["F"]),
        ("a.rs", ["S", "S", "S.m"]),
        ("A.java", ["A", "A.m"]),
        ("a.c", ["f"]),
        ("a.cpp", ["A", "A.m"]),
        ("a.sh", ["f"]),
        ("a.json", []),
    ],
)
def test_symbols_of_other_languages(path, names):
    parsed = parse(path, SAMPLES[path][0].encode())
    assert parsed is not None
    assert [s.name for s in symbols(parsed)] == names


def test_the_map_puts_focus_first_and_tests_last():
    files = {
        "lib/a.py": PYTHON,
        "lib/b.py": "def near(): pass\n",
        "z.py": "def far(): pass\n",
        "tests/test_a.py": "def test(): pass\n",
    }
    text = code_map(lambda path: files[path].encode(), sorted(files), 1000, ["lib/a.py"])
    assert text == (
        "lib/a.py\n"
        "  def top(a: int, b: int) -> int  # 3-7\n"
        "  class Shape(Base)  # 9-13\n"
        "    async def area(self)  # 12-12\n"
        "    def _hidden(self)  # 13-13\n"
        "lib/b.py\n  def near()\n"
        "z.py\n  def far()\n"
        "tests/test_a.py\n  def test()\n"
    )


@pytest.mark.parametrize("budget", [0, 5, 20, 60, 200])
def test_the_map_keeps_to_its_budget(budget):
    files = {f"m{n}.py": "".join(f"def function_{n}_{k}(): pass\n" for k in range(20)) for n in range(20)}
    text = code_map(lambda path: files[path].encode(), sorted(files), budget, [])
    listing = text[: text.rfind("(")] if "more files)" in text else text
    assert len(listing.encode()) <= budget * BYTES_PER_TOKEN
    assert "more files)" in text
