"""Edits as spliced text: what was tried is what is written, and all else keeps its bytes."""

import ast
import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solvers_helpers import ask

from treadle.solvers.worker.candidates import candidates, describe
from treadle.solvers.worker.files import Edit, Files, Source, splice
from treadle.solvers.worker.localise import Place

EVERYTHING = '''\
"""Doc."""
from __future__ import annotations
import os, sys; LIMIT = 3  # é and a comment
NAMES = ["ä", "b",   'c']


class Börse:
    """Doc."""
    rate: float = 0.5

    @property
    def größe(self) -> int:  # ü
        if (self.rate
                > 0.25 and not LIMIT) or len(NAMES) is not None: return -1
        for i, name in enumerate(NAMES[1:]):
            try:
                total = {"ä": i, **{}}["ä"] + (lambda x, *, y=2: x ** y)(i)
            except (KeyError, ValueError):
                continue
            else:
                total += 1
            while total not in (1, 2) and total < 9:
                total -= 1; break
        text = f"{name!r:>{LIMIT}} ß {len(NAMES[0])}" "{name}" if name else """
  many lines é
"""
        return max(total, len(text), *[n for n in range(1, 4) if n % 2])


async def later(a, /, b=1, *c, d: int = 2, **e):
    async with a as f, b:
        a, b = b, a + b
        yield await f.get(a, b)
    del e["x"]
    global LIMIT
    LIMIT = a[b][d] if not b else a[b:d]
    assert f(a, b, key=d), "no"
'''


def everything_offered(source: Source, path: str = "all.py") -> list:
    """Every candidate of every statement, as if all were under suspicion."""
    files = Files(".", [])
    files._sources[path] = source
    places = []

    def walk(node: ast.AST, scope: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
            if isinstance(child, ast.stmt):
                places.append(Place(path, child, 1.0, "", inner, 1, 1))
            walk(child, inner)

    walk(source.tree, source.tree)
    return candidates(files, places, [7, "seven"])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_every_edit_lies_on_whole_tokens_and_keeps_the_rest(encoding: str, newline: str) -> None:
    text = "# coding: latin-1\n" * (encoding == "latin-1") + EVERYTHING
    data = text.replace("\n", newline).encode(encoding)
    source = Source("all.py", data)
    assert source.encode(source.text) == data
    offered = everything_offered(source)
    assert len(offered) > 800
    parsed = 0
    for candidate in offered:
        text = splice(source.text, candidate.edits)
        first, last = min(e.start for e in candidate.edits), max(e.end for e in candidate.edits)
        assert text.startswith(source.text[:first]) and text.endswith(source.text[last:])
        assert describe(source, candidate)
        try:
            ast.parse(text)
            parsed += 1
        except SyntaxError:
            continue
        if newline == "\r\n":
            assert "\n" not in text.replace("\r\n", "")
    assert parsed > 0.9 * len(offered), f"{parsed} of {len(offered)}"


def test_a_place_is_the_text_of_its_node() -> None:
    source = Source("all.py", EVERYTHING.encode())
    checked = 0
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Name, ast.Call, ast.BinOp, ast.Compare)):
            again = ast.parse("(" + source.segment(node) + ")", mode="eval").body
            expected = ast.parse(ast.unparse(node), mode="eval").body
            assert ast.dump(again) == ast.dump(expected)
            checked += 1
    assert checked > 40


LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30)


@settings(deadline=None, max_examples=200)
@given(LINES, LINES, LINES, st.sampled_from(["\n", "\r\n"]))
def test_what_stands_outside_the_edit_keeps_its_bytes(
    before: str, between: str, after: str, newline: str
) -> None:
    def comment(text: str) -> str:
        return "".join("# " + line + newline for line in text.replace("\0", "").split("\n"))

    data = f"{comment(before)}def f(a):{newline}{_indented(comment(between))}    return a < 1  {comment(after)}".encode()
    source = Source("f.py", data)
    found = [c for c in everything_offered(source, "f.py") if c.edits[0].text == "<="]
    assert found
    edited = source.encode(splice(source.text, found[0].edits))
    assert edited == data.replace(b"    return a < 1", b"    return a <= 1")


def _indented(text: str) -> str:
    return "".join("    " + line for line in text.splitlines(keepends=True)) if "\x0b" not in text else ""


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.text(max_size=3)), max_size=5),
)
def test_splicing_is_replacing_from_the_end(text: str, wished: list[tuple[int, int, str]]) -> None:
    edits: list[Edit] = []
    at = 0
    for skip, length, new in wished:
        start = at + skip
        if start + length <= len(text):
            edits.append(Edit(start, start + length, new))
            at = start + length + 1
    expected = text
    for edit in reversed(edits):
        expected = expected[: edit.start] + edit.text + expected[edit.end :]
    assert splice(text, tuple(edits)) == expected


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice("abcdef", (Edit(0, 3, "x"), Edit(2, 4, "y")))


def test_windows_line_ends_and_a_mark_come_through(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    data = codecs.BOM_UTF8 + 'def wert(x):\r\n    # größer\r\n    return x + "ü"*2   # ¿\r\n'.encode()
    (root / "wert.py").write_bytes(data)
    (root / "test_it.py").write_text(
        "import unittest\nfrom wert import wert\n\nclass T(unittest.TestCase):\n"
        "    def test_wert(self): self.assertEqual(wert('a'), 'aüüü')\n"
    )
    answer = ask(root, "unittest", ["test_it.T.test_wert"])
    assert answer["source"].encode("latin-1") == data.replace(b"*2 ", b"*3 ")
