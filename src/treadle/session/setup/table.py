"""The table that set-up and doctor show: for each tier the model that answers, where it runs, and why."""

from treadle.protocol.messages import Usage
from treadle.session.setup.answers import is_cloud, where, why_not
from treadle.session.setup.values import Binding, Choice, Found, Row, TierBinding
from treadle.spec.tiers import ModelEntry

_MILLION = 1_000_000


def rows(found: Found, binding: Binding) -> tuple[Row, ...]:
    """One row for each tier, in the ladder's order."""
    return tuple(_row(found, binding, tier) for tier in binding.tiers)


def usable(found: Found, binding: Binding) -> bool:
    """Whether a model answers on any tier, as far as it is known."""
    return any(row.model and not row.missing for row in rows(found, binding))


def _row(found: Found, binding: Binding, tier: TierBinding) -> Row:
    if not tier.choices:
        said = "" if tier.tier == "code" else tier.why
        return Row(tier.tier, "", "", tier.why if not said else "", said, "free" if not said else "")
    faults = [why_not(c.entry, tier.tier, found, binding.cloud) for c in tier.choices]
    answering = next((i for i, fault in enumerate(faults) if not fault), None)
    at = answering or 0
    choice = tier.choices[at]
    others = tuple(c.entry.name for i, c in enumerate(tier.choices) if i != at)
    return Row(
        tier.tier,
        choice.entry.name,
        where(choice.entry, found),
        _why(choice, found, tier),
        "" if answering is not None else _missing(tier, faults),
        _price(choice.entry, found, binding),
        others,
    )


def _missing(tier: TierBinding, faults: list[str]) -> str:
    """What each alternative lacks."""
    if len(set(faults)) == 1:
        return faults[0]
    return "; ".join(f"{c.entry.name}: {fault}" for c, fault in zip(tier.choices, faults, strict=True))


def _why(choice: Choice, found: Found, tier: TierBinding) -> str:
    over = any(bound.tier == tier.tier for bound in found.by_repository)
    return choice.why + ("; this repository's own tiers.yaml says otherwise" if over else "")


def _price(entry: ModelEntry, found: Found, binding: Binding) -> str:
    """What the model costs, in words: USD for a million tokens, in and out."""
    from treadle.models.prices import price_of

    prices = {**binding.prices, **found.prices}
    sent = price_of(entry.name, prices, Usage(_MILLION, 0))
    back = price_of(entry.name, prices, Usage(0, _MILLION))
    if sent is None or back is None:
        return "price not known" if is_cloud(entry, found) or entry.endpoint else "free"
    return f"${sent:g} in, ${back:g} out per M tokens" if sent or back else "free"
