"""The next thing to do about models, one, by what was found."""

from treadle.session.setup.answers import is_cloud, why_not
from treadle.session.setup.propose import clouds, propose
from treadle.session.setup.table import usable
from treadle.session.setup.values import PULL, Binding, Choice, Found, TierBinding
from treadle.spec.tiers import OLLAMA_MAKERS, Tiers

SETUP = "treadle setup"


def standing(found: Found, tiers: Tiers, cloud: str) -> Binding:
    """What holds now, in the shape of a proposal, so that the same table shows it."""
    bound = tuple(
        TierBinding(
            tier.name,
            tuple(Choice(entry, "") for entry in tier.models),
            kept=True,
            why=("treadle's own programs; needs no model" if tier.name == "code" else "no model bound")
            if not tier.models
            else "",
        )
        for tier in tiers.tiers
    )
    chosen = propose(found, "all" if cloud == "all" else "large only" if cloud == "large only" else "never")
    return Binding(bound, chosen.cloud, chosen.offers, chosen.prices)


def next_thing(found: Found, binding: Binding) -> str:
    """A command or a deed that brings a model nearer, with its reason; "" where one answers and nothing waits."""
    answers = usable(found, binding)
    if found.first and found.ollama.models:
        return f"{SETUP}   (it binds the models that Ollama has)"
    if clouds(found) and not found.cloud:
        return f"{SETUP}   (it asks what the cloud may be used for: {clouds(found)[0]})"
    if found.first:
        return "" if answers else f"{SETUP}   (no model answers yet: it offers a small one)"
    return "" if answers else _what_is_missing(found, binding)


def _what_is_missing(found: Found, binding: Binding) -> str:
    entries = [(t.tier, c.entry) for t in binding.tiers for c in t.choices]
    served = [e for _, e in entries if e.name.partition("/")[0] in OLLAMA_MAKERS and not is_cloud(e, found)]
    if served and found.ollama.fault:
        return f"start Ollama: ollama serve   ({found.ollama.fault})"
    if served and not any(e.name == f"local/{PULL}" for _, e in entries):
        return (
            f"ollama pull {served[0].name.partition('/')[2]}   (a tier names it and Ollama does not have it)"
        )
    if found.keys and binding.cloud == "never" and not served and not binding.offers:
        return f"{SETUP}   (a key is set, and your settings say `cloud: never`)"
    away = [(tier, e) for tier, e in entries if is_cloud(e, found)]
    for tier, entry in away:
        fault = why_not(entry, tier, found, binding.cloud)
        if fault.endswith("not set"):
            return f"export {fault.removesuffix(' not set').removesuffix(' is')}=…   ({entry.name} needs it)"
    if binding.offers:
        return f"{binding.offers[0].command}   ({binding.offers[0].about})"
    return SETUP
