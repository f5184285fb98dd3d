"""Small projects with one bug each, laid out and given to the worker as the project's interpreter would run it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

WORKER = Path(__file__).parents[2] / "src" / "treadle" / "solvers" / "repair_worker.py"


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(textwrap.dedent(text).lstrip("\n").encode())
    return root


def ask(
    root: Path,
    runner: str,
    target: list[str],
    passing: list[str] | None = None,
    *,
    denied: list[str] | None = None,
    wall_s: float = 40.0,
    mode: str = "repair",
    python: str = sys.executable,
) -> dict[str, Any]:
    scratch = root.parent / f"{root.name}-scratch"
    scratch.mkdir(exist_ok=True)
    request = {
        "runner": runner,
        "target": target,
        "passing": passing or [],
        "denied": denied or [],
        "wall_s": wall_s,
        "mode": mode,
    }
    asked, told = scratch / "request.json", scratch / "response.json"
    asked.write_text(json.dumps(request))
    # Plugins of this environment would make each import of the project slow; the projects here use none.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(
        [python, "-B", str(WORKER), str(asked), str(told)],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(told.read_text())
    answer["stdout"] = run.stdout
    return answer


def source(answer: dict[str, Any]) -> str:
    """The mended file's text."""
    text: str = answer["source"].encode("latin-1").decode()
    return text
