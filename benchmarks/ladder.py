"""What each rung of an agent's ladder does with the same bugs: the table its ladder stands on.

    python benchmarks/ladder.py FOLDER [--agent NAME] [--cases N] [NAME ...]

FOLDER is laid out as QuixBugs is (MIT licence, github.com/jkoppel/QuixBugs; clone it beside). Each case becomes a
repository of its own, and `treadle run` works on it with the agent's ladder cut to one rung at a time, then with the
whole ladder. Only tests judge; nothing is claimed beyond that they pass. Rungs whose model is not here are left out.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec import to_builtins

from treadle.models.open import check_available
from treadle.protocol.errors import ProviderError
from treadle.spec.load import load_catalog

LOOP = """
name: case
description: Mend the failing tests of one case.
steps:
  - {name: test, check: tests, on: {pass: done, fail: mend}}
  - {name: mend, agent: benched, each: failing_tests, on_item: stop}
  - {name: whole, check: tests}
"""
WALL_S = 240


def lay_out(folder: Path, name: str, into: Path, ladder: list[dict], agent: str) -> None:
    """A repository with one program, its tests, and an agent with that ladder."""
    parts = [f"python_programs/{name}.py", f"python_testcases/test_{name}.py", f"json_testcases/{name}.json"]
    parts += [
        "python_testcases/load_testdata.py",
        "python_programs/node.py",
        "python_testcases/node.py",
        "conftest.py",
    ]
    for part in parts:
        if (folder / part).exists():
            (into / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / part, into / part)
    (into / "pytest.ini").write_text("[pytest]\npythonpath = . python_testcases\n")
    spec = {"name": "benched", "extends": agent, "description": "One rung.", "ladder": ladder}
    files = {"agents/benched.yaml": json.dumps(spec), "loops/case.yaml": LOOP,
             "settings.yaml": "tests: {runner: pytest, timeout_s: 20}\n"}  # fmt: skip
    for path, text in files.items():
        (into / ".treadle" / path).parent.mkdir(parents=True, exist_ok=True)
        (into / ".treadle" / path).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=into, check=True)


def run_case(folder: Path, name: str, ladder: list[dict], agent: str) -> dict:
    """The run's result, with its wall seconds."""
    with tempfile.TemporaryDirectory(prefix="treadle-ladder-") as place:
        root = Path(place) / name
        root.mkdir()
        lay_out(folder, name, root, ladder, agent)
        env = {**os.environ, "XDG_STATE_HOME": f"{place}/state", "VIRTUAL_ENV": str(Path(sys.prefix))}
        env["TREADLE_TRUST"] = "1"
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "treadle", "run", "--loop", "case", "-o", "json"],
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WALL_S * 4,
            check=False,
        )
        return {**json.loads(done.stdout.splitlines()[-1]), "wall_s": time.perf_counter() - began}


def rungs_of(agent: str) -> list[tuple[str, list[dict]]]:
    """Each rung that can be tried here by its tier, and the whole ladder of them."""
    catalog = load_catalog(None)
    tiers = {tier.name: tier for tier in catalog.tiers.tiers}
    usable = []
    for rung in catalog.agents[agent].ladder:
        if not rung.solver and not any(_is_here(entry) for entry in tiers[rung.tier].models):
            continue
        limits = {k: v for k, v in to_builtins(rung.limits).items() if v is not None and k != "attempts"}
        how = {k: getattr(rung, k) for k in ("solver", "protocol") if getattr(rung, k)}
        tools = {"tools": list(rung.tools)} if rung.tools else {}
        usable.append({"tier": rung.tier, **how, **tools, **({"limits": limits} if limits else {})})
    alone = [(rung["tier"], [rung]) for rung in usable]
    return [*alone, (" → ".join(rung["tier"] for rung in usable), usable)] if len(usable) > 1 else alone


def _is_here(entry) -> bool:
    try:
        check_available(entry)
    except ProviderError:
        return False
    return True


def main() -> int:
    """Prints a line a case and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--agent", default="test-fixer")
    parser.add_argument("--cases", type=int, default=0, help="only so many, spread over the alphabet")
    args = parser.parse_args()
    names = args.names or sorted(p.stem[5:] for p in (args.folder / "python_testcases").glob("test_*.py"))
    if args.cases and args.cases < len(names):
        names = [names[i * len(names) // args.cases] for i in range(args.cases)]
    rows = []
    for tier, ladder in rungs_of(args.agent):
        results = []
        for name in names:
            result = run_case(args.folder, name, ladder, args.agent)
            results.append(result)
            tokens = result["usage"].get("output_tokens", 0)
            said = f"{result['outcome']:<8} {result['model_calls']:>2} calls {tokens:>5} tokens out"
            print(f"{tier:<16} {name:<28} {said} {result['wall_s']:6.1f} s", flush=True)
        solved = [r for r in results if r["exit_code"] == 0]
        calls = sum(r["model_calls"] for r in results) / len(results)
        wall = statistics.median(r["wall_s"] for r in results)
        rows.append(f"| {tier} | {len(solved)} of {len(results)} | {calls:.1f} | {wall:.1f} s |")
    print(f"\n{args.agent} on {len(names)} cases, load {os.getloadavg()[0]:.1f}\n")
    print("| rung | solved | model calls a case | wall a case, median |\n|---|---|---|---|")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
