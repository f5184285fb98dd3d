"""The Ollama adapter against a server that is scripted: it answers as Ollama's sources and the notes say.

What the real one does is in test_models_ollama_real.py.
"""

import asyncio
import copy
import json
import os
import subprocess
import sys

import pytest

from treadle.models import ollama_api
from treadle.models.base import ModelRequest, Timers, ToolSchema
from treadle.models.open import check_available, open_model
from treadle.protocol.errors import (
    ContextTooLong,
    CutOff,
    Malformed,
    NoSuchModel,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Message, ToolCall
from treadle.spec.tiers import ModelEntry, ollama_base

ASK = ModelRequest((Message("system", "Be short."), Message("user", "Hi")), 50)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}, "required": ["a"]}
TOOLS = (ToolSchema("read", "Reads a file.", {"type": "object"}),)
FAR = Timers(60, 60)
DONE = {"done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 3}
SHOWN = {
    "capabilities": ["completion", "tools"],
    "model_info": {"general.architecture": "qwen2", "qwen2.context_length": 32768},
    "details": {"parameter_size": "1.5B", "quantization_level": "Q4_K_M"},
}


class Scripted:
    """Answers /api/show and /api/version as told, and /api/chat by `lines` or by a function of the peer."""

    def __init__(self, server) -> None:
        self.server = server
        self.shown = copy.deepcopy(SHOWN)
        self.version = "0.24.0"
        self.chat = self.says("Hi.")
        server.behave = self.behave

    async def behave(self, peer) -> None:
        if peer.path == "/api/show":
            await peer.answer(200, json.dumps(self.shown))
        elif peer.path == "/api/version":
            await peer.answer(200, json.dumps({"version": self.version}))
        else:
            await self.chat(peer)

    @staticmethod
    def says(*pieces: str, **done):
        return Scripted.streams(
            *({"message": {"role": "assistant", "content": p}} for p in pieces), DONE | done
        )

    @staticmethod
    def streams(*lines, whole: bool = True):
        async def behave(peer) -> None:
            await peer.begin_stream()
            for line in lines:
                await peer.piece(line if isinstance(line, bytes) else json.dumps(line) + "\n")
            if whole:
                await peer.end_stream(done=False)

        return behave

    @staticmethod
    def answers(status: int, body, **headers: str):
        async def behave(peer) -> None:
            await peer.answer(status, json.dumps(body), **headers)

        return behave

    @property
    def bodies(self):
        return [p.body for p in self.server.peers if p.path == "/api/chat"]


@pytest.fixture
def scripted(server) -> Scripted:
    return Scripted(server)


def model(scripted, *, timers: Timers = FAR, name: str = "ollama/tiny:1b", **entry):
    return open_model(ModelEntry(name, endpoint=scripted.server.base, **entry), timers=timers)


async def ask(scripted, request: ModelRequest = ASK, **kwargs):
    return await model(scripted, **kwargs).stream(request, lambda _: None)


# What is asked


async def test_nothing_may_be_cut_and_the_options_are_the_requests(scripted):
    request = ModelRequest(ASK.messages, 77, stop=("END",), seed=5, temperature=0.2)
    await ask(scripted, request, options={"num_thread": 1, "temperature": 0.7})
    (body,) = scripted.bodies
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, True)
    assert (body["model"], body["keep_alive"]) == ("tiny:1b", "10m")
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi"},
    ]
    assert body["options"] == {
        "num_ctx": 4096,
        "num_predict": 77,
        "temperature": 0.7,
        "seed": 5,
        "stop": ["END"],
        "num_thread": 1,
    }
    assert not {"format", "tools", "think"} & set(body)


async def test_the_threads_of_the_settings_are_for_a_server_on_this_machine(scripted):
    for options in ({}, {"num_thread": 2}):
        entry = ModelEntry("ollama/tiny:1b", endpoint=scripted.server.base, options=options)
        await open_model(entry, threads=3, timers=FAR).stream(ASK, lambda _: None)
    assert [b["options"].get("num_thread") for b in scripted.bodies] == [3, 2]
    await ask(scripted)
    assert "num_thread" not in scripted.bodies[-1]["options"]


async def test_a_schema_goes_as_format_and_stills_a_model_that_thinks(scripted):
    request = ModelRequest(ASK.messages, 50, schema=SCHEMA)
    scripted.chat = scripted.says('{"a": "b"}')
    await ask(scripted, request)
    scripted.shown["capabilities"] = ["completion", "thinking"]
    await ask(scripted, request)
    await ask(scripted)
    await ask(scripted, request, options={"think": "low", "keep_alive": 0})
    plain, still, free, told = scripted.bodies
    assert plain["format"] == still["format"] == SCHEMA
    assert "think" not in plain
    assert still["think"] is False
    assert "think" not in free
    assert (told["think"], told["keep_alive"]) == ("low", 0)
    assert "think" not in told["options"]


async def test_the_window_grows_by_powers_of_two_up_to_what_the_model_was_trained_on(scripted):
    one = model(scripted)
    for asked in (0, 3000, 9000, 1000, 60_000):
        await one.stream(ModelRequest(ASK.messages, 500, context_tokens=asked), lambda _: None)
    assert [b["options"]["num_ctx"] for b in scripted.bodies] == [4096, 4096, 16384, 16384, 32768]
    for option in ("context_tokens", "num_ctx"):
        await ask(scripted, options={option: 5000})
        assert scripted.bodies[-1]["options"]["num_ctx"] == 5000
        assert "context_tokens" not in scripted.bodies[-1]["options"]


async def test_the_server_is_asked_once_what_the_model_is(scripted):
    one = model(scripted)
    for _ in range(3):
        await one.stream(ASK, lambda _: None)
    assert [p.path for p in scripted.server.peers].count("/api/show") == 1


async def test_a_schema_never_goes_out_with_tools(scripted):
    with pytest.raises(ValueError, match="never both"):
        await ask(scripted, ModelRequest(ASK.messages, 50, schema=SCHEMA, tools=TOOLS))
    assert scripted.server.peers == []


# What comes back


async def test_the_reply_streams_with_counts_and_seconds(scripted):
    scripted.chat = scripted.says(
        "Hel",
        "lö",
        load_duration=250_000_000,
        prompt_eval_duration=500_000_000,
        eval_duration=2_000_000_000,
    )
    pieces: list[str] = []
    reply = await model(scripted).stream(ASK, pieces.append)
    assert pieces == ["Hel", "lö"]
    assert (reply.text, reply.finish, reply.model) == ("Hellö", "stop", "ollama/tiny:1b")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens) == (20, 3)
    assert (usage.load_s, usage.prompt_s, usage.decode_s, usage.cost_usd) == (0.25, 0.5, 2.0, 0.0)


async def test_lines_are_put_together_from_any_pieces(scripted):
    lines = [json.dumps({"message": {"content": c}}, ensure_ascii=False) for c in "aöb"]
    data = "\n".join([*lines, json.dumps(DONE)]).encode()
    scripted.chat = scripted.streams(*(data[i : i + 3] for i in range(0, len(data), 3)))
    assert (await ask(scripted)).text == "aöb"


async def test_what_is_thought_is_no_text(scripted):
    thought = {"message": {"role": "assistant", "content": "", "thinking": "Hm."}}
    scripted.chat = scripted.streams(thought, {"message": {"content": "Yes."}}, DONE)
    assert (await ask(scripted)).text == "Yes."


async def test_tool_calls_are_numbered_here_and_results_name_their_tool(scripted):
    def call(name, arguments):
        return {
            "message": {"content": "", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]}
        }

    scripted.chat = scripted.streams(call("read", {"path": "a.py"}), call("read", '{"path": "b.py"}'), DONE)
    asked = (
        *ASK.messages,
        Message("assistant", "", (ToolCall("c7", "search", {"q": 1}),)),
        Message("tool", "nothing", tool_call_id="c7"),
    )
    reply = await ask(scripted, ModelRequest(asked, 50, tools=TOOLS))
    assert reply.finish == "tool_calls"
    assert reply.tool_calls == (
        ToolCall("call_1", "read", {"path": "a.py"}),
        ToolCall("call_2", "read", {"path": "b.py"}),
    )
    (body,) = scripted.bodies
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "read", "description": "Reads a file.", "parameters": {"type": "object"}},
        }
    ]
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "search", "arguments": {"q": 1}}
    assert body["messages"][3]["tool_name"] == "search"


async def test_arguments_that_are_no_object_are_malformed(scripted):
    for function in (
        {"name": "read", "arguments": [1]},
        {"name": "", "arguments": {}},
        {"name": "x", "arguments": "{"},
    ):
        scripted.chat = scripted.streams({"message": {"tool_calls": [{"function": function}]}}, DONE)
        with pytest.raises(Malformed, match="tool call"):
            await ask(scripted, ModelRequest(ASK.messages, 50, tools=TOOLS))


async def test_a_reply_at_its_limit_is_cut_off_and_half_a_json_malformed(scripted):
    scripted.chat = scripted.says('{"a": "b', done_reason="length")
    with pytest.raises(CutOff, match="50 tokens") as caught:
        await ask(scripted, ModelRequest(ASK.messages, 50, schema=SCHEMA))
    assert caught.value.text == '{"a": "b'
    assert caught.value.usage.input_tokens == 20
    scripted.chat = scripted.says('{"a": "b')
    with pytest.raises(Malformed) as caught:
        await ask(scripted, ModelRequest(ASK.messages, 50, schema=SCHEMA))
    assert caught.value.text == '{"a": "b'


# What the model can't


async def test_tools_are_refused_before_sending_where_the_model_has_none(scripted):
    scripted.shown["capabilities"] = ["completion"]
    with pytest.raises(Refused, match="can't call tools"):
        await ask(scripted, ModelRequest(ASK.messages, 50, tools=TOOLS))
    assert scripted.bodies == []
    assert (await ask(scripted)).text == "Hi."


async def test_a_model_that_embeds_only_is_refused(scripted):
    scripted.shown["capabilities"] = ["embedding"]
    with pytest.raises(Refused, match="embedding"):
        await ask(scripted)


async def test_a_model_that_the_server_only_passes_on_is_asked_for_by_a_name_that_says_so(scripted):
    scripted.shown["remote_host"] = "https://ollama.com:443"
    with pytest.raises(Refused, match=r"sends its requests to https://ollama\.com"):
        await ask(scripted)
    assert scripted.bodies == []
    reply = await ask(scripted, name="ollama/tiny:1b-cloud")
    assert reply.usage.cost_usd is None


# Prompts that are too long


async def test_what_surely_does_not_fit_is_not_sent(scripted):
    long = ModelRequest((Message("user", "word " * 5000),), 50)
    with pytest.raises(
        ContextTooLong, match=r"about 6250 tokens of prompt and 50 of reply .* window of 4096"
    ):
        await ask(scripted, long)
    assert scripted.bodies == []
    scripted.shown["model_info"]["qwen2.context_length"] = 2048
    with pytest.raises(ContextTooLong, match="window of 2048"):
        await ask(scripted, ModelRequest(ASK.messages, 3000))


@pytest.mark.parametrize(
    "words",
    [
        "the input length exceeds the context length",
        '{"error":{"code":400,"message":"request (6031 tokens) exceeds the available context size (4096 tokens)"}}',
    ],
)
async def test_what_the_server_finds_too_long_is_so_before_and_within_the_stream(scripted, words):
    for chat in (scripted.answers(400, {"error": words}), scripted.streams({"error": words})):
        scripted.chat = chat
        with pytest.raises(ContextTooLong, match="context"):
            await ask(scripted)


@pytest.mark.parametrize("read", [4096, 1600])
async def test_a_prompt_that_was_cut_all_the_same_is_told_by_its_count(scripted, read):
    long = ModelRequest((Message("user", "some text of words " * 700),), 50)
    scripted.chat = scripted.says("Hi.", prompt_eval_count=2800)
    assert (await ask(scripted, long)).text == "Hi."
    scripted.chat = scripted.says("Hi.", prompt_eval_count=read)
    with pytest.raises(ContextTooLong, match=f"cut the prompt: it read {read} tokens") as caught:
        await ask(scripted, long)
    assert caught.value.usage.input_tokens == read


async def test_lines_of_one_character_are_not_taken_for_a_cut(scripted):
    scripted.chat = scripted.says("Hi.", prompt_eval_count=60)
    await ask(scripted, ModelRequest((Message("user", ("=" * 100 + "\n" + " " * 100) * 20),), 50))


async def test_a_server_that_can_only_cut_gets_a_window_with_room_to_spare(scripted):
    scripted.version = "0.11.10"
    dense = ModelRequest((Message("user", "x" * 12_000),), 500)
    scripted.chat = scripted.says("Hi.", prompt_eval_count=5000)
    await ask(scripted, dense)
    assert scripted.bodies[-1]["options"]["num_ctx"] == 8192
    scripted.version = "0.12.6"
    scripted.chat = scripted.says("Hi.", prompt_eval_count=3000)
    await ask(scripted, dense)
    assert scripted.bodies[-1]["options"]["num_ctx"] == 4096


async def test_a_server_without_schemas_is_too_old(scripted):
    scripted.version = "0.4.7"
    del scripted.shown["capabilities"]
    with pytest.raises(NoSuchModel, match=r"version 0\.4\.7; treadle needs 0\.5"):
        await ask(scripted)
    scripted.version = "0.5.13"
    assert (await ask(scripted, ModelRequest(ASK.messages, 50, tools=TOOLS))).text == "Hi."


# Every way to fail


@pytest.mark.parametrize(
    ("status", "words", "error"),
    [
        (400, "tiny does not support tools", Refused),
        (500, "invalid JSON schema in format", Refused),
        (500, "model requires more system memory (21 GiB) than is available (9 GiB)", Unreachable),
        (401, "unauthorized", Refused),
        (403, "ollama cloud is disabled", Refused),
        (429, "usage limit", RateLimited),
        (503, "server busy, please try again.  maximum pending requests exceeded", RateLimited),
    ],
)
async def test_each_refusal_is_an_error_of_its_kind(scripted, status, words, error):
    scripted.chat = scripted.answers(status, {"error": words})
    with pytest.raises(error) as caught:
        await ask(scripted)
    assert type(caught.value) is error
    assert caught.value.message == f"ollama/tiny:1b: {' '.join(words.split())}"


async def test_a_full_queue_is_worth_another_try_soon(scripted):
    scripted.chat = scripted.answers(503, {"error": "server busy, please try again"})
    with pytest.raises(RateLimited) as caught:
        await ask(scripted)
    assert caught.value.retryable
    assert 0 < caught.value.retry_after_s < 20


async def test_a_model_that_is_not_there_says_how_to_get_it(server):
    server.behave = Scripted.answers(404, {"error": "model 'tiny:1b' not found"})
    with pytest.raises(NoSuchModel, match="ollama/tiny:1b: model 'tiny:1b' not found") as caught:
        await open_model(ModelEntry("ollama/tiny:1b", endpoint=server.base)).stream(ASK, lambda _: None)
    assert caught.value.hint == "ollama pull tiny:1b"


async def test_where_nobody_listens_the_hint_starts_a_server(unused_port, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{unused_port}")
    with pytest.raises(Unreachable, match="nobody answers") as caught:
        await open_model(ModelEntry("ollama/tiny")).stream(ASK, lambda _: None)
    assert "ollama serve" in caught.value.hint


async def test_an_error_in_the_middle_of_the_stream(scripted):
    hel = {"message": {"content": "Hel"}}
    scripted.chat = scripted.streams(hel, {"error": "an error was encountered while running the model: EOF"})
    with pytest.raises(Unreachable, match="an error was encountered"):
        await ask(scripted)


async def test_a_server_stopped_in_mid_stream_is_unreachable(scripted):
    scripted.chat = scripted.streams({"message": {"content": "Hel"}}, whole=False)
    with pytest.raises(Unreachable, match="in the middle of its reply") as caught:
        await ask(scripted)
    assert "ollama serve" in caught.value.hint


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (({"message": {"content": "la la la"}},), "before the reply was whole"),
        ((b'{"message": \n',), "no answer of an Ollama server"),
        ((b"\xff\xfe\n",), "no answer of an Ollama server"),
        ((b'{"message": {"content": 5}}\n',), "no answer of an Ollama server"),
        (({"done": True, "done_reason": "unload"},), "ended with unload"),
        ((b"x" * (1 << 20), b"x" * 10), "line of more than 1 MB"),
    ],
)
async def test_a_stream_that_breaks_the_protocol_is_malformed(scripted, lines, words):
    scripted.chat = scripted.streams(*lines)
    with pytest.raises(Malformed, match=words):
        await ask(scripted)


async def test_what_is_no_ollama_is_malformed(server):
    server.behave = lambda peer: peer.answer(200, "<html>Log in</html>", "text/html")
    with pytest.raises(Malformed, match="no answer of an Ollama server: <html>"):
        await open_model(ModelEntry("ollama/tiny", endpoint=server.base)).stream(ASK, lambda _: None)


async def test_another_server_at_that_address_is_told_apart_from_a_missing_model(server):
    server.behave = lambda peer: peer.answer(404, "<html>Not Found</html>", "text/html")
    base = server.base.removesuffix("/v1")
    for asked in (ollama_api.version(base), ollama_api.show(base, "tiny")):
        with pytest.raises(Malformed, match=r"is no Ollama server \(status 404\)"):
            await asked


async def test_silence_before_and_within_a_reply_is_unreachable(scripted):
    async def silent(peer) -> None:
        await asyncio.Event().wait()

    async def half(peer) -> None:
        await peer.begin_stream()
        await peer.piece(json.dumps({"message": {"content": "Hel"}}) + "\n")
        await asyncio.Event().wait()

    scripted.chat = silent
    with pytest.raises(Unreachable, match="did not begin to answer"):
        await ask(scripted, timers=Timers(0.05, 60))
    scripted.chat = half
    with pytest.raises(Unreachable, match="fell silent in the middle"):
        await ask(scripted, timers=Timers(60, 0.05))


async def test_waiting_for_its_turn_is_no_silence(scripted):
    """Each piece of the reply before it sets the waiting request's timer anew."""
    first_over = asyncio.Event()
    waiting = asyncio.Event()

    async def one_by_one(peer) -> None:
        if peer.body["messages"][-1]["content"] == "second":
            waiting.set()
            await first_over.wait()
            await scripted.says("second")(peer)
            return
        await waiting.wait()
        await scripted.says("x", "y", "z")(peer)

    scripted.chat = one_by_one
    one = model(scripted)
    ends: list[float] = []

    def seen(_: str) -> None:
        ends.extend(timer.when() for timer in one._waiting)

    async def first() -> None:
        await one.stream(ModelRequest((Message("user", "first"),), 50), seen)
        ends.extend(timer.when() for timer in one._waiting)
        first_over.set()

    second = one.stream(ModelRequest((Message("user", "second"),), 50), lambda _: None)
    assert (await asyncio.gather(first(), second))[1].text == "second"
    assert ends == sorted(ends)
    assert ends[0] < ends[-1]
    assert not one._waiting


async def test_cancelling_drops_the_connection(scripted):
    streaming = asyncio.Event()

    async def half(peer) -> None:
        scripted.server.gone.clear()
        await peer.begin_stream()
        await peer.piece(json.dumps({"message": {"content": "Hel"}}) + "\n")
        await asyncio.Event().wait()

    scripted.chat = half
    task = asyncio.create_task(model(scripted).stream(ASK, lambda _: streaming.set()))
    await asyncio.wait_for(streaming.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(scripted.server.gone.wait(), 10)


async def test_a_key_goes_along_and_is_not_repeated(scripted, monkeypatch):
    monkeypatch.setenv("OLLAMA_API_KEY", "s3cret")
    scripted.chat = scripted.answers(401, {"error": "s3cret is no good"})
    with pytest.raises(Refused, match=r"\(key\) is no good"):
        await ask(scripted, key_env="OLLAMA_API_KEY")
    assert {p.headers["authorization"] for p in scripted.server.peers} == {"Bearer s3cret"}


@pytest.mark.parametrize("options", [{"context_tokens": "4k"}, {"num_ctx": -1}, {"keep_alive": True}])
def test_options_that_cannot_be_are_refused_before_anything_is_sent(options):
    with pytest.raises(Refused, match="option"):
        check_available(ModelEntry("ollama/tiny", options=options))


# By the command line

MENDER = """\
name: test-fixer
description: Makes failing tests pass by the small model alone.
prompt: test-fixer.md
inputs: [item, suspects, receipt]
output: {type: object, properties: {summary: {type: string, maxLength: 400}}, required: [summary]}
checks: [parses, tests]
permissions: {deny: [tests]}
ladder:
  - {tier: small, protocol: rewrite-then-edit, limits: {context_tokens: 1000}}
"""


async def test_stopped_in_mid_stream_a_run_says_so_with_exit_code_4(scripted, tmp_path):
    scripted.chat = scripted.streams({"message": {"content": "def "}}, whole=False)
    user = tmp_path / "config" / "treadle"
    (user / "agents").mkdir(parents=True)
    (user / "tiers.yaml").write_text("tiers:\n  small: {models: ['ollama/tiny:1b']}\n")
    (user / "agents" / "test-fixer.yaml").write_text(MENDER)
    env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    env |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    env |= {"OLLAMA_HOST": scripted.server.base.removesuffix("/v1")}
    words = ("demo", "--bug", "touching", "--into", str(tmp_path / "demo"), "--output", "json")
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "treadle", *words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = (stream.decode() for stream in await run.communicate())
    assert run.returncode == 4, err
    assert "ollama/tiny:1b: the Ollama server went away in the middle of its reply" in err
    assert "ollama serve" in err
    assert len(scripted.bodies) == 1
    assert json.loads(out.splitlines()[-1])["is_error"] is True


# Where the server is


@pytest.mark.parametrize(
    ("value", "base"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:5", "http://127.0.0.1:5"),
        ("http://box", "http://box:80"),
        ("https://box/models/", "https://box:443/models"),
        ("[::]:5", "http://[::1]:5"),
        ("::1", "http://[::1]:11434"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
        ("box:abc", "http://box:11434"),
        ("box:70000", "http://box:11434"),
        (' "box:1" ', "http://box:1"),
        ("ollama.com", "https://ollama.com:443"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(monkeypatch, value, base):
    monkeypatch.setenv("OLLAMA_HOST", value)
    assert ollama_base() == ollama_api.host() == base


def test_what_stays_on_this_machine(monkeypatch):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert ModelEntry("ollama/qwen3").stays_here
    assert ModelEntry("ollama_chat/qwen3:30b").stays_here
    assert not ModelEntry("ollama/qwen3:480b-cloud").stays_here
    assert not ModelEntry("ollama/minimax:cloud").stays_here
    assert not ModelEntry("ollama/qwen3", endpoint="http://gpu:11434").stays_here
    monkeypatch.setenv("OLLAMA_HOST", "gpu")
    assert not ModelEntry("ollama/qwen3").stays_here
    assert ModelEntry("ollama/qwen3", endpoint="http://127.0.0.1:11434").stays_here
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0")
    assert ModelEntry("ollama/qwen3").stays_here


# What the server says of itself


async def test_tags_and_show_in_treadles_words(server):
    tags = {
        "models": [
            {"name": "qwen3:30b", "size": 18_000_000_000, "details": SHOWN["details"]},
            {"name": "big:cloud", "size": 300, "remote_host": "https://ollama.com:443", "details": None},
        ]
    }
    shown = {"capabilities": None, "model_info": {"general.architecture": "x", "y.context_length": 7}}

    async def behave(peer) -> None:
        await peer.answer(200, json.dumps({"/api/tags": tags, "/api/show": shown}[peer.path]))

    server.behave = behave
    base = server.base.removesuffix("/v1")
    assert await ollama_api.tags(base) == (
        ollama_api.OllamaModel("qwen3:30b", 18_000_000_000, "1.5B", "Q4_K_M"),
        ollama_api.OllamaModel("big:cloud", 300, elsewhere=True),
    )
    assert await ollama_api.show(base, "y") == ollama_api.Shown(None, 7)


async def test_a_pull_tells_its_progress_over_all_layers(server):
    lines = [
        {"status": "pulling manifest"},
        {"status": "pulling aa", "digest": "sha256:aa", "total": 100},
        {"status": "pulling aa", "digest": "sha256:aa", "total": 100, "completed": 60},
        {"status": "pulling bb", "digest": "sha256:bb", "total": 10, "completed": 10},
        {"status": "verifying sha256 digest"},
        {"status": "success"},
    ]
    server.behave = Scripted.streams(*lines)
    told = []
    await ollama_api.pull(server.base.removesuffix("/v1"), "tiny:1b", lambda *a: told.append(a))
    assert server.peers[0].body["model"] == "tiny:1b"
    assert told == [
        ("pulling manifest", 0, 0),
        ("pulling aa", 0, 100),
        ("pulling aa", 60, 100),
        ("pulling bb", 70, 110),
        ("verifying sha256 digest", 70, 110),
        ("success", 70, 110),
    ]


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        (({"error": "pull model manifest: file does not exist"},), NoSuchModel, "file does not exist"),
        (({"error": "max retries exceeded: dial tcp: no route to host"},), Unreachable, "no route"),
        (({"status": "pulling manifest"},), Malformed, "did not say"),
    ],
)
async def test_a_pull_that_fails_says_why(server, lines, error, words):
    server.behave = Scripted.streams(*lines)
    with pytest.raises(error, match=words):
        await ollama_api.pull(server.base.removesuffix("/v1"), "tiny:1b", lambda *_: None)
