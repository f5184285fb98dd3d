"""What can be read out of a reply without changing a value in it."""

import re

import msgspec

from treadle.protocol.errors import Malformed
from treadle.protocol.messages import Json

_FENCE = re.compile(r"```[ \t]*([\w+-]*)[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)


def json_of(text: str) -> Json:
    """The JSON value of a reply; fences and prose around it are left out, nothing in it is changed.

    Raises: `Malformed` when there is none, with what came.
    """
    inner = [m.group(2) for m in _FENCE.finditer(text)]
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        inner.append(text[start : end + 1])
    for piece in (text, *inner):
        try:
            return msgspec.json.decode(piece.strip().encode("utf-8", "replace"))
        except msgspec.DecodeError:
            continue
    what = "nothing" if not text.strip() else f"{text.strip()[:80]!r}"
    raise Malformed(f"the reply holds no JSON: {what}", text=text)


def text_field(output: Json, key: str) -> str:
    """The field of an output as text, "" where it has none."""
    return str(output.get(key, "")) if isinstance(output, dict) else ""


def stand_in(text: str) -> Json:
    """What a person gave in place of an output: its JSON value where it is JSON, else the text, None for none."""
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return text


def code_of(text: str) -> str:
    """The code of a reply: the first fence's, else the whole text. Raises `Malformed` when it is empty."""
    match = _FENCE.search(text)
    code = match.group(2) if match else text
    if not code.strip():
        raise Malformed("the reply holds no code", text=text)
    return code.rstrip() + "\n"
