"""What a repository would make treadle run or obey, by content: what a person trusts, and what asks again when changed.

Source code and tests are none of it: they run in the sandbox, whoever wrote them. What decides *that* and *how*
they run is: `.treadle/`, the test command, the runner's configuration, the interpreter in the repository, git's hooks.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from treadle.checks.runners.find import find_runner
from treadle.protocol.errors import TreadleError
from treadle.spec.catalog import Catalog
from treadle.spec.paths import is_test_path, is_test_setting
from treadle.workspace.base import open_base
from treadle.workspace.trusted import Acting, acting, folder_files, git_acting, read_acting
from treadle.workspace.view import MergedView

OWN = ".treadle"
_ENVIRONMENTS = (".venv", "venv", ".pixi/envs/default")
_PYTHON = ("bin/python3", "bin/python", "Scripts/python.exe", "pyvenv.cfg")
_NAMES = frozenset(
    {
        "conftest.py", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".pnp.cjs", ".pnp.loader.mjs",
        "pnpm-workspace.yaml", "rust-toolchain", "rust-toolchain.toml", "go.work", "nextest.toml",
    }
)  # fmt: skip
_FOLDED = (".mk", ".just")
_FOUND_BY = (
    "go.mod",
    "Cargo.toml",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
)
"""Files by which a way to test is found, beside tests and their settings."""
# What stands in these files beside what acts: all that is not named here counts.
_IDLE_TOML = frozenset({"build-system", "dependency-groups"})
_IDLE_TOOLS = frozenset(
    {
        "ruff", "mypy", "black", "isort", "pyright", "pylint", "uv", "poetry", "flit", "setuptools", "setuptools_scm",
        "bumpversion", "commitizen", "towncrier", "codespell", "bandit",
    }
)  # fmt: skip
_IDLE_JSON = frozenset(
    {
        "name", "version", "description", "keywords", "author", "contributors", "license", "homepage", "repository",
        "bugs", "funding", "private", "files", "dependencies", "devDependencies", "peerDependencies",
        "optionalDependencies", "peerDependenciesMeta", "sideEffects", "publishConfig",
    }
)  # fmt: skip
_IDLE_SECTIONS = frozenset(
    {
        "metadata", "options", "flake8", "mypy", "isort", "bdist_wheel", "egg_info", "pycodestyle", "pydocstyle",
        "pylint", "bumpversion", "yapf", "codespell",
    }
)  # fmt: skip


def what_acts(root: Path, catalog: Catalog) -> tuple[Acting, ...]:
    """Everything at `root` that can act, sorted by kind and name. Read as data; nothing is run.

    `catalog` is what would hold once it is trusted: it may say how the project is tested.
    """
    view = MergedView(open_base(root, "tree"))
    found = {(one.kind, one.name): one for one in _all(root, catalog, view)}
    return tuple(found[key] for key in sorted(found))


def may_act(path: str) -> bool:
    """Whether a change of `path` can change what acts, by its name."""
    name = path.rsplit("/", 1)[-1]
    return path.split("/")[0] == OWN or configures(path) or is_test_path(path) or name in _FOUND_BY


def configures(path: str) -> bool:
    """Whether the file says how the project is tested: the runner's settings, its plugins, the commands it calls."""
    name = path.rsplit("/", 1)[-1]
    folded = name.endswith(_FOLDED) or path.endswith((".cargo/config", ".cargo/config.toml"))
    return name in _NAMES or folded or is_test_setting(path)


def _all(root: Path, catalog: Catalog, view: MergedView) -> Iterator[Acting]:
    try:
        yield acting("tests", find_runner(view, catalog.settings, "python").how, "")
    except TreadleError:
        pass
    for path in sorted({*_at_top(root), *(path for path in view.files() if configures(path))}):
        one = read_acting(root, path, "configuration")
        if one is not None:
            yield _essence(one, path)
    own = [OWN, *folder_files(root, OWN)]
    for path in (*own, *_scripted(root, catalog)):
        one = read_acting(root, path, "treadle")
        if one is not None:
            yield one
    for folder in _ENVIRONMENTS:
        for name in _PYTHON:
            one = read_acting(root, f"{folder}/{name}", "python")
            if one is not None:
                yield one
    yield from git_acting(root)


def _at_top(root: Path) -> Iterator[str]:
    """The settings at the top that git may have been told to ignore."""
    for path in (*(entry.name for entry in root.iterdir()), ".cargo/config", ".cargo/config.toml"):
        if configures(path) and (root / path).exists():
            yield path


def _scripted(root: Path, catalog: Catalog) -> Iterator[str]:
    """Files of scripted models in the repository."""
    for tier in catalog.tiers.tiers:
        for entry in tier.models:
            kind, _, place = entry.name.partition("/")
            if kind == "scripted" and Path(place).is_relative_to(root):
                yield Path(place).relative_to(root).as_posix()


def _essence(one: Acting, path: str) -> Acting:
    """The part of a file that can act; the whole file where it can't be told apart."""
    name = path.rsplit("/", 1)[-1]
    cut = {"pyproject.toml": _of_toml, "package.json": _of_json, "setup.cfg": _of_sections}.get(name)
    if cut is None or not one.text:
        return one
    try:
        return acting(one.kind, one.name, cut(one.text))
    except ValueError:
        return one


def _of_toml(text: str) -> str:
    import tomllib

    told = tomllib.loads(text)
    project, tools = told.get("project"), told.get("tool")
    rest = {key: value for key, value in told.items() if key not in _IDLE_TOML}
    if isinstance(project, dict):
        rest["project"] = {key: project[key] for key in ("entry-points",) if key in project}
    if isinstance(tools, dict):
        rest["tool"] = {key: value for key, value in tools.items() if key not in _IDLE_TOOLS}
    return _spread({key: value for key, value in rest.items() if value})


def _of_json(text: str) -> str:
    try:
        told = msgspec.json.decode(text)
    except msgspec.DecodeError as fault:
        raise ValueError from fault
    if not isinstance(told, dict):
        raise ValueError
    return _spread({key: value for key, value in told.items() if key not in _IDLE_JSON})


def _spread(value: Any) -> str:
    """The value over many lines, so that a difference shows where it is."""
    return json.dumps(value, indent=1, sort_keys=True, default=str, ensure_ascii=False)


def _of_sections(text: str) -> str:
    kept, keeps = [], True
    for row in text.splitlines(keepends=True):
        head = row.strip()
        if head.startswith("["):
            name = head[1:].partition("]")[0].strip()
            keeps = name not in _IDLE_SECTIONS and not name.startswith(("options.", "mypy-"))
        if keeps:
            kept.append(row)
    return "".join(kept)
