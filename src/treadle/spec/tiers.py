"""Tiers and prices, resolved."""

import os
import re

from msgspec import Struct

from treadle.protocol.messages import Json

_LOOPBACK = re.compile(r"localhost\Z|127(\.[0-9]{1,3}){3}\Z|::1\Z")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by its address or by the one name that always is."""
    return _LOOPBACK.match(host) is not None


OLLAMA_MAKERS = ("ollama", "ollama_chat")
"""What stands before the `/` in the names of an Ollama server's models."""


def ollama_base() -> str:
    """The address of the user's Ollama server, without a `/` at its end: OLLAMA_HOST, read as Ollama reads it.

    Nothing is `http://127.0.0.1:11434`; a scheme brings its own port; an address to listen at on every
    interface is this machine's (`envconfig.Host` in Ollama's sources, and its clients).
    """
    value = os.environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    scheme, found, rest = value.partition("://")
    if not found:
        scheme, rest = ("https", "ollama.com:443") if value == "ollama.com" else ("http", value)
    port = {"http": "80", "https": "443"}.get(scheme, "11434") if found else "11434"
    place, _, path = rest.partition("/")
    host, colon, tail = place.rpartition(":")
    if not colon or (":" in host.strip("[]") and not host.endswith("]")):
        host, tail = place, port
    if not (tail.isascii() and tail.isdigit() and int(tail) <= 65535):
        tail = port
    host = host.strip("[]")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    where = f"[{host}]" if ":" in host else host
    return f"{scheme}://{where}:{tail}/{path}".rstrip("/")


class ModelEntry(Struct, frozen=True):
    """One model of a tier: `name` as written (`ollama/…`, `local/…`, `scripted/FILE`, a litellm name)."""

    name: str
    endpoint: str = ""
    key_env: str = ""
    options: dict[str, Json] = {}

    @property
    def stays_here(self) -> bool:
        """Whether a request to it never leaves this machine.

        A model whose tag is `cloud` or ends so is one that an Ollama server only passes on.
        """
        from urllib.parse import urlsplit

        maker, _, name = self.name.partition("/")
        endpoint = self.endpoint
        if maker in OLLAMA_MAKERS:
            tag = name.rpartition(":")[2]
            if ":" in name and (tag == "cloud" or tag.endswith("-cloud")):
                return False
            endpoint = endpoint or ollama_base()
        try:
            return not endpoint or is_loopback(urlsplit(endpoint).hostname or "")
        except ValueError:
            return False


class Tier(Struct, frozen=True):
    """A named class of compute; `models` are alternatives, the first that answers is used."""

    name: str
    models: tuple[ModelEntry, ...] = ()


class Price(Struct, frozen=True):
    """USD per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cached: float | None = None


class Tiers(Struct, frozen=True):
    """All tiers, cheapest first, with the prices by model pattern (`*` matches any run of characters)."""

    tiers: tuple[Tier, ...]
    prices: dict[str, Price] = {}
    time_value_usd_per_hour: float = 0.0
