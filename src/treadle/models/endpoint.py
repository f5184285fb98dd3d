"""A model behind an address that the user named: a llama-server, a vLLM, any OpenAI-shaped server."""

import os

from treadle.models import http, judge
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.models.chat import ChatServer, chat
from treadle.protocol.errors import ContextTooLong, Refused
from treadle.spec.tiers import ModelEntry


class EndpointModel:
    """A model at `entry.endpoint`; the part of its name after the first `/` is what the server calls it.

    The key is read from the variable `entry.key_env` at each request. `options.context_tokens` says how
    large the server's window is; a prompt that is surely longer is refused before it is sent.
    """

    def __init__(self, entry: ModelEntry, *, timers: Timers | None = None) -> None:
        self.name = entry.name
        self._entry = entry
        self._timers = timers or Timers()

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The whole reply; its cost is unpriced, for prices are the caller's."""
        window = self._entry.options.get("context_tokens", 0)
        tokens = judge.estimated_tokens(request)
        if isinstance(window, int) and 0 < window < tokens:
            raise ContextTooLong(f"{self.name}: about {tokens} tokens of prompt, and its window has {window}")
        server = ChatServer(
            name=self.name,
            base=self._entry.endpoint.rstrip("/"),
            model=self.name.partition("/")[2] or self.name,
            key=key_of(self._entry),
            options={k: v for k, v in self._entry.options.items() if k != "context_tokens"},
            timers=self._timers,
        )
        return await chat(server, request, on_delta)

    async def close(self) -> None:
        """Nothing is held between requests."""


def check(entry: ModelEntry) -> None:
    """Raises: `Refused` for an address that is none or a key that is not set. Sends nothing."""
    http.split(entry.endpoint)
    key_of(entry)


def key_of(entry: ModelEntry) -> str:
    """The key, "" where the entry names none. Raises: `Refused` when the named variable is empty."""
    if not entry.key_env:
        return ""
    key = os.environ.get(entry.key_env, "").strip()
    if not key:
        raise Refused(
            f"{entry.name}: the key's variable {entry.key_env} is not set", hint=f"export {entry.key_env}=…"
        )
    return key
