"""A request to `/api/chat`: its body, and what of an entry's options is treadle's own business."""

import msgspec

from treadle.models import ollama_api
from treadle.models.base import ModelRequest
from treadle.protocol.errors import Refused
from treadle.protocol.messages import Json, Message
from treadle.spec.tiers import ModelEntry

KEEP_ALIVE = "10m"
_OWN_OPTIONS = ("context_tokens", "num_ctx", "keep_alive", "think")


def body_of(
    entry: ModelEntry, shown: ollama_api.Shown, request: ModelRequest, window: int
) -> dict[str, Json]:
    """The request's body as JSON values; `entry.options` go over treadle's own values."""
    options: dict[str, Json] = {
        "num_ctx": window,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if request.stop:
        options["stop"] = list(request.stop)
    body: dict[str, Json] = {
        "model": ollama_api.plain(entry.name),
        "messages": messages_of(request.messages),
        "stream": True,
        "truncate": False,
        "shift": False,
        "keep_alive": entry.options.get("keep_alive", KEEP_ALIVE),
        "options": options | {k: v for k, v in entry.options.items() if k not in _OWN_OPTIONS},
    }
    if request.schema is not None:
        body["format"] = request.schema
    if request.tools:
        body["tools"] = [{"type": "function", "function": msgspec.to_builtins(t)} for t in request.tools]
    if "think" in entry.options:
        body["think"] = entry.options["think"]
    elif request.schema is not None and "thinking" in (shown.capabilities or ()):
        body["think"] = False
    return body


def messages_of(messages: tuple[Message, ...]) -> list[Json]:
    """The messages as Ollama takes them: a tool's result names its tool, since ids came late to Ollama."""
    names: dict[str, str] = {}
    said: list[Json] = []
    for message in messages:
        value: dict[str, Json] = {"role": message.role, "content": message.text}
        if message.tool_calls:
            names |= {c.id: c.name for c in message.tool_calls}
            value["tool_calls"] = [
                {"id": c.id, "function": {"name": c.name, "arguments": c.arguments}}
                for c in message.tool_calls
            ]
        if message.role == "tool":
            value["tool_call_id"] = message.tool_call_id
            value["tool_name"] = names.get(message.tool_call_id, "")
        said.append(value)
    return said


def fixed_window(entry: ModelEntry) -> int:
    """The window that the entry fixes, by treadle's word or Ollama's; 0 for none. Raises: `Refused`."""
    return _whole(entry, "context_tokens") or _whole(entry, "num_ctx")


def check_options(entry: ModelEntry) -> None:
    """Raises: `Refused` for options that can't be."""
    fixed_window(entry)
    value = entry.options.get("keep_alive", KEEP_ALIVE)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refused(
            f'{entry.name}: the option keep_alive must be a time as in "10m" or seconds, not {value!r}'
        )


def _whole(entry: ModelEntry, option: str) -> int:
    value = entry.options.get(option, 0)
    if type(value) is not int or value < 0:
        raise Refused(f"{entry.name}: the option {option} must be a whole number, not {value!r}")
    return value
