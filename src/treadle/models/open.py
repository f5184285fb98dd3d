"""From a tier's entry to a model that answers; each adapter is imported only when it is opened."""

import sys

from treadle.models.base import Model, Timers
from treadle.protocol.errors import NoSuchModel
from treadle.spec.tiers import OLLAMA_MAKERS, ModelEntry

_WITHOUT_ENDPOINT_ADAPTER = ("anthropic",)

ENGINE = f"{sys.executable} -m pip install 'xllamacpp>=2026.10'"
"""The command that puts the engine for embedded models where this treadle finds it."""

_WORKS = (
    f"what works: local/NAME (`{ENGINE}`, then `treadle models pull qwen2.5-coder-1.5b`), "
    "ollama/NAME with an Ollama server, or any OpenAI-shaped server with `endpoint:`"
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
    if kind == "ollama":
        from treadle.models.ollama import Ollama

        return Ollama(entry, timers=timers)
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
    elif kind == "ollama":
        from treadle.models import ollama

        ollama.check(entry)
    else:
        from treadle.models.scripted import load

        load(entry.name)


def kind_of(entry: ModelEntry) -> str:
    """Which adapter serves the entry: `endpoint`, `local`, `ollama` or `scripted`. Raises: `NoSuchModel` for none."""
    maker = entry.name.partition("/")[0]
    if maker == "scripted":
        return maker
    if maker in OLLAMA_MAKERS:
        return "ollama"
    if entry.endpoint and maker not in _WITHOUT_ENDPOINT_ADAPTER:
        return "endpoint"
    if maker == "local" and not entry.endpoint:
        return maker
    raise NoSuchModel(f"this version has no adapter for {entry.name} yet", hint=_WORKS)
