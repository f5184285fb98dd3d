"""What an Ollama server says of itself: its version, its models, one model, and a pull with its progress.

The shapes are those of `api/types.go` in Ollama's sources. Replies are JSON, or one JSON object a line.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from msgspec import Struct

from treadle.models import faults, http
from treadle.models.http import BrokenOff
from treadle.protocol.errors import Malformed, NoSuchModel, ProviderError, Unreachable
from treadle.protocol.messages import Json
from treadle.spec.tiers import OLLAMA_MAKERS, ollama_base

_ANSWER_S = 5.0
_SHOW_S = 30.0
_PULL_SILENT_S = 600.0  # the hash of a large model is checked without a word
_PULL_CAP = 1 << 40
_LINE_CAP = 1 << 20

START_HINT = "start it with `ollama serve`, or name its address in OLLAMA_HOST"


class OllamaModel(Struct, frozen=True):
    """A model that the server has: `bytes` on its disk, sizes as it words them (`1.5B`, `Q4_K_M`).

    `elsewhere` is a model that the server sends on to another host.
    """

    name: str
    bytes: int = 0
    parameter_size: str = ""
    quantization: str = ""
    elsewhere: bool = False


class Shown(Struct, frozen=True):
    """What the server knows of one model; `context_length` in tokens, 0 where it does not say.

    `capabilities` as Ollama words them (`completion`, `tools`, `thinking`, `insert`, `vision`, …), None from a
    server too old to tell. `remote_host` is where the server sends its requests, "" for a model of its own.
    """

    capabilities: tuple[str, ...] | None = None
    context_length: int = 0
    remote_host: str = ""
    parameter_size: str = ""
    quantization: str = ""


Progress = Callable[[str, int, int], None]
"""Told of a pull: the server's word for what it does, bytes done and bytes in all (0: not known yet)."""


class _Details(Struct):
    parameter_size: str = ""
    quantization_level: str = ""


class _Tag(Struct):
    name: str
    size: int = 0
    details: _Details | None = None
    remote_host: str = ""


class _Tags(Struct):
    models: list[_Tag] | None = None


class _Show(Struct):
    details: _Details | None = None
    model_info: dict[str, Json] | None = None
    capabilities: list[str] | None = None
    remote_host: str = ""


class _Version(Struct):
    version: str


class _Pulled(Struct):
    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""


def host() -> str:
    """The server's base address by OLLAMA_HOST, read as Ollama reads it; without it this machine's own."""
    return ollama_base()


async def version(base: str, *, key: str = "") -> str:
    """The server's version. Raises: `Unreachable` when nobody listens, `Malformed` when it is no Ollama."""
    told: _Version = await _asked(base, "GET", "/api/version", _Version, _ANSWER_S, key=key)
    return told.version


async def tags(base: str) -> tuple[OllamaModel, ...]:
    """The models that the server has, in its order. Raises: as `version`."""
    told = await _asked(base, "GET", "/api/tags", _Tags, _ANSWER_S)
    return tuple(
        OllamaModel(
            t.name,
            t.size,
            t.details.parameter_size if t.details else "",
            t.details.quantization_level if t.details else "",
            bool(t.remote_host),
        )
        for t in told.models or ()
    )


async def show(base: str, name: str, *, key: str = "") -> Shown:
    """What the server knows of the model. Raises: `NoSuchModel` with the way to pull it, else as `version`."""
    told = await _asked(
        base,
        "POST",
        "/api/show",
        _Show,
        _SHOW_S,
        value={"model": name},
        name=f"ollama/{plain(name)}",
        key=key,
    )
    details = told.details or _Details()
    return Shown(
        None if told.capabilities is None else tuple(told.capabilities),
        _context_length(told.model_info or {}),
        told.remote_host,
        details.parameter_size,
        details.quantization_level,
    )


async def pull(base: str, name: str, progress: Progress) -> None:
    """Has the server pull the model; returns once it has it. Leaving it early stops the pull.

    `progress` counts over all layers that are known so far. A pull that was stopped goes on where it was.
    Raises: `NoSuchModel` when the registry does not have it, `Unreachable` when the server falls silent.
    """
    layers: dict[str, tuple[int, int]] = {}
    body = msgspec.json.encode({"model": name, "stream": True})
    done = False
    try:
        async with asyncio.timeout(_PULL_SILENT_S) as timer:
            async with http.request("POST", f"{base}/api/pull", headers(), body, _PULL_CAP) as reply:
                if reply.status != 200:
                    raise fault(reply.status, reply.headers, await reply.body(), name)
                async for line in lines(reply):
                    timer.reschedule(asyncio.get_running_loop().time() + _PULL_SILENT_S)
                    told = decoded(line, _Pulled, name)
                    if told.error:
                        raise _no_pull(told.error, name)
                    if told.digest and told.total:
                        layers[told.digest] = (told.completed, told.total)
                    done = done or told.status == "success"
                    counts = layers.values()
                    progress(told.status, sum(c for c, _ in counts), sum(t for _, t in counts))
    except TimeoutError as error:
        raise Unreachable(f"the Ollama server fell silent while it pulled {name}") from error
    except BrokenOff as error:
        raise Unreachable(f"the Ollama server went away while it pulled {name}") from error
    except Unreachable as error:
        error.hint = error.hint or ("" if layers else START_HINT)
        raise
    if not done:
        raise Malformed(f"the Ollama server did not say that it has {name} now")


async def lines(reply: http.Reply) -> AsyncIterator[bytes]:
    """The lines of a reply as they come, empty ones left out. Raises: as `Reply.chunk`, `Malformed`."""
    rest = b""
    while (chunk := await reply.chunk()) is not None:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_CAP:
            raise Malformed("the Ollama server sent a line of more than 1 MB")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def decoded(data: bytes, shape: type[Any], name: str) -> Any:
    """The JSON as a value of that shape. Raises: `Malformed`."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = faults.short(data.decode(errors="replace"))
        raise Malformed(f"{name}: this is no answer of an Ollama server: {said}") from error


def headers(key: str = "") -> dict[str, str]:
    """The headers of every request; `key` is for a server that stands behind one."""
    said = {"content-type": "application/json", "accept": "application/x-ndjson, application/json"}
    return said | {"authorization": f"Bearer {key}"} if key else said


def fault(status: int, told: dict[str, str], body: bytes, name: str) -> ProviderError:
    """The error that a reply with a status other than 200 stands for."""
    error = faults.of_reply(status, told, body, name)
    if isinstance(error, NoSuchModel):
        error.hint = f"ollama pull {plain(name)}"
    return error


def plain(name: str) -> str:
    """The model's name as Ollama knows it."""
    maker, _, rest = name.partition("/")
    return rest if maker in OLLAMA_MAKERS else name


async def _asked(
    base: str,
    method: str,
    path: str,
    shape: type[Any],
    seconds: float,
    *,
    value: Json = None,
    name: str = "the Ollama server",
    key: str = "",
) -> Any:
    body = b"" if value is None else msgspec.json.encode(value)
    try:
        async with asyncio.timeout(seconds):
            async with http.request(method, base + path, headers(key), body) as reply:
                data = await reply.body()
    except TimeoutError as error:
        raise Unreachable(f"the Ollama server at {base} does not answer", hint=START_HINT) from error
    except Unreachable as error:
        error.hint = error.hint or START_HINT
        raise
    if reply.status == 404 and not _is_ollamas(data):
        raise Malformed(f"what answers at {base} is no Ollama server (status 404)")
    if reply.status != 200:
        raise fault(reply.status, reply.headers, data, name)
    return decoded(data, shape, name)


def _is_ollamas(body: bytes) -> bool:
    """Whether it is an error as Ollama words its own: a JSON object that holds `error`."""
    try:
        return bool(msgspec.json.decode(body, type=dict[str, Json]).get("error"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _no_pull(words: str, name: str) -> ProviderError:
    """A pull that failed: a name that the registry does not know is no fault of the network."""
    said = f"ollama/{plain(name)}: {faults.short(words)}"
    if "file does not exist" in words or "not found" in words or "invalid model name" in words:
        return NoSuchModel(said, hint="the names are those of Ollama's library, as in qwen2.5-coder:1.5b")
    return Unreachable(said, hint="Ollama could not fetch it; what has come so far is kept, so try again")


def _context_length(info: dict[str, Json]) -> int:
    """`<architecture>.context_length` of the model's own metadata."""
    arch = info.get("general.architecture")
    length = info.get(f"{arch}.context_length")
    if type(length) is not int:
        length = next((v for k, v in info.items() if k.endswith(".context_length") and type(v) is int), 0)
    return max(0, length)
