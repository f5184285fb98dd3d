"""What litellm raised, told by the worker, as treadle's errors: short clean text that never holds the key."""

import ast
import re

import msgspec
from msgspec import Struct

from treadle.models import faults
from treadle.protocol.errors import (
    ContextTooLong,
    Malformed,
    NoSuchModel,
    ProviderError,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Json

_TOO_LONG = "ContextWindowExceededError"
_FILTERED = "ContentPolicyViolationError"
# Of httpx, httpcore, aiohttp and the standard library.
_BROKEN_OFF = frozenset(
    {"ClientPayloadError", "RemoteProtocolError", "ReadError", "ServerDisconnectedError", "IncompleteReadError",
     "TransferEncodingError", "ConnectionResetError", "ClientOSError"}
)  # fmt: skip
_NO_CONNECTION = frozenset(
    {"ClientConnectorError", "ClientConnectorDNSError", "ClientConnectorCertificateError", "ClientProxyConnectionError",
     "ClientConnectorSSLError", "ConnectError", "ConnectTimeout", "ProxyError", "ConnectionRefusedError", "gaierror"}
)  # fmt: skip
_NO_PROVIDER = "LLM Provider NOT provided"
# "litellm.RateLimitError: RateLimitError: OpenAIException - " and the like, any number of them.
_HEADS = re.compile(r"\A(?:(?:litellm\.)?[A-Za-z_]+(?:Error|Exception)\s*(?::|-)\s*)+")
_TAIL = re.compile(r"\s*(?:Handle with `litellm\.|Original exception: ).*\Z", re.DOTALL)
_BYTES = re.compile(r"b(['\"])\{.*\}\1", re.DOTALL)
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_OVERLOADED = 529


class Link(Struct):
    """One exception of the chain, outermost first; `status` 0 is none."""

    name: str
    status: int = 0
    body: dict[str, Json] | None = None
    text: str = ""


class Fault(Struct):
    """What the worker tells of an order that failed; `retry_after` is the header's text, "" for none."""

    links: list[Link] = []
    retry_after: str = ""


def error_of(
    fault: Fault, model: str, *, variable: str, secrets: tuple[str, ...], text: str
) -> ProviderError:
    """The error that the fault stands for; `variable` names the key, `text` is what came before it."""
    names = {link.name for link in fault.links}
    kind, words = _told(fault.links)
    for secret in secrets:
        words = words.replace(secret, "(key)")
    words = faults.short(words) or "no word of why"
    if _TOO_LONG in names:
        return ContextTooLong(f"{model}: {words}")
    if _FILTERED in names:
        return Refused(f"{model}: the provider's filter refused the request: {words}")
    if _NO_PROVIDER in words:
        return NoSuchModel(
            f"{model}: litellm knows no provider of that name",
            hint="write PROVIDER/MODEL, as in anthropic/… or openai/…; look at the name in tiers.yaml",
        )
    if names & _NO_CONNECTION:
        return Unreachable(f"{model}: nobody answers: {words}")
    if names & _BROKEN_OFF:
        if text:
            return Malformed(f"{model} broke off in the middle of its reply", text=text)
        return Unreachable(f"{model} hung up before it answered")
    status = _status(fault.links)
    if kind == "overloaded_error":
        status = _OVERLOADED
    if 300 <= status < 400:
        return Refused(
            f"the server sends {model} elsewhere (status {status}); treadle does not follow redirects"
        )
    if not status:
        return Unreachable(f"{model}: {words}")
    return _with_hint(faults.sorted_out(status, kind, words, fault.retry_after, model), variable)


def _with_hint(error: ProviderError, variable: str) -> ProviderError:
    """The error with what to do next, where that is the key or the name."""
    if variable and isinstance(error, Refused) and "key" in error.hint and "`key_env`" in error.hint:
        error.hint = f"look at the key in {variable}"
    if isinstance(error, NoSuchModel):
        error.hint = "look at the model's name in tiers.yaml"
    return error


def _status(links: list[Link]) -> int:
    """The status nearest to the wire: litellm's own exceptions round it (529 becomes 500)."""
    return next((link.status for link in reversed(links) if 300 <= link.status < 600), 0)


def _told(links: list[Link]) -> tuple[str, str]:
    """The provider's own kind and words where they stand in a body, else litellm's words without its heads."""
    for link in links:
        found = link.body or _embedded(link.text)
        if found:
            kind, words = faults.named(found.get("error", found))
            if words:
                return kind, words
    for link in reversed(links):
        if link.name in _NO_CONNECTION:
            return "", link.text
    return "", _TAIL.sub("", _HEADS.sub("", links[0].text)) if links else ""


def _embedded(text: str) -> dict[str, Json]:
    """The JSON object that stands in the text, as such or as Python's bytes, {} for none."""
    found = _BYTES.search(text)
    try:
        data = ast.literal_eval(found[0]) if found else (_OBJECT.search(text) or [b""])[0]
        value = msgspec.json.decode(data)
    except (ValueError, SyntaxError, msgspec.DecodeError):
        return {}
    return value if isinstance(value, dict) else {}
