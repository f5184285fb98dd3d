"""Start-up, first step, first request, own time a step and memory of headless treadle.

    .venv/bin/python benchmarks/startup.py [--quick] [--strict] [--rounds N]

Times of a start are ratios to bare `python -c pass` in the same run. The model is a stand-in on loopback that answers
at once (benchmarks/standin.py), so what is measured is treadle's own. `--strict` exits 1 when an aim is missed.

first step     from starting `treadle run` until its `step_started` can be read on stdout
first request  from starting `treadle run` until the model server has read the whole first request
read, edit     from the last byte of one reply until the next request has come: the call parsed, run, recorded
               in the trace, the next request built and sent
peak           the largest process of a run, from wait4
"""

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from measure import BARE, Sample, finish, machine, once, table
from standin import Asked, Call, StandIn

TREADLE = (
    [sys.executable, "-m", "treadle"] if os.name == "nt" else [str(Path(sys.executable).with_name("treadle"))]
)
FILES = 8

AGENT = """\
name: bench-talker
description: Reads and edits as the script says.
prompt: bench-talker.md
inputs: [task]
checks: [parses]
tier: small
tools: [read, edit]
limits: {turns: 40, context_tokens: 30000}
"""
LOOPS = {
    "bench-look": "steps:\n  - {name: look, check: tests}\n",
    "bench-talk": "steps:\n  - {name: talk, agent: bench-talker}\n",
}


class Aim(NamedTuple):
    """A row: its figure's name, the bound, the unit (`×` is to bare Python), and how the figure is shown."""

    name: str
    most: float
    unit: str


AIMS = (
    Aim("--version", 2.5, "×"),
    Aim("first step, code rungs only", 15, "×"),
    Aim("first request, local tier", 35, "×"),
    Aim("own time a step: read", 4, "ms"),
    Aim("own time a step: edit", 4, "ms"),
    Aim("headless peak", 70, "MiB"),
)


class Started(NamedTuple):
    """A run watched from its start: seconds until the mark, own CPU seconds until then, and the whole."""

    wall_s: float
    cpu_s: float
    whole: Sample


def script() -> list[Call | str]:
    """Every file read, every file edited, then the end: no call twice."""
    reads: list[Call | str] = [("read", {"path": f"part{i}.py"}) for i in range(FILES)]
    edits: list[Call | str] = [
        ("edit", {"path": f"part{i}.py", "search": f"return a + {i}\n", "replace": f"return {i} + a\n"})
        for i in range(FILES)
    ]
    return [*reads, *edits, "done"]


def lay_out(root: Path, endpoint: str) -> None:
    """A repository with a passing unittest in `root/repo`, and the settings of a user in `root/config`."""
    repo, user = root / "repo", root / "config" / "treadle"
    repo.mkdir(parents=True)
    for i in range(FILES):
        lines = [f"def add_{k}(a):\n    return a * {k}\n\n\n" for k in range(20)]
        (repo / f"part{i}.py").write_text("".join(lines) + f"def last(a):\n    return a + {i}\n")
    (repo / "test_part.py").write_text(
        "import unittest\nfrom part0 import last\n\n\n"
        "class Last(unittest.TestCase):\n    def test_last(self):\n        self.assertEqual(last(1), 1)\n"
    )
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
        me = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run(["git", *me, *command], cwd=repo, check=True, stdout=subprocess.DEVNULL)
    for folder in ("agents", "loops", "prompts"):
        (user / folder).mkdir(parents=True)
    (user / "agents" / "bench-talker.yaml").write_text(AGENT)
    (user / "prompts" / "bench-talker.md").write_text("Do what the script says.\n\n${task}\n")
    for name, steps in LOOPS.items():
        (user / "loops" / f"{name}.yaml").write_text(
            f"name: {name}\ndescription: For the benchmark.\n{steps}"
        )
    entry = f'{{model: local/stand-in, endpoint: "{endpoint}"}}'
    (user / "tiers.yaml").write_text(f"tiers:\n  code: {{}}\n  small: {{models: [{entry}]}}\n")


def environment(root: Path) -> dict[str, str]:
    """Nothing of the user's settings, state or model servers; the repository is trusted."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR")}
    homes = {f"XDG_{k}_HOME": str(root / k.lower()) for k in ("CONFIG", "STATE", "DATA", "CACHE")}
    return kept | homes | {"HOME": str(root), "TREADLE_TRUST": "1", "NO_COLOR": "1"}


def own_cpu_s(pid: int) -> float:
    """CPU seconds that the process itself used so far; 0 where the kernel does not say."""
    tasks = Path(f"/proc/{pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    except OSError:
        return 0.0


def watched(loop: str, mark: bytes, root: Path) -> Started:
    """A headless run of the loop; the mark is looked for in the lines on its stdout."""
    argv = [*TREADLE, "run", "a task", "--loop", loop, "--output", "jsonl"]
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=root / "repo",
            env=environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdout
        wall = cpu = 0.0
        said = b""
        for line in process.stdout:
            said = line
            if not wall and mark in line:
                wall, cpu = time.perf_counter() - began, own_cpu_s(process.pid)
        process.stdout.close()
        whole = finish(process, began)
        errors.seek(0)
        if not wall or whole.code:
            told = errors.read().decode(errors="replace") + said.decode(errors="replace")[:2000]
            raise SystemExit(f"{' '.join(argv)}: exit {whole.code}\n{told}")
    return Started(wall, cpu, whole)


def own_times(asked: list[Asked], lines: list[Call | str], into: dict[str, list[float]]) -> None:
    """Adds, for each call the stand-in asked for, the milliseconds until the request after it came."""
    for before, after in itertools.pairwise(asked):
        call = lines[before.turn]
        if after.turn == before.turn + 1 and not isinstance(call, str):
            into[f"own time a step: {call[0]}"].append((after.came - before.answered) * 1e3)


def measure(rounds: int) -> dict[str, list[float]]:
    """All samples by row: ratios' rows in seconds of wall clock, with `CPU` after the name for CPU seconds."""
    got: dict[str, list[float]] = defaultdict(list)
    lines = script()
    for turn in range(rounds + 1):
        if turn == 1:
            got.clear()
        root = Path(tempfile.mkdtemp(prefix="treadle-bench-"))
        try:
            with StandIn(lines) as stand_in:
                lay_out(root, stand_in.endpoint)
                for name, argv in (("bare", BARE), ("--version", [*TREADLE, "--version"])):
                    sample = once(argv, env=environment(root))
                    got[name].append(sample.wall_s)
                    got[f"{name} CPU"].append(sample.cpu_s)
                look = watched("bench-look", b"step_started", root)
                got["first step, code rungs only"].append(look.wall_s)
                got["first step, code rungs only CPU"].append(look.cpu_s)
                began = time.perf_counter()
                talk = watched("bench-talk", b"model_requested", root)
                got["first request, local tier"].append(stand_in.asked[0].came - began)
                got["first request, local tier CPU"].append(talk.cpu_s)
                got["headless peak"] += [look.whole.peak_mib, talk.whole.peak_mib]
                if len(stand_in.asked) < len(lines):
                    raise SystemExit(f"only {len(stand_in.asked)} of {len(lines)} requests came")
                own_times(stand_in.asked, lines, got)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return got


def main() -> int:
    """Prints the table of aims and figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5 rounds instead of 15")
    parser.add_argument("--strict", action="store_true", help="exit 1 when an aim is missed")
    parser.add_argument("--rounds", type=int)
    args = parser.parse_args()
    rounds = args.rounds or (5 if args.quick else 15)
    got = measure(rounds)

    middle = {name: statistics.median(values) for name, values in got.items()}
    missed, rows = 0, []
    for aim in AIMS:
        if aim.unit == "×":
            figure = middle[aim.name] / middle["bare"]
            cpu = f"{middle[aim.name + ' CPU'] / middle['bare CPU']:.1f}×"
            absolute = f"{middle[aim.name] * 1e3:.0f} ms"
        else:
            figure = max(got[aim.name]) if aim.unit == "MiB" else middle[aim.name]
            cpu, absolute = "", f"{figure:.1f} {aim.unit}"
        missed += figure > aim.most
        ok = "yes" if figure <= aim.most else "NO"
        rows.append([aim.name, f"≤ {aim.most:g} {aim.unit}", f"{figure:.1f} {aim.unit}", cpu, absolute, ok])
    print(f"{machine()}; medians of {rounds}; bare Python {middle['bare'] * 1e3:.1f} ms\n")
    print(table(["", "aim", "wall", "own CPU", "absolute", "met"], rows))
    return 1 if args.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
