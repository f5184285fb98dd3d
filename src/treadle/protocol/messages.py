"""What is said to a model and what it says back. Frozen values, JSON in and out by msgspec."""

from typing import Any, Literal

from msgspec import Struct

Json = Any
"""A JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""

Verdict = str
"""`pass`, `fail`, `error`, `none`, or a word that the agent declared."""

PASS: Verdict = "pass"
FAIL: Verdict = "fail"
ERROR: Verdict = "error"
NONE: Verdict = "none"

VERDICTS = (PASS, FAIL, ERROR, NONE)

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls"]


class ToolCall(Struct, frozen=True):
    """One call that a model asks for; `id` is unique within the turn."""

    id: str
    name: str
    arguments: dict[str, Json]


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of a conversation; a `tool` message answers the call named by `tool_call_id`."""

    role: Role
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class Usage(Struct, frozen=True, omit_defaults=True):
    """What one or more calls used. Tokens are counts, times seconds; `cost_usd` None is unpriced."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0
    load_s: float = 0.0
    prompt_s: float = 0.0
    decode_s: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """The sum of both; a sum with an unpriced part is unpriced."""
        priced = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if priced else None,
            self.load_s + other.load_s,
            self.prompt_s + other.prompt_s,
            self.decode_s + other.decode_s,
        )
