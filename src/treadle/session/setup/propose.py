"""Which models go to which tier, by a small table of rules, and what is worth offering.

| a local model                                     | goes to                              |
|---------------------------------------------------|--------------------------------------|
| can only embed, or has less than half a billion   | nothing: it can't write code         |
| up to 4B parameters                               | small                                |
| up to 40B                                         | medium                               |
| more, or one that the server sends on elsewhere   | large                                |

Of several, what treadle's benchmarks measured comes first, then models made for code, then those that take tools
(medium and large work with tools), then the larger. The cloud leads `large` where it may; it fills `small` and
`medium` only where no local model answers and the cloud may serve all.
"""

import re
import sys
from shlex import quote

from treadle.session.setup.answers import is_cloud, may_ask, why_not
from treadle.session.setup.values import (
    ENGINE,
    LITELLM,
    PULL,
    PULL_OLLAMA,
    Binding,
    Choice,
    Cloud,
    Found,
    Offer,
    Served,
    TierBinding,
)
from treadle.spec.tiers import ModelEntry

# What is sold as 4B or 40B has up to a tenth more.
_SMALL, _MEDIUM = 4.5, 44.0
_LEAST = 0.5
_BOUND = ("small", "medium", "large")
_MOST = 2
_CODE = re.compile(r"cod(e|er|ing)|devstral|starcoder|swe-", re.IGNORECASE)
_EMBEDS = re.compile(r"embed|minilm|\bbge\b|\bgte\b|rerank|mmproj|-of-\d{5}", re.IGNORECASE)
_FALLBACK = f"local/{PULL}"
_OLLAMA_BYTES = 986_000_000
_LICENCE = "Apache-2.0"


def propose(found: Found, cloud: Cloud) -> Binding:
    """What set-up would bind to each tier of the ladder and why; a tier that the user bound by hand stays as it is.

    Pure: asks and changes nothing.
    """
    ranked = {tier: _ranked(found, tier) for tier in _BOUND}
    kept = {bound.tier: bound for bound in found.bound if not bound.renewable}
    tiers = []
    for tier in found.ladder:
        if tier in kept:
            choices = tuple(Choice(entry, "as you wrote it") for entry in kept[tier].models)
            tiers.append(TierBinding(tier, choices, kept=True, why="" if choices else "left empty by you"))
        elif tier in _BOUND:
            choices = _choices(found, tier, ranked[tier], cloud)
            tiers.append(TierBinding(tier, choices, why="" if choices else _why_none(found, tier, cloud)))
        else:
            why = (
                "treadle's own programs; needs no model"
                if tier == "code"
                else "a tier of your own: bind it in tiers.yaml"
            )
            tiers.append(TierBinding(tier, why=why))
    binding = Binding(tuple(tiers), cloud)
    return Binding(binding.tiers, cloud, _offers(found, binding))


def is_code(name: str) -> bool:
    """Whether the model's name says that it was made for code."""
    return _CODE.search(name) is not None


def tier_of(model: Served) -> str:
    """The tier that a local model belongs to by its size, "" for one that is of no use here."""
    name = model.name.partition("/")[2]
    if model.capabilities is None:
        if _EMBEDS.search(name):
            return ""
    elif "completion" not in model.capabilities:
        return ""
    if model.elsewhere or model.name.endswith("cloud"):
        return "large"
    if 0 < model.parameters < _LEAST:
        return ""
    return "small" if model.parameters <= _SMALL else "medium" if model.parameters <= _MEDIUM else "large"


def clouds(found: Found) -> tuple[str, ...]:
    """What the question about the cloud is about: providers with the names of their variables, and Ollama's models
    that are not of this machine; () where there is nothing to ask."""
    keys = tuple(f"{key.title} ({', '.join(key.variables)})" for key in found.keys)
    sent_on = [m.name.partition("/")[2] for m in found.ollama.models if tier_of(m) and _sent_on(m)]
    return (*keys, f"Ollama's {', '.join(sent_on[:3])}") if sent_on else keys


def _sent_on(model: Served) -> bool:
    """Whether requests to it go to somebody else's machines."""
    return model.elsewhere or ModelEntry(model.name).is_cloud


def _ranked(found: Found, tier: str) -> list[Served]:
    """The models of that tier's size, the best first."""
    models = [m for m in (*found.ollama.models, *found.own_files) if m.parameters or _sent_on(m)]
    return sorted((m for m in models if tier_of(m) == tier), key=lambda m: _rank(m, tier))


def _rank(model: Served, tier: str) -> tuple[bool, bool, bool, float, str]:
    name = model.name.partition("/")[2]
    able = model.capabilities or ("tools",)
    measured = tier == "small" and name.startswith(PULL_OLLAMA) and "base" not in name
    # A small rung asks one question at a time: there, thinking aloud is only slow.
    unfit = "thinking" in able if tier == "small" else "tools" not in able
    weak = "base" in name or (tier == "small" and model.parameters < 1)
    return (not measured, weak or not is_code(name), unfit, -model.parameters, name)


def _choices(found: Found, tier: str, ranked: list[Served], cloud: Cloud) -> tuple[Choice, ...]:
    here = [Choice(ModelEntry(m.name), _why(m)) for m in ranked if not _sent_on(m)][:_MOST]
    if tier == "small":
        pulled = any(w.here and w.name == PULL for w in found.weights)
        why = "its weights are pulled" if pulled else "once it is pulled"
        here.append(Choice(ModelEntry(_FALLBACK), why))
    if not may_ask(tier, found, cloud):
        return tuple(here)
    away = [
        Choice(ModelEntry(key.defaults[tier]), f"{key.title}'s key is set: {', '.join(key.variables)}")
        for key in found.keys
        if tier in key.defaults
    ]
    away += [Choice(ModelEntry(m.name), f"{_why(m)}; not on this machine") for m in ranked if _sent_on(m)]
    if tier == "large":
        return (*away[:_MOST], *here)
    if not any(not why_not(c.entry, tier, found, cloud) for c in here):
        return (*here, *away[:_MOST])
    return tuple(here)


def _why(model: Served) -> str:
    where = "your own file" if model.name.startswith("local/") else "ollama has it"
    size = f"{model.parameters:.3g}B" if model.parameters else ""
    kind = "a code model" if is_code(model.name) else ""
    return f"{where}: " + (", ".join(filter(None, (size, kind))) or "size unknown")


def _why_none(found: Found, tier: str, cloud: Cloud) -> str:
    """Why the tier has no model."""
    size = {"medium": "of 4B to 40B", "large": "above 40B"}.get(tier, "")
    local = f"no local model {size}"
    able = [key for key in found.keys if tier in key.defaults]
    if able and not may_ask(tier, found, cloud):
        return f"{local}, and the cloud is not used for it"
    if found.keys and not able:
        titles = ", ".join(key.title for key in found.keys)
        return f"{local}; {titles}: no model is known for it, name one in tiers.yaml"
    return f"{local}, and no key" if not found.keys else local


def _offers(found: Found, binding: Binding) -> tuple[Offer, ...]:
    """What would make the ladder work better, the first thing first: what serves the cloud that a person chose."""
    offers = []
    small = next((t for t in binding.tiers if t.tier == "small"), None)
    if small is not None and not any(
        not why_not(c.entry, "small", found, binding.cloud) and not is_cloud(c.entry, found)
        for c in small.choices
    ):
        offers += _small_offers(found, small)
    entries = [c.entry for t in binding.tiers for c in t.choices]
    waiting = [e for e in entries if why_not(e, "large", found, binding.cloud).startswith("needs litellm")]
    if waiting:
        about = "the library that speaks to the providers, about 330 MB on the disk"
        offers.insert(0, Offer("install", LITELLM, about, install_command(LITELLM)))
    return tuple(offers)


def _small_offers(found: Found, small: TierBinding) -> list[Offer]:
    if not found.ollama.fault and not small.kept and found.ollama.base:
        about = "Qwen2.5-Coder 1.5B, pulled by your Ollama server: the small tier's code model"
        command = f"ollama pull {PULL_OLLAMA}"
        return [Offer("pull", f"ollama/{PULL_OLLAMA}", about, command, _OLLAMA_BYTES, _LICENCE)]
    if small.kept and not any(c.entry.name == _FALLBACK for c in small.choices):
        return []
    offers = []
    if not found.engine:
        about = "the engine for models on this machine (llama.cpp, prebuilt), about 100 MB on the disk"
        offers.append(Offer("install", ENGINE, about, install_command(ENGINE)))
    known = next((w for w in found.weights if w.name == PULL), None)
    if known is not None and not known.here:
        command = f"treadle models pull {PULL}"
        offers.append(Offer("pull", _FALLBACK, known.about, command, known.bytes, known.licence))
    return offers


_RANGES = {ENGINE: "xllamacpp>=2026.10", LITELLM: "litellm>=1.90,!=1.106.*,<2", "textual": "textual>=8.2,<9"}
"""What is installed: the ranges of `pyproject.toml`'s extras, which a test compares."""


def install_argv(package: str) -> tuple[str, ...]:
    """The command that brings the package to this interpreter, by uv where pip is not there; () where neither is."""
    from importlib.util import find_spec
    from shutil import which

    if find_spec("pip") is not None:
        return (sys.executable, "-m", "pip", "install", _RANGES[package])
    uv = which("uv")
    return (uv, "pip", "install", "--python", sys.executable, _RANGES[package]) if uv else ()


def install_command(package: str) -> str:
    """The same as a person types it."""
    argv = install_argv(package) or (sys.executable, "-m", "pip", "install", _RANGES[package])
    return " ".join(quote(word) for word in argv)
