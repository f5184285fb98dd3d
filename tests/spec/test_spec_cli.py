"""`treadle agents|loops …` as a person types it: results on stdout, faults on stderr, 2 for faults."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def treadle(tmp_path):
    """Runs the installed console script where the user has no settings."""
    script = Path(sys.executable).with_name("treadle")

    def running(*arguments, cwd=None):
        env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        command = [script, *arguments]
        return subprocess.run(
            command, cwd=cwd or tmp_path, env=env, capture_output=True, text=True, timeout=60
        )

    return running


@pytest.fixture
def mine(tmp_path):
    """A repository with a sound agent and loop of its own, and a folder below to stand in."""
    agents = tmp_path / ".treadle/agents"
    (agents / "loops").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    (agents / "mine.yaml").write_text(
        "name: mine\ndescription: Mine.\nprompt: mine.md\ninputs: [item]\ntools: [read, edit]\n"
        "ladder: [{race: [small, medium]}, {tier: large, limits: {cost_usd: 0.4}}]\n"
    )
    (agents / "mine.md").write_text("Do ${item}.\n")
    (agents / "loops/end.yaml").write_text(
        "name: end\ndescription: 'A \"loop\".'\nsteps:\n"
        "  - {name: end, check: tests, on: {fail: work, pass: done}}\n"
        "  - {name: work, agent: mine, each: failing_tests}\n"
        "  - {name: sure, ask: Really <b>?, on: {no: end}, max_visits: 2}\n"
    )
    return tmp_path


def test_list_tells_name_ladder_and_file(treadle, mine):
    done = treadle("agents", "list", cwd=mine / "src")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"mine  small|medium → large\n    Mine.\n    {mine}/.treadle/agents/mine.yaml\n" in done.stdout
    rows = json.loads(treadle("loops", "list", "--output", "json", cwd=mine).stdout)["loops"]
    row = next(row for row in rows if row["name"] == "end")
    assert row["steps"] == ["end", "work", "sure"]
    assert row["file"] == f"{mine}/.treadle/agents/loops/end.yaml"


def test_show_tells_every_rung_whole(treadle, mine):
    shown = treadle("agents", "show", "mine", cwd=mine).stdout
    assert "1. race small | medium, pick first; tools read, edit\n" in shown
    assert "2. large; tools read, edit; cost_usd 0.4\n" in shown
    agent = json.loads(treadle("agents", "show", "mine", "--output", "json", cwd=mine).stdout)["agent"]
    assert agent["prompt"] == "Do ${item}.\n"
    loop = treadle("loops", "show", "end", cwd=mine).stdout
    assert "3. sure: ask; “Really <b>?” yes | no; no → end; max_visits 2\n" in loop


def test_show_of_an_unknown_name_is_told_with_the_nearest(treadle, mine):
    done = treadle("agents", "show", "mien", cwd=mine)
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown agent `mien`" in done.stderr and "did you mean `mine`?" in done.stderr


def test_graph_is_mermaid_with_every_way(treadle, mine):
    lines = treadle("loops", "graph", "end", cwd=mine).stdout.splitlines()
    assert lines[0] == "flowchart TD"
    assert [line.strip() for line in lines[1:]] == [
        's0["end<br/>check tests"]',
        's1["work<br/>agent mine<br/>each failing_tests"]',
        's2{"sure<br/>Really &lt;b&gt;?"}',
        "s0 -->|pass| done([done])",
        "s0 -->|fail| s1",
        "s1 -->|pass| s2",
        "s2 -->|yes| done([done])",
        "s2 -->|no| s0",
        "s2 -->|limit of 2 visits| stop([stop])",
    ]
    ladder = treadle("agents", "graph", "mine", cwd=mine).stdout
    assert "r0 -->|fail| r1" in ladder and "r1 -->|fail| fail([fail])" in ladder


def test_validate_counts_or_tells_every_fault(treadle, mine):
    done = treadle("agents", "validate", cwd=mine)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no faults: ")
    (mine / ".treadle/settings.yaml").write_text("git: allow\ncloud: x\n")
    done = treadle("loops", "validate", cwd=mine)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        ".treadle/settings.yaml:1",
        ".treadle/settings.yaml:2",
    ]


def test_list_shows_what_is_sound_beside_the_faults(treadle, mine):
    (mine / ".treadle/agents/bad.yaml").write_text("name: [")
    done = treadle("agents", "list", cwd=mine)
    assert done.returncode == 2
    assert "mine  small|medium → large" in done.stdout
    assert done.stderr.startswith(".treadle/agents/bad.yaml:1: is not YAML")


def test_named_files_are_validated_and_nothing_else(treadle, mine):
    (mine / ".treadle/agents/bad.yaml").write_text("name: [")
    (mine / "loop.yaml").write_text("name: mine\ndescription: M.\nsteps: [{name: a, agent: mien}]\n")
    done = treadle("agents", "validate", "loop.yaml", ".treadle/agents/mine.yaml", cwd=mine)
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["loop.yaml"]
    assert "unknown agent `mien`" in done.stderr
    assert treadle("agents", "validate", ".treadle/agents/mine.yaml", cwd=mine).returncode == 0
    assert treadle("agents", "validate", "nowhere.yaml", cwd=mine).returncode == 2


def test_a_folder_is_validated_as_a_layer(treadle, mine):
    done = treadle("loops", "validate", str(HERE / "loops/test-first"), cwd=mine)
    assert (done.returncode, done.stderr) == (0, "")


def test_broken_yaml_gives_one_line_and_no_traceback(treadle, mine):
    (mine / ".treadle/agents/mine.yaml").write_text("name: mine\n\tdescription: x\n")
    done = treadle("agents", "validate", cwd=mine)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ".treadle/agents/mine.yaml:2: is not YAML: a tab: indent with spaces" in done.stderr.splitlines()


def test_an_untrusted_repository_runs_nothing(treadle, mine):
    (mine / "yaml.py").write_text("open('/dev/stderr', 'w').write('RAN')")
    (mine / "msgspec.py").write_text("open('/dev/stderr', 'w').write('RAN')")
    done = treadle("agents", "list", cwd=mine)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_works_with_the_built_in_files_gone(mine, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (mine / ".treadle/tiers.yaml").write_text("tiers: {small: {}, medium: {}, large: {}}\n")
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(copy / "src")}
    command = [sys.executable, "-m", "treadle", "loops", "list", "--output", "json"]
    done = subprocess.run(command, cwd=mine, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["name"] for row in json.loads(done.stdout)["loops"]] == ["end"]
