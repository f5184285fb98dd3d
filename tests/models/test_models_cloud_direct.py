"""A request for an address of the user's own network passes no proxy, whatever the environment says."""

import asyncio
from importlib.util import find_spec

import pytest
from models_cloud_samples import ASK, KEY, anthropic
from models_cloud_samples import openai as openai_says

from treadle.models import cloud_link
from treadle.models.base import Timers
from treadle.models.cloud import CloudModel
from treadle.protocol.errors import ProviderError
from treadle.spec.tiers import ModelEntry

pytestmark = pytest.mark.skipif(find_spec("litellm") is None, reason="litellm is not installed")


@pytest.fixture
async def proxied(monkeypatch):
    """What a proxy was sent; all proxies of the environment are this one, and the worker is a new one."""
    seen: list[bytes] = []

    async def take(reader, writer) -> None:
        seen.append(await reader.read(1 << 16))
        writer.write(b"HTTP/1.1 502 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("A_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "elsewhere.example")
    cloud_link.end_shared()
    yield seen
    cloud_link.end_shared()
    listener.close()


async def behave(peer) -> None:
    await (openai_says if "completions" in peer.path else anthropic)(peer, "hi")


async def ask(entry: ModelEntry) -> str:
    return (await CloudModel(entry, timers=Timers(60, 60)).stream(ASK, lambda _: None)).text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_stays_on_this_machine_passes_no_proxy(server, proxied, host):
    server.behave = behave
    base = server.base.replace("127.0.0.1", host)
    for name in ("anthropic/tiny", "openai/tiny"):
        assert await ask(ModelEntry(name, base, "A_KEY")) == "hi"
    assert proxied == []


async def test_nor_does_a_name_of_the_own_network_also_after_a_cloud_was_asked(server, proxied):
    server.behave = behave
    with pytest.raises(ProviderError):
        await ask(ModelEntry("anthropic/tiny", "http://cloud.example/v1", "A_KEY"))
    assert len(proxied) == 1, "a cloud is asked through the proxy that the user set"
    with pytest.raises(ProviderError, match="nobody answers"):
        await ask(ModelEntry("anthropic/tiny", "http://no-such-box.internal:9/v1", "A_KEY"))
    assert len(proxied) == 1
    assert await ask(ModelEntry("anthropic/tiny", server.base, "A_KEY")) == "hi"
    assert len(proxied) == 1
