"""The one protocol that every model provider is reached through."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from treadle.protocol.messages import Finish, Json, Message, ToolCall, Usage


class ToolSchema(Struct, frozen=True):
    """A tool as a model is told of it; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Json]


class ModelRequest(Struct, frozen=True, omit_defaults=True):
    """One request, whole. `schema` constrains the reply's text to JSON of that schema.

    `context_tokens` is the window asked for (0: the model's own), `max_tokens` the reply's limit.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    schema: dict[str, Json] | None = None
    tools: tuple[ToolSchema, ...] = ()
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    context_tokens: int = 0
    seed: int = 0


class ModelReply(Struct, frozen=True, omit_defaults=True):
    """One reply, whole. `model` is the name of the model that really answered."""

    text: str
    model: str
    finish: Finish
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()


class Timers(Struct, frozen=True):
    """Seconds until the first byte of a reply, and between two pieces of it, before it counts as fallen silent."""

    first_byte_s: float = 120.0
    idle_s: float = 30.0


OnDelta = Callable[[str], None]


class Model(Protocol):
    """A model that answers. Cancelling the task that awaits `stream` ends the request at once."""

    name: str

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The whole reply; each piece of its text goes to `on_delta` as it comes.

        Raises: a `ProviderError` of the kind that `protocol.errors` lists; `CutOff` when the reply
        ended at `max_tokens`, `Malformed` when a schema was asked for and the text is not JSON.
        """
        ...

    async def close(self) -> None:
        """Ends whatever the model holds: connections, a child process. Safe to call twice."""
        ...
