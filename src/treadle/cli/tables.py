"""What set-up found and would bind, as lines of plain text."""

import shutil
import textwrap

from treadle.cli.progress import size
from treadle.session.setup import Found, Offer, Row


def found_rows(found: Found) -> list[tuple[str, str]]:
    """What answers here, each with its name; keys by the names of their variables only."""
    return [
        ("ollama", _ollama(found)),
        ("weights", _weights(found)),
        ("engine", "xllamacpp is installed" if found.engine else "xllamacpp is not installed"),
        ("keys", _keys(found)),
    ]


def table(rows: tuple[Row, ...]) -> str:
    """Two lines for each tier: what answers there, then why, or what is missing."""
    wide = max(len(row.tier) for row in rows)
    text = ""
    for row in rows:
        place = ", ".join(filter(None, (row.where, row.price)))
        head = f"{row.model}  ({place})" if row.model else row.why or "no model"
        text += wrapped(f"  {row.tier:<{wide}}  {head}", " " * (wide + 6))
        below = f"! {row.missing}" if row.missing else row.why if row.model else ""
        if row.others:
            below += f"{'; ' if below else ''}else {', '.join(row.others)}"
        indent = " " * (wide + 4)
        text += wrapped(indent + below, indent) if below else ""
    return text


def wrapped(text: str, indent: str) -> str:
    """The text in lines that fit the terminal, those after the first indented; "" for none."""
    if not text:
        return ""
    width = max(40, min(100, shutil.get_terminal_size().columns - 1))
    lead = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        text.strip(),
        width,
        initial_indent=lead,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
    return "\n".join(lines) + "\n"


def offered(offer: Offer) -> str:
    """An offer in one line: what it is, how large, under which licence."""
    facts = [f"about {size(offer.bytes)}"] if offer.bytes else []
    facts += [f"licence {offer.licence}"] if offer.licence else []
    return f"{offer.about}" + (f" ({', '.join(facts)})" if facts else "")


def _ollama(found: Found) -> str:
    if found.ollama.fault:
        silent = found.ollama.fault.startswith("nobody listens")
        return found.ollama.fault + (" (not installed, or not started)" if silent else "")
    names = [model.name.partition("/")[2] for model in found.ollama.models]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{found.ollama.version} at {found.ollama.place}; " + (
        f"{len(names)} model{'s' if len(names) != 1 else ''}: {shown}" if names else "it has no model yet"
    )


def _weights(found: Found) -> str:
    here = [w.name for w in found.weights if w.here] + [
        f"{m.name.partition('/')[2]} (your own)" for m in found.own_files
    ]
    return ", ".join(here) or "none pulled (treadle models list)"


def _keys(found: Found) -> str:
    if not found.keys:
        return "no provider's key is set"
    named = "; ".join(f"{key.title}: {', '.join(key.variables)}" for key in found.keys)
    return named + ("" if found.litellm else "; litellm, which the cloud needs, is not installed")
