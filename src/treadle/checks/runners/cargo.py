"""`cargo test`. Ids are the names that cargo prints, after the file or crate that holds them."""

import re

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.runners.base import Job, Seen
from treadle.workspace.command import Command, CommandResult

_TARGET = re.compile(r"^\s*Running (?:unittests )?(\S+) \(.*\)$|^\s*Doc-tests (\S+)$")
_LINE = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (?:.*\b)?(ok|FAILED|ignored)\b")
_SECTION = re.compile(r"^---- (.+?) stdout ----$")
_PANIC = re.compile(r"panicked at (?:'(?P<old>.*)', )?(?P<path>[^\s:']+):(?P<line>\d+):\d+:?")
_ERROR = re.compile(r"^error(?:\[\w+\])?: (.*)")
_ARROW = re.compile(r"^\s*--> (.+?):(\d+):\d+")


class Cargo:
    """The package's or workspace's tests, as cargo runs them."""

    name = "cargo"
    how = "cargo test"
    targets = True

    def command(self, job: Job) -> Command:
        """All tests, or the target ones by exact name; a failing target does not stop the next."""
        argv: tuple[str, ...] = ("cargo", "test", "--no-fail-fast", "--color", "never")
        if job.target:
            argv += ("--", "--exact", *dict.fromkeys(test.split("::", 1)[1] for test in job.target))
        env = {} if job.network else {"CARGO_NET_RETRY": "0"}
        return Command(argv, env=env, timeout_s=job.timeout_s, scratch=job.room, network=job.network)

    def read(self, result: CommandResult, job: Job) -> Seen:
        """What cargo's output says."""
        return read_cargo(result.output, result.duration_s, result.returncode is not None)

    def group(self, test_id: str) -> str:
        """The file or crate that holds the test."""
        return test_id.split("::")[0]


def read_cargo(output: str, duration_s: float, ended: bool) -> Seen:
    """What the text of `cargo test` says."""
    where, section = "", ""
    outcomes: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    for line in output.splitlines():
        target, test, head = _TARGET.match(line), _LINE.match(line), _SECTION.match(line)
        if target:
            where, section = target[1] or target[2], ""
        elif test:
            outcomes[f"{where}::{test[1]}"] = test[2]
        elif head:
            section = f"{where}::{head[1]}"
        elif line in ("failures:", "successes:") or line.startswith("test result:"):
            section = ""
        elif section:
            said.setdefault(section, []).append(line)
    report = TestReport(
        runner="cargo",
        collected=tuple(outcomes),
        passed=tuple(t for t, how in outcomes.items() if how == "ok"),
        failed=tuple(_failed(t, said.get(t, [])) for t, how in outcomes.items() if how == "FAILED"),
        skipped=tuple(t for t, how in outcomes.items() if how == "ignored"),
        duration_s=duration_s,
    )
    return Seen(report, _broken(output), (), ended and "test result:" in output)


def _failed(test: str, lines: list[str]) -> FailedTest:
    text = "\n".join(lines).strip()
    panic = _PANIC.search(text)
    if panic is None:
        return FailedTest(id=test, message=(text.split("\n")[0] or "failed")[:400], traceback=text[:6000])
    after = [
        line for line in text[panic.end() :].strip().splitlines() if line and not line.startswith("note: ")
    ]
    values = {m[1]: m[2] for m in re.finditer(r"^\s*(left|right): (.*)$", text, re.MULTILINE)}
    return FailedTest(
        id=test,
        path=panic["path"],
        line=int(panic["line"]),
        message=" ".join(" ".join(after).split())[:400] or panic["old"] or "panicked",
        traceback=text[:6000],
        got=values.get("left", ""),
        expected=values.get("right", ""),
    )


def _broken(output: str) -> tuple[FailedTest, ...]:
    """The first compile error, where cargo says that something could not be compiled."""
    if "could not compile" not in output and "failed to parse manifest" not in output:
        return ()
    lines = output.splitlines()
    for number, line in enumerate(lines):
        error = _ERROR.match(line)
        if error and not error[1].startswith("could not compile"):
            arrow = next((m for m in map(_ARROW.match, lines[number : number + 4]) if m), None)
            path, at = (arrow[1], int(arrow[2])) if arrow else ("", 0)
            text = "\n".join(lines[number : number + 25])
            return (FailedTest(id=path or "cargo", path=path, line=at, message=error[1], traceback=text),)
    return (FailedTest(id="cargo", message="it does not compile", traceback=output[-3000:]),)
