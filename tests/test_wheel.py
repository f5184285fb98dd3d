"""What a user gets: the wheel, built here, installed in an environment of its own, used outside the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built by the hatchling that is here, without a network."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("treadle-*.whl")
    return built


@pytest.fixture(scope="module")
def bin_dir(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that holds the wheel; its dependencies are borrowed from this one."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "env", with_pip=False)
    lib = Path(sysconfig.get_path("purelib", vars={"base": str(home / "env")}))
    pip = [sys.executable, "-m", "pip", "--python", home / "env"]
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    # As a path file, which comes after what the environment holds itself: its treadle is the wheel's.
    (lib / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "env" / "bin"


def _treadle(bin_dir: Path, home: Path, *arguments: str) -> str:
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "NO_COLOR": "1"}
    return _run(bin_dir / "treadle", *arguments, cwd=home, env=env)


def test_the_wheel_holds_agents_prompts_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, ending in (("agents", "*.yaml"), ("prompts", "*.md")):
        shipped = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob(ending)}
        assert shipped
        assert {f"treadle/_data/{name}" for name in shipped} <= names
    assert "treadle/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "benchmarks", "agents")) for name in names)


def test_the_installed_wheel_runs_outside_the_checkout(bin_dir: Path, tmp_path: Path) -> None:
    from treadle import __version__

    assert _treadle(bin_dir, tmp_path, "--version") == f"treadle {__version__}\n"
    where = _run(bin_dir / "python", "-c", "import treadle; print(treadle.__file__)", cwd=tmp_path)
    assert not Path(where.strip()).is_relative_to(ROOT)
    for kind in ("agents", "loops"):
        listed = _treadle(bin_dir, tmp_path, kind, "list")
        folder = ROOT / "agents" / ("loops" if kind == "loops" else "")
        for path in folder.glob("*.yaml"):
            assert path.name == "tiers.yaml" or path.stem in listed
    assert len(_treadle(bin_dir, tmp_path, "demo", "--bug", "list").splitlines()) >= 10


def test_the_installed_wheel_mends_the_demo(bin_dir: Path, tmp_path: Path) -> None:
    said = _treadle(bin_dir, tmp_path, "demo", "--into", str(tmp_path / "demo"), "--output", "json")
    result = json.loads(said.splitlines()[-1])
    assert (result["type"], result["is_error"], result["exit_code"], result["model_calls"]) == (
        "result",
        False,
        0,
        0,
    )
    (changed,) = result["written"]
    assert f"+++ b/{changed}" in result["diff"]


def test_the_checkout_finds_its_own_folders(tmp_path: Path) -> None:
    """The editable install reads `agents/` at the top of the checkout, so an edit there is seen at once."""
    listed = _treadle(Path(sys.executable).parent, tmp_path, "agents", "list")
    shipped = [p.stem for p in (ROOT / "agents").glob("*.yaml") if p.name != "tiers.yaml"]
    assert shipped
    assert all(name in listed for name in shipped)
