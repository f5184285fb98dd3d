"""pytest and unittest, run by the project's interpreter with a reporter of treadle's."""

import json
import os
import re
from pathlib import Path

import msgspec

from treadle.checks.base import FailedTest
from treadle.checks.network import printed_refusal
from treadle.checks.records import fold_records, read_records
from treadle.checks.runners.base import Job, Seen
from treadle.spec.paths import is_test_path
from treadle.workspace.command import Command, CommandResult

_REPORTERS = Path(__file__).resolve().parent.parent / "reporters"
_REPORTED_BY = (
    "treadle_report.py",
    "treadle_network.py",
    "treadle_pytest.py",
    "treadle_unittest.py",
    "treadle_node.mjs",
)


def lay_reporters(job: Job, files: tuple[str, ...] = ()) -> dict[str, str]:
    """Copies the reporters and the plan into the scratch folder; the environment that they need comes back."""
    lib = job.scratch / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    for name in _REPORTED_BY:
        (lib / name).write_bytes((_REPORTERS / name).read_bytes())
    plan = {
        "root": str(job.view.base.root),
        "files": files,
        "target": job.target,
        "changed": job.view.changes.paths,
    }
    # The standard library's JSON takes file names that are no UTF-8 across as they are.
    (job.scratch / "plan.json").write_text(json.dumps(plan))
    before = os.environ.get("PYTHONPATH", "")
    return {
        "TREADLE_SCRATCH": str(job.scratch),
        "PYTHONPATH": f"{lib}{os.pathsep}{before}" if before else str(lib),
    }


class Pytest:
    """`python -m pytest`, as the project configures it."""

    name = "pytest"
    targets = True

    def __init__(self, python: str) -> None:
        self.python = python
        self.how = f"{python} -m pytest"

    def command(self, job: Job) -> Command:
        """The whole suite, or the files of the target ids, of which the plugin keeps the ids alone."""
        env = lay_reporters(job)
        files = tuple(dict.fromkeys(test.split("::")[0] for test in job.target))
        argv = (self.python, "-B", "-m", "pytest", "-p", "treadle_pytest", "--color=no", *files)
        return Command(argv, env=env, timeout_s=job.timeout_s, scratch=job.room, network=job.network)

    def read(self, result: CommandResult, job: Job) -> Seen:
        """What the plugin told; without a word of it, what pytest's own output says is missing."""
        seen = fold_records(read_records(job.scratch), self.name, result.duration_s)
        missing, hint = _missing(result.output, self.python)
        started = seen.report.collected or seen.broken or seen.finished
        if not started and (conftest := _conftest(result.output, job.view.files())):
            return msgspec.structs.replace(seen, broken=(conftest,))
        return msgspec.structs.replace(seen, missing=missing, hint=hint) if missing and not started else seen

    def group(self, test_id: str) -> str:
        """The test's file."""
        return test_id.split("::")[0]


class Unittest:
    """`python -m unittest`, with discovery that also finds test folders that are no packages."""

    name = "unittest"
    targets = True

    def __init__(self, python: str) -> None:
        self.python = python
        self.how = f"{python} -m unittest"

    def command(self, job: Job) -> Command:
        """All test files, or those of the target ids."""
        env = lay_reporters(job, unittest_files(job.view.files()))
        script = str(job.scratch / "lib" / "treadle_unittest.py")
        return Command(
            (self.python, "-B", script),
            env=env,
            timeout_s=job.timeout_s,
            scratch=job.room,
            network=job.network,
        )

    def read(self, result: CommandResult, job: Job) -> Seen:
        """What the reporter told."""
        return fold_records(read_records(job.scratch), self.name, result.duration_s)

    def group(self, test_id: str) -> str:
        """The test's class."""
        return test_id.rsplit(".", 1)[0]


def unittest_files(files: tuple[str, ...]) -> tuple[str, ...]:
    """The files to look for tests in: `test*.py`, as unittest's own discovery; else what lies in test folders."""
    own = tuple(f for f in files if f.endswith(".py") and f.rsplit("/", 1)[-1].startswith("test"))
    if own:
        return own
    return tuple(f for f in files if f.endswith(".py") and is_test_path(f) and not f.endswith("__init__.py"))


def _conftest(output: str, files: tuple[str, ...]) -> FailedTest | None:
    """The conftest.py that pytest could not import, with why."""
    said = re.search(r"ImportError while loading conftest '(.*?)'\.?\n", output)
    if said is None:
        return None
    path = next((f for f in files if said[1].endswith("/" + f)), said[1])
    text = output[said.start() :]
    errors = re.findall(r"^E\s+(.*)", text, re.MULTILINE)
    message = errors[-1][:400] if errors else "it can't be imported"
    refused = printed_refusal(message, text)
    return FailedTest(path, path=path, message=message, traceback=text[:6000], refused=refused)


def _missing(output: str, python: str) -> tuple[str, str]:
    """(what is not installed, what to do), from the output of a pytest that never began; ("", "") for nothing."""
    if re.search(r"No module named '?pytest'?\b", output):
        # pip refuses the system's interpreter on most distributions (PEP 668), so it gets an environment first.
        is_systems = python.startswith(("/usr/bin/", "/bin/"))
        to = "python3 -m venv .venv && .venv/bin/python" if is_systems else python
        return f"pytest is not installed for {python}", f"{to} -m pip install pytest"
    unknown = re.search(r"error: unrecognized arguments: (.*)", output)
    if unknown:
        plugin = "pytest-cov" if "--cov" in unknown[1] else "the plugin that brings it"
        return f"pytest does not know {unknown[1].strip()}", f"install {plugin} for {python}"
    absent = re.search(r"Missing required plugins: (.*)", output)
    if absent:
        return (
            f"pytest plugins are missing: {absent[1].strip()}",
            f"{python} -m pip install {absent[1].strip()}",
        )
    plugin_error = re.search(r"(?:ImportError|ModuleNotFoundError): .*No module named '([\w.]+)'", output)
    if plugin_error and "Error importing plugin" in output:
        return (
            f"{plugin_error[1]} is not installed for {python}",
            f"{python} -m pip install {plugin_error[1]}",
        )
    return "", ""
