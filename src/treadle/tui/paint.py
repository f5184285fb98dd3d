"""How things look as text: every word from a file or a model passes through here and is never markup."""

from collections.abc import Sequence

from textual.content import Content

from treadle.protocol.text import clean

Part = str | tuple[str, str] | Content

MARKS = {"pass": "✔", "fail": "✘", "error": "!", "none": "?"}
MARK_STYLES = {"pass": "$ok", "fail": "$bad", "error": "$held", "none": "$held"}

_SPARKS = " ▁▂▃▄▅▆▇█"


def line(*parts: Part) -> Content:
    """The parts side by side: plain text, a text with a style, or what is painted already."""
    painted: list[str | Content | tuple[str, str]] = []
    for part in parts:
        if isinstance(part, tuple):
            painted.append((clean(part[0]), part[1]))
        else:
            painted.append(clean(part) if isinstance(part, str) else part)
    return Content.assemble(*painted)


def lines(parts: Sequence[Content]) -> Content:
    """The parts one below another."""
    return Content("\n").join(parts)


def mark(verdict: str) -> tuple[str, str]:
    """A verdict's sign and style; a word that an agent declared has a dot, one still open a circle."""
    if not verdict:
        return "○", "$dim"
    return MARKS.get(verdict, "•"), MARK_STYLES.get(verdict, "$ok")


def seconds(value: float) -> str:
    """A time as a person reads it, at most six characters wide below an hour."""
    if value < 0.0005:
        return "0s"
    if value < 99.95:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def money(value: float | None) -> str:
    """USD to four places, `unpriced` where it is not known."""
    return "unpriced" if value is None else f"${value:.4f}"


def count(value: int) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


def bar(part: float, whole: float, width: int) -> tuple[str, str]:
    """A bar of `width` cells in two pieces: what is filled and what is left."""
    filled = round(width * min(1.0, part / whole)) if whole > 0 else 0
    filled = max(filled, 1 if part > 0 else 0)
    return "█" * filled, "░" * (width - filled)


def spark(values: Sequence[float], width: int) -> str:
    """The last `width` values as a row of bars, the highest full."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return ""
    return "".join(_SPARKS[max(1, round(8 * value / top))] for value in shown)


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` of the values do not pass, by nearest rank; 0 for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))] if ranked else 0.0


def cut(text: str, width: int) -> str:
    """The text's first line within `width` characters, an ellipsis where something is left out."""
    first, _, rest = text.strip().partition("\n")
    return first if len(first) <= width and not rest else first[: max(0, width - 1)] + "…"
