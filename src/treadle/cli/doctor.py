"""`treadle doctor`: what is here, which tier binds to what, the next thing to do. Runs nothing of the repository."""

import argparse
from pathlib import Path
from typing import Literal

from treadle.cli.arguments import add_output, tell
from treadle.protocol.errors import ProviderError, SpecError, TreadleError
from treadle.spec.catalog import Catalog


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `doctor` to the command line."""
    parser = sub.add_parser("doctor", help="what is here, and the next thing to do", allow_abbrev=False)
    add_output(parser)
    parser.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code: 0 when a loop can run here on code at least, else that of what is missing."""
    from treadle.protocol.text import clean
    from treadle.workspace.git import find_root

    root = find_root(Path.cwd())
    rows: list[tuple[str, str]] = []
    code, todo = 0, ""
    catalog, faults = _catalog(root)
    rows += _place(root)
    level, fault = _sandbox(root, catalog.settings.sandbox if catalog else "auto")
    rows.append(("sandbox", level))
    if fault is not None:
        code, todo = fault.exit_code, fault.hint or fault.message
    if catalog is not None:
        rows += _tests(root, catalog)
        rows.append(("loops", ", ".join(sorted(catalog.loops)) or "none"))
        bound = [_tier(name, models) for name, models in _tiers(catalog)]
        rows += [(f"tier {name}", text) for name, text, _ in bound]
        if not any(usable for _, _, usable in bound) and not todo:
            todo = _next_local()
    if faults:
        rows += [("fault", line) for line in faults]
        code, todo = 2, "mend the faults above: treadle agents validate"
    rows.append(("next", todo or "treadle run --loop NAME, or treadle demo to watch one"))
    width = max(len(name) for name, _ in rows)
    text = "".join(clean(f"{name:<{width}}  {said}\n") for name, said in rows)
    return tell(args, text, code=code, rows=rows)


def _catalog(root: Path) -> tuple[Catalog | None, tuple[str, ...]]:
    from treadle.spec.load import load_catalog

    try:
        return load_catalog(root), ()
    except SpecError as fault:
        return None, fault.faults


def _place(root: Path) -> list[tuple[str, str]]:
    """What treadle is, and where it stands."""
    import platform
    import shutil

    from treadle import __version__
    from treadle.workspace.git import top_level

    git = (
        "git"
        if top_level(root)
        else "no git: the tree is read and written as it is; hooks and conflicts need git"
    )
    return [
        ("treadle", f"{__version__} on Python {platform.python_version()}, {platform.system()}"),
        ("repository", f"{root} ({git if shutil.which('git') else 'the program git is missing'})"),
    ]


_UNWALLED = {
    "clone": "clone, as your settings say: a copy at another path, without a wall",
    "off": "off, as your settings say: in place, without a wall",
}


def _sandbox(
    root: Path, choice: Literal["auto", "overlay", "clone", "off"]
) -> tuple[str, TreadleError | None]:
    """The level of protection that a run would have, or what is missing: the overlay is tried, nothing run in it."""
    import tempfile

    if choice in _UNWALLED:
        return _UNWALLED[choice], None

    from treadle.workspace.base import open_base
    from treadle.workspace.sandbox import open_sandbox

    with tempfile.TemporaryDirectory(prefix="treadle-doctor-") as area:
        try:
            return open_sandbox(root, open_base(root, "tree"), Path(area), choice).level, None
        except TreadleError as fault:
            return f"none: {fault.message}", fault


def _tests(root: Path, catalog: Catalog) -> list[tuple[str, str]]:
    """How the project is tested, and with which Python."""
    from treadle.checks.runners.find import find_runner
    from treadle.workspace.base import open_base
    from treadle.workspace.interpreter import project_python
    from treadle.workspace.view import MergedView

    python = project_python(root, catalog.settings.python)
    rows = [("python", f"{python.path} ({python.origin})")]
    try:
        runner = find_runner(MergedView(open_base(root, "tree")), catalog.settings, str(python.path))
        rows.append(("tests", runner.name))
    except TreadleError as fault:
        rows.append(("tests", f"none found: {fault.message}"))
    return rows


def _tiers(catalog: Catalog) -> list[tuple[str, tuple[object, ...]]]:
    return [(tier.name, tier.models) for tier in catalog.tiers.tiers]


def _tier(name: str, models: tuple[object, ...]) -> tuple[str, str, bool]:
    """A tier's name, what it binds to, and whether a model can be had there."""
    from treadle.models.open import check_available
    from treadle.spec.names import CODE
    from treadle.spec.tiers import ModelEntry

    if name == CODE:
        return name, "solvers; needs no model", False
    said: list[str] = []
    for entry in models:
        assert isinstance(entry, ModelEntry)
        try:
            check_available(entry)
        except ProviderError as fault:
            said.append(f"{entry.name}: {fault.message}")
        else:
            return name, entry.name + (f" at {entry.endpoint}" if entry.endpoint else ""), True
    return name, "; ".join(said) or "no model bound (tiers.yaml)", False


def _next_local() -> str:
    """The command that brings a local model, as far as it is not done yet."""
    from importlib.util import find_spec

    from treadle.models.open import ENGINE

    pull = "treadle models pull qwen2.5-coder-1.5b"
    return f"{pull if find_spec('xllamacpp') else f'{ENGINE} && {pull}'}   (a local model, about 1 GiB)"
