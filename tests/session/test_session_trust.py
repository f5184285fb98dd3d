"""Trust: bound to the content of what can act, kept privately, carried over what treadle itself writes."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from samples import CALC, MENDS, mending, treadle_dir
from treadle.protocol.errors import NotTrusted, SpecError
from treadle.session.trust import (
    at_rest,
    carried,
    catalog_for_run,
    difference,
    grant,
    must_be_trusted,
    revoke,
    standing,
    told,
)
from treadle.workspace.state import state_dir

PROJECT = {
    **CALC,
    **treadle_dir(
        agents__hand="name: hand\ndescription: d\nprompt: hand.md\ninputs: [task]\ntier: small\ntools: [read]\n",
        loops__go="name: go\ndescription: d\nsteps:\n  - {name: a, command: 'true'}\n  - {name: b, agent: hand}\n",
        loops__two="name: two\ndescription: d\nsteps:\n  - {name: a, check: {command: 'make lint'}}\n",
        settings="unproven: ask\n",
        tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
        replies__small="replies:\n  - text: hello\n",
    ),
    ".treadle/prompts/hand.md": "Do: ${task}\n",
    "conftest.py": "import sys\n",
    "sub/conftest.py": "import sys\n",
    "pytest.ini": "[pytest]\naddopts = -q\n",
    "tox.ini": "[testenv]\ncommands = pytest\n",
    "setup.cfg": "[metadata]\nname = x\n[tool:pytest]\naddopts = -q\n",
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[tool.pytest.ini_options]\naddopts = "-q"\n[tool.ruff]\nline-length = 9\n',
    "package.json": '{"name": "x", "version": "1", "scripts": {"test": "jest", "lint": "eslint"}, "jest": {"a": 1}}\n',
    "sub/package.json": '{"scripts": {"test": "jest"}}\n',
    "Makefile": "test:\n\tpytest\n",
    "rules.mk": "x = 1\n",
    "justfile": "test:\n    pytest\n",
    "noxfile.py": "import nox\n",
    "sitecustomize.py": "x = 1\n",
    ".npmrc": "audit=false\n",
    ".cargo/config.toml": "[build]\n",
    "jest.config.js": "module.exports = {}\n",
    "go.work": "go 1.22\n",
    "README.md": "# x\n",
    "docs/page.md": "text\n",
    "src/mod.py": "x = 1\n",
    "AGENTS.md": "Be kind.\n",
    ".gitignore": ".venv/\nbuild/\n",
}


@pytest.fixture(autouse=True)
def _nobody_said_so(monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")


def _git(root, *words):
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def _project(make_repo) -> Path:
    root = make_repo(PROJECT)
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\ntrue\n")
    hook.chmod(0o755)
    (root / ".git" / "hooks" / "post-merge").write_text("#!/bin/sh\n")
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python3").symlink_to("/usr/bin/python3")
    (root / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    grant(standing(root))
    assert standing(root).is_trusted
    return root


def _write(path, text, mode=0o644):
    def change(root):
        full = root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.unlink(missing_ok=True)
        full.write_text(text)
        full.chmod(mode)

    return change


def _link(path, target):
    def change(root):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)

    return change


def _config(*words):
    return lambda root: _git(root, "config", *words)


def _include(root):
    (root / ".git" / "more").write_text("[core]\n\tpager = less\n")
    _git(root, "config", "include.path", "more")


def _edits():
    """A change to each file that acts, then its removal."""
    more = "\n# more\n"
    acting = [
        path
        for path in PROJECT
        if path.startswith(".treadle") or path in ("conftest.py", "sub/conftest.py", "pytest.ini", "tox.ini")
        or path in ("Makefile", "rules.mk", "justfile", "noxfile.py", "sitecustomize.py", ".npmrc", "go.work")
        or path in (".cargo/config.toml", "jest.config.js")
    ]  # fmt: skip
    for path in acting:
        yield f"edit {path}", _write(path, PROJECT[path] + more)
        yield f"remove {path}", lambda root, path=path: (root / path).unlink()


MUST_ASK = {
    **dict(_edits()),
    "setup.cfg's pytest": _write("setup.cfg", PROJECT["setup.cfg"].replace("-q", "-p evil")),
    "setup.cfg's new section": _write("setup.cfg", PROJECT["setup.cfg"] + "[coverage:run]\nplugins = evil\n"),
    "pyproject's pytest": _write("pyproject.toml", PROJECT["pyproject.toml"].replace("-q", "-p evil")),
    "pyproject, dotted": _write("pyproject.toml", 'tool.pytest.ini_options.addopts = "-p evil"\n'),
    "pyproject's plugin": _write(
        "pyproject.toml", PROJECT["pyproject.toml"] + '[project.entry-points.pytest11]\ne = "e"\n'
    ),
    "pyproject, broken": _write("pyproject.toml", "[tool.pytest"),
    "the test script": _write("package.json", PROJECT["package.json"].replace('"jest"', '"evil"')),
    "another script": _write("package.json", PROJECT["package.json"].replace("eslint", "evil")),
    "jest in package.json": _write(
        "package.json", PROJECT["package.json"].replace('"a": 1', '"preset": "evil"')
    ),
    "an inner package": _write("sub/package.json", PROJECT["sub/package.json"].replace("jest", "evil")),
    "a new agent": _write(".treadle/agents/new.yaml", "name: new\n"),
    "a new loop": _write(".treadle/loops/new.yaml", "name: new\n"),
    "a new prompt": _write(".treadle/prompts/new.md", "new\n"),
    "a new folder": _write(".treadle/scripts/x.sh", "x\n"),
    "a link for a file": _link(".treadle/settings.yaml", "../README.md"),
    "a link out": _link(".treadle/settings.yaml", "/etc/hostname"),
    "a pipe": lambda root: os.mkfifo(root / ".treadle" / "agents" / "x.yaml"),
    "a new conftest": _write("deep/er/conftest.py", "x = 1\n"),
    "a conftest that git ignores": lambda root: (
        _write(".gitignore", "*\n")(root),
        _write("usercustomize.py", "x = 1\n")(root),
    ),
    "a new hook": _write(".git/hooks/pre-push", "#!/bin/sh\n", 0o755),
    "an edited hook": _write(".git/hooks/pre-commit", "#!/bin/sh\nevil\n", 0o755),
    "a removed hook": lambda root: (root / ".git/hooks/pre-commit").unlink(),
    "a hook made to run": lambda root: (root / ".git/hooks/post-merge").chmod(0o755),
    "a hook by a link": _link(".git/hooks/pre-push", "/bin/true"),
    "hooks elsewhere": _config("core.hooksPath", "hooks"),
    "a filter": _config("filter.evil.clean", "evil"),
    "a file watcher": _config("core.fsmonitor", "evil"),
    "a merge driver": _config("merge.evil.driver", "evil"),
    "a text converter": _config("diff.evil.textconv", "evil"),
    "a signer": _config("gpg.program", "evil"),
    "included configuration": _include,
    "another interpreter": _link(".venv/bin/python3", "/bin/true"),
    "an interpreter of its own": _write(".venv/bin/python3", "#!/bin/sh\nevil\n", 0o755),
    "a second interpreter": _write(".venv/bin/python", "#!/bin/sh\nevil\n", 0o755),
    "another home": _write(".venv/pyvenv.cfg", "home = evil\n"),
    "another way to test": lambda root: [
        (root / p).unlink() for p in ("conftest.py", "sub/conftest.py", "pytest.ini")
    ],
}
MUST_NOT = {
    "source": _write("calc.py", CALC["calc.py"] + "\n\ndef more():\n    return 1\n"),
    "a test": _write("test_calc.py", CALC["test_calc.py"] + "# more\n"),
    "a new module": _write("src/other.py", "x = 2\n"),
    "a new test": _write("test_more.py", "import unittest\n"),
    "removed source": lambda root: (root / "src/mod.py").unlink(),
    "renamed source": lambda root: (root / "src/mod.py").rename(root / "src/moved.py"),
    "the README": _write("README.md", "# y\n"),
    "a page": _write("docs/page.md", "more text\n"),
    "a new page": _write("docs/other.md", "x\n"),
    "AGENTS.md": _write("AGENTS.md", "Be brief.\n"),
    "a version": _write("pyproject.toml", PROJECT["pyproject.toml"].replace('"1"', '"2"')),
    "a dependency": _write("pyproject.toml", PROJECT["pyproject.toml"].replace("version", 'dependencies = ["x"]\nversion')),
    "a linter's setting": _write("pyproject.toml", PROJECT["pyproject.toml"].replace("9", "99")),
    "a package's version": _write("package.json", PROJECT["package.json"].replace('"1"', '"2"')),
    "a package's dependency": _write("package.json", PROJECT["package.json"].replace("{", '{"dependencies": {"a": "1"}, ', 1)),
    "setup.cfg's name": _write("setup.cfg", PROJECT["setup.cfg"].replace("= x", "= y")),
    "what is ignored": _write("build/out.txt", "x\n"),
    "a sample hook": _write(".git/hooks/pre-push.sample", "#!/bin/sh\n", 0o755),
    "a remote": _config("remote.origin.url", "https://example.invalid/x"),
    "a branch": lambda root: _git(root, "checkout", "-q", "-b", "other"),
    "a commit": lambda root: _git(root, "commit", "-q", "--allow-empty", "--no-verify", "-m", "x"),
    "a name": _config("user.name", "Another"),
    "packages installed": _write(".venv/lib/python3.11/site-packages/x.py", "x = 1\n"),
}  # fmt: skip


def test_there_are_enough_of_both():
    assert len(MUST_ASK) >= 60 and len(MUST_NOT) >= 20


@pytest.mark.parametrize("name", MUST_ASK)
def test_a_change_of_what_can_act_asks_again(name, make_repo):
    root = _project(make_repo)
    MUST_ASK[name](root)
    now = standing(root)
    assert now.is_changed and not now.is_trusted
    assert difference(now)
    with pytest.raises(NotTrusted, match="changed since you trusted it"):
        must_be_trusted(root)


@pytest.mark.parametrize("name", MUST_NOT)
def test_a_change_of_anything_else_does_not(name, make_repo):
    root = _project(make_repo)
    MUST_NOT[name](root)
    assert difference(standing(root)) == ""
    must_be_trusted(root)


def test_the_difference_names_the_file_and_the_lines(make_repo):
    root = _project(make_repo)
    _write("Makefile", "test:\n\tevil\n")(root)
    said = difference(standing(root))
    assert "--- Makefile (trusted)\n+++ Makefile (now)\n" in said and "-\tpytest\n+\tevil" in said


def test_what_is_asked_for_is_named(make_repo):
    rows = told(standing(_project(make_repo)))
    assert ("tests", "python -m pytest") in rows
    assert ("command", "`true` (loop go)") in rows and ("command", "`make lint` (loop two)") in rows
    assert ("python", ".venv/bin/python3 → /usr/bin/python3") in rows
    assert ("git hooks", "pre-commit") in rows
    assert any(word == "obeyed" and ".treadle/loops/go.yaml" in text for word, text in rows)


def test_the_record_is_for_the_users_eyes_alone(make_repo):
    root = _project(make_repo)
    file = state_dir(root) / "trust.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["", "{}", '{"root": "/elsewhere", "common": "", "acting": []}', "\x00"])
def test_a_damaged_record_is_no_trust(make_repo, damage):
    root = _project(make_repo)
    (state_dir(root) / "trust.json").write_text(damage)
    assert standing(root).before is None


def test_a_record_is_no_other_repositorys(make_repo, tmp_path):
    """Neither a copy at another place, nor another git under the same work tree, is what was trusted."""
    root = _project(make_repo)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(root), str(copy)], check=True)
    assert standing(copy).before is None
    (root / ".git").rename(tmp_path / "moved.git")
    (root / ".git").write_text(f"gitdir: {tmp_path / 'moved.git'}\n")
    assert standing(root).before is None


def test_trust_taken_back_asks_again(make_repo):
    root = _project(make_repo)
    assert revoke(root) and not revoke(root)
    with pytest.raises(NotTrusted, match="is not trusted yet"):
        must_be_trusted(root)


def test_before_trust_the_repositorys_part_does_not_hold(make_repo):
    root = _project(make_repo)
    assert "go" in at_rest(root).catalog.loops
    revoke(root)
    found = at_rest(root)
    assert "go" not in found.catalog.loops and "hand" not in found.catalog.agents and found.asks is not None
    assert "go" in at_rest(root, waived=True).catalog.loops


def test_a_yes_is_remembered_a_flag_is_not(make_repo):
    root = make_repo(PROJECT)
    asked = []
    assert "go" in catalog_for_run(root, waived=True).loops
    assert standing(root).before is None
    with pytest.raises(NotTrusted, match="nothing was run"):
        catalog_for_run(root, ask=lambda now: bool(asked.append(now)))
    assert "go" in catalog_for_run(root, ask=lambda now: not asked.append(now)).loops
    assert "go" in catalog_for_run(root).loops and len(asked) == 2


def test_a_fault_is_told_before_a_person_is_asked(make_repo):
    root = make_repo({**CALC, ".treadle/settings.yaml": "nothing: 1\n"})
    with pytest.raises(SpecError):
        catalog_for_run(root, ask=lambda _: pytest.fail("asked"))
    with pytest.raises(NotTrusted):
        catalog_for_run(root)


@pytest.mark.parametrize("value", ["0", "true", "", "yes", "2"])
def test_the_variable_says_one_and_nothing_else(make_repo, monkeypatch, value):
    monkeypatch.setenv("TREADLE_TRUST", value)
    with pytest.raises(NotTrusted):
        must_be_trusted(make_repo(CALC))


async def test_a_session_asks_for_trust_by_itself(make_repo, drive):
    root = make_repo({**CALC, **mending(MENDS, "text: done")})
    with pytest.raises(NotTrusted):
        await drive(root, "go")
    grant(standing(root))
    assert (await drive(root, "go")).code == 0


@pytest.mark.parametrize(
    ("path", "by_person", "trusted"),
    [
        ("Makefile", True, True),
        ("Makefile", False, True),
        (".treadle/settings.yaml", True, True),
        (".treadle/settings.yaml", False, False),
        (".TREADLE/x.yaml", False, False),
        ("test_new.py", False, True),
    ],
)
def test_what_treadle_writes_is_trusted_as_it_is_made(make_repo, path, by_person, trusted):
    root = _project(make_repo)
    (root / "conftest.py").touch()
    with carried(root, (path, "Makefile"), by_person=by_person):
        _write("Makefile", "test:\n\tmore\n")(root)
        if path.startswith((".treadle", "test")):
            _write(
                path, "unproven: ask\nmode: step\n" if path.endswith("yaml") else "def test_x():\n    pass\n"
            )(root)
    assert standing(root).is_trusted == trusted


def test_a_write_trusts_nothing_that_was_not_trusted_before(make_repo):
    root = _project(make_repo)
    _write("conftest.py", "evil = 1\n")(root)
    with carried(root, ("Makefile",), by_person=True):
        _write("Makefile", "test:\n\tmore\n")(root)
    assert not standing(root).is_trusted


def test_a_work_tree_beside_the_first_is_asked_for_itself(make_repo, tmp_path):
    root = _project(make_repo)
    _git(root, "worktree", "add", "-q", str(tmp_path / "second"))
    assert standing(tmp_path / "second").before is None
    grant(standing(tmp_path / "second"))
    assert standing(tmp_path / "second").is_trusted and standing(root).is_trusted


def test_a_name_that_is_no_utf_8_and_a_large_file(make_repo):
    root = make_repo(CALC)
    (root / ".treadle").mkdir()
    (root / ".treadle" / os.fsdecode(b"\xff.yaml")).write_text("x\n")
    (root / ".treadle" / "large.bin").write_bytes(b"\0" * 200_000)
    grant(standing(root))
    assert standing(root).is_trusted
    (root / ".treadle" / "large.bin").write_bytes(b"\0" * 200_001)
    assert "large.bin" in difference(standing(root))
    record = json.loads((state_dir(root) / "trust.json").read_bytes())
    assert all(len(one["text"]) <= 64 * 1024 for one in record["acting"])
