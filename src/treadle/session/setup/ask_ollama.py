"""The Ollama server, asked quickly: whether it is there, what it has, what each model can."""

import asyncio
import contextlib
import socket
import threading
from urllib.parse import urlsplit

from treadle.protocol.errors import ProviderError, Unreachable
from treadle.protocol.text import clean
from treadle.session.setup.sizes import parameters_of
from treadle.session.setup.values import Ollama, Served
from treadle.spec.tiers import is_loopback, ollama_base

ALL_S = 1.2
"""Seconds for all questions together."""
_MOST_SHOWN = 48
_SIDE_BY_SIDE = 8


async def ask_ollama() -> Ollama:
    """What the server at OLLAMA_HOST says within `ALL_S`, or why there is nothing; raises nothing.

    A model whose capabilities did not come in time is told without them.
    """
    base = ollama_base()
    try:
        parts = urlsplit(base)
        host, place = parts.hostname or "", clean(parts.netloc.rpartition("@")[2] or base)
    except ValueError:
        return Ollama(base, clean(base), fault="OLLAMA_HOST is no address", here=False)
    empty = Ollama(base, place, here=is_loopback(host))
    try:
        async with asyncio.timeout(ALL_S) as timer:
            if not await _has_address(host):
                return _without(empty, f"no host of that name: {clean(host)} (OLLAMA_HOST)")
            return await _asked(empty, (timer.when() or 0.0) - 0.1)
    except TimeoutError:
        return _without(empty, f"{place} does not answer")
    except Unreachable as fault:
        refused = isinstance(fault.__cause__, OSError) and not isinstance(fault.__cause__, TimeoutError)
        return _without(
            empty, f"nobody listens at {place}" if refused else f"{place}: {clean(fault.message)}"
        )
    except ProviderError as fault:
        return _without(empty, f"what listens at {place} is no Ollama server: {clean(fault.message)}")
    except (OSError, ValueError) as fault:
        return _without(empty, f"{place}: {clean(str(fault))}")


def _without(empty: Ollama, fault: str) -> Ollama:
    return Ollama(empty.base, empty.place, fault=fault, here=empty.here)


async def _asked(empty: Ollama, until: float) -> Ollama:
    """The server's answers; questions about single models end at `until`, by the loop's clock."""
    from treadle.models import ollama_api

    version = await ollama_api.version(empty.base)
    tags = await ollama_api.tags(empty.base)
    slots = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def shown(name: str) -> ollama_api.Shown:
        async with slots:
            return await ollama_api.show(empty.base, name)

    asked = {tag.name: asyncio.create_task(shown(tag.name)) for tag in tags[:_MOST_SHOWN]}
    if asked:
        left = max(0.05, until - asyncio.get_running_loop().time())
        _, late = await asyncio.wait(asked.values(), timeout=left)
        for task in late:
            task.cancel()
        await asyncio.gather(*asked.values(), return_exceptions=True)
    models = []
    for tag in tags:
        more = ollama_api.Shown()
        answer = asked.get(tag.name)
        if answer is not None and not answer.cancelled():
            with contextlib.suppress(ProviderError, OSError, ValueError):
                more = answer.result()
        told = tag.parameter_size or more.parameter_size
        quantization = tag.quantization or more.quantization
        if any(c.isspace() for c in tag.name):
            continue
        models.append(
            Served(
                f"ollama/{tag.name}",
                max(0, tag.bytes),
                parameters_of(tag.name, tag.bytes, told=told, quantization=quantization),
                clean(quantization),
                more.capabilities,
                more.context_length,
                tag.elsewhere or bool(more.remote_host),
            )
        )
    return Ollama(empty.base, empty.place, clean(version), tuple(models), here=empty.here)


async def _has_address(host: str) -> bool:
    """Whether the host's name leads to an address.

    Looked up in a thread of its own: those of the event loop are waited for at its end, however long they take.
    """
    if is_loopback(host) or host.replace(".", "").isdigit() or ":" in host:
        return True
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bool] = loop.create_future()

    def tell(answer: bool) -> None:
        if not found.done():
            found.set_result(answer)

    def look() -> None:
        try:
            socket.getaddrinfo(host, None)
            answer = True
        except (OSError, UnicodeError):
            answer = False
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, answer)

    threading.Thread(target=look, daemon=True).start()
    return await found
