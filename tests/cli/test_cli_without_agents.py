"""With `agents/` and `prompts/` deleted and others written in `.treadle/`, the product still works."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from samples import CALC, treadle_dir

TOP = Path(__file__).parents[2]

# The first function is a slip that code mends; what the second is to do stands in its docstring alone.
FILES = {
    "calc.py": CALC["calc.py"].replace(
        'return x // 2\n', "return x // 2\n\n\ndef roman(n):\n    \"\"\"The Roman numeral of n, 1 to 3.\"\"\"\n    return None\n"
    ),
    "test_calc.py": CALC["test_calc.py"].replace("add, half", "add, half, roman")
    + "\n    def test_roman(self):\n        self.assertEqual([roman(1), roman(3)], ['I', 'III'])\n",
    **treadle_dir(
        agents__cobbler=(
            "name: cobbler\ndescription: Mends.\nprompt: cobbler.md\ninputs: [item, suspects, receipt]\n"
            "checks: [parses, tests]\npermissions: {deny: [tests]}\nladder:\n"
            "  - {tier: code, solver: repair, limits: {wall_s: 10}}\n"
            "  - {tier: bench, tools: [read, edit], limits: {turns: 3}}\n"
        ),
        loops__shoes=(
            "name: shoes\ndescription: Mend each.\nsteps:\n"
            "  - {name: look, check: tests, on: {pass: done, fail: sole}}\n"
            "  - {name: sole, agent: cobbler, each: failing_tests}\n"
            "  - {name: again, check: tests}\n"
        ),
        tiers="tiers:\n  code: {}\n  bench: {models: [scripted/answers.yaml]}\n",
        answers=(
            "replies:\n"
            "  - tool_calls: [{name: edit, arguments: {path: calc.py, search: return None, replace: \"return 'I' * n\"}}]\n"
            "  - text: done\n"
        ),
    ),
    ".treadle/prompts/cobbler.md": "Mend it.\n${item}\n${suspects}\n${receipt}\n",
}  # fmt: skip


def test_loops_of_ones_own_run_where_the_built_in_ones_are_gone(make_repo, tmp_path):
    root = make_repo(FILES)
    copy = tmp_path / "copy"
    shutil.copytree(TOP / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "agents").mkdir()

    def treadle(*words: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-m", "treadle", *words, "-o", "json"],
            cwd=root, env={**os.environ, "PYTHONPATH": str(copy / "src")}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    where = subprocess.run(
        [sys.executable, "-c", "import treadle; print(treadle.__file__)"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(copy / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(copy)
    assert [row["name"] for row in treadle("loops", "list")["loops"]] == ["shoes"]
    assert [row["name"] for row in treadle("agents", "list")["agents"]] == ["cobbler"]

    result = treadle("shoes")
    mended = [step["tier"] for step in result["steps"] if step["item"]]
    assert sorted(mended) == ["bench", "code"]
    assert (result["written"], result["proven"], result["model_calls"] > 0) == (["calc.py"], True, True)
    text = (root / "calc.py").read_text()
    assert "return a + b" in text and "return 'I' * n" in text
    assert treadle("runs", "list")["runs"][0]["loop"] == "shoes"
