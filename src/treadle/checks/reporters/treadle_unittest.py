"""Runs a project's unittest tests and tells treadle what it collects and what becomes of each test.

Runs in the project's interpreter: standard library only. The folder it is started in is the project's root.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import unittest
from time import perf_counter
from typing import TYPE_CHECKING, Any, Optional, cast

if TYPE_CHECKING:
    from treadle.checks.reporters import treadle_report as common
else:
    import treadle_report as common

OptExc = Any


class Result(unittest.TextTestResult):
    """A text result that also reports. Subtests are folded into their test: it fails when one of them does."""

    report: common.Report
    root = ""
    clock = perf_counter

    def startTest(self, test: unittest.TestCase) -> None:
        """A test is about to run."""
        super().startTest(test)
        self._began = type(self).clock()
        self._told = False
        self._now = test
        self.report.write("start", id=test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        """A test in which only subtests were told of passed, unless one of them failed."""
        super().stopTest(test)
        if not self._told:
            self._end(test, "passed")

    def _end(self, test: Any, outcome: str, **fields: Any) -> None:
        self._told = True
        self.report.write(
            "end", id=test.id(), outcome=outcome, duration=type(self).clock() - self._began, **fields
        )

    def _fail(self, test: Any, err: OptExc, note: str = "") -> None:
        function: Any = getattr(test, getattr(test, "_testMethodName", ""), None)
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        fields = common.failure(err[0], err[1], err[2], self.root, code)
        fields["message"] = note + fields["message"]
        if not fields["path"] and code is not None:
            fields["path"], fields["line"] = os.path.relpath(code.co_filename, self.root), code.co_firstlineno
        self._end(test, "failed", **fields)

    def addSuccess(self, test: unittest.TestCase) -> None:
        """The test passed, unless a subtest of it failed."""
        super().addSuccess(test)
        if not self._told:
            self._end(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: OptExc) -> None:
        """An assertion failed. Told first: unittest cuts the frames off in which both sides are seen."""
        self._fail(test, err)
        super().addFailure(test, err)

    def addError(self, test: Any, err: OptExc) -> None:
        """Anything else was raised, in the test or in the set-up of its class or module."""
        if isinstance(test, unittest.TestCase):
            self._fail(test, err)
        else:
            fields = common.failure(err[0], err[1], err[2], self.root, None)
            self.report.write("group_error", group=test.id(), **fields)
        super().addError(test, err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Optional[OptExc]) -> None:
        """Only the first failing subtest is told, as its test's failure."""
        if err is not None and not self._told:
            label = subtest.id()[len(test.id()) :].strip()
            self._fail(test, err, "subtest %s: " % label if label else "")
        super().addSubTest(test, subtest, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        """Skipped: a test, or all tests of a class or module whose set-up said so."""
        super().addSkip(test, reason)
        if isinstance(test, unittest.TestCase):
            self._end(test, "skipped", message=reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: OptExc) -> None:
        """It failed as it is marked to: no evidence either way, so that marking a red test is not mending it."""
        super().addExpectedFailure(test, err)
        self._end(test, "skipped", message="failed, as it is marked to")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        """It passed although it says it must fail: unittest counts that as not successful."""
        super().addUnexpectedSuccess(test)
        self._end(test, "failed", message="passed, although it is marked as an expected failure")


def _place(root: str, path: str) -> tuple[str, str]:
    """The folder to import from and the module's dotted name: the top of the chain of packages above it."""
    folder, name = os.path.split(path)
    parts = [name[:-3]]
    while folder and os.path.exists(os.path.join(root, folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if parts[-1] == "__init__":
        parts.pop()
    return folder, ".".join(parts)


def _wanted(root: str, plan: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(path, folder, module) of each file to load: all, or those that the target ids name."""
    files = [(path, *_place(root, path)) for path in plan["files"]]
    target = plan["target"]
    return [f for f in files if not target or any(i.startswith(f[2] + ".") for i in target)]


def _load(root: str, plan: dict[str, Any], report: common.Report) -> unittest.TestSuite:
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for path, folder, module in _wanted(root, plan):
        report.write("collecting", path=path)
        start = os.path.normpath(os.path.join(root, folder))
        if start not in sys.path:
            sys.path.insert(0, start)
        try:
            loaded = importlib.import_module(module)
            where = os.path.realpath(getattr(loaded, "__file__", None) or "")
            if where != os.path.realpath(os.path.join(root, path)):
                raise ImportError(
                    "module %r is already loaded from %s; rename one of the two files" % (module, where)
                )
            suite.addTests(loader.loadTestsFromModule(loaded))
        except unittest.SkipTest as skip:
            report.write("skipped_file", path=path, message=str(skip))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an import may raise anything, SystemExit too
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            fields = common.failure(type(error), error, error.__traceback__, root, None)
            fields["path"] = fields["path"] or path
            if isinstance(error, SyntaxError) and error.filename:
                fields["path"] = os.path.relpath(error.filename, root)
                fields["line"] = error.lineno or 0
            fields["traceback"] = common.cut(text)
            report.write("collect_error", **{**fields, "source": "", "file": path})
    return suite


def _flat(suite: Any) -> list[Any]:
    if isinstance(suite, unittest.TestSuite):
        return [test for part in suite for test in _flat(part)]
    return [suite]


def main() -> int:
    """Runs the plan; the exit code is 0 when all that ran passed."""
    scratch = os.environ["TREADLE_SCRATCH"]
    plan = common.read_plan(scratch)
    root = plan["root"]
    sys.path[0] = os.getcwd()
    source = os.path.join(root, "src")
    if os.path.isdir(source):
        sys.path.append(source)
    report = common.Report(scratch)
    report.write("meta", runner="unittest", version=sys.version.split()[0])
    common.drop_stale_bytecode(plan)
    tests = _flat(_load(root, plan, report))
    if plan["target"]:
        wanted = set(plan["target"])
        tests = [test for test in tests if test.id() in wanted]
    report.write("collected", ids=[test.id() for test in tests])
    Result.report, Result.root = report, root
    outcome = unittest.TextTestRunner(resultclass=cast(Any, Result), stream=sys.stderr).run(
        unittest.TestSuite(tests)
    )
    report.write("done", code=int(not outcome.wasSuccessful()))
    return int(not outcome.wasSuccessful())


if __name__ == "__main__":
    sys.exit(main())
