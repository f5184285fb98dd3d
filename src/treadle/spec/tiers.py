"""Tiers and prices, resolved."""

import os
import re

from msgspec import Struct

from treadle.protocol.messages import Json

_LOOPBACK = re.compile(r"localhost\Z|127(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}\Z|::1\Z")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by its address or by the one name that always is."""
    return _LOOPBACK.match(host) is not None


_NEARBY = (".local", ".lan", ".internal", ".home.arpa", ".localhost")
_NUMBER = re.compile(r"[0-9]+\Z|0[xX][0-9a-fA-F]*\Z")


def is_nearby(host: str) -> bool:
    """Whether `host` is of the user's own network: by a private address, one bare name, or a suffix kept for that."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A bare number is an address too, to whoever resolves it; a bare name with a dot at its end is a domain.
        bare = "." not in host and not _NUMBER.match(host)
        return bool(host) and (bare or host.removesuffix(".").endswith(_NEARBY))
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_private or address.is_link_local


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
    place = place.rpartition("@")[2]  # a name and a password are not sent, and would be shown
    host, colon, tail = place.rpartition(":")
    if not colon or (":" in host.strip("[]") and not host.endswith("]")):
        host, tail = place, port
    if not (tail.isascii() and tail.isdigit() and int(tail) <= 65535):
        tail = port
    host = host.strip("[]")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    where = f"[{host}]" if ":" in host else host
    return f"{scheme}://{where}:{tail}/{path}".rstrip("/")


_NO_SERVER = ("local", "scripted")


class ModelEntry(Struct, frozen=True):
    """One model of a tier: `name` as written (`ollama/…`, `local/…`, `scripted/FILE`, a litellm name)."""

    name: str
    endpoint: str = ""
    key_env: str = ""
    options: dict[str, Json] = {}

    @property
    def stays_here(self) -> bool:
        """Whether a request to it never leaves this machine."""
        host = self._host
        return not self._passed_on and (self._maker in _NO_SERVER if host is None else is_loopback(host))

    @property
    def is_cloud(self) -> bool:
        """Whether a request to it goes to somebody else's machines, as the setting `cloud` means it."""
        host = self._host
        return self._passed_on or (self._maker not in _NO_SERVER if host is None else not is_nearby(host))

    @property
    def _maker(self) -> str:
        return self.name.partition("/")[0]

    @property
    def _host(self) -> str | None:
        """The host that is asked, "" for an address that is none; None where no address is known here."""
        from urllib.parse import urlsplit

        endpoint = self.endpoint or (ollama_base() if self._maker in OLLAMA_MAKERS else "")
        try:
            return (urlsplit(endpoint).hostname or "") if endpoint else None
        except ValueError:
            return ""

    @property
    def _passed_on(self) -> bool:
        """Whether an Ollama server only passes it on: its tag is `cloud` or ends so, in any case of letters
        (`internal/modelref` in Ollama's sources)."""
        _, colon, tag = self.name.lower().rpartition(":")
        return bool(colon) and self._maker in OLLAMA_MAKERS and (tag == "cloud" or tag.endswith("-cloud"))


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
    """All tiers, cheapest first, with the prices by model pattern (`*` matches any run of characters).

    `last` is the last tier as the user has them: a repository that adds or moves one does not move it.
    """

    tiers: tuple[Tier, ...]
    prices: dict[str, Price] = {}
    time_value_usd_per_hour: float = 0.0
    last: str = ""

    def may_ask(self, entry: ModelEntry, tier: str, cloud: str) -> bool:
        """Whether the setting `cloud` lets that tier ask that model; `large only` means the user's last tier."""
        if not entry.is_cloud or cloud == "all":
            return True
        last = self.last or (self.tiers[-1].name if self.tiers else "")
        return cloud == "large only" and last == tier
