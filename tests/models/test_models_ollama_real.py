"""The Ollama adapter on a real Ollama server, the one that `just ollama build` makes. Skipped where it is not."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import msgspec
import ollama_server
import pytest

from treadle.models import ollama_api
from treadle.models.base import Model, ModelRequest, ToolSchema
from treadle.models.open import open_model
from treadle.protocol.errors import ContextTooLong, CutOff, NoSuchModel, Refused, Unreachable
from treadle.protocol.messages import Message
from treadle.spec.tiers import ModelEntry

SMALL, CODER = "smollm2:135m", "qwen2.5-coder:1.5b"
TOOLS = (ToolSchema("read", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}}),)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not ollama_server.binary().is_file(), reason=ollama_server.MISSING),
]


def needs(name: str):
    """A mark that skips without the weights, and says which."""
    pull = (
        f"no weights here: treadle models pull {ollama_server.MODELS[name][0].removesuffix('-instruct.gguf')}"
    )
    return pytest.mark.skipif(not ollama_server.has_weights(name), reason=pull)


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Iterator[ollama_server.Server]:
    models = [m for m in (SMALL, CODER) if ollama_server.has_weights(m)]
    with ollama_server.running(*models, log=tmp_path_factory.mktemp("ollama") / "log") as server:
        yield server


def opened(server: ollama_server.Server, name: str = SMALL, **options) -> Model:
    return open_model(
        ModelEntry(f"ollama/{name}", endpoint=server.base, options={"num_thread": 1, **options})
    )


def request(text: str, max_tokens: int = 24, **kwargs) -> ModelRequest:
    return ModelRequest((Message("user", text),), max_tokens, **kwargs)


def nothing(_: str) -> None:
    pass


@needs(SMALL)
async def test_it_streams_and_its_counts_and_times_agree(real):
    pieces: list[str] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    reply = await opened(real).stream(request("Say hello.", 60), pieces.append)
    wall = loop.time() - began
    assert len(pieces) > 1
    assert "".join(pieces) == reply.text != ""
    assert (reply.finish, reply.model) == ("stop", f"ollama/{SMALL}")
    usage = reply.usage
    assert usage.input_tokens > 10
    assert abs(usage.output_tokens - len(pieces)) <= 2
    assert usage.cost_usd == 0.0
    assert min(usage.load_s, usage.prompt_s, usage.decode_s) > 0
    assert usage.load_s + usage.prompt_s + usage.decode_s <= wall


@needs(SMALL)
async def test_a_schema_holds_five_times_of_five(real):
    schema = {
        "type": "object",
        "properties": {
            "tool": {"enum": ["read", "search", "edit"]},
            "why": {"type": "string", "maxLength": 60},
            "sure": {"type": "boolean"},
        },
        "required": ["tool", "why", "sure"],
        "additionalProperties": False,
    }

    class Choice(msgspec.Struct, forbid_unknown_fields=True):
        tool: str
        why: str
        sure: bool

    model = opened(real)
    for seed in range(5):
        asked = request("Choose a tool, as JSON.", 300, schema=schema, temperature=0.8, seed=seed)
        choice = msgspec.json.decode((await model.stream(asked, nothing)).text, type=Choice)
        assert choice.tool in ("read", "search", "edit")
        assert len(choice.why) <= 60


@needs(SMALL)
async def test_what_does_not_fit_is_refused_where_the_server_alone_would_cut(real):
    dense = "7 3 9 " * 400
    messages = [{"role": "user", "content": dense}]
    alone = {"model": SMALL, "messages": messages, "stream": False}
    cut = json.loads(real.ask("/api/chat", alone | {"options": {"num_ctx": 512, "num_predict": 4}}))
    assert cut["prompt_eval_count"] <= 512
    with pytest.raises(ContextTooLong, match="input length exceeds the context length"):
        await opened(real, context_tokens=700).stream(request(dense), nothing)
    with pytest.raises(ContextTooLong, match=r"about 3750 tokens .* window of 700"):
        await opened(real, context_tokens=700).stream(request("word " * 3000), nothing)


@needs(SMALL)
async def test_a_window_that_fills_while_it_answers_cuts_the_reply_off_not_the_prompt(real):
    dense = "7 3 9 " * 80
    with pytest.raises(CutOff) as caught:
        await opened(real, context_tokens=512).stream(
            request(f"{dense} Tell a very long story about a weaver.", 380), nothing
        )
    assert caught.value.text
    assert caught.value.usage.input_tokens > 400


@needs(SMALL)
async def test_tools_are_refused_for_a_model_without_them_as_the_server_would(real):
    with pytest.raises(Refused, match="can't call tools"):
        await opened(real).stream(request("Read a.py", tools=TOOLS), nothing)
    tools = [{"type": "function", "function": msgspec.to_builtins(TOOLS[0])}]
    asked = {"model": SMALL, "messages": [{"role": "user", "content": "x"}], "tools": tools}
    with pytest.raises(urllib.error.HTTPError) as caught:
        real.ask("/api/chat", asked)
    assert caught.value.code == 400


@needs(CODER)
async def test_a_model_with_tools_is_asked_with_them(real):
    shown = await ollama_api.show(real.base, CODER)
    assert "tools" in (shown.capabilities or ())
    assert shown.context_length == 32768
    asked = (
        Message("system", "Use the tools. Answer with nothing but a call."),
        Message("user", "Read the file a.py."),
    )
    reply = await opened(real, CODER).stream(ModelRequest(asked, 100, tools=TOOLS), nothing)
    called = [c for c in reply.tool_calls if c.name == "read" and c.arguments == {"path": "a.py"}]
    assert called or "read" in reply.text


@needs(SMALL)
async def test_refusals_of_the_real_server(real):
    with pytest.raises(Refused, match="invalid JSON schema"):
        await opened(real).stream(request("x", schema={"type": "nonsense"}), nothing)
    with pytest.raises(NoSuchModel) as caught:
        await opened(real, "nope:1b").stream(request("x"), nothing)
    assert caught.value.hint == "ollama pull nope:1b"
    assert SMALL in {m.name for m in await ollama_api.tags(real.base)}
    assert await ollama_api.version(real.base) == ollama_server.VERSION


@needs(SMALL)
async def test_cancelled_in_the_middle_it_answers_the_next_call(real):
    model, streaming = opened(real), asyncio.Event()
    story = request("Tell a very long story about a weaver.", 2000)
    task = asyncio.create_task(model.stream(story, lambda _: streaming.set()))
    await streaming.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await model.stream(request("Say hello.", 60), nothing)).text


@needs(SMALL)
async def test_a_larger_window_loads_the_model_anew_and_stays(real):
    model = opened(real)
    await model.stream(request("Say hello.", 60), nothing)
    same = await model.stream(request("Say hello.", 60, context_tokens=2000), nothing)
    wider = await model.stream(request("Say hello.", 60, context_tokens=6000), nothing)
    after = await model.stream(request("Say hello.", 60), nothing)
    assert wider.usage.load_s > 2 * max(same.usage.load_s, after.usage.load_s)
    with pytest.raises(ContextTooLong, match="window of 8192"):
        await model.stream(request("word " * 9000, 60, context_tokens=20_000), nothing)


@needs(SMALL)
async def test_a_server_that_is_killed_in_mid_stream_is_unreachable_and_so_is_the_next_call(tmp_path):
    with ollama_server.running(SMALL, log=tmp_path / "log") as server:
        model = opened(server)
        killed: list[str] = []

        def kill(piece: str) -> None:
            if not killed:
                server.kill()
            killed.append(piece)

        with pytest.raises(Unreachable, match=r"in the middle of its reply|hung up") as caught:
            await model.stream(request("Tell a very long story.", 2000), kill)
        assert killed
        assert "ollama serve" in caught.value.hint
        server.process.wait(60)
        with pytest.raises(Unreachable, match="nobody answers"):
            await model.stream(request("Say hello."), nothing)


MENDER = """\
name: test-fixer
description: Makes failing tests pass without touching the tests, by the small model alone.
prompt: test-fixer.md
inputs: [item, suspects, receipt, map, instructions]
output: {type: object, properties: {summary: {type: string, maxLength: 400}}, required: [summary]}
checks: [parses, tests]
permissions: {deny: [tests]}
ladder:
  - {tier: small, protocol: rewrite-then-edit, limits: {context_tokens: 1000}}
"""
TIERS = "tiers:\n  small: {models: [{model: 'ollama/qwen2.5-coder:1.5b', options: {num_thread: 1}}]}\n"


def demo(real, tmp_path: Path, bug: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    env |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    env |= {"OLLAMA_HOST": real.host}
    command = [sys.executable, "-m", "treadle", "demo", "--bug", bug, "--into", str(tmp_path / "demo")]
    return subprocess.run([*command, "--output", "jsonl"], env=env, capture_output=True, text=True)


@needs(CODER)
def test_the_demos_bug_is_mended_through_ollama_by_the_command_line(real, tmp_path):
    user = tmp_path / "config" / "treadle"
    (user / "agents").mkdir(parents=True)
    (user / "tiers.yaml").write_text(TIERS)
    (user / "agents" / "test-fixer.yaml").write_text(MENDER)
    done = demo(real, tmp_path, "touching")
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    text = json.dumps(events)
    assert '"ollama/qwen2.5-coder:1.5b"' in text
    assert events[-1]["type"] == "result"
    assert events[-1]["is_error"] is False
