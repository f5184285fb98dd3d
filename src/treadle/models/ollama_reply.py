"""A reply of `/api/chat` put together from its lines: text, tool calls, finish, and times in nanoseconds."""

import msgspec
from msgspec import Struct

from treadle.models import faults
from treadle.models.base import ModelReply, OnDelta
from treadle.protocol.errors import ContextTooLong, Malformed, Unreachable
from treadle.protocol.messages import Finish, Json, ToolCall, Usage

_NS = 1e9


class _Function(Struct):
    name: str = ""
    arguments: Json = None


class _Call(Struct):
    function: _Function


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str = ""
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0
    error: Json = None


class Stream:
    """A reply as far as it has come. `began` once a line came, `done` once the server said so."""

    def __init__(self, name: str, on_delta: OnDelta) -> None:
        self.began = False
        self.done = False
        self._name = name
        self._on_delta = on_delta
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        self._last = _Line()

    @property
    def text(self) -> str:
        """The text so far; what the model thought aloud is no part of it."""
        return "".join(self._text)

    def take(self, line: bytes) -> None:
        """Takes one line in. Raises: `Malformed` for what is none, else the error that it tells of."""
        try:
            said = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            words = f"{self._name}: a line of the stream is no answer of an Ollama server: {error}"
            raise Malformed(words, text=self.text) from error
        self.began = True
        if said.error is not None:
            raise self._told(said.error)
        message = said.message or _Message()
        if message.content:
            self._text.append(message.content)
            self._on_delta(message.content)
        for call in message.tool_calls or ():
            self._calls.append(self._closed(call.function))
        if said.done:
            self.done = True
            self._last = said

    def reply(self, cost_usd: float | None) -> ModelReply:
        """The whole reply, its tool calls numbered here. Raises: `Malformed` when the stream ended early."""
        last = self._last
        if not self.done:
            raise Malformed(
                f"{self._name}: the stream ended before the reply was whole; a server ends so what repeats itself",
                text=self.text,
            )
        if last.done_reason not in ("stop", "length", ""):
            raise Malformed(f"{self._name}: the reply ended with {last.done_reason}", text=self.text)
        usage = Usage(
            input_tokens=last.prompt_eval_count,
            output_tokens=last.eval_count,
            cost_usd=cost_usd,
            load_s=last.load_duration / _NS,
            prompt_s=last.prompt_eval_duration / _NS,
            decode_s=last.eval_duration / _NS,
        )
        finish: Finish = "length" if last.done_reason == "length" else "tool_calls" if self._calls else "stop"
        return ModelReply(self.text, self._name, finish, usage, tuple(self._calls))

    def _closed(self, function: _Function) -> ToolCall:
        arguments = function.arguments
        if isinstance(arguments, str):
            try:
                arguments = msgspec.json.decode(arguments or "{}")
            except msgspec.DecodeError:
                pass
        if not function.name or not isinstance(arguments, dict | None):
            raise Malformed(
                f"{self._name}: a tool call without a name or with arguments that are no JSON object",
                text=msgspec.json.encode(function.arguments).decode(),
            )
        return ToolCall(f"call_{len(self._calls) + 1}", function.name, arguments or {})

    def _told(self, error: Json) -> ContextTooLong | Unreachable:
        """The error that a line `{"error": …}` stands for; its status was sent before it was known."""
        words = error if isinstance(error, str) else msgspec.json.encode(error).decode()
        fault = faults.of_event({"message": words, "code": 400}, self._name)
        return fault if isinstance(fault, ContextTooLong) else Unreachable(fault.message)
