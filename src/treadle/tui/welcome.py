"""What stands on the screen before the first run: what this is, what is bound, what to do now."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from treadle.tui.paint import cut, line, mark
from treadle.tui.theme import Palette

if TYPE_CHECKING:
    from treadle.session.records import Recent
    from treadle.session.setup import Row
    from treadle.session.trust import Standing
    from treadle.spec.catalog import Catalog

PURPOSE = (
    "treadle does each step with the cheapest thing that can: code, then a small local model, then a large one, and "
    "climbs only when your tests say no. Nothing reaches your files until it is proven and you have said yes. Stop it "
    "at any step, look, and change its mind."
)
_TRY = (
    ("enter", "on an empty line: mend what fails in this repository's tests"),
    ("a task", "in your own words; a question is answered and changes nothing"),
    ("/setup", "which model serves which tier (none: code mends simple slips)"),
    ("?", "all keys and commands (F1 while you type)"),
)


def earlier(runs: "Sequence[Recent]", width: int) -> list[Content]:
    """The runs of other sittings, newest first: how each ended, its loop and task, how long ago."""
    if not runs:
        return [line(("Nothing ran here yet.", "$dim"))]
    shown = [line(("earlier runs", "$dim")), line("")]
    for run in runs:
        verdict = {"done": "pass", "failed": "fail"}.get(run.outcome, "none")
        sign, style = mark(verdict)
        ago = _ago(time.time() - run.at)
        room = max(8, width - len(run.loop) - len(ago) - 5)
        told = cut(run.task, room)
        shown.append(line((f"{sign} ", style), run.loop, (f"  {told:<{room}} {ago}", "$dim")))
    return shown


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"


def welcome(
    root: Path,
    catalog: "Catalog | None",
    palette: Palette,
    trust: "Standing | None" = None,
    bound: "Sequence[Row]" = (),
) -> list[Content]:
    """The blocks of an idle screen, as far as what is configured is known yet; `trust` is what will be asked for,
    `bound` what answers for each tier."""
    shown = [line((root.name, "bold"), (f"  {root}", "$dim")), line("")]
    shown += [line(PURPOSE), line("")]
    shown += [line((f"  {key:<8}", "$accent bold"), (does, "")) for key, does in _TRY]
    if trust is not None:
        shown += [line(""), *_untrusted(trust)]
    if catalog is None:
        return shown
    shown += [line(""), line(("tiers, cheapest first", "$dim"))]
    missing = {row.tier: row.missing for row in bound}
    for tier in catalog.tiers.tiers:
        names = ", ".join(entry.name for entry in tier.models)
        is_code = not tier.models and tier.name == catalog.tiers.tiers[0].name
        said = names or ("solvers, no model needed" if is_code else "no model bound")
        why = (f"  {missing[tier.name]}", "$held") if names and missing.get(tier.name) else ""
        style = "" if names and not why else "$dim"
        shown.append(line((f"  {tier.name:<8}", palette.tier(tier.name) + " bold"), (said, style), why))
    shown += [line(""), line(("loops", "$dim"))]
    for name, loop in catalog.loops.items():
        shown.append(line((f"  {name:<8}", "bold"), (cut(loop.description, 90), "")))
    return [*shown, line("")]


def _untrusted(trust: "Standing") -> list[Content]:
    """That nothing of the repository holds yet, and what the first run will ask for."""
    from treadle.session.trust import told

    word = "changed since you trusted it" if trust.is_changed else "not trusted yet"
    said = ": nothing of this repository is run, sent or obeyed. The first run asks for this, once:"
    shown = [line((word, "$held bold"), said)]
    return shown + [line((f"  {name:<12}", "$accent"), (text, "$dim")) for name, text in told(trust)]
