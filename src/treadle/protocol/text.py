"""Text that leaves treadle: to a terminal only its own control sequences, to JSON and to models only valid text."""

import os
import re
import sys
from typing import Any

import msgspec

from treadle.protocol.errors import Unprinted

_SURROGATES = re.compile("[\ud800-\udfff]")

_VISIBLE = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)}
_VISIBLE[0x7F] = 0x2421
_VISIBLE.update({code: 0xFFFD for code in range(0x80, 0xA0)})
_VISIBLE.update(dict.fromkeys((0xAD, 0x61C, 0x180E, 0xFEFF), 0xFFFD))
for _first, _last in (
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFFF9, 0xFFFB),
    (0xD800, 0xDFFF),
    (0xE0000, 0xE007F),
):
    _VISIBLE.update({code: 0xFFFD for code in range(_first, _last + 1)})


def clean(text: str) -> str:
    """The text with control, bidirectional, zero-width, tag and line-ending characters made visible; newline and tab
    stay."""
    return text.translate(_VISIBLE)


def valid(value: Any) -> Any:
    """The value (text, or lists, tuples and mappings of such) with U+FFFD for each lone surrogate, which is how bytes
    that are no UTF-8 come; anything else as it is."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {valid(key): valid(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [valid(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(valid(inner) for inner in value)
    return value


def encode_json(value: Any) -> bytes:
    """The value as one line of JSON, without the line's end; text in it that is not `valid` is made so."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(valid(msgspec.to_builtins(value)))


def put(text: str | bytes) -> None:
    """Puts a text or the very bytes on stdout, at once.

    Raises: `BrokenPipeError` where the reader has gone, `Unprinted` where stdout does not take it for another
    reason; what is put there after either goes nowhere.
    """
    data = text if isinstance(text, bytes) else text.encode(sys.stdout.encoding or "utf-8", "replace")
    try:
        sys.stdout.flush()
        while data:
            data = data[sys.stdout.buffer.write(data) :]
        sys.stdout.flush()
    except OSError as refused:
        _drop_stdout()
        if isinstance(refused, BrokenPipeError):
            raise
        why = refused.strerror or type(refused).__name__
        raise Unprinted(f"the result could not be printed: {why}") from None


def _drop_stdout() -> None:
    """What stdout still holds must not fail once more at the interpreter's end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass
