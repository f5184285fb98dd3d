"""`treadle doctor`: what is here, which tier binds to what, the next thing to do. Runs nothing of the repository."""

import argparse
import sys
from pathlib import Path

from treadle.cli.arguments import add_output, tell
from treadle.protocol.errors import SpecError, TreadleError
from treadle.session.setup import Binding, Found
from treadle.spec.catalog import Catalog

Rows = list[tuple[str, str]]


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `doctor` to the command line."""
    parser = sub.add_parser("doctor", help="what is here, and the next thing to do", allow_abbrev=False)
    add_output(parser)
    parser.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code: 0 when a loop can run here on code at least, else that of what is missing."""
    import asyncio

    from treadle.cli.doctor_here import place_rows, sandbox, test_rows
    from treadle.cli.tables import found_rows, wrapped
    from treadle.protocol.text import clean
    from treadle.session.setup import probe
    from treadle.workspace.git import find_root

    root = find_root(Path.cwd())
    catalog, faults = _catalog(root)
    found = asyncio.run(probe(root))
    level, unwalled = sandbox(root, catalog.settings.sandbox if catalog else "auto")
    rows: Rows = [*place_rows(root), ("trust", _trust(root)), ("sandbox", level)]
    untested: TreadleError | None = None
    if catalog is not None:
        tests, untested = test_rows(root, catalog)
        rows += [*tests, ("loops", ", ".join(sorted(catalog.loops)) or "none")]
    rows += found_rows(found)
    models = ""
    if catalog is not None:
        tiers, models = _tiers(found, catalog)
        rows += tiers
    rows += [("fault", line) for line in faults]
    code = 2 if faults else unwalled.exit_code if unwalled else 0
    rows.append(("next", _next(root, faults, unwalled, untested, models)))
    width = max(len(name) for name, _ in rows)
    # A terminal gets lines that fit it; a pipe a line for each row.
    at_terminal = sys.stdout.isatty()
    lines = [clean(f"{name:<{width}}  {said}") for name, said in rows]
    text = "".join(wrapped(line, " " * (width + 2)) if at_terminal else f"{line}\n" for line in lines)
    return tell(args, text, code=code, rows=rows)


def _trust(root: Path) -> str:
    from treadle.session.trust import VARIABLE, is_waived, standing

    if is_waived():
        return f"{VARIABLE}=1: every run here is trusted"
    now = standing(root)
    if now.is_trusted:
        return "trusted as it is now"
    word = "changed since you trusted it" if now.is_changed else "not trusted yet"
    return f"{word}: a run asks first (treadle trust shows what for)"


def _catalog(root: Path) -> tuple[Catalog | None, tuple[str, ...]]:
    from treadle.spec.load import load_catalog

    try:
        return load_catalog(root), ()
    except SpecError as fault:
        return None, fault.faults


def _next(
    root: Path,
    faults: tuple[str, ...],
    unwalled: TreadleError | None,
    untested: TreadleError | None,
    models: str,
) -> str:
    """The one next thing: what stands in the way of any run comes before what makes a run better."""
    if faults:
        return "mend the faults above: treadle agents validate"
    if unwalled is not None:
        return unwalled.hint or unwalled.message
    if models:
        return models
    if untested is not None:
        from treadle.workspace.git import top_level

        if top_level(root) is None:
            return "cd to your project   (or treadle demo to watch a first run)"
        return untested.hint or untested.message
    from treadle.session.setup import install_command, is_installed

    if not is_installed("textual"):
        return f"treadle run --loop NAME   (for the screen: {install_command('textual')})"
    return "treadle   (or treadle run --loop NAME without a screen; treadle demo to watch one)"


def _tiers(found: Found, catalog: Catalog) -> tuple[Rows, str]:
    """The setting about the cloud and each tier with the alternative that would answer; and what is next."""
    from treadle.session.setup import next_thing, rows, standing

    binding = standing(found, catalog.tiers, catalog.settings.cloud)
    told: Rows = [("cloud", _cloud(found, binding))]
    for row in rows(found, binding):
        if not row.model:
            told.append((f"tier {row.tier}", row.missing or row.why))
            continue
        place = ", ".join(filter(None, (row.where, row.price)))
        said = f"{row.missing} (no model answers)" if row.missing else f"{row.model} ({place})"
        if row.missing and row.model not in row.missing:
            said = f"{row.model}: {said}"
        others = f"; else {', '.join(row.others)}" if row.others and not row.missing else ""
        told.append((f"tier {row.tier}", said + others))
    return told, next_thing(found, binding)


def _cloud(found: Found, binding: Binding) -> str:
    if found.offline:
        return "never: your settings say `offline: true`"
    if not found.cloud:
        from treadle.session.setup import clouds

        return f"{binding.cloud}: " + ("treadle setup asks" if clouds(found) else "no key is set")
    narrowed = f"; the repository narrows your `{found.cloud}`" if found.cloud != binding.cloud else ""
    return f"{binding.cloud}, as your settings say{narrowed}"
