"""A streamed reply put together: server-sent events into text, tool calls, finish and usage."""

import msgspec
from msgspec import Struct

from treadle.models import faults
from treadle.models.base import ModelReply, OnDelta
from treadle.protocol.errors import Malformed, Refused
from treadle.protocol.messages import Finish, Json, ToolCall, Usage

_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class EventParser:
    """Bytes in, the data of each whole event out, in order. Comments and event names are dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """The data of the events that this chunk completes. Raises: `Malformed` for what is no UTF-8."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        done = []
        for raw in lines:
            try:
                line = raw.rstrip(b"\r").decode()
            except UnicodeDecodeError as error:
                raise Malformed("the stream holds bytes that are no UTF-8") from error
            field, _, value = line.partition(":")
            if not line and self._data:
                done.append("\n".join(self._data))
                self._data = []
            elif field in ("data", "error"):
                self._data.append(value.removeprefix(" "))
        return done


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Details(Struct):
    cached_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Timings(Struct):
    cache_n: int = 0
    prompt_ms: float = 0.0
    predicted_ms: float = 0.0


class _Chunk(Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    timings: _Timings | None = None
    model: str | None = None
    error: Json = None
    code: Json = None
    message: str | None = None


class _OpenCall(Struct):
    id: str = ""
    name: str = ""
    arguments: str = ""


class Assembly:
    """A reply as far as it has come. `began` once text or a call came, `done` once the server said so."""

    def __init__(self, name: str, on_delta: OnDelta) -> None:
        self.began = False
        self.done = False
        self._name = name
        self._on_delta = on_delta
        self._text: list[str] = []
        self._calls: dict[int, _OpenCall] = {}
        self._finish = ""
        self._usage = Usage()
        self._model = ""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def take(self, data: str) -> None:
        """Takes one event in. Raises: `Malformed` for what is no chunk, else the error it tells of."""
        if data == "[DONE]":
            self.done = True
            return
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except msgspec.DecodeError as error:
            raise Malformed(
                f"{self._name}: an event of the stream is no chunk: {error}", text=self.text
            ) from error
        if chunk.error is not None:
            raise faults.of_event(chunk.error, self._name)
        if chunk.message and not chunk.choices:
            raise faults.of_event({"message": chunk.message, "code": chunk.code}, self._name)
        self._model = chunk.model or self._model
        self._count(chunk)
        for choice in chunk.choices[:1]:
            self._grow(choice.delta or _Delta())
            self._finish = choice.finish_reason or self._finish

    def reply(self, model: str) -> ModelReply:
        """The whole reply, `model` its name.

        Raises: `Malformed` when the stream ended early, `Refused` when a filter ended it.
        """
        if self._finish == "content_filter":
            raise Refused(f"{self._name}: the provider's filter ended the reply")
        if self._finish not in _FINISHES:
            said = f"with {self._finish}" if self._finish else "before the reply was whole"
            raise Malformed(f"{self._name}: the stream ended {said}", text=self.text)
        finish = _FINISHES[self._finish]
        if finish == "length":
            return ModelReply(self.text, model, finish, self._usage)
        calls = tuple(self._closed(i, call) for i, call in sorted(self._calls.items()))
        return ModelReply(self.text, model, "tool_calls" if calls else "stop", self._usage, calls)

    @property
    def answered_by(self) -> str:
        """The model's name as the server gave it, "" where it gave none."""
        return self._model

    def _grow(self, delta: _Delta) -> None:
        if delta.content:
            self.began = True
            self._text.append(delta.content)
            self._on_delta(delta.content)
        for piece in delta.tool_calls or ():
            self.began = True
            call = self._calls.setdefault(piece.index, _OpenCall())
            call.id = call.id or piece.id or ""
            if piece.function:
                call.name += piece.function.name or ""
                call.arguments += piece.function.arguments or ""

    def _count(self, chunk: _Chunk) -> None:
        usage = self._usage
        if chunk.usage:
            cached = chunk.usage.prompt_tokens_details
            usage = msgspec.structs.replace(
                usage,
                input_tokens=chunk.usage.prompt_tokens,
                output_tokens=chunk.usage.completion_tokens,
                cached_tokens=(cached.cached_tokens or 0) if cached else usage.cached_tokens,
            )
        if chunk.timings:
            usage = msgspec.structs.replace(
                usage,
                cached_tokens=chunk.timings.cache_n or usage.cached_tokens,
                prompt_s=chunk.timings.prompt_ms / 1000,
                decode_s=chunk.timings.predicted_ms / 1000,
            )
        self._usage = usage

    def _closed(self, index: int, call: _OpenCall) -> ToolCall:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Json])
        except msgspec.DecodeError as error:
            raise Malformed(
                f"{self._name}: the arguments of its call to {call.name or '?'} are no JSON object: {error}",
                text=call.arguments,
            ) from error
        if not call.name:
            raise Malformed(f"{self._name}: a tool call without a name", text=call.arguments)
        return ToolCall(call.id or f"call_{index + 1}", call.name, arguments)
