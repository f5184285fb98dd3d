"""What a reply cost, by the user's own table."""

from fnmatch import fnmatchcase

from treadle.protocol.messages import Usage
from treadle.spec.tiers import Price

_PER = 1_000_000


def price_of(model_name: str, prices: dict[str, Price], usage: Usage) -> float | None:
    """USD for that usage, or None when no pattern matches: unpriced, never free.

    The exact name wins, then the longest matching pattern. Cached tokens are part of the input tokens
    and cost `cached` where the price says so, else as much as other input.
    """
    price = prices.get(model_name)
    if price is None:
        fitting = [pattern for pattern in prices if fnmatchcase(model_name, pattern)]
        if not fitting:
            return None
        price = prices[max(fitting, key=len)]
    cached = min(usage.cached_tokens, usage.input_tokens)
    for_cached = price.input if price.cached is None else price.cached
    fresh = (usage.input_tokens - cached) * price.input
    return (fresh + cached * for_cached + usage.output_tokens * price.output) / _PER
