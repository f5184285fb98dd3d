"""Chat with a server that speaks OpenAI's `/v1/chat/completions`: llama.cpp's own, vLLM, and most others.

The reply streams as server-sent events. A schema is sent as `response_format`; it never goes out together
with tools, since small models then call none.
"""

import asyncio

import msgspec

from treadle.models import faults, http, judge
from treadle.models.assembly import Assembly, EventParser
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.models.wire import message_json, tool_json
from treadle.protocol.errors import Malformed, ProviderError, Unreachable
from treadle.protocol.messages import Json


class ChatServer(msgspec.Struct, frozen=True):
    """Where to ask and how. `base` ends before `/chat/completions`; `model` is the server's name for it.

    `options` are put into each request's body as they are, over treadle's own values. `name` is what
    messages and replies call the model; `progress` asks for llama.cpp's progress events; `free` is a model
    that costs no money, any other is unpriced here.
    """

    name: str
    base: str
    model: str
    key: str = ""
    options: dict[str, Json] = {}
    timers: Timers = Timers()
    progress: bool = False
    free: bool = False


async def chat(server: ChatServer, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
    """The whole reply, streamed to `on_delta`.

    Raises: as `Model.stream` does; `ValueError` for a request with both a schema and tools.
    """
    body = msgspec.json.encode(body_of(server, request))
    got = Assembly(server.name, on_delta)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(server.timers.first_byte_s) as timer:
            async with http.request(
                "POST", f"{server.base}/chat/completions", _headers(server), body
            ) as reply:
                await _must_stream(server, reply)
                parser = EventParser()
                while not got.done and (chunk := await reply.chunk()) is not None:
                    for data in parser.feed(chunk):
                        got.take(data)
                        wait = server.timers.idle_s if got.began else server.timers.first_byte_s
                        timer.reschedule(loop.time() + wait)
    except TimeoutError as error:
        raise Unreachable(_silent(server, got.began)) from error
    return judge.accepted(request, _reply(server, request, got, loop.time() - began))


async def ask_json(server: ChatServer, method: str, url: str, value: Json = None) -> Json:
    """The JSON that the server answers to a small side question. Raises: `ProviderError`."""
    body = b"" if value is None else msgspec.json.encode(value)
    try:
        async with asyncio.timeout(server.timers.first_byte_s):
            async with http.request(method, url, _headers(server), body) as reply:
                data = await reply.body()
    except TimeoutError as error:
        raise Unreachable(_silent(server, began=False)) from error
    if reply.status != 200:
        raise _fault(server, reply, data)
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise Malformed(f"{server.name}: the server answered with what is no JSON") from error


def body_of(server: ChatServer, request: ModelRequest) -> dict[str, Json]:
    """The request's body as JSON values."""
    if request.schema is not None and request.tools:
        raise ValueError("a request has a schema or tools, never both")
    body: dict[str, Json] = {
        "model": server.model,
        "messages": [message_json(m) for m in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.schema is not None:
        form = {"name": "reply", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.tools:
        body["tools"] = [tool_json(t) for t in request.tools]
    if server.progress:
        body["return_progress"] = True
    return body | server.options


def _headers(server: ChatServer) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    if server.key:
        headers["authorization"] = f"Bearer {server.key}"
    return headers


async def _must_stream(server: ChatServer, reply: http.Reply) -> None:
    """Raises what the reply's head stands for, unless it begins a stream of events."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if reply.status == 200 and kind == "text/event-stream":
        return
    body = await reply.body()
    if reply.status != 200:
        raise _fault(server, reply, body)
    text = body.decode(errors="replace")
    raise Malformed(
        f"{server.name}: {kind or 'something'} came where a stream of events was asked for: {faults.short(text)}",
        text=text,
        hint="is this the address of a model server? It usually ends in /v1",
    )


def _fault(server: ChatServer, reply: http.Reply, body: bytes) -> ProviderError:
    """The error that the reply stands for; a server that repeats the key does not make treadle repeat it."""
    if server.key:
        body = body.replace(server.key.encode(), b"(key)")
    return faults.of_reply(reply.status, reply.headers, body, server.name)


def _silent(server: ChatServer, began: bool) -> str:
    timers = server.timers
    if began:
        return f"{server.name} fell silent in the middle of its reply for {timers.idle_s:g} s"
    return f"{server.name} did not begin to answer within {timers.first_byte_s:g} s"


def _reply(server: ChatServer, request: ModelRequest, got: Assembly, seconds: float) -> ModelReply:
    """The reply with its usage filled up where the server counted nothing."""
    maker = server.name.partition("/")[0] if "/" in server.name else ""
    told = server.model if server.free or not got.answered_by else got.answered_by
    reply = got.reply(f"{maker}/{told}" if maker else told)
    usage = reply.usage
    if not usage.input_tokens:
        usage = judge.estimated(request, reply.text)
    if not usage.decode_s:
        usage = msgspec.structs.replace(usage, decode_s=seconds)
    usage = msgspec.structs.replace(usage, cost_usd=0.0 if server.free else None)
    return msgspec.structs.replace(reply, usage=usage)
