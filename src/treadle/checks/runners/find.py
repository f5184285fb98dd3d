"""Finds how a project is tested."""

import re

import msgspec

from treadle.checks.runners.base import TestRunner
from treadle.protocol.errors import NothingToTest, PathError
from treadle.spec.paths import is_test_path
from treadle.spec.settings import Settings
from treadle.workspace.view import MergedView

_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
_PYTEST_SECTIONS = {"pyproject.toml": "[tool.pytest", "tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}
_PYTEST_TESTS = re.compile(
    r"^(?:import pytest|from pytest\b|(?:async )?def test|class Test\w*(?:\(\))?:)", re.MULTILINE
)
_UNITTEST_TESTS = re.compile(r"\bTestCase\b|^(?:import|from) unittest\b", re.MULTILINE)
_LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
_UNSET = "no test specified"
_MOST_FILES = 400
"""Test files that are read, at most, to tell pytest from unittest."""

RUNNERS = ("pytest", "unittest", "npm", "pnpm", "yarn", "go", "cargo", "make", "just")


def find_runner(view: MergedView, settings: Settings, python: str) -> TestRunner:
    """How the project in `view` is tested: as the settings say, else by what lies in it.

    Looked for in this order: pytest, unittest, the test script of package.json, go, cargo, `make test`,
    `just test`. `python` is the project's interpreter. A project whose test files are all unittest's, and which
    does not configure pytest, is tested by unittest, since that needs nothing installed.
    Raises: `NothingToTest`, with all that was looked for.
    """
    if settings.tests.command:
        from treadle.checks.runners.script import Script

        return Script("command", settings.tests.command)
    if settings.tests.runner:
        return _named(settings.tests.runner, view, python)
    files = view.files()
    name = _python_runner(view, files) or _other_runner(view, set(files))
    if name:
        return _named(name, view, python)
    raise NothingToTest(
        "no way to test was found: no pytest configuration, no test_*.py with tests, no test script in package.json, "
        "no go.mod with *_test.go files, no Cargo.toml, no `test` target in a Makefile or justfile",
        hint="say how in .treadle/settings.yaml: `tests: {command: …}`",
    )


def _named(name: str, view: MergedView, python: str) -> TestRunner:
    if name in ("pytest", "unittest"):
        from treadle.checks.runners.python import Pytest, Unittest

        return Pytest(python) if name == "pytest" else Unittest(python)
    if name in ("npm", "pnpm", "yarn"):
        from treadle.checks.runners.node import Node

        return Node(name, _script(view))
    if name == "go":
        from treadle.checks.runners.golang import Go

        return Go()
    if name == "cargo":
        from treadle.checks.runners.cargo import Cargo

        return Cargo()
    if name in ("make", "just"):
        from treadle.checks.runners.script import Script

        return Script(name, f"{name} test")
    raise NothingToTest(f"no test runner is called {name!r}", hint=f"use one of {', '.join(RUNNERS)}")


def _python_runner(view: MergedView, files: tuple[str, ...]) -> str:
    """`pytest`, `unittest`, or "" for a project with no Python tests."""
    if any(f in _PYTEST_FILES or f.rsplit("/", 1)[-1] == "conftest.py" for f in files):
        return "pytest"
    present = set(files)
    if any(name in present and mark in _text(view, name) for name, mark in _PYTEST_SECTIONS.items()):
        return "pytest"
    found = ""
    tests = [f for f in files if f.endswith(".py") and is_test_path(f)]
    for path in tests[:_MOST_FILES]:
        text = _text(view, path)
        if _PYTEST_TESTS.search(text) and not _only_load_tests(text):
            return "pytest"
        if _UNITTEST_TESTS.search(text):
            found = "unittest"
    return found


def _only_load_tests(text: str) -> bool:
    """Whether what looks like a pytest test is unittest code after all: plain helpers beside a TestCase."""
    return bool(_UNITTEST_TESTS.search(text)) and not re.search(
        r"^(?:import pytest|from pytest\b)", text, re.MULTILINE
    )


def _other_runner(view: MergedView, files: set[str]) -> str:
    if "package.json" in files and _script(view):
        return next((manager for lock, manager in _LOCKS.items() if lock in files), "npm")
    if "go.mod" in files and any(f.endswith("_test.go") for f in files):
        return "go"
    if "Cargo.toml" in files:
        return "cargo"
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if name in files and re.search(r"^test\s*:(?!=)", _text(view, name), re.MULTILINE):
            return "make"
    for name in ("justfile", "Justfile", ".justfile"):
        if name in files and re.search(r"^@?test\b[^:=\n]*:(?!=)", _text(view, name), re.MULTILINE):
            return "just"
    return ""


def _script(view: MergedView) -> str:
    """The test script of package.json; "" where there is none but npm's stand-in."""
    try:
        package = msgspec.json.decode(view.read("package.json"))
        script = package["scripts"]["test"]
    except (PathError, msgspec.DecodeError, KeyError, TypeError):
        return ""
    return script if isinstance(script, str) and _UNSET not in script else ""


def _text(view: MergedView, path: str) -> str:
    try:
        return view.text(path)
    except PathError:
        return ""
