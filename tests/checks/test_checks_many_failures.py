"""A file with very many failing tests: each is told whole, and the file is parsed once."""

import ast
import importlib
from pathlib import Path

import pytest

import treadle.checks.reporters as reporters

TEXT = """\
class T:
    def test_é(self):
        würde = add(1, "ä", [
            2, 3], x="ö")
        self.assertEqual(würde, 6); self.assertEqual(add("ß"), "s")
"""


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(reporters.__file__).parent))
    return importlib.import_module("treadle_report")


def test_a_segment_is_what_ast_says_it_is(report):
    nodes = [node for node in ast.walk(ast.parse(TEXT)) if isinstance(node, ast.expr)]
    assert len(nodes) > 15
    for node in nodes:
        assert report._segment(TEXT, node) == ast.get_source_segment(TEXT, node)


def test_a_file_is_parsed_once_however_many_of_its_lines_are_asked_for(report, monkeypatch):
    text = "".join(f"assert add({n}) == {n}\n" for n in range(500))
    parsed = []
    real = ast.parse
    monkeypatch.setattr(ast, "parse", lambda *args: parsed.append(1) or real(*args))
    found = [report._statement_at(text, line) for line in range(1, 501)]
    assert [node.lineno for node in found] == list(range(1, 501))
    assert len(parsed) == 1
