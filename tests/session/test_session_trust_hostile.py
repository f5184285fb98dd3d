"""Hostile repositories opened, browsed and left without trust: nothing of them runs, nothing is sent."""

import contextlib
import io
import re
import shutil
import subprocess
import sys

import pytest

from hostile_trees import ALL, PORT, WATCHED, lay_out

SOME = [name for number, name in enumerate(ALL) if number % 10 == 0]
BROWSED = (
    ("trust", "--show"),
    ("loops", "list"),
    ("agents", "show", "test-fixer"),
    ("loops", "validate"),
    ("runs", "list"),
)
MORE = (
    ("doctor",),
    ("setup", "--dry-run"),
    ("models", "list"),
    ("loops", "graph", "fix"),
    ("agents", "list"),
)
RUNS = (("fix",), ("run", "mend it"), ("-p", "mend it", "-o", "json"), ("ask", "what is it?"))
STRACE = ("strace", "-f", "-qq", "-s", "400", "-e", "trace=execve,connect,sendto,sendmsg")
DRIVER = """
import sys
from treadle.cli.main import run
words = [w.split("\\x1f") for w in sys.argv[1].split("\\x1e")]
print([run(w) for w in words])
"""


@pytest.fixture(autouse=True)
def _nobody_said_so(monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


def test_there_are_many():
    assert len(ALL) >= 120


@pytest.mark.parametrize("name", SOME)
def test_nothing_of_it_runs_before_it_is_trusted(name, tmp_path, monkeypatch):
    from treadle.cli.main import run

    root, canary = tmp_path / "repo", tmp_path / "canary"
    lay_out(root, ALL[name], canary)
    monkeypatch.chdir(root)
    codes = []
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        for words in BROWSED:
            run(list(words))
        codes = [run(list(words)) for words in RUNS[:2]]
    assert not canary.exists() and set(codes) == {6}


@pytest.mark.slow
@pytest.mark.parametrize("name", WATCHED)
def test_the_kernel_saw_nothing_run_and_nothing_sent(name, tmp_path):
    """Every command that only reads, and every way to start a run, watched by strace."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    root, canary, log = tmp_path / "repo", tmp_path / "canary", tmp_path / "calls"
    lay_out(root, ALL[name], canary)
    words = "\x1e".join("\x1f".join(command) for command in (*BROWSED, *MORE, *RUNS))
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    done = subprocess.run(
        [*STRACE, "-o", str(log), sys.executable, str(driver), words],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("6, 6, 6, 6]"), done.stdout + done.stderr
    calls = log.read_text(errors="replace")
    assert not canary.exists()
    ran = re.findall(r'execve\("([^"]*)"', calls)
    assert ran and not [path for path in ran if path.startswith(str(root)) or not path.startswith("/")]
    sent = [line for line in calls.splitlines() if "AF_INET" in line and "htons(9)" not in line]
    assert not sent and f"htons({PORT})" not in calls


TRIGGERS = {
    "git: core.fsmonitor": "git status",
    "git: filter.evil.clean": "git status",
    "git: diff.evil.textconv": "git diff",
    "hook: pre-commit": "git commit -qam x",
    "hooks elsewhere": "git commit -qam x",
    "configuration included": "git status",
    "file: conftest.py": f"{sys.executable} -m pytest -q",
    "file: a pytest plugin": f"{sys.executable} -m pytest -q",
    "file: make": "make test",
    "python: .venv/bin/python3": ".venv/bin/python3 -c pass",
    "module: queue": f"{sys.executable} -c 'import queue'",
}


@pytest.mark.parametrize("name", TRIGGERS)
def test_what_is_planted_does_run_where_it_is_let(name, tmp_path):
    """The canaries are alive: the plain command, as careless software would run it, leaves one."""
    root, canary = tmp_path / "repo", tmp_path / "canary"
    lay_out(root, ALL[name], canary)
    if shutil.which(TRIGGERS[name].split()[0]) or TRIGGERS[name].startswith("."):
        subprocess.run(["sh", "-c", TRIGGERS[name]], cwd=root, capture_output=True, check=False)
        assert canary.exists()
