"""A model server's refusals as treadle's errors: by status, by the error's kind, by its words."""

import time

import msgspec

from treadle.protocol.errors import (
    ContextTooLong,
    Malformed,
    NoSuchModel,
    ProviderError,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Json

_LONG = 200
_TOO_LONG_KINDS = ("exceed_context_size_error", "context_length_exceeded")
_TOO_LONG_WORDS = ("context length", "context size", "context window", "maximum context", "too many tokens",
                   "prompt is too long")  # fmt: skip
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached")


def of_reply(status: int, headers: dict[str, str], body: bytes, model: str) -> ProviderError:
    """The error that a reply with a status other than 200 stands for."""
    if 300 <= status < 400:
        return Refused(
            f"the server sends {model} elsewhere (status {status}); treadle does not follow redirects"
        )
    kind, words = _told(body)
    return sorted_out(status, kind, words or f"status {status}", headers.get("retry-after", ""), model)


def of_event(error: Json, model: str) -> ProviderError:
    """The error that an `error` object in the middle of a stream stands for."""
    kind, words = named(error)
    code = error.get("code") if isinstance(error, dict) else None
    return sorted_out(
        code if isinstance(code, int) else 500, kind, words or "the stream ended in an error", "", model
    )


def retry_after(value: str) -> float | None:
    """Seconds to wait by a Retry-After header, given as seconds or as a date; None when it says neither."""
    value = value.strip()
    if not value:
        return None
    if value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def sorted_out(status: int, kind: str, words: str, wait: str, model: str) -> ProviderError:
    """The error by the status, the error's `kind`, its `words`, and `wait`, the Retry-After header or ""."""
    lower = words.lower()
    if (
        status == 413
        or kind in _TOO_LONG_KINDS
        or (status == 400 and any(w in lower for w in _TOO_LONG_WORDS))
    ):
        return ContextTooLong(f"{model}: {words}")
    if kind in _NO_MONEY:
        return Refused(f"{model}: {words}", hint="the account behind this key has nothing left to spend")
    if status == 429 or (status in (503, 529) and wait):
        return RateLimited(f"{model}: {words}", retry_after_s=retry_after(wait))
    if status in (401, 403):
        return Refused(
            f"{model}: {words}", hint="look at the key: `key_env` in tiers.yaml names its variable"
        )
    if status == 404 or kind == "model_not_found":
        return NoSuchModel(
            f"{model}: {words}", hint="look at the model's name and its endpoint in tiers.yaml"
        )
    if status in (408, 409) or status >= 500:
        return Unreachable(f"{model}: {words}", retry_after_s=retry_after(wait))
    if status >= 400:
        return Refused(f"{model}: {words}")
    return Malformed(f"{model}: a reply with status {status}")


def _told(body: bytes) -> tuple[str, str]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "", short(body.decode(errors="replace"))
    if isinstance(value, dict):
        return named(value.get("error", value))
    return "", short(str(value))


def named(error: Json) -> tuple[str, str]:
    """The kind and the words of an error object; kinds stand under `type` or under `code`."""
    if not isinstance(error, dict):
        return "", short(str(error))
    words = next((error[k] for k in ("message", "detail", "error") if isinstance(error.get(k), str)), "")
    kinds = [error[k] for k in ("code", "type") if isinstance(error.get(k), str)]
    telling = [k for k in kinds if k in (*_TOO_LONG_KINDS, *_NO_MONEY, "model_not_found")]
    return (telling or kinds or [""])[0], short(words)


def short(text: str) -> str:
    """The text on one line, without control characters, cut to what a message can carry."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONG else line[: _LONG - 1] + "…"
