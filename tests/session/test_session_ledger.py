"""What the same tokens would have cost on the last tier."""

from treadle.protocol.messages import Usage
from treadle.session.ledger import on_top
from treadle.spec.catalog import Catalog
from treadle.spec.settings import Settings
from treadle.spec.tiers import ModelEntry, Price, Tier, Tiers


def catalog(*models: str) -> Catalog:
    tiers = Tiers(
        (Tier("code"), Tier("large", tuple(ModelEntry(name) for name in models))),
        {"maker/*": Price(3.0, 15.0)},
    )
    return Catalog({}, {}, tiers, Settings())


def test_the_same_tokens_at_the_last_tiers_price():
    assert on_top(catalog("maker/large"), Usage(1_000_000, 100_000)) == ("large", 4.5)


def test_a_model_without_a_price_is_passed_over():
    assert on_top(catalog("other/x", "maker/large"), Usage(1_000_000, 0)) == ("large", 3.0)


def test_nothing_where_no_price_is_known_or_nothing_was_used():
    assert on_top(catalog("other/x"), Usage(10, 10)) is None
    assert on_top(catalog(), Usage(10, 10)) is None
    assert on_top(catalog("maker/large"), Usage()) is None
