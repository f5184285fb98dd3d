"""`ollama/NAME`: a model of an Ollama server, asked through `/api/chat`.

What the server does by itself is asked for in every request, since its defaults cut silently: the window
(`num_ctx`), no dropping of old messages (`truncate`), no shifting of a full window (`shift`). Servers before
0.12.6 know neither of the last two: for them the window is chosen with room to spare, and with any server the
count of the prompt's tokens is looked at. Names, units and behaviour are those of Ollama's sources
(`api/types.go`, `server/routes.go`), tried on the server that `just ollama` builds.
"""

import asyncio
import re

import msgspec

from treadle.models import http, judge, ollama_api
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.models.endpoint import key_of
from treadle.models.http import BrokenOff
from treadle.models.ollama_reply import Stream
from treadle.models.ollama_request import body_of, check_options, fixed_window
from treadle.protocol.errors import (
    ContextTooLong,
    NoSuchModel,
    ProviderError,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Json
from treadle.spec.tiers import ModelEntry

WINDOW = 4096
_SMALLEST_PROMPT = 1024
_FIRST_WITH_SCHEMAS = (0, 5)
_FIRST_WITHOUT_CUTS = (0, 12, 6)
_DEVELOPMENT = (0, 0, 0)
_BUSY_S = 2.0
_SLOWEST_TOKEN_S = 0.04
_HINT_SHORTER = "give this rung a smaller `context_tokens`, or a larger tier"
_MOST_CHARS_PER_TOKEN = 8
_RUN = re.compile(r"\s+|(.)\1{3,}", re.DOTALL)


class Ollama:
    """A model of the server at `entry.endpoint`, else of the user's own server (OLLAMA_HOST).

    Of `entry.options`, `context_tokens` (or Ollama's own word, `num_ctx`) fixes the window, `keep_alive` says how
    long the model stays loaded after a request, `think` is sent as it is; all others go into Ollama's `options`.
    Without a fixed window it is 4096, or more where requests ask so, never more than the model was trained
    on; it only grows, since another window loads the model anew. `threads` is the setting's, for a server on
    this machine; 0 leaves the number to Ollama.
    """

    def __init__(self, entry: ModelEntry, *, threads: int = 0, timers: Timers | None = None) -> None:
        if threads and entry.stays_here:
            entry = msgspec.structs.replace(entry, options={"num_thread": threads, **entry.options})
        self.name = entry.name
        self._entry = entry
        self._base = base_of(entry)
        check_options(entry)
        self._fixed = fixed_window(entry)
        self._timers = timers or Timers()
        self._shown: ollama_api.Shown | None = None
        self._window = 0
        self._cuts = False
        self._waiting: set[asyncio.Timeout] = set()

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The whole reply. It costs nothing when the server is on this machine, else it is unpriced.

        Raises: as `Model.stream` does; `Refused` for tools that the model can't call, which leaves the tier's
        next model; `ValueError` for a request with both a schema and tools.
        """
        if request.schema is not None and request.tools:
            raise ValueError("a request has a schema or tools, never both")
        shown = await self._known()
        self._must_have(shown, request)
        window = self._wide_enough(shown, request)
        got = Stream(self.name, on_delta)
        try:
            await self._ask(request, body_of(self._entry, shown, request, window), got)
        except TimeoutError as error:
            raise Unreachable(self._silent(request, got.began)) from error
        except BrokenOff as error:
            raise Unreachable(
                f"{self.name}: the Ollama server went away in the middle of its reply",
                hint=ollama_api.START_HINT,
            ) from error
        reply = got.reply(0.0 if self._entry.stays_here else None)
        self._must_be_whole(request, reply, window)
        return judge.accepted(request, reply)

    async def close(self) -> None:
        """Nothing is held between requests; the server unloads the model by itself, after `keep_alive`."""

    async def _known(self) -> ollama_api.Shown:
        """What the server says of the model, asked once. Raises: `Refused` where it is sent on elsewhere."""
        if self._shown is not None:
            return self._shown
        key = key_of(self._entry)
        shown = await ollama_api.show(self._base, self._entry.name.partition("/")[2], key=key)
        if shown.remote_host and not self._entry.is_cloud:
            raise Refused(
                f"{self.name} does not answer where its server is: that sends its requests to {shown.remote_host}",
                hint="call it by its own name, whose tag ends in `cloud`, where that is what you want",
            )
        told = await ollama_api.version(self._base, key=key)
        number = _numbers(told)
        if number < _FIRST_WITH_SCHEMAS and number != _DEVELOPMENT:
            raise NoSuchModel(f"the Ollama server is of version {told}; treadle needs 0.5 or newer")
        self._cuts = number < _FIRST_WITHOUT_CUTS and number != _DEVELOPMENT
        self._shown = shown
        return shown

    def _must_have(self, shown: ollama_api.Shown, request: ModelRequest) -> None:
        """Raises: `Refused` when the model lacks what the request needs."""
        can = shown.capabilities
        if can is None:
            return
        if "completion" not in can:
            raise Refused(f"{self.name} is no model that answers; it can: {', '.join(can) or 'nothing'}")
        if request.tools and "tools" not in can:
            raise Refused(
                f"{self.name} can't call tools, by what the server says of it",
                hint="give this rung a `protocol` in place of `tools`, or a model that has them",
            )

    def _wide_enough(self, shown: ollama_api.Shown, request: ModelRequest) -> int:
        """The window to ask for. Raises: `ContextTooLong` when prompt and reply surely don't fit it."""
        tokens = judge.estimated_tokens(request) * (2 if self._cuts else 1)
        need = max(request.context_tokens, tokens if self._cuts else 0, _SMALLEST_PROMPT) + request.max_tokens
        window = self._fixed or max(WINDOW, self._window)
        while not self._fixed and window < need:
            window *= 2
        window = min(window, shown.context_length or window)
        self._window = window
        if tokens + request.max_tokens > window:
            raise ContextTooLong(
                f"{self.name}: about {tokens} tokens of prompt and {request.max_tokens} of reply do not fit "
                f"the window of {window}",
                hint=_HINT_SHORTER,
            )
        return window

    async def _ask(self, request: ModelRequest, body: dict[str, Json], got: Stream) -> None:
        """Feeds the reply to `got`. Raises: `TimeoutError` when nothing came for too long, a `ProviderError`.

        The server is silent while it reads the prompt, so a long one is given longer. While it answers another
        request of this model, this one is in its queue: that is no silence either. A server that looks for tool
        calls or thinking holds text back, so then it has as long between pieces.
        """
        loop = asyncio.get_running_loop()
        first_s = self._first_s(request)
        idle_s = first_s if "tools" in body or self._thinks else self._timers.idle_s
        async with asyncio.timeout(first_s) as timer:
            self._waiting.add(timer)
            try:
                async with http.request(
                    "POST",
                    f"{self._base}/api/chat",
                    ollama_api.headers(key_of(self._entry)),
                    msgspec.json.encode(body),
                ) as reply:
                    if reply.status != 200:
                        raise self._fault(reply, await reply.body())
                    async for line in ollama_api.lines(reply):
                        self._waiting.discard(timer)
                        got.take(line)
                        timer.reschedule(loop.time() + idle_s)
                        for other in self._waiting:
                            other.reschedule(loop.time() + first_s)
                        if got.done:
                            return
            except Unreachable as error:
                error.hint = error.hint or ollama_api.START_HINT
                raise
            finally:
                self._waiting.discard(timer)

    @property
    def _thinks(self) -> bool:
        return self._shown is not None and "thinking" in (self._shown.capabilities or ())

    def _fault(self, reply: http.Reply, body: bytes) -> ProviderError:
        """The error that a refusal stands for, where Ollama's statuses mean their own."""
        key = key_of(self._entry)
        if key:
            body = body.replace(key.encode(), b"(key)")
        error = ollama_api.fault(reply.status, reply.headers, body, self.name)
        if reply.status == 503 and not isinstance(error, RateLimited):
            return RateLimited(error.message, retry_after_s=_BUSY_S)
        if reply.status == 500 and (b"in format" in body or b"invalid format" in body):
            return Refused(error.message)
        if isinstance(error, ContextTooLong):
            error.hint = _HINT_SHORTER
        return error

    def _must_be_whole(self, request: ModelRequest, reply: ModelReply, window: int) -> None:
        """Raises: `ContextTooLong` when the server saw less of the prompt than there was.

        A count that fills the window is what is left after a cut, as no token would be free for the reply.
        Nor has prose or code eight characters to a token, runs of one character left out.
        """
        counted = reply.usage.input_tokens
        least = sum(len(_RUN.sub(" ", m.text)) for m in request.messages) // _MOST_CHARS_PER_TOKEN
        if counted >= window or counted < least:
            cut = ContextTooLong(
                f"{self.name}: the server cut the prompt: it read {counted} tokens of at least {least}, "
                f"in a window of {window}",
                hint="give this rung a smaller `context_tokens`; a newer Ollama refuses where this one cuts",
            )
            cut.usage = reply.usage
            raise cut

    def _first_s(self, request: ModelRequest) -> float:
        return self._timers.first_byte_s + judge.estimated_tokens(request) * _SLOWEST_TOKEN_S

    def _silent(self, request: ModelRequest, began: bool) -> str:
        if began:
            return f"{self.name} fell silent in the middle of its reply"
        return f"{self.name} did not begin to answer within {self._first_s(request):.2g} s"


def base_of(entry: ModelEntry) -> str:
    """The server's address, without a `/` or an API's path at its end."""
    base = entry.endpoint.rstrip("/") or ollama_api.host()
    return base.removesuffix("/v1").removesuffix("/api").rstrip("/")


def check(entry: ModelEntry) -> None:
    """Raises: `Refused` for an address that is none, a key that is not set, options that can't be.

    Sends nothing: whether a server listens and has the model shows at the first request.
    """
    check_options(entry)
    http.split(base_of(entry))
    key_of(entry)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in version.split("-")[0].split(".") if n.isascii() and n.isdigit())
