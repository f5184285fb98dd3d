"""Whether a model that a tier names would answer here, as far as it shows without asking it anything."""

from treadle.protocol.errors import ProviderError
from treadle.session.setup.values import Cloud, Found
from treadle.spec.tiers import OLLAMA_MAKERS, ModelEntry


def why_not(entry: ModelEntry, tier: str, found: Found, cloud: Cloud) -> str:
    """What keeps the entry from answering on that tier, "" where nothing is known to."""
    maker, _, name = entry.name.partition("/")
    if found.offline and (is_cloud(entry, found) or not entry.stays_here):
        return "your settings say `offline: true`"
    refused = _refused(entry, tier, found, cloud)
    if maker in OLLAMA_MAKERS and not entry.endpoint:
        return _ollama(name, found) or refused
    if maker == "local" and not entry.endpoint:
        return _local(name, found)
    if maker == "scripted" or entry.endpoint:
        return refused or _checked(entry)
    return (
        refused or _no_key(entry, found) or ("" if found.litellm else "needs litellm, which is not installed")
    )


def where(entry: ModelEntry, found: Found) -> str:
    """Where the model runs, in a person's words."""
    maker = entry.name.partition("/")[0]
    if maker == "scripted":
        return "from a file"
    if entry.endpoint:
        from urllib.parse import urlsplit

        place = urlsplit(entry.endpoint).netloc.rpartition("@")[2]
        return f"at {place}" if entry.stays_here else f"at {place}, not this machine"
    if maker in OLLAMA_MAKERS:
        if is_cloud(entry, found):
            return f"the cloud, by Ollama at {found.ollama.place}"
        return "this machine, Ollama" if found.ollama.here else f"Ollama at {found.ollama.place}"
    if maker == "local":
        return "this machine, llama.cpp"
    from treadle.models.keys import provider_of

    provider = provider_of(entry.name)
    return f"the cloud, {provider.title}" if provider else "the cloud"


def is_cloud(entry: ModelEntry, found: Found) -> bool:
    """Whether requests to it go to somebody else's machines, by its name, its address or what Ollama says of it."""
    return entry.is_cloud or _goes_on(entry, found)


def may_ask(tier: str, found: Found, cloud: Cloud) -> bool:
    """Whether that setting lets the tier ask the cloud; `large only` means the user's last tier."""
    return cloud == "all" or (cloud == "large only" and tier == found.last)


def _ollama(name: str, found: Found) -> str:
    if found.ollama.fault:
        return found.ollama.fault
    full = name if ":" in name else f"{name}:latest"
    there = {m.name.partition("/")[2] for m in found.ollama.models}
    return "" if full in there or name in there else f"Ollama does not have it: ollama pull {name}"


def _goes_on(entry: ModelEntry, found: Found) -> bool:
    """Whether the Ollama server says that it only passes requests on."""
    return any(m.elsewhere and m.name == entry.name for m in found.ollama.models)


def _local(name: str, found: Found) -> str:
    known = next((w for w in found.weights if name == w.name or name == f"{w.name}-instruct"), None)
    here = known.here if known else any(m.name == f"local/{name}" for m in found.own_files)
    missing = [] if here else [f"not pulled: treadle models pull {name}" if known else "no such GGUF file"]
    if not found.engine:
        missing.append("the engine xllamacpp is not installed")
    return "; ".join(missing)


def _checked(entry: ModelEntry) -> str:
    from treadle.models.open import check_available

    try:
        check_available(entry)
    except ProviderError as fault:
        return fault.message
    return ""


def _refused(entry: ModelEntry, tier: str, found: Found, cloud: Cloud) -> str:
    if not is_cloud(entry, found) or may_ask(tier, found, cloud):
        return ""
    return f"your settings say `cloud: {cloud}`"


def _no_key(entry: ModelEntry, found: Found) -> str:
    from treadle.models.keys import provider_of

    if entry.key_env:
        import os

        return "" if os.environ.get(entry.key_env, "").strip() else f"{entry.key_env} is not set"
    provider = provider_of(entry.name)
    if provider is None or any(key.provider == provider.name for key in found.keys):
        return ""
    return f"{' and '.join(provider.variables)} not set"
