"""How many one-line bugs the repair search mends, and what that costs.

    python benchmarks/repair.py FOLDER [NAME ...]

FOLDER holds `python_programs/NAME.py` (with one bug each) and `python_testcases/test_NAME.py` (pytest), as the
QuixBugs collection does (MIT licence, github.com/jkoppel/QuixBugs; clone it beside). With a folder
`correct_python_programs/`, a repair with the same syntax tree as the reference is counted as `same`; for the
others nothing is claimed but that the tests pass. Prints a line a case, then the sums.
"""

import ast
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORKER = Path(__file__).parents[1] / "src" / "treadle" / "solvers" / "repair_worker.py"
WALL_S = 60.0
_OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


def outcomes(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """The ids of the failing and of the passing tests of a case; a test past one second fails."""
    argv = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=no",
        "-rA",
        "--timeout=1",
    ]
    run = subprocess.run(
        [*argv, f"python_testcases/test_{name}.py"], cwd=folder, capture_output=True, text=True
    )
    found = _OUTCOME.findall(run.stdout)
    return [i for o, i in found if o != "PASSED"], [i for o, i in found if o == "PASSED"]


def repair(folder: Path, failing: list[str], passing: list[str]) -> tuple[dict, float, float]:
    """The worker's response, its wall and its processor seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        request = {
            "runner": "pytest",
            "target": failing,
            "passing": passing,
            "denied": [],
        }
        asked, told = Path(scratch) / "request.json", Path(scratch) / "response.json"
        asked.write_text(json.dumps({**request, "wall_s": WALL_S, "mode": "repair"}))
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        argv = [sys.executable, "-B", str(WORKER), str(asked), str(told)]
        subprocess.run(argv, cwd=folder, capture_output=True, timeout=WALL_S * 2, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return json.loads(told.read_bytes()), time.perf_counter() - begun, cpu


def same(folder: Path, name: str, source: str) -> bool:
    """Whether a repair has the reference's syntax tree, strings that stand alone left out."""
    reference = folder / "correct_python_programs" / f"{name}.py"
    return reference.exists() and _shape(reference.read_text()) == _shape(source)


def _shape(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            ]
    return ast.dump(tree)


def main() -> int:
    """Runs the cases that were named, or all."""
    folder = Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or sorted(p.stem[5:] for p in (folder / "python_testcases").glob("test_*.py"))
    rows = []
    for name in names:
        failing, passing = outcomes(folder, name)
        if not failing:
            print(f"{name:32} no failing test")
            continue
        told, wall, cpu = repair(folder, failing, passing)
        alike = bool(told["found"]) and same(folder, name, told["source"].encode("latin-1").decode())
        mended = f"{told['mended']}/{len(failing)}"
        rows.append((told["found"] and told["mended"] == len(failing), alike, told["tried"], cpu))
        word = "same" if alike else "mended" if told["found"] else "exhausted" if told["exhausted"] else "no"
        print(f"{name:32} {word:9} {mended:>7} {told['tried']:5} tried {wall:6.1f} s {cpu:6.1f} cpu-s  "
              f"{told['description'] or told['note']}", flush=True)  # fmt: skip
    solved = [r for r in rows if r[0]]
    print(f"\n{len(solved)} of {len(rows)} mended, {sum(r[1] for r in rows)} as the reference has it", end="")
    if solved:
        print(f"; of those: median {statistics.median(r[2] for r in solved):.0f} tried, "
              f"{statistics.median(r[3] for r in solved):.1f} cpu-s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
