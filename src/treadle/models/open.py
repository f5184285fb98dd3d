"""From a tier's entry to a model that answers; each adapter is imported only when it is opened."""

import sys

from treadle.models.base import Model, Timers
from treadle.protocol.errors import NoSuchModel
from treadle.spec.tiers import OLLAMA_MAKERS, ModelEntry

_OWN_SHAPE = ("anthropic",)
"""Makers whose API is not OpenAI's, so that an endpoint of theirs is litellm's to ask."""

ENGINE = f"{sys.executable} -m pip install 'xllamacpp>=2026.10'"
"""The command that puts the engine for embedded models where this treadle finds it."""

CLOUD_PACKAGE = f"{sys.executable} -m pip install 'litellm>=1.90,!=1.106.*,<2'"
"""The command that puts what speaks to cloud providers where this treadle finds it."""

_WORKS = (
    f"what works: local/NAME (`{ENGINE}`, then `treadle models pull qwen2.5-coder-1.5b`), "
    "ollama/NAME with an Ollama server, PROVIDER/NAME as in anthropic/… or openai/… with its key, "
    "or any OpenAI-shaped server with `endpoint:`"
)


def open_model(entry: ModelEntry, *, threads: int = 0, timers: Timers | None = None) -> Model:
    """The model of that entry, not yet started; `threads` is the setting's, 0 to choose by the machine.

    Raises: `NoSuchModel` when no adapter serves its name, `Refused` for options that can't be.
    """
    kind = kind_of(entry)
    if kind == "endpoint":
        from treadle.models.endpoint import EndpointModel

        return EndpointModel(entry, timers=timers)
    if kind == "local":
        from treadle.models.local import LocalModel

        return LocalModel(entry, threads=threads, timers=timers)
    if kind == "cloud":
        from treadle.models.cloud import CloudModel

        return CloudModel(entry, timers=timers)
    if kind == "ollama":
        from treadle.models.ollama import Ollama

        return Ollama(entry, threads=threads, timers=timers)
    from treadle.models.scripted import ScriptedModel

    return ScriptedModel(entry, timers=timers)


def check_available(entry: ModelEntry) -> None:
    """Raises a `ProviderError` with the next command when the entry surely can't answer here.

    Starts nothing and sends nothing: whether a server listens shows at the first request.
    """
    kind = kind_of(entry)
    if kind == "endpoint":
        from treadle.models import endpoint

        endpoint.check(entry)
    elif kind == "local":
        from importlib.util import find_spec

        from treadle.models.local import find

        if find_spec("xllamacpp") is None:
            raise NoSuchModel(
                f"{entry.name} needs the package xllamacpp, which is not installed",
                hint=ENGINE,
            )
        find(entry.name)
    elif kind == "cloud":
        from treadle.models import cloud

        cloud.check(entry)
    elif kind == "ollama":
        from treadle.models import ollama

        ollama.check(entry)
    else:
        from treadle.models.scripted import load

        load(entry.name)


def kind_of(entry: ModelEntry) -> str:
    """Which adapter serves the entry: `scripted`, `local`, `ollama`, `endpoint` or `cloud`.

    Raises: `NoSuchModel` for none.
    """
    maker = entry.name.partition("/")[0]
    if maker == "scripted":
        return maker
    if maker in OLLAMA_MAKERS:
        return "ollama"
    if entry.endpoint:
        return "cloud" if maker in _OWN_SHAPE or entry.name.startswith("claude-") else "endpoint"
    if maker == "local":
        return maker
    from treadle.models.keys import provider_of

    if provider_of(entry.name):
        return "cloud"
    raise NoSuchModel(f"no provider is known for {entry.name}", hint=_WORKS)
