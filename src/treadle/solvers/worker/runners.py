"""unittest and pytest in this process: tests are imported once, then run by id as often as wished."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
import unittest
from types import CodeType
from typing import Any, Callable, Iterable

OnStart = Callable[[str], None]
OnEnd = Callable[[str, bool], None]
_SUBTEST = re.compile(r" [\[(].*\Z", re.DOTALL)
_SKIPPED_FOLDERS = {".git", ".venv", "venv", "node_modules", "site-packages", "__pycache__"}


class Tests:
    """Loaded tests. `files` are the absolute paths of the files that hold them."""

    files: set[str]

    def known(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` that were found, in the same order, each once."""
        raise NotImplementedError

    def run(self, ids: list[str], on_start: OnStart, on_end: OnEnd, stop: bool) -> bool:
        """Whether all `ids` passed. A skipped test has not passed. With `stop`, ends at the first that fails."""
        raise NotImplementedError

    def constants(self, test_id: str) -> list[Any]:
        """The numbers and strings that stand in a test, each once, in order; at most twelve."""
        found: list[Any] = []
        for thing in self._constant_sources(test_id):
            found += _flat(thing)
        return list({(type(v), v): v for v in found}.values())[:12]

    def names(self, test_id: str) -> set[str]:
        """The names that a test mentions."""
        codes = [c for c in self._constant_sources(test_id) if isinstance(c, CodeType)]
        return {name for code in codes for name in code.co_names}

    def _constant_sources(self, test_id: str) -> list[Any]:
        raise NotImplementedError


def _flat(thing: Any) -> list[Any]:
    if isinstance(thing, CodeType):
        consts = (
            thing.co_consts[1:]
            if thing.co_consts[:1] and isinstance(thing.co_consts[0], str)
            else thing.co_consts
        )
        return [v for const in consts for v in _flat(const)]
    if isinstance(thing, (tuple, list, frozenset, set)):
        return [v for part in list(thing)[:20] for v in _flat(part)]
    return [thing] if isinstance(thing, (int, float, str)) and not isinstance(thing, bool) else []


def _code_of(function: Any) -> list[Any]:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return [] if code is None else [code]


def enter(kind: str, root: str, ids: list[str], body: Callable[[Tests], None]) -> None:
    """Load the tests of `ids` with runner `kind` and call `body` with them, while they can be run.

    For pytest, `body` is called inside its session. Raises `LookupError` where the runner is missing.
    """
    if root not in sys.path:
        sys.path.insert(0, root)
    if kind != "pytest" and os.path.isdir(os.path.join(root, "src")):
        sys.path.append(os.path.join(root, "src"))
    if kind == "pytest":
        _enter_pytest(root, ids, body)
    else:
        body(_Unittest(root, ids))


class _Result(unittest.TestResult):
    def __init__(self, on_start: OnStart, on_end: OnEnd, stop: bool) -> None:
        super().__init__()
        self.failfast = stop
        self.passed = True
        self._begin, self._finish = on_start, on_end
        self._good = False

    def startTest(self, test: unittest.TestCase) -> None:
        self._good = False
        self._begin(test.id())
        super().startTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._good = True

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._good = True

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self._good = False
            self._lose()

    # A failure's traceback text is never read here, and making it is slow.
    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self._lose()

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._lose()

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._lose()

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.passed = False

    def _lose(self) -> None:
        self.passed = False
        if self.failfast:
            self.stop()

    def stopTest(self, test: unittest.TestCase) -> None:
        self._finish(test.id(), self._good)
        super().stopTest(test)


class _Unittest(Tests):
    def __init__(self, root: str, ids: list[str]) -> None:
        self._root = root
        self._cases: dict[str, unittest.TestCase] = {}
        self.files = set()
        for test_id in ids:
            case = self._load(_SUBTEST.sub("", test_id))
            if case is not None:
                self._cases[test_id] = case
                self.files.add(
                    os.path.abspath(getattr(sys.modules[type(case).__module__], "__file__", "") or "")
                )

    def _load(self, name: str) -> unittest.TestCase | None:
        for _ in range(2):
            try:
                suite = unittest.TestLoader().loadTestsFromName(name)
            except (ImportError, AttributeError, TypeError, ValueError):
                suite = unittest.TestSuite()
            cases = [t for t in suite if isinstance(t, unittest.TestCase) and t.id() == name]
            if cases:
                return cases[0]
            folder = self._folder_of(name.split(".")[0])
            if folder is None or folder in sys.path:
                return None
            sys.path.insert(0, folder)
        return None

    def _folder_of(self, module: str) -> str | None:
        for folder, folders, files in os.walk(self._root):
            folders[:] = sorted(f for f in folders if f not in _SKIPPED_FOLDERS and not f.startswith("."))
            if module + ".py" in files or os.path.isfile(os.path.join(folder, module, "__init__.py")):
                return folder
        return None

    def known(self, ids: Iterable[str]) -> list[str]:
        return [i for i in dict.fromkeys(ids) if i in self._cases]

    def run(self, ids: list[str], on_start: OnStart, on_end: OnEnd, stop: bool) -> bool:
        names = {self._cases[i].id(): i for i in ids}
        result = _Result(lambda i: on_start(names.get(i, i)), lambda i, ok: on_end(names.get(i, i), ok), stop)
        unittest.TestSuite([self._fresh(self._cases[i]) for i in ids]).run(result)
        return result.passed

    def _constant_sources(self, test_id: str) -> list[Any]:
        case = self._cases[test_id]
        return _code_of(getattr(case, getattr(case, "_testMethodName", ""), None))

    @staticmethod
    def _fresh(case: unittest.TestCase) -> unittest.TestCase:
        # A suite drops the tests it ran; the same method as a new instance leaves ours as it was.
        method = getattr(case, "_testMethodName", "")
        return type(case)(method) if method and type(case).__init__ is unittest.TestCase.__init__ else case


class _Pytest(Tests):
    def __init__(self, session: Any) -> None:
        from _pytest.runner import runtestprotocol

        self._protocol = runtestprotocol
        self._items = {item.nodeid: item for item in session.items}
        # A module that is collected for the examples in its documentation is what is tested, not a test.
        own = [item for item in session.items if type(item).__name__ != "DoctestItem"]
        self.files = {str(item.path if hasattr(item, "path") else item.fspath) for item in own}

    def known(self, ids: Iterable[str]) -> list[str]:
        return [i for i in dict.fromkeys(ids) if i in self._items]

    def run(self, ids: list[str], on_start: OnStart, on_end: OnEnd, stop: bool) -> bool:
        passed = True
        items = [self._items[i] for i in ids]
        for at, item in enumerate(items):
            test_id = ids[at]
            following = items[at + 1] if at + 1 < len(items) else None
            on_start(test_id)
            reports = self._protocol(item, log=False, nextitem=following)
            good = all(r.outcome != "failed" for r in reports) and any(
                (r.when == "call" and r.outcome == "passed") or hasattr(r, "wasxfail") for r in reports
            )
            on_end(test_id, good)
            passed = passed and good
            if stop and not passed:
                return False
        return passed

    def _constant_sources(self, test_id: str) -> list[Any]:
        item = self._items[test_id]
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return [list(parameters.values()), *_code_of(getattr(item, "obj", None))]


class _Driver:
    """The plugin that takes over once pytest has collected."""

    def __init__(self, body: Callable[[Tests], None]) -> None:
        self._body = body
        self.entered = False

    def pytest_runtestloop(self, session: Any) -> bool:
        self.entered = True
        self._body(_Pytest(session))
        return True


def _enter_pytest(root: str, ids: list[str], body: Callable[[Tests], None]) -> None:
    try:
        import pytest
    except ImportError:
        raise LookupError("pytest is not installed for this interpreter") from None
    files = list(dict.fromkeys(i.split("::")[0] for i in ids))
    arguments = ["-p", "no:cacheprovider", "-q", "-s", "--tb=native", f"--rootdir={root}"]
    arguments += [f for f in files if os.path.exists(os.path.join(root, f))]
    # Plugins that take the running of tests out of this process, or trace it themselves.
    known = (("xdist", "-n0"), ("pytest_cov", "--no-cov"))
    off = [option for module, option in known if importlib.util.find_spec(module)]
    driver = _Driver(body)
    code = pytest.main([*arguments, *off], plugins=[driver])
    if code == pytest.ExitCode.USAGE_ERROR and off and not driver.entered:
        # Installed, but not loaded here.
        pytest.main(arguments, plugins=[driver])
    if not driver.entered:
        raise LookupError("pytest could not collect the tests")
