"""Prompts: text with placeholders `${name}`, where `$$` is a dollar sign."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\$|\$\{([^}\n]*)\}")


def placeholders(text: str) -> list[tuple[str, int]]:
    """The names that `text` asks for, in order, each with its line counted from 1."""
    return [
        (match[1], text.count("\n", 0, match.start()) + 1)
        for match in _PLACEHOLDER.finditer(text)
        if match[1] is not None
    ]


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with each `${name}` replaced by its value, once: what a value holds is never filled again.

    Raises: `KeyError` for a name that `values` does not have.
    """
    return _PLACEHOLDER.sub(lambda match: "$" if match[1] is None else values[match[1]], text)
