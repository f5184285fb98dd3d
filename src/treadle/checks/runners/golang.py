"""`go test -json ./...`. Ids are `import/path.TestName`; subtests are folded into their test."""

import re
from pathlib import Path

import msgspec

from treadle.checks.base import FailedTest, TestReport
from treadle.checks.runners.base import Job, Seen
from treadle.protocol.errors import PathError
from treadle.protocol.messages import Json
from treadle.workspace.command import Command, CommandResult
from treadle.workspace.view import MergedView

_AT = re.compile(r"^\s*(\S+\.go):(\d+):(?:\d+:)? (.*)")


class Go:
    """The module's tests, as the go tool runs them."""

    name = "go"
    how = "go test ./..."
    targets = True

    def command(self, job: Job) -> Command:
        """All packages, or the target tests in theirs. Nothing is taken from the test cache."""
        argv: tuple[str, ...] = ("go", "test", "-json", "-count=1")
        if job.target:
            names = sorted({_split(test)[1] for test in job.target})
            packages = sorted({_split(test)[0] for test in job.target})
            argv += ("-run", f"^({'|'.join(map(re.escape, names))})$", *packages)
        else:
            argv += ("./...",)
        return Command(
            argv, env=go_env(job.room), timeout_s=job.timeout_s, scratch=job.room, network=job.network
        )

    def read(self, result: CommandResult, job: Job) -> Seen:
        """What the event lines say."""
        return read_go(result.output, result.duration_s, result.returncode is not None, _module(job.view))

    def group(self, test_id: str) -> str:
        """The test's package."""
        return _split(test_id)[0]


def go_env(room: Path) -> dict[str, str]:
    """No toolchain downloads, and a build cache that the command may write to, kept from run to run."""
    return {"GOTOOLCHAIN": "local", "GOCACHE": str(room / "go-build")}


def read_go(output: str, duration_s: float, ended: bool, module: str = "") -> Seen:
    """What a stream of `go test -json` events says; lines that are no events are taken as build output.

    `module` is the module's path, by which a package's folder is known.
    """
    fold = _Fold()
    for line in output.splitlines():
        event = _event(line)
        if event is None:
            fold.plain(line)
        else:
            fold.event(event)
    failed = tuple(
        _failed(test, "".join(fold.output.get(test, ())), module)
        for test, how in fold.tests.items()
        if how == "fail"
    )
    report = TestReport(
        runner="go",
        collected=tuple(fold.tests),
        passed=tuple(t for t, how in fold.tests.items() if how == "pass"),
        failed=failed,
        skipped=tuple(t for t, how in fold.tests.items() if how == "skip"),
        duration_s=duration_s,
    )
    running = tuple(t for t, how in fold.tests.items() if how == "run")
    return Seen(report, fold.broken(), running, ended and not running)


def _event(line: str) -> dict[str, Json] | None:
    if not line.startswith("{"):
        return None
    try:
        event = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return event if isinstance(event, dict) and "Action" in event else None


class _Fold:
    def __init__(self) -> None:
        self.tests: dict[str, str] = {}
        self.output: dict[str, list[str]] = {}
        self.build: dict[str, list[str]] = {}
        self.failed_packages: list[str] = []
        self._building = ""

    def plain(self, line: str) -> None:
        """Output of the build, under a line `# package`."""
        if line.startswith("# "):
            self._building = line[2:].split(" ")[0]
        elif self._building or _AT.match(line) or line.startswith(("go: ", "pattern ", "stat ")):
            self.build.setdefault(self._building or "go", []).append(line + "\n")

    def event(self, event: dict[str, Json]) -> None:
        action, package, test = event["Action"], event.get("Package", ""), event.get("Test", "")
        if action == "build-output":
            self.build.setdefault(event.get("ImportPath", "").split(" ")[0], []).append(
                event.get("Output", "")
            )
        elif not test:
            if action == "fail":
                self.failed_packages.append(package)
            elif action == "output":
                self.output.setdefault(package, []).append(event.get("Output", ""))
        else:
            name = f"{package}.{test.split('/')[0]}"
            if action == "output":
                self.output.setdefault(name, []).append(event.get("Output", ""))
            elif action in ("run", "pass", "fail", "skip") and "/" not in test:
                self.tests[name] = action

    def broken(self) -> tuple[FailedTest, ...]:
        """Packages that did not build, and those that failed without a test of theirs failing."""
        found = []
        for package, lines in self.build.items():
            text = "".join(lines)
            place = next((m for m in map(_AT.match, text.splitlines()) if m), None)
            path, line, message = (
                (place[1], int(place[2]), place[3]) if place else ("", 0, text.strip().split("\n")[0])
            )
            if text.strip():
                found.append(
                    FailedTest(id=package, path=path, line=line, message=message, traceback=text[:4000])
                )
        return tuple(found)


def _split(test_id: str) -> tuple[str, str]:
    package, _, name = test_id.rpartition(".")
    return package, name


def _failed(test: str, output: str, module: str) -> FailedTest:
    lines = [line for line in output.splitlines() if not line.strip().startswith(("=== ", "--- "))]
    place = next((m for m in map(_AT.match, lines) if m), None)
    message = place[3] if place else next((line.strip() for line in lines if line.strip()), "failed")
    said = FailedTest(id=test, message=message[:400], traceback=output[:6000])
    if place is None:
        place = _panic_place(output, _split(test))
    if place is None:
        return said
    package = _split(test)[0]
    folder = package[len(module) :].strip("/") if module and package.startswith(module) else ""
    name = place[1].rsplit("/", 1)[-1]
    return msgspec.structs.replace(said, path=f"{folder}/{name}" if folder else name, line=int(place[2]))


def _panic_place(output: str, test: tuple[str, str]) -> re.Match[str] | None:
    """Where in the test's own function a panic came through, from the goroutine's trace."""
    package, name = test
    return re.search(
        rf"^{re.escape(package)}\.{re.escape(name)}\(.*\n\t(\S+\.go):(\d+)", output, re.MULTILINE
    )


def _module(view: MergedView) -> str:
    try:
        found = re.search(r"^module\s+(\S+)", view.text("go.mod"), re.MULTILINE)
    except PathError:
        return ""
    return found[1] if found else ""
