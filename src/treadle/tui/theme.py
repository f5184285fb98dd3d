"""Colours: one per tier everywhere, and few others. Themes of our own, the terminal's own, and Textual's."""

from collections.abc import Sequence

from textual.theme import Theme

DARK = Theme(
    name="treadle",
    primary="#6cb6ff",
    secondary="#c297ff",
    accent="#e8c07d",
    foreground="#c9ccd4",
    background="#15161c",
    surface="#191b22",
    panel="#20232c",
    success="#6fd6a0",
    warning="#e8c07d",
    error="#ec6a7a",
    dark=True,
)
LIGHT = Theme(
    name="treadle-light",
    primary="#0b62c4",
    secondary="#7a3fc2",
    accent="#8a5a00",
    foreground="#24262c",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e9e6df",
    success="#1d7a46",
    warning="#8a5a00",
    error="#b3263a",
    dark=False,
)
OWN = (DARK, LIGHT)
TERMINAL = "ansi-dark"
"""Textual's theme in the sixteen colours that the user's terminal is set to."""

_ON_DARK = {
    "ok": "#7fe05a",
    "bad": "#f2607a",
    "held": "#e8c07d",
    "dim": "#82868f",
    "faint": "#4a4e58",
    "added": "#8be3a6",
    "added-back": "#16291d",
    "removed": "#f0949e",
    "removed-back": "#2c181c",
}
_ON_LIGHT = {
    "ok": "#1d7a46",
    "bad": "#b3263a",
    "held": "#8a5a00",
    "dim": "#686b72",
    "faint": "#b9b5ab",
    "added": "#12592f",
    "added-back": "#dff2e3",
    "removed": "#8c1a2c",
    "removed-back": "#f8dfe2",
}
_ON_TERMINAL = {
    "ok": "ansi_green",
    "bad": "ansi_red",
    "held": "ansi_yellow",
    "dim": "ansi_bright_black",
    "faint": "ansi_bright_black",
    "added": "ansi_green",
    "added-back": "ansi_default",
    "removed": "ansi_red",
    "removed-back": "ansi_default",
}
_TIERS_ON_DARK = ("#6fd6a0", "#6cb6ff", "#c297ff", "#f0a070", "#e8c07d", "#f2789f")
_TIERS_ON_LIGHT = ("#1d7a46", "#0b62c4", "#7a3fc2", "#b4511a", "#8a5a00", "#b3265f")
_TIERS_ON_TERMINAL = ("ansi_green", "ansi_blue", "ansi_magenta", "ansi_yellow", "ansi_cyan", "ansi_red")


def variables(theme: Theme) -> dict[str, str]:
    """The colours of treadle's own by name, as they go with a theme: `$tier-1` (the cheapest) to `$tier-6`, …"""
    if theme.name.startswith("ansi"):
        own, tiers = _ON_TERMINAL, _TIERS_ON_TERMINAL
    elif theme.dark:
        own, tiers = _ON_DARK, _TIERS_ON_DARK
    else:
        own, tiers = _ON_LIGHT, _TIERS_ON_LIGHT
    return own | {f"tier-{number}": colour for number, colour in enumerate(tiers, 1)}


class Palette:
    """The style of each tier by its place in the ladder's order, cheapest first."""

    def __init__(self, tiers: Sequence[str] = ()) -> None:
        self._places = {name: number for number, name in enumerate(tiers)}

    def tier(self, name: str) -> str:
        """The style's name; what is no tier of the ladder is dim."""
        place = self._places.get(name)
        return "$dim" if place is None else f"$tier-{place % len(_TIERS_ON_DARK) + 1}"
