"""`treadle setup` and what `treadle doctor` says of models, as a person and a script meet them."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from ollama_shaped import CODER, EMBEDS, MIDDLE, OllamaShaped
from treadle.spec.layers import user_folder
from treadle.spec.load import load_catalog

SECRET = "sk-ant-fake-0123456789"


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine where nothing answers: no Ollama, no weights, no key."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN")) or name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def key(monkeypatch):
    """A key in the environment, of a provider whose models have prices."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)


def tiers() -> dict[str, list[str]]:
    return {t.name: [m.name for m in t.models] for t in load_catalog(None).tiers.tiers if t.models}


def written() -> dict[str, str]:
    folder = user_folder().path
    return {p.name: p.read_text() for p in folder.iterdir()} if folder.is_dir() else {}


# ---------------------------------------------------------------- without a terminal


def test_without_a_terminal_nothing_is_written_unasked(treadle, tmp_path, key):
    before = written()
    done = treadle(tmp_path, "setup")
    assert done.code == 3 and written() == before
    assert (
        "nobody is there to ask" in done.err
        and "treadle setup --yes --cloud all|large-only|never" in done.err
    )
    assert (
        done.out.splitlines()[0].split()[0] == "code" and "treadle models pull qwen2.5-coder-1.5b" in done.out
    )


def test_yes_writes_the_proposal_and_never_allows_the_cloud_by_itself(treadle, tmp_path, monkeypatch, key):
    with OllamaShaped(CODER, MIDDLE, EMBEDS) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        done = treadle(tmp_path, "setup", "--yes")
    assert done.code == 0, done.err
    assert tiers() == {
        "small": ["ollama/qwen2.5-coder:1.5b", "local/qwen2.5-coder-1.5b"],
        "medium": ["ollama/qwen3-coder:30b"],
    }
    assert load_catalog(None).settings.cloud == "never"
    assert str(user_folder().path / "tiers.yaml") in done.out


@pytest.mark.parametrize(
    ("said", "cloud", "with_cloud"),
    [
        ("all", "all", {"small", "medium", "large"}),
        ("large-only", "large only", {"large"}),
        ("never", "never", set()),
    ],
)
def test_the_choice_about_the_cloud_is_taken_from_a_flag(
    treadle, tmp_path, key, monkeypatch, said, cloud, with_cloud
):
    monkeypatch.setattr("treadle.session.setup.prices.LONGEST_S", 0)
    done = treadle(tmp_path, "setup", "--cloud", said)
    assert done.code == 0, done.err
    assert load_catalog(None).settings.cloud == cloud
    assert {
        tier for tier, models in tiers().items() if any(m.startswith("anthropic/") for m in models)
    } == with_cloud
    again = treadle(tmp_path, "setup", "--cloud", "never")
    assert again.code == 0 and load_catalog(None).settings.cloud == "never"
    assert not any(m.startswith("anthropic/") for models in tiers().values() for m in models)


def test_a_program_gets_it_as_json_and_no_value_of_a_key(treadle, tmp_path, key, monkeypatch):
    monkeypatch.setattr("treadle.session.setup.prices.LONGEST_S", 0)
    before = written()
    done = treadle(tmp_path, "setup", "--dry-run", "--cloud", "all", "--output", "json")
    result = done.result
    assert (done.code, result["dry_run"], result["written"], written()) == (0, True, [], before)
    assert result["keys"] == ["ANTHROPIC_API_KEY"] and result["ollama"]["fault"].startswith("nobody listens")
    assert [row["tier"] for row in result["tiers"]] == ["code", "small", "medium", "large"]
    assert result["tiers"][3]["model"].startswith("anthropic/")
    real = treadle(tmp_path, "setup", "--cloud", "all", "-o", "json")
    assert [Path(p).name for p in real.result["written"]] == ["tiers.yaml", "settings.yaml"]
    refused = treadle(tmp_path, "setup", "-o", "json")
    assert (refused.code, refused.result["is_error"]) == (3, True)
    told = treadle(tmp_path, "doctor", "-o", "json").out + treadle(tmp_path, "doctor").out
    everything = told + done.out + done.err + real.out + real.err + "".join(written().values())
    assert SECRET not in everything and "ANTHROPIC_API_KEY" in told


def test_faults_in_the_users_files_are_told_and_the_files_left(treadle, tmp_path):
    path = user_folder().path / "tiers.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("tiers:\n  small: {modles: []}\n")
    done = treadle(tmp_path, "setup", "--yes")
    assert done.code == 2 and "tiers.yaml:2: unknown key `modles`" in done.err
    assert path.read_text() == "tiers:\n  small: {modles: []}\n"


def test_a_folder_that_cannot_be_written_is_one_clear_line(treadle, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    done = treadle(tmp_path, "setup", "--yes")
    assert done.code == 3 and "can't be written" in done.err and "XDG_CONFIG_HOME" in done.err


@pytest.mark.parametrize("words", [("--cloud", "some"), ("--nope",)])
def test_a_wrong_word_is_usage(treadle, tmp_path, words):
    assert treadle(tmp_path, "setup", *words).code == 2


def test_a_first_run_without_setup_asks_nobody_and_writes_no_settings(treadle, make_repo, monkeypatch, key):
    before = written()
    root = make_repo({"calc.py": "def one():\n    return 1\n",
                      "test_calc.py": "import unittest\nfrom calc import one\n\n\nclass T(unittest.TestCase):\n"
                                      "    def test_one(self):\n        self.assertEqual(one(), 1)\n"})  # fmt: skip
    with OllamaShaped(CODER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        done = treadle(root, "fix", "--output", "json")
        assert done.code == 0, done.err
        assert server.asked == [] and written() == before


# ---------------------------------------------------------------- at a terminal


STARTED = """
import importlib, sys
importlib.import_module("treadle.session.setup.probe").is_installed = lambda package: package == "xllamacpp"
from treadle.__main__ import main
sys.exit(main())
"""
"""Only the engine for local models counts as installed, whatever this environment holds."""


class Terminal:
    """`treadle` behind a pseudo-terminal of 80 columns; `until` reads what it shows, `type` answers."""

    def __init__(self, *words: str, cwd: Path) -> None:
        self.main, side = pty.openpty()
        os.set_blocking(self.main, False)
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "30", "LC_ALL": "C.UTF-8"}
        argv = [sys.executable, "-c", STARTED, *words]
        self.process = subprocess.Popen(argv, stdin=side, stdout=side, stderr=side, cwd=cwd, env=env, start_new_session=True)  # fmt: skip
        os.close(side)
        self.shown = ""

    def until(self, words: str) -> str:
        """All that was shown up to those words, at the end of what is there."""
        while words not in self.shown:
            ready, _, _ = select.select([self.main], [], [], 30)
            assert ready, f"{words!r} never came:\n{self.shown}"
            try:
                piece = os.read(self.main, 65536)
            except OSError:
                piece = b""
            assert piece, f"it ended before {words!r}:\n{self.shown}"
            self.shown += piece.decode().replace("\r\n", "\n")
        before, _, self.shown = self.shown.partition(words)
        return before

    def type(self, text: str) -> None:
        os.write(self.main, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit code, and what was shown last."""
        while True:
            ready, _, _ = select.select([self.main], [], [], 30)
            assert ready, self.shown
            try:
                piece = os.read(self.main, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not piece:
                break
            self.shown += piece.decode().replace("\r\n", "\n")
        os.close(self.main)
        return self.process.wait(), self.shown


def test_at_a_terminal_the_cloud_is_asked_about_only_where_there_is_one(tmp_path, monkeypatch):
    with OllamaShaped(CODER, MIDDLE) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        terminal = Terminal("setup", cwd=tmp_path)
        shown = terminal.until("Write this to")
        assert "Use the cloud" not in shown and "ollama/qwen3-coder:30b" in shown
        assert all(len(line) <= 80 for line in shown.splitlines() if str(tmp_path) not in line), shown
        terminal.type("\n")
        code, last = terminal.end()
    assert code == 0 and "next: treadle" in last
    assert tiers()["medium"] == ["ollama/qwen3-coder:30b"]
    assert "cloud" not in written().get("settings.yaml", "")


def test_at_a_terminal_with_a_key_the_answer_is_what_is_written(tmp_path, key):
    terminal = Terminal("setup", cwd=tmp_path)
    shown = terminal.until("3 never [never]")
    assert "ANTHROPIC_API_KEY" in shown and "parts of your code are sent" in " ".join(shown.split())
    terminal.type("perhaps\n")
    terminal.until("1, 2 or 3")
    terminal.type("2\n")
    shown = terminal.until("Install it now")
    assert "anthropic/claude-opus" in shown
    shown = terminal.until("[y/N]")
    assert "'litellm>=" in " ".join(shown.split())
    terminal.type("n\n")
    shown = terminal.until("[y/N]")
    assert "Pull it now" in shown and "1.1 GB, licence Apache-2.0" in " ".join(shown.split())
    terminal.type("\n")
    terminal.until("[Y/n]")
    terminal.type("y\n")
    code, last = terminal.end()
    assert code == 0, last
    assert load_catalog(None).settings.cloud == "large only"
    assert set(tiers()) == {"small", "large"}
    assert SECRET not in terminal.shown + "".join(written().values())


def test_a_pull_that_was_said_yes_to_is_bound_at_once(tmp_path, monkeypatch):
    with OllamaShaped() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        terminal = Terminal("setup", cwd=tmp_path)
        terminal.until("`ollama pull qwen2.5-coder:1.5b`? [y/N]")
        terminal.type("y\n")
        shown = terminal.until("[Y/n]")
        assert "100 %" in shown and "With that" in shown
        terminal.type("\n")
        code, last = terminal.end()
    assert code == 0, last
    assert tiers()["small"][0] == "ollama/qwen2.5-coder:1.5b"


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_no_and_the_end_of_input_write_nothing(tmp_path, monkeypatch, answer):
    before = written()
    with OllamaShaped(CODER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        terminal = Terminal("setup", cwd=tmp_path)
        terminal.until("[Y/n]")
        terminal.type(answer)
        code, last = terminal.end()
    assert code == 130 and "nothing was written" in last and written() == before


# ---------------------------------------------------------------- doctor


def rows(out: str) -> dict[str, str]:
    return dict(tuple(row) for row in json.loads(out.splitlines()[-1])["rows"])


@pytest.fixture
def project(make_repo):
    return make_repo({"calc.py": "x = 1\n", "test_calc.py": "import unittest\n"})


def test_doctor_tells_what_ollama_has_and_which_alternative_answers(treadle, project, monkeypatch):
    with OllamaShaped(CODER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        first = rows(treadle(project, "doctor", "-o", "json").out)
        assert first["ollama"] == f"0.12.3 at {server.host}; 1 model: qwen2.5-coder:1.5b"
        assert first["next"].startswith("treadle setup") and first["cloud"].startswith("never: no key is set")
        treadle(project, "setup", "--yes")
        then = rows(treadle(project, "doctor", "-o", "json").out)
    assert then["tier small"] == (
        "ollama/qwen2.5-coder:1.5b (this machine, Ollama, free); else local/qwen2.5-coder-1.5b"
    )
    assert then["next"].startswith(("treadle   (", "treadle run --loop NAME   (for the screen"))
    gone = rows(treadle(project, "doctor", "-o", "json").out)
    assert gone["ollama"].startswith("nobody listens at") and "nobody listens" in gone["tier small"]
    assert gone["next"].startswith("start Ollama")


def test_doctor_names_keys_and_what_the_cloud_may(treadle, project, key, monkeypatch):
    monkeypatch.setattr("treadle.session.setup.prices.LONGEST_S", 0)
    treadle(project, "setup", "--cloud", "large-only")
    told = rows(treadle(project, "doctor", "-o", "json").out)
    assert told["keys"].startswith("Anthropic: ANTHROPIC_API_KEY")
    assert told["cloud"] == "large only, as your settings say"
    assert told["tier large"].startswith("anthropic/claude-opus")
    narrowed = project / ".treadle" / "settings.yaml"
    narrowed.parent.mkdir()
    narrowed.write_text("cloud: never\n")
    told = rows(treadle(project, "doctor", "-o", "json").out)
    assert told["cloud"] == "never, as your settings say; the repository narrows your `large only`"
    assert "cloud: never" in told["tier large"]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TERM": "xterm-256color"}, "256 colours"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "16 million colours"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "no colours (NO_COLOR)"),
        ({"TERM": "dumb"}, "no colours"),
    ],
)
def test_doctor_tells_what_the_terminal_can(treadle, project, monkeypatch, env, said):
    for name in ("TERM", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    told = rows(treadle(project, "doctor", "-o", "json").out)["terminal"]
    assert told.startswith(f"{env['TERM']}, ") and f", {said}," in told and "; textual" in told


def test_doctor_says_how_to_name_the_tests_where_none_are_found(treadle, make_repo, monkeypatch, tmp_path):
    with OllamaShaped(CODER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        root = make_repo({"README": "nothing to run\n"})
        treadle(root, "setup", "--yes")
        told = rows(treadle(root, "doctor", "-o", "json").out)
        bare = tmp_path / "no-project"
        bare.mkdir()
        elsewhere = rows(treadle(bare, "doctor", "-o", "json").out)
    assert told["tests"].startswith("none found") and "tests: {command:" in told["next"]
    assert elsewhere["next"].startswith("cd to your project")
