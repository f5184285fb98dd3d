"""The cloud by the real command line: what may be asked, the exit codes, and that no key is ever told."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cloud_shaped import CloudShaped
from samples import CALC, treadle_dir

needs_litellm = pytest.mark.skipif(find_spec("litellm") is None, reason="litellm is not installed")

KEY = "sk-planted-0123456789abcdef"
MENDER = """
name: mender
description: Makes the failing tests pass.
prompt: mender.md
inputs: [failing_tests]
checks: [parses, tests]
permissions: {{deny: [tests]}}
ladder: [{{tier: {tier}, tools: [read, edit]}}]
"""
LOOP = """
name: mend
description: Mend it.
steps: [{name: test, check: tests, on: {pass: done, fail: mend}}, {name: mend, agent: mender}]
"""
PROJECT = {**CALC, ".treadle/prompts/mender.md": "Mend this:\n${failing_tests}\n"}
EDIT = ("edit", {"path": "calc.py", "search": "    return a - b", "replace": "    return a + b"})
SCRIPT = [("read", {"path": "calc.py"}), EDIT, "I changed a sign."]


@pytest.fixture
def project(make_repo):
    """`project(tier)` is a repository with a bug, and a loop whose one agent stands on that tier."""

    def laid_out(tier: str = "large") -> Path:
        return make_repo(
            {**PROJECT, **treadle_dir(agents__mender=MENDER.format(tier=tier), loops__mend=LOOP)}
        )

    return laid_out


def tiers(text: str) -> None:
    """Writes the user's own tiers.yaml."""
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiers.yaml").write_text(text)


def asks(address: str) -> None:
    """Binds tier `large` to a model with Anthropic's API at that address."""
    entry = f'{{model: anthropic/claude-sonnet-4-5, endpoint: "{address}", key_env: A_KEY}}'
    tiers(f"tiers:\n  large: {{models: [{entry}]}}\n")


def treadle(root: Path, *words: str, **env: str) -> tuple[int, dict, str]:
    """Exit code, the result line and stderr of one command line; neither tells the key."""
    done = subprocess.run(
        [sys.executable, "-m", "treadle", *words],
        cwd=root,
        env={**os.environ, "A_KEY": KEY, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert KEY not in done.stderr + done.stdout
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def run(root: Path, *more: str, **env: str) -> tuple[int, dict, str]:
    return treadle(root, "run", "--loop", "mend", "-o", "json", *more, **env)


def kept() -> bytes:
    """All that is on record of the test's runs."""
    state = Path(os.environ["XDG_STATE_HOME"])
    return b"".join(p.read_bytes() for p in state.rglob("*") if p.is_file())


@needs_litellm
def test_a_bug_is_mended_through_litellm_and_what_it_cost_is_told(project):
    root = project()
    with CloudShaped(SCRIPT) as server:
        asks(server.address)
        code, result, told = run(root)
    assert code == 0, told
    assert "return a + b" in (root / "calc.py").read_text()
    assert [path for path, _ in server.asked] == ["/v1/messages"] * 3
    assert {headers["x-api-key"] for _, headers in server.asked} == {KEY}
    assert result["usage"]["input_tokens"] == 300
    assert result["total_cost_usd"] == pytest.approx(3 * (40 * 3 + 60 * 0.3 + 5 * 15) / 1e6)
    assert b"anthropic/claude-sonnet-4-5" in kept()
    assert KEY.encode() not in kept()


@needs_litellm
def test_treadles_own_process_never_loads_litellm_and_leaves_nothing(project, tmp_path):
    root = project()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with CloudShaped(SCRIPT) as server:
        asks(server.address)
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "treadle", "run", "--loop", "mend"],
            cwd=root,
            env={**os.environ, "A_KEY": KEY, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"treadle", "msgspec"} <= loaded
    assert not loaded & {"litellm", "openai", "httpx", "aiohttp", "pydantic", "h11", "textual"}
    assert list(temporary.glob("treadle-cloud-*")) == [], "the worker was ended, and its folder taken away"


@needs_litellm
def test_the_users_own_price_wins_over_the_table(project):
    with CloudShaped(SCRIPT) as server:
        asks(server.address)
        own = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle" / "tiers.yaml"
        own.write_text(own.read_text() + "prices:\n  anthropic/*: {input: 1000, output: 0}\n")
        _, result, _ = run(project())
    assert result["total_cost_usd"] == pytest.approx(0.3)


@needs_litellm
@pytest.mark.slow
def test_the_demos_hard_bug_is_mended_through_litellm_with_a_servers_scripted_replies(tmp_path):
    # The server's replies are a script: what is shown is the way there and back, not that a model found it.
    mended = "    if end < start:\n        end += 24 * 60\n    return Entry("
    edit = ("edit", {"path": "worklog/entries.py", "search": "    return Entry(", "replace": mended})
    with CloudShaped([edit, '{"summary": "Past midnight a day is added."}']) as server:
        entry = f'{{model: anthropic/claude-sonnet-4-5, endpoint: "{server.address}", key_env: A_KEY}}'
        tiers(f"tiers:\n  small: {{models: []}}\n  large: {{models: [{entry}]}}\n")
        code, result, told = treadle(
            tmp_path, "demo", "--bug", "overnight", "--into", str(tmp_path / "demo"), "-o", "json"
        )
    assert code == 0, told
    assert "24 * 60" in (tmp_path / "demo" / "worklog" / "entries.py").read_text()
    assert result["model_calls"] == 2


@needs_litellm
@pytest.mark.parametrize(
    ("refuse", "code", "words"),
    [
        ((401, {"type": "error", "error": {"type": "authentication_error", "message": f"invalid key {KEY}"}}, {}), 4,
         "look at the key in A_KEY"),
        ((429, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}, {"retry-after": "300"}),
         75, "slow down"),
        ((529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, {}), 4, "Overloaded"),
    ],
)  # fmt: skip
def test_what_a_provider_refuses_has_its_exit_code(project, refuse, code, words):
    root = project()
    with CloudShaped(refuse=refuse) as server:
        asks(server.address)
        ended, _, told = run(root)
    assert ended == code, told
    assert words in told
    assert len(server.asked) == 1
    assert KEY.encode() not in kept()


@needs_litellm
def test_nobody_there_is_exit_4(project):
    asks("http://127.0.0.1:9")
    code, _, told = run(project())
    assert code == 4
    assert "nobody answers" in told


@needs_litellm
def test_a_key_that_is_not_set_is_named_and_nothing_is_sent(project):
    with CloudShaped() as server:
        asks(server.address)
        code, _, told = run(project(), A_KEY="")
    assert code == 4
    assert "A_KEY is not set" in told and "export A_KEY=" in told
    assert server.asked == []


AZURE = "tiers:\n  small: {models: [azure/tiny]}\n  large: {models: [azure/tiny]}\n"


def azure(server: CloudShaped) -> dict[str, str]:
    """A provider's own address that is a loopback one, so that nothing leaves the test."""
    return {"AZURE_API_KEY": KEY, "AZURE_API_BASE": server.address, "AZURE_API_VERSION": "2026-01-01"}


@pytest.mark.parametrize(
    ("tier", "flags", "words"),
    [
        ("large", [], "`cloud: never`"),
        ("large", ["--cloud", "never"], "`cloud: never`"),
        ("small", ["--cloud", "large-only"], "`cloud: large only`"),
    ],
)
def test_nothing_goes_to_the_cloud_unless_it_is_allowed(project, tier, flags, words):
    tiers(AZURE)
    with CloudShaped(SCRIPT) as server:
        code, _, told = run(project(tier), *flags, **azure(server))
    assert code == 4
    assert words in told and "--cloud all" in told and "treadle setup" in told
    assert server.asked == []


@needs_litellm
@pytest.mark.parametrize(("tier", "word"), [("small", "all"), ("large", "large-only")])
def test_a_flag_allows_it_for_one_run(project, tier, word):
    tiers(AZURE)
    root = project(tier)
    with CloudShaped(SCRIPT) as server:
        code, _, told = run(root, "--cloud", word, **azure(server))
    assert code == 0, told
    assert "return a + b" in (root / "calc.py").read_text()
    assert {headers["api-key"] for _, headers in server.asked} == {KEY}
    assert KEY.encode() not in kept()


def test_offline_wins_over_the_flag(project):
    tiers(AZURE)
    (Path(os.environ["XDG_CONFIG_HOME"]) / "treadle" / "settings.yaml").write_text("offline: true\n")
    with CloudShaped(SCRIPT) as server:
        code, _, told = run(project(), "--cloud", "all", **azure(server))
    assert code == 4
    assert "offline: true" in told
    assert server.asked == []
