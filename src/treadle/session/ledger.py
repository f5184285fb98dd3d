"""What a run came to in money, beside what it would have come to elsewhere."""

from treadle.models.prices import price_of
from treadle.protocol.messages import Usage
from treadle.spec.catalog import Catalog


def on_top(catalog: Catalog, usage: Usage) -> tuple[str, float] | None:
    """The last tier's name and what the same tokens would have cost on its first model with a known price, in USD.

    An estimate: another model would have used other tokens. None where no price is known or no token was used.
    """
    if not usage.input_tokens and not usage.output_tokens:
        return None
    top = catalog.tiers.tiers[-1]
    for entry in top.models:
        cost = price_of(entry.name, catalog.tiers.prices, usage)
        if cost is not None:
            return top.name, cost
    return None
