"""`npm test`, `pnpm test`, `yarn test`, with evidence from node's own runner, jest, vitest, mocha or TAP."""

import re
from pathlib import Path

import msgspec

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.records import fold_records, read_records
from treadle.checks.runners.base import Job, Seen
from treadle.checks.runners.python import lay_reporters
from treadle.checks.runners.texts import read_text
from treadle.protocol.messages import Json
from treadle.workspace.command import Command, CommandResult

_FOREIGN = re.compile(r"\s+at .*(?:node:|/node_modules/)")
_STACK = re.compile(r"\(?((?:file://)?/[^\s()]+?):(\d+):\d+\)?\s*$", re.MULTILINE)


class Node:
    """The test script of package.json, run by the manager that the lock file names."""

    targets = False

    def __init__(self, manager: str, script: str) -> None:
        self.name = manager
        self.how = f"{manager} test"
        self.tool = next((t for t in ("vitest", "jest", "mocha") if re.search(rf"\b{t}\b", script)), "")
        if "react-scripts test" in script:
            self.tool = "jest"

    def command(self, job: Job) -> Command:
        """The whole script; the tool it starts is asked for a report by its own options."""
        env = {**lay_reporters(job), "CI": "1", "FORCE_COLOR": "0", "NO_COLOR": "1"}
        out = str(job.scratch / "tool.json")
        more: tuple[str, ...] = ()
        if self.tool == "jest":
            more = ("--json", f"--outputFile={out}", "--testLocationInResults")
        elif self.tool == "vitest":
            more = ("--run", "--reporter=json", f"--outputFile={out}")
        elif self.tool == "mocha":
            more = ("--reporter", "json", "--reporter-option", f"output={out}")
        else:
            env |= node_env(job.scratch)
        if more and self.name == "npm":
            more = ("--", *more)
        return Command(
            (self.name, "test", *more),
            env=env,
            timeout_s=job.timeout_s,
            scratch=job.room,
            network=job.network,
        )

    def read(self, result: CommandResult, job: Job) -> Seen:
        """The tool's report where there is one, else what its text says."""
        ended = result.returncode is not None
        file = job.scratch / "tool.json"
        if self.tool and file.is_file():
            root = str(job.view.base.root)
            reader = _read_mocha if self.tool == "mocha" else _read_jest
            seen = reader(_object(file), root, result.duration_s, self.name)
            if seen.report.collected or seen.broken:
                return seen
        seen = fold_records(read_records(job.scratch), self.name, result.duration_s)
        if not seen.report.collected and not seen.broken:
            seen = read_text(result.output, result.duration_s, ended, self.name)
        return msgspec.structs.replace(seen, **_missing(result.output, self.name))

    def group(self, test_id: str) -> str:
        """The test's file."""
        return test_id.split("::")[0]


def node_env(scratch: Path) -> dict[str, str]:
    """What makes `node --test` report to treadle, wherever it is started below."""
    reporter = (scratch / "lib" / "treadle_node.mjs").as_posix()
    return {"NODE_OPTIONS": f"--test-reporter={reporter} --test-reporter-destination=stdout"}


def _object(file: Path) -> dict[str, Json]:
    try:
        value = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _within(path: str, root: str) -> str:
    path = path.removeprefix("file://")
    return path[len(root) + 1 :] if path.startswith(root + "/") else path


def _failed(test: str, path: str, line: int, text: str, root: str) -> FailedTest:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for place in _STACK.finditer(plain):
        if "node_modules" not in place[1] and _within(place[1], root) != place[1]:
            path, line = _within(place[1], root), int(place[2])
            break
    head = re.split(r"\n\s+at ", plain)[0]
    plain = "\n".join(line for line in plain.split("\n") if not _FOREIGN.match(line))
    return FailedTest(
        id=test, path=path, line=line, message=" ".join(head.split())[:400], traceback=plain[:6000]
    )


def _read_jest(data: dict[str, Json], root: str, duration_s: float, runner: str) -> Seen:
    """jest's report, which vitest writes as well."""
    outcomes: dict[str, str] = {}
    failed, broken = [], []
    for file in data.get("testResults", ()):
        path = _within(str(file.get("name", "")), root)
        if file.get("status") == "failed" and not file.get("assertionResults"):
            broken.append(_failed(path, path, 0, str(file.get("message", "")), root))
        for test in file.get("assertionResults", ()):
            name = f"{path}::{str(test.get('fullName', '')).strip()}"
            outcomes[name] = str(test.get("status"))
            if outcomes[name] == "failed":
                line = int((test.get("location") or {}).get("line", 0))
                failed.append(
                    _failed(name, path, line, "\n".join(map(str, test.get("failureMessages", ()))), root)
                )
    return _seen(outcomes, failed, broken, duration_s, runner)


def _read_mocha(data: dict[str, Json], root: str, duration_s: float, runner: str) -> Seen:
    outcomes: dict[str, str] = {}
    failed = []
    pending = {str(test.get("fullTitle")) for test in data.get("pending", ())}
    for test in data.get("tests", ()):
        path = _within(str(test.get("file", "")), root)
        name = f"{path}::{test.get('fullTitle')}"
        error = test.get("err") or {}
        outcomes[name] = (
            "failed" if error else "pending" if str(test.get("fullTitle")) in pending else "passed"
        )
        if error:
            failed.append(_failed(name, path, 0, str(error.get("stack") or error.get("message")), root))
    return _seen(outcomes, failed, [], duration_s, runner)


def _seen(
    outcomes: dict[str, str],
    failed: list[FailedTest],
    broken: list[FailedTest],
    duration_s: float,
    runner: str,
) -> Seen:
    report = TestReport(
        runner=runner,
        collected=tuple(outcomes),
        passed=tuple(t for t, how in outcomes.items() if how == "passed"),
        failed=tuple(failed),
        skipped=tuple(t for t, how in outcomes.items() if how not in ("passed", "failed")),
        duration_s=duration_s,
    )
    return Seen(report, tuple(broken), (), True)


def _missing(output: str, manager: str) -> dict[str, str]:
    absent = re.search(r"(?:sh|bash)?:?\s*(?:\d+:|line \d+:)?\s*([\w./-]+): (?:command )?not found", output)
    if absent:
        return {"missing": f"{absent[1]} is not installed", "hint": f"{manager} install"}
    return {}
