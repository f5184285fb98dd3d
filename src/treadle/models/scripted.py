"""`scripted/FILE`: a model that answers from a YAML file, for tests and documentation. It thinks nothing.

FILE is an absolute path. It holds `replies:`, a list. A request takes the first entry that was not used yet
and whose conditions hold; an entry without conditions fits every request.

    replies:
      - when: divide                 # a text or a list of texts: all stand in the last user message
        anywhere: [python, tests]    # the same for the whole conversation, the system message included
        text: "Division by zero."    # the reply; or json: {…}, given as JSON text
        repeat: true                 # the entry is not used up (else: once)
        delay_s: 0.5                 # seconds before the first piece
        chunks: 3                    # pieces the text streams in
        usage: {input_tokens: 10, output_tokens: 2, cost_usd: 0.01}     # else estimated, at no cost
        finish: length               # stop (default) or length: the reply ended at its limit
      - tool_calls: [{name: read, arguments: {path: a.py}}]
      - error: rate-limited          # a fault instead of a reply
        retry_after_s: 2

Faults: `unreachable`, `no such model`, `refused`, `rate-limited`, `context too long`, `cut off`,
`malformed`, `hang` (silence until the timers or a cancellation end it). A fault's `text` streams first.
What is used up is remembered by the opened model, not by the file.
"""

import asyncio
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from treadle.models import judge
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.protocol.errors import (
    ContextTooLong,
    CutOff,
    Malformed,
    NoSuchModel,
    ProviderError,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Finish, Json, ToolCall, Usage
from treadle.spec.tiers import ModelEntry

Fault = Literal[
    "unreachable",
    "no such model",
    "refused",
    "rate-limited",
    "context too long",
    "cut off",
    "malformed",
    "hang",
]
_ERRORS: dict[str, type[ProviderError]] = {
    "unreachable": Unreachable,
    "no such model": NoSuchModel,
    "refused": Refused,
    "rate-limited": RateLimited,
    "context too long": ContextTooLong,
}


class Call(Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call that the reply asks for."""

    name: str
    arguments: dict[str, Json] = {}


class Used(Struct, frozen=True, forbid_unknown_fields=True):
    """The usage that the reply claims; what is left out is estimated."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float = 0.0


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `replies`, as the module's docstring tells."""

    when: str | list[str] = []
    anywhere: str | list[str] = []
    repeat: bool = False
    text: str = ""
    json: Any | UnsetType = UNSET
    tool_calls: list[Call] = []
    delay_s: float = 0.0
    chunks: int = 1
    usage: Used = Used()
    finish: Literal["stop", "length"] = "stop"
    error: Fault | None = None
    retry_after_s: float | None = None

    def fits(self, last: str, whole: str) -> bool:
        """Whether the conditions hold for the last user message and for the conversation."""
        return all(t in last for t in _texts(self.when)) and all(t in whole for t in _texts(self.anywhere))

    @property
    def said(self) -> str:
        """The reply's text."""
        return self.text if self.json is UNSET else msgspec.json.encode(self.json).decode()


class _Script(Struct, frozen=True, forbid_unknown_fields=True):
    replies: list[Entry]


class ScriptedModel:
    """A model that answers from a file, read when the model is opened."""

    def __init__(self, entry: ModelEntry, *, timers: Timers | None = None) -> None:
        self.name = entry.name
        self._entries = load(entry.name)
        self._timers = timers or Timers()
        self._used: set[int] = set()
        self._calls = 0

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The next fitting entry's reply or fault. Raises: `Refused` when no entry is left that fits."""
        if request.schema is not None and request.tools:
            raise ValueError("a request has a schema or tools, never both")
        entry = self._next(request)
        text = entry.said
        await self._wait(entry.delay_s, self._timers.first_byte_s)
        for piece in _pieces(text, entry.chunks):
            on_delta(piece)
            await asyncio.sleep(0)
        if entry.error is not None:
            await self._fail(entry, text)
        finish: Finish = "tool_calls" if entry.tool_calls and entry.finish == "stop" else entry.finish
        reply = ModelReply(text, self.name, finish, _usage(request, entry, text), self._tool_calls(entry))
        return judge.accepted(request, reply)

    async def close(self) -> None:
        """Nothing is held."""

    def _next(self, request: ModelRequest) -> Entry:
        last = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
        whole = "\n".join(m.text for m in request.messages)
        for i, entry in enumerate(self._entries):
            if i not in self._used and entry.fits(last, whole):
                if not entry.repeat:
                    self._used.add(i)
                return entry
        left = len(self._entries) - len(self._used)
        raise Refused(
            f"{self.name}: no reply is left for this request ({left} of {len(self._entries)} unused, none fits)",
            hint=f"add an entry for: {last[:80]!r}",
        )

    async def _fail(self, entry: Entry, text: str) -> None:
        why = f"{self.name}: scripted fault, {entry.error}"
        if entry.error == "cut off":
            raise CutOff(why, text=text)
        if entry.error == "malformed":
            raise Malformed(why, text=text)
        if entry.error == "hang":
            await self._wait(float("inf"), self._timers.idle_s if text else self._timers.first_byte_s)
        raise _ERRORS[entry.error or ""](why, retry_after_s=entry.retry_after_s)

    async def _wait(self, seconds: float, at_most: float) -> None:
        """Waits. Raises: `Unreachable` when it would be longer than the timer allows."""
        if seconds > 0:
            await asyncio.sleep(min(seconds, at_most))
        if seconds > at_most:
            raise Unreachable(f"{self.name} fell silent for {at_most:g} s")

    def _tool_calls(self, entry: Entry) -> tuple[ToolCall, ...]:
        first = self._calls + 1
        self._calls += len(entry.tool_calls)
        return tuple(
            ToolCall(f"call_{i}", c.name, c.arguments) for i, c in enumerate(entry.tool_calls, first)
        )


def load(name: str) -> tuple[Entry, ...]:
    """The entries of `scripted/FILE`. Raises: `NoSuchModel` without the file, `Refused` for a wrong one."""
    import yaml

    path = Path(name.removeprefix("scripted/"))
    if not path.is_absolute():
        raise Refused(f"{name}: a scripted model's file is named by its absolute path")
    try:
        value = yaml.load(path.read_bytes(), Loader=_loader())
    except OSError as error:
        raise NoSuchModel(f"{name}: the script can't be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Refused(f"{name}: the script is no YAML: {error}") from error
    try:
        return tuple(msgspec.convert(value, _Script).replies)
    except msgspec.ValidationError as error:
        raise Refused(f"{name}: the script is wrong: {error}") from error


def _loader() -> Any:
    """A safe YAML loader by the 1.2 core schema, as far as scripts need it: `yes` and dates are texts."""
    import re

    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    core: Any = type("CoreLoader", (base,), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ["n", "~", ""]),
        ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ):
        core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first))
    return core


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _pieces(text: str, count: int) -> list[str]:
    size = max(1, -(-len(text) // max(1, count)))
    return [text[i : i + size] for i in range(0, len(text), size)]


def _usage(request: ModelRequest, entry: Entry, text: str) -> Usage:
    guess = judge.estimated(request, text)
    given = entry.usage
    return Usage(
        guess.input_tokens if given.input_tokens is None else given.input_tokens,
        guess.output_tokens if given.output_tokens is None else given.output_tokens,
        cost_usd=given.cost_usd,
    )
