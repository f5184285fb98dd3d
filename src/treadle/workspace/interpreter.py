"""Which Python is the project's."""

import os
import shutil
import sys
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import UsageError


class ProjectPython(Struct, frozen=True):
    """The project's interpreter and where it comes from, in words for the screen.

    `own` says that none was found but treadle's own, in which the project's dependencies may be missing.
    """

    path: Path
    origin: str
    own: bool = False


def project_python(root: Path, setting: str = "") -> ProjectPython:
    """The interpreter that runs the project's code. The first of: the setting (a file, a folder of an environment
    or a name on the PATH; relative ones start at `root`), the active environment, `.venv` or `venv` in the
    repository, the one its tool made (uv, poetry, hatch, conda, pyenv), `python3` on the PATH, treadle's own.

    An active environment counts only if it is not the one that treadle itself runs in, or lies in the
    repository. Reads names and links, starts nothing. Raises: `UsageError` for a setting that names none.
    """
    if setting:
        return _from_setting(root, setting)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = os.environ.get(name)
        if folder and not _is_treadles(Path(folder), root):
            found = _in_environment(Path(folder))
            if found:
                return ProjectPython(found, f"the active environment ({name})")
    for name in (".venv", "venv", ".pixi/envs/default"):
        found = _in_environment(root / name)
        if found:
            return ProjectPython(found, f"{name} in the repository")
    made = _tool_made(root)
    if made:
        return made
    for name in ("python3", "python"):
        found = _on_path(name, root)
        if found:
            return ProjectPython(found, f"{name} on the PATH")
    return ProjectPython(Path(sys.executable), "treadle's own, as no other was found", own=True)


def _from_setting(root: Path, setting: str) -> ProjectPython:
    path = root / Path(setting).expanduser()
    origin = f"the setting python: {setting}"
    found = _in_environment(path)
    if found:
        return ProjectPython(found, origin)
    if path.is_file() and os.access(path, os.X_OK):
        return ProjectPython(path, origin)
    named = shutil.which(setting) if "/" not in setting else None
    if named:
        return ProjectPython(Path(named), origin)
    raise UsageError(
        f"python: {setting}: no interpreter there", hint="name a file, an environment, or a program"
    )


def _in_environment(folder: Path) -> Path | None:
    """The environment's interpreter by its name there: resolved, it would forget the environment."""
    for name in ("bin/python3", "bin/python", "Scripts/python.exe"):
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def _is_treadles(folder: Path, root: Path) -> bool:
    full = os.path.realpath(folder)
    if (full + "/").startswith(os.path.realpath(root) + "/"):
        return False
    return full == os.path.realpath(sys.prefix)


def _on_path(name: str, root: Path) -> Path | None:
    """`name` on the PATH; treadle's own environment does not count, unless it lies in the repository."""
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if os.path.isabs(folder)
        and not (sys.prefix != sys.base_prefix and _is_treadles(Path(folder).parent, root))
    ]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return _behind_shim(Path(found)) if found else None


def _behind_shim(path: Path) -> Path:
    """What pyenv would start for its shim `path`: the shim itself is a shell script that takes its time."""
    if path.parent.name != "shims" or not (path.parent.parent / "versions").is_dir():
        return path
    chosen = os.environ.get("PYENV_VERSION") or _head(path.parent.parent / "version")
    for version in chosen.replace(":", " ").split():
        found = _in_environment(path.parent.parent / "versions" / version)
        if found:
            return found
    return path


def _tool_made(root: Path) -> ProjectPython | None:
    """An environment outside the repository that its tool made for it."""
    text = _head(root / "pyproject.toml")
    name = _project_name(text) if text else ""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    data = Path(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"))
    tries: list[tuple[str, list[Path]]] = []
    project = os.environ.get("UV_PROJECT_ENVIRONMENT")
    if project and (root / "uv.lock").exists():
        tries.append(("uv's environment", [root / project]))
    if name and ("[tool.poetry" in text or (root / "poetry.lock").exists()):
        mark = _poetry_mark(root)
        folder = caches / "pypoetry" / "virtualenvs"
        tries.append(
            ("poetry's environment", sorted(folder.glob(f"{_poetry_name(name)}-{mark}-py*"), reverse=True))
        )
    if name and "[tool.hatch" in text:
        folder = data / "hatch" / "env" / "virtual" / name
        tries.append(("hatch's environment", sorted(folder.glob("*/*"))))
    conda = _conda_name(root)
    if conda:
        homes = [
            Path(os.path.expanduser(f"~/{h}"))
            for h in ("miniconda3", "anaconda3", "miniforge3", "mambaforge")
        ]
        tries.append((f"conda's environment {conda}", [home / "envs" / conda for home in homes]))
    version = _head(root / ".python-version").split("\n")[0].strip()
    if version and "/" not in version:
        home = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))
        tries.append((f"pyenv's {version}", [home / "versions" / version]))
    for origin, folders in tries:
        for folder in folders:
            found = _in_environment(folder)
            if found:
                return ProjectPython(found, origin)
    return None


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _project_name(text: str) -> str:
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ""
    for table in (data.get("project"), data.get("tool", {}).get("poetry")):
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            return str(table["name"]).lower()
    return ""


def _poetry_name(name: str) -> str:
    import re

    return re.sub(r"[ $`!*@\"\\\r\n\t]", "_", name)[:42]


def _poetry_mark(root: Path) -> str:
    """The mark by which poetry tells environments of one name apart: a hash of the project's place."""
    import base64
    import hashlib

    place = os.path.normcase(os.path.realpath(root)).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(place).digest()).decode()[:8]


def _conda_name(root: Path) -> str:
    for file in ("environment.yml", "environment.yaml"):
        for line in _head(root / file).splitlines():
            key, _, value = line.partition(":")
            if key == "name":
                return value.strip().strip("\"'")
    return ""
