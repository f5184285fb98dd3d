import os
import subprocess
import sys

import pytest

from treadle.protocol.errors import UsageError
from treadle.workspace.interpreter import project_python


def environment(place):
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    return place / "bin" / "python"


@pytest.fixture(autouse=True)
def _bare(repo, monkeypatch, tmp_path):
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT", "PYENV_ROOT", "PYENV_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_each_place_in_turn(repo, tmp_path, monkeypatch):
    assert project_python(repo).own
    (tmp_path / "bin").mkdir()
    on_path = tmp_path / "bin" / "python3"
    on_path.symlink_to(sys.executable)
    assert project_python(repo) == project_python(repo, "python3").__class__(on_path, "python3 on the PATH")
    (repo / ".python-version").write_text("3.99.1\n")
    assert project_python(repo).path == on_path
    pyenv = environment(tmp_path / "pyenv" / "versions" / "3.99.1")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert project_python(repo).path == pyenv
    venv = environment(repo / "venv")
    assert project_python(repo).path == venv
    dot = environment(repo / ".venv")
    assert project_python(repo).path == dot
    active = environment(tmp_path / "active")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    assert project_python(repo).path == active
    assert "VIRTUAL_ENV" in project_python(repo).origin
    for setting in ("venv", "venv/bin/python", str(repo / "venv")):
        assert project_python(repo, setting).path == venv
    assert project_python(repo, "python3").path == on_path


def test_treadles_own_environment_is_not_the_projects(repo, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "own"))
    environment(tmp_path / "own")
    (tmp_path / "own" / "bin" / "python3").symlink_to("python")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "own"))
    monkeypatch.setenv("PATH", str(tmp_path / "own" / "bin"))
    assert project_python(repo).own
    assert "treadle's own" in project_python(repo).origin
    inside = environment(repo / "env")
    monkeypatch.setattr(sys, "prefix", str(repo / "env"))
    monkeypatch.setenv("VIRTUAL_ENV", str(repo / "env"))
    assert project_python(repo).path == inside


def test_environments_that_tools_keep_elsewhere(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (repo / "pyproject.toml").write_text('[project]\nname = "My-App"\n[tool.hatch.envs.default]\n')
    hatch = environment(tmp_path / "data" / "hatch" / "env" / "virtual" / "my-app" / "Ab12" / "my-app")
    assert project_python(repo).path == hatch
    (repo / "pyproject.toml").write_text('[tool.poetry]\nname = "my-app"\n')
    environments = tmp_path / "cache" / "pypoetry" / "virtualenvs"
    environment(environments / "my-app-SomeOthr-py3.11")
    assert project_python(repo).own
    import base64
    import hashlib

    mark = base64.urlsafe_b64encode(hashlib.sha256(os.path.normcase(str(repo)).encode()).digest()).decode()[
        :8
    ]
    poetry = environment(environments / f"my-app-{mark}-py3.11")
    assert project_python(repo).path == poetry
    (repo / "pyproject.toml").write_text("[[[ broken")
    (repo / "environment.yml").write_text("name: lab\n")
    conda = environment(tmp_path / "conda" / "envs" / "lab")
    assert project_python(repo).own
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "conda").rename(tmp_path / "miniconda3")
    assert project_python(repo).path == tmp_path / "miniconda3" / conda.relative_to(tmp_path / "conda")


def test_a_shim_is_looked_behind(repo, tmp_path, monkeypatch):
    real = environment(tmp_path / "pyenv" / "versions" / "3.98.0")
    (tmp_path / "pyenv" / "shims").mkdir()
    shim = tmp_path / "pyenv" / "shims" / "python3"
    shim.write_text("#!/bin/sh\nexit 1\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    assert project_python(repo).path == shim
    (tmp_path / "pyenv" / "version").write_text("3.98.0\n")
    assert project_python(repo).path == real
    assert subprocess.run([str(real), "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"


def test_a_setting_that_names_none(repo):
    for setting in ("nonesuch", "a.txt", "src"):
        with pytest.raises(UsageError, match="no interpreter there"):
            project_python(repo, setting)
