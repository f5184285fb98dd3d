"""What a start loads: floors can't show it, so these run treadle and look at what was imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each costs more than the start that it would be part of; none of them is a dependency of the core.
HEAVY = {
    "textual",
    "rich",
    "litellm",
    "ollama",
    "openai",
    "httpx",
    "pydantic",
    "requests",
    "aiohttp",
    "xllamacpp",
}
SECRET_FREE = {"PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"}


def _loaded(
    arguments: list[str], cwd: Path, home: Path, codes: tuple[int, ...] = (0,), **more: str
) -> set[str]:
    """The top-level names of all modules that `treadle ARGUMENTS` imported in its own process; it ends with one of
    the `codes`."""
    return _imported(["-m", "treadle", *arguments], cwd, home, codes, **more)


def _imported(
    program: list[str], cwd: Path, home: Path, codes: tuple[int, ...] = (0,), **more: str
) -> set[str]:
    """The same for what Python runs with these arguments."""
    env = {k: v for k, v in os.environ.items() if k in SECRET_FREE}
    env |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "TREADLE_TRUST": "1", **more}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *program],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode in codes, done.stdout + "\n".join(
        line for line in done.stderr.splitlines() if not line.startswith("import time:")
    )
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one function, one slip in it and one test that sees it."""
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "calc.py").write_text(
        "def total(items):\n    result = 0\n    for item in items:\n        result -= item\n    return result\n"
    )
    (repo / "test_calc.py").write_text(
        "import unittest\nfrom calc import total\n\n\n"
        "class Total(unittest.TestCase):\n"
        "    def test_some(self):\n        self.assertEqual(total([1, 2, 3]), 6)\n\n"
        "    def test_none(self):\n        self.assertEqual(total([]), 0)\n"
    )
    me = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
        subprocess.run(["git", *me, *command], cwd=repo, check=True)
    return repo


def test_version_loads_nothing(tmp_path: Path) -> None:
    loaded = _loaded(["--version"], tmp_path, tmp_path)
    assert "treadle" in loaded
    too_much = {
        *HEAVY,
        "msgspec",
        "yaml",
        "asyncio",
        "argparse",
        "h11",
        "tree_sitter",
        "platformdirs",
        "json",
        "subprocess",
    }
    assert not loaded & too_much


@pytest.mark.parametrize("words", [["doctor"], ["--help"], ["loops", "list"]])
def test_no_other_command_loads_the_screen(words: list[str], project: Path, tmp_path: Path) -> None:
    loaded = _loaded(words, project, tmp_path, codes=(0, 1), OLLAMA_HOST="127.0.0.1:9")
    assert "treadle" in loaded and not loaded & {*HEAVY, "markdown_it", "pygments"}


def test_the_screen_loads_no_model_client(project: Path, tmp_path: Path) -> None:
    drive = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from treadle.session.options import Options\n"
        "from treadle.tui.app import TreadleApp\n"
        "async def main():\n"
        "    app = TreadleApp(Path.cwd(), lambda: Options(mode='plan'), 'mend it', 'fix')\n"
        "    async with app.run_test() as pilot:\n"
        "        while app.board.view is None or not app.board.view.outcome:\n"
        "            await pilot.pause(0.05)\n"
        "    assert app.fault is None and app.board.view.outcome == 'done', app.fault\n"
        "asyncio.run(main())\n"
    )
    loaded = _imported(["-c", drive], project, tmp_path, OLLAMA_HOST="127.0.0.1:9")
    assert {"textual", "treadle"} <= loaded
    # What the task line would need to colour code, and what reads Markdown, are never shown.
    unused = HEAVY - {"textual", "rich"} | {"tree_sitter_go", "tree_sitter_rust", "linkify_it"}
    assert not loaded & unused, loaded & unused


def test_a_run_on_code_loads_no_model_client_and_no_screen(project: Path, tmp_path: Path) -> None:
    loaded = _loaded(["run", "--loop", "fix", "--output", "jsonl"], project, tmp_path)
    assert {"treadle", "msgspec", "asyncio"} <= loaded
    assert not loaded & {*HEAVY, "h11", "tree_sitter_go", "tree_sitter_rust"}
    assert "result += item" in (project / "calc.py").read_text()


def test_a_run_on_a_local_server_loads_no_client_library(tmp_path: Path) -> None:
    from standin import StandIn
    from startup import lay_out, script

    with StandIn(script()) as server:
        lay_out(tmp_path, server.endpoint)
        command = ["run", "a task", "--loop", "bench-talk", "--output", "jsonl"]
        loaded = _loaded(command, tmp_path / "repo", tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"))
        assert len(server.asked) == len(script())
    assert {"treadle", "h11"} <= loaded
    assert not loaded & HEAVY
    assert "return 0 + a" in (tmp_path / "repo" / "part0.py").read_text()
