"""What the cloud models of a proposal cost, by litellm's own table; nothing is sent to anybody."""

import asyncio

import msgspec

from treadle.protocol.errors import TreadleError
from treadle.session.setup.answers import is_cloud
from treadle.session.setup.values import Binding, Found
from treadle.spec.tiers import Price

LONGEST_S = 15.0
"""Seconds to wait for the table: litellm takes a few to start."""


async def with_prices(found: Found, binding: Binding) -> Binding:
    """The binding with the prices that are known; as it was where there is no litellm, or it takes too long."""
    names = sorted(
        {
            c.entry.name
            for t in binding.tiers
            if not t.kept
            for c in t.choices
            if is_cloud(c.entry, found) and not c.entry.name.startswith("ollama")
        }
    )
    if not names or not found.litellm:
        return binding
    prices: dict[str, Price] = {}
    try:
        async with asyncio.timeout(LONGEST_S):
            for name in names:
                price = await _known(name)
                if price is not None:
                    prices[name] = price
    except (TreadleError, TimeoutError, OSError):
        pass
    return msgspec.structs.replace(binding, prices=prices)


async def _known(name: str) -> Price | None:
    from treadle.models.cloud import known_price

    return await known_price(name)
