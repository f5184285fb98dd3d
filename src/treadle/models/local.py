"""`local/NAME`: a GGUF model in llama.cpp, in a child process that is started at the first request.

The child stays for the model's life; it is started anew when it died, fell silent, or a request needs a
larger window. One request runs at a time; others wait their turn before their timers start.
"""

import asyncio
from pathlib import Path

import msgspec

from treadle.models import local_child
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.models.chat import ChatServer, ask_json, body_of, chat
from treadle.models.http import BrokenOff
from treadle.models.weights import installed
from treadle.protocol.errors import ContextTooLong, NoSuchModel, Refused, Unreachable
from treadle.protocol.messages import Json
from treadle.spec.tiers import ModelEntry

WINDOW = 4096
_SMALLEST_PROMPT = 1024
_OWN_OPTIONS = ("context_tokens", "threads")
_TEMPLATE_BYTES = 512
_MESSAGE_BYTES = 32
_LAST_BREATH_S = 1.0


class LocalModel:
    """An embedded model. `options.context_tokens` fixes its window; else 4096, or more where requests ask so.

    The window is never smaller than a request's `context_tokens` and `max_tokens` together, and a prompt is
    refused, not cut, when it does not fit with its reply.
    """

    def __init__(self, entry: ModelEntry, *, threads: int = 0, timers: Timers | None = None) -> None:
        self.name = entry.name
        self._fixed = _whole(entry, "context_tokens")
        self._threads = threads or _whole(entry, "threads")
        self._timers = timers or Timers()
        self._options = {k: v for k, v in entry.options.items() if k not in _OWN_OPTIONS}
        self._child: local_child.Child | None = None
        self._window = 0
        self._load_s = 0.0
        self._turn = asyncio.Lock()

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The whole reply; the time to load the weights is in the first one's `usage.load_s`."""
        async with self._turn:
            child = await self._ready(self._wanted(request))
            server = self._server(child)
            try:
                await self._must_fit(server, request)
                reply = await chat(server, request, on_delta)
            except (Unreachable, BrokenOff) as error:
                raise await self._buried(child, error) from error
            load_s, self._load_s = self._load_s, 0.0
        usage = msgspec.structs.replace(reply.usage, load_s=load_s)
        return msgspec.structs.replace(reply, usage=usage)

    async def close(self) -> None:
        """Ends the child, and with it whatever it computes."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    @property
    def pid(self) -> int:
        """The child's process id, 0 while there is none."""
        return self._child.pid if self._child else 0

    def _wanted(self, request: ModelRequest) -> int:
        if self._fixed:
            return self._fixed
        need = max(request.context_tokens, _SMALLEST_PROMPT) + request.max_tokens
        window = WINDOW
        while window < need:
            window *= 2
        return window

    async def _ready(self, window: int) -> local_child.Child:
        if self._child is not None and self._child.alive and self._child.context_tokens >= window:
            return self._child
        await self.close()
        weights = find(self.name)
        child = await local_child.start(weights, self.name, window, self._threads)
        self._child = child
        self._load_s = child.load_s
        try:
            trained = _trained_on(await ask_json(self._server(child), "GET", f"{child.base}/v1/models"))
        except BaseException:
            await self.close()
            raise
        self._window = min(window, trained or window)
        return child

    def _server(self, child: local_child.Child) -> ChatServer:
        return ChatServer(
            name=self.name,
            base=f"{child.base}/v1",
            model=self.name.removeprefix("local/"),
            key=child.key,
            options=self._options,
            timers=self._timers,
            progress=True,
            free=True,
        )

    async def _must_fit(self, server: ChatServer, request: ModelRequest) -> None:
        """Raises: `ContextTooLong` when prompt and reply don't fit; counts only where bytes leave it open."""
        body = body_of(server, request)
        texts = sum(len(m.text.encode()) + _MESSAGE_BYTES for m in request.messages)
        if not request.tools and texts + _TEMPLATE_BYTES + request.max_tokens <= self._window:
            return
        root = server.base.removesuffix("/v1")
        asked = {k: body[k] for k in ("messages", "tools") if k in body}
        prompt = await ask_json(server, "POST", f"{root}/apply-template", asked)
        counted = await ask_json(
            server, "POST", f"{root}/tokenize", {"content": prompt["prompt"], "parse_special": True}
        )
        tokens = len(counted["tokens"])
        if tokens + request.max_tokens > self._window:
            raise ContextTooLong(
                f"{self.name}: {tokens} tokens of prompt and {request.max_tokens} of reply do not fit "
                f"the window of {self._window}",
                hint="give this rung a smaller `context_tokens`, or a larger tier",
            )

    async def _buried(
        self, child: local_child.Child, error: Unreachable | BrokenOff
    ) -> Unreachable | BrokenOff:
        """The error to raise, after the child that failed was ended: the next call starts a new one."""
        crashed = await child.ended(_LAST_BREATH_S)
        await self.close()
        if not crashed:
            return error
        return Unreachable(f"{self.name}: {child.last_words()}", hint="the next request starts it again")


def find(name: str) -> Path:
    """The weights that `local/NAME` means. Raises: `NoSuchModel` with the way to get them."""
    from treadle.models.weights import folder, known

    path = installed(name)
    if path is not None:
        return path
    weights = known(name)
    hint = f"treadle models pull {weights.aliases[0]}" if weights else f"put {name[6:]}.gguf into {folder()}"
    raise NoSuchModel(f"the weights of {name} are not on this machine", hint=hint)


def _trained_on(models: Json) -> int:
    """The window that the model was trained on, 0 where the server does not say."""
    try:
        return int(models["data"][0]["meta"]["n_ctx_train"])
    except (KeyError, IndexError, TypeError, ValueError):
        return 0


def _whole(entry: ModelEntry, option: str) -> int:
    value = entry.options.get(option, 0)
    if type(value) is not int or value < 0:
        raise Refused(f"{entry.name}: the option {option} must be a whole number, not {value!r}")
    return value
