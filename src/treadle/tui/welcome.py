"""What stands on the screen before the first run: what this is, what is bound, what to do now."""

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from treadle.tui.paint import cut, line
from treadle.tui.theme import Palette

if TYPE_CHECKING:
    from treadle.spec.catalog import Catalog

PURPOSE = (
    "treadle does each step with the cheapest thing that can: code, then a small local model, then a large one, and "
    "climbs only when your tests say no. Nothing reaches your files until it is proven and you have said yes. Stop it "
    "at any step, look, and change its mind."
)
_TRY = (
    ("enter", "on an empty line: mend what fails in this repository's tests, if anything does"),
    ("a task", "what you want done, in your own words; a question is answered and changes nothing"),
    ("/setup", "which model serves which tier; without any, code mends simple slips only"),
    ("?", "all keys and commands (F1 while you type)"),
)


def welcome(root: Path, catalog: "Catalog | None", palette: Palette) -> list[Content]:
    """The blocks of an idle screen, as far as what is configured is known yet."""
    shown = [line((root.name, "bold"), (f"  {root}", "$dim")), line("")]
    shown += [line(PURPOSE), line("")]
    shown += [line((f"  {key:<8}", "$accent bold"), (does, "")) for key, does in _TRY]
    if catalog is None:
        return shown
    shown += [line(""), line(("tiers, cheapest first", "$dim"))]
    for tier in catalog.tiers.tiers:
        names = ", ".join(entry.name for entry in tier.models)
        is_code = not tier.models and tier.name == catalog.tiers.tiers[0].name
        said = names or ("solvers, no model needed" if is_code else "no model bound")
        shown.append(
            line((f"  {tier.name:<8}", palette.tier(tier.name) + " bold"), (said, "" if names else "$dim"))
        )
    shown += [line(""), line(("loops", "$dim"))]
    for name, loop in catalog.loops.items():
        shown.append(line((f"  {name:<8}", "bold"), (cut(loop.description, 90), "")))
    return shown
