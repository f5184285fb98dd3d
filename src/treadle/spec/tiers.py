"""Tiers and prices, resolved."""

import re

from msgspec import Struct

from treadle.protocol.messages import Json

_LOOPBACK = re.compile(r"localhost\Z|127(\.[0-9]{1,3}){3}\Z|::1\Z")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by its address or by the one name that always is."""
    return _LOOPBACK.match(host) is not None


class ModelEntry(Struct, frozen=True):
    """One model of a tier: `name` as written (`ollama/…`, `local/…`, `scripted/FILE`, a litellm name)."""

    name: str
    endpoint: str = ""
    key_env: str = ""
    options: dict[str, Json] = {}

    @property
    def stays_here(self) -> bool:
        """Whether a request to it never leaves this machine."""
        from urllib.parse import urlsplit

        return not self.endpoint or is_loopback(urlsplit(self.endpoint).hostname or "")


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
