"""Servers and workers that don't behave: each ends as an error that can be told, and the next request is served."""

import asyncio
import os
import signal
from importlib.util import find_spec

import pytest
from models_cloud_samples import ASK, KEY
from models_cloud_samples import openai as openai_says

from treadle.models import cloud_link
from treadle.models.base import Timers
from treadle.models.cloud import CloudModel
from treadle.models.ollama import Ollama
from treadle.protocol.errors import ProviderError, Unreachable
from treadle.spec.tiers import ModelEntry

litellm = pytest.mark.skipif(find_spec("litellm") is None, reason="litellm is not installed")


@litellm
async def test_a_worker_that_hangs_is_known_soon_and_the_next_request_gets_a_new_one(server, monkeypatch):
    monkeypatch.setenv("A_KEY", KEY)

    async def behave(peer) -> None:
        await openai_says(peer, "hi")

    server.behave = behave
    model = CloudModel(ModelEntry("openai/tiny", server.base, "A_KEY"), timers=Timers(60, 60))
    assert (await model.stream(ASK, lambda _: None)).text == "hi"
    hung = cloud_link.shared().pid
    monkeypatch.setattr(cloud_link, "HEAR_S", 0.3)
    os.kill(hung, signal.SIGSTOP)
    async with asyncio.timeout(30):
        with pytest.raises(Unreachable, match="did not answer"):
            await model.stream(ASK, lambda _: None)
    monkeypatch.setattr(cloud_link, "HEAR_S", 60.0)
    assert (await model.stream(ASK, lambda _: None)).text == "hi"
    assert cloud_link.shared().pid != hung
    cloud_link.end_shared()


@pytest.mark.parametrize("version", ["²", "0.²", "٣.0", "", "0..5", "latest"])
async def test_an_ollama_of_an_odd_version_is_no_internal_error(server, version):
    async def behave(peer) -> None:
        await peer.answer(200, "{}" if peer.path == "/api/show" else f'{{"version": "{version}"}}')

    server.behave = behave
    with pytest.raises(ProviderError):
        await Ollama(ModelEntry("ollama/tiny", server.base)).stream(ASK, lambda _: None)
