"""The OpenAI-shaped adapter against a loopback server: streams, usage, tools, and every way to fail."""

import asyncio
import email.utils
import json
import time

import pytest

from treadle.models.base import ModelRequest, Timers, ToolSchema
from treadle.models.open import open_model
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
from treadle.spec.tiers import ModelEntry

ASK = ModelRequest((Message("system", "Be short."), Message("user", "Hi")), 50)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}, "required": ["a"]}
FAR = Timers(60, 60)
SOON = Timers(0.05, 60)


def model(server, *, timers: Timers = FAR, name: str = "openai/tiny", **entry):
    return open_model(ModelEntry(name, endpoint=server.base, **entry), timers=timers)


async def ask(server, request: ModelRequest = ASK, **kwargs):
    return await model(server, **kwargs).stream(request, lambda _: None)


def says(*pieces: str, finish: str = "stop", **tail):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text(*pieces, finish=finish)
        if tail:
            await peer.event({"choices": [], **tail})
        await peer.end_stream()

    return behave


def answers(status: int, body, kind: str = "application/json", **headers: str):
    async def behave(peer) -> None:
        await peer.answer(status, body if isinstance(body, str) else json.dumps(body), kind, **headers)

    return behave


async def test_the_reply_streams_and_carries_usage_and_timings(server):
    server.behave = says(
        "Hel",
        "lö",
        usage={"prompt_tokens": 20, "completion_tokens": 3},
        timings={"cache_n": 12, "prompt_ms": 250, "predicted_ms": 500},
        model="tiny-v2",
    )
    pieces: list[str] = []
    reply = await model(server).stream(ASK, pieces.append)
    assert pieces == ["Hel", "lö"]
    assert (reply.text, reply.finish, reply.model) == ("Hellö", "stop", "openai/tiny-v2")
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (20, 3, 12)
    assert (usage.prompt_s, usage.decode_s, usage.cost_usd) == (0.25, 0.5, None)


async def test_without_usage_tokens_are_estimated(server):
    server.behave = says("x" * 40)
    usage = (await ask(server)).usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 10)
    assert usage.decode_s > 0


async def test_the_request_says_what_was_asked_with_key_and_options(server, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "s3cret\n")
    server.behave = says('{"a": "b"}')
    request = ModelRequest(ASK.messages, 77, schema=SCHEMA, stop=("END",), seed=5)
    reply = await ask(
        server, request, key_env="SOME_KEY", options={"temperature": 0.7, "context_tokens": 900}
    )
    assert json.loads(reply.text) == {"a": "b"}
    (peer,) = server.peers
    assert (peer.method, peer.path) == ("POST", "/v1/chat/completions")
    assert peer.headers["authorization"] == "Bearer s3cret"
    body = peer.body
    assert body["model"] == "tiny"
    assert body["messages"][0] == {"role": "system", "content": "Be short."}
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stop"]) == (77, 0.7, 5, ["END"])
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert not {"tools", "context_tokens", "return_progress"} & set(body)


async def test_tool_calls_go_out_and_come_back_in_pieces(server):
    def call(index: int, **piece):
        return {"choices": [{"delta": {"tool_calls": [{"index": index, **piece}]}}]}

    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.event(call(0, id="c1", function={"name": "read", "arguments": ""}))
        await peer.event(call(1, function={"name": "search", "arguments": '{"q"'}))
        await peer.event(call(0, function={"arguments": '{"path": "a'}))
        await peer.event(call(0, function={"arguments": '.py"}'}))
        await peer.event(call(1, function={"arguments": ": 1}"}))
        await peer.text(finish="stop")
        await peer.end_stream()

    server.behave = behave
    asked = (
        *ASK.messages,
        Message("assistant", "", (ToolCall("c0", "read", {"path": "b.py"}),)),
        Message("tool", "print(1)", tool_call_id="c0"),
    )
    tools = (ToolSchema("read", "Reads a file.", {"type": "object"}),)
    reply = await ask(server, ModelRequest(asked, 50, tools=tools))
    assert reply.finish == "tool_calls"
    assert reply.tool_calls == (
        ToolCall("c1", "read", {"path": "a.py"}),
        ToolCall("call_2", "search", {"q": 1}),
    )
    body = server.peers[0].body
    assert body["tools"][0]["function"]["name"] == "read"
    assert json.loads(body["messages"][2]["tool_calls"][0]["function"]["arguments"]) == {"path": "b.py"}
    assert body["messages"][3] == {"role": "tool", "tool_call_id": "c0", "content": "print(1)"}


async def test_a_schema_never_goes_out_with_tools(server):
    server.behave = says("never")
    tools = (ToolSchema("read", "", {}),)
    with pytest.raises(ValueError, match="never both"):
        await ask(server, ModelRequest(ASK.messages, 50, schema=SCHEMA, tools=tools))
    assert server.peers == []


TOO_LONG = {
    "error": {"code": 400, "type": "exceed_context_size_error", "message": "request (6031 tokens) exceeds"}
}
OPENAI_TOO_LONG = {
    "error": {"code": "context_length_exceeded", "type": "invalid_request_error", "message": "m"}
}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, {"error": {"message": "bad schema"}}, Refused, "bad schema"),
        (400, TOO_LONG, ContextTooLong, "6031 tokens"),
        (400, OPENAI_TOO_LONG, ContextTooLong, "m"),
        (400, {"message": "This model's maximum context length is 4096"}, ContextTooLong, "4096"),
        (413, "too large", ContextTooLong, "too large"),
        (401, {"error": {"message": "no key"}}, Refused, "no key"),
        (403, {"detail": "not yours"}, Refused, "not yours"),
        (404, {"error": {"message": "no tiny here"}}, NoSuchModel, "no tiny here"),
        (404, "<html>Not Found</html>", NoSuchModel, "Not Found"),
        (429, {"error": {"code": "insufficient_quota", "message": "broke"}}, Refused, "broke"),
        (500, {"error": "boom"}, Unreachable, "boom"),
        (503, {"error": {"message": "Loading model"}}, Unreachable, "Loading model"),
        (302, "", Refused, "redirects"),
    ],
)
async def test_each_refusal_is_an_error_of_its_kind(server, status, body, error, words):
    server.behave = answers(status, body, location="http://127.0.0.1:9/")
    with pytest.raises(error, match=words) as caught:
        await ask(server)
    assert type(caught.value) is error
    assert len(server.peers) == 1


async def test_rate_limited_says_when_to_retry(server):
    server.behave = answers(429, {"error": {"message": "slow down"}}, retry_after="7")
    with pytest.raises(RateLimited) as caught:
        await ask(server)
    assert caught.value.retry_after_s == 7
    assert caught.value.retryable

    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    server.behave = answers(503, {}, retry_after=date)
    with pytest.raises(RateLimited) as caught:
        await ask(server)
    assert 3500 < caught.value.retry_after_s <= 3600

    server.behave = answers(429, {}, retry_after="soon")
    with pytest.raises(RateLimited) as caught:
        await ask(server)
    assert caught.value.retry_after_s is None


async def test_an_error_in_the_middle_of_a_stream(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel")
        await peer.event({"error": {"code": 429, "message": "too many"}})
        await peer.end_stream()

    server.behave = behave
    with pytest.raises(RateLimited, match="too many"):
        await ask(server)


async def test_a_reply_at_its_limit_is_cut_off_and_keeps_its_text(server):
    server.behave = says("abc", finish="length")
    with pytest.raises(CutOff, match="50 tokens") as caught:
        await ask(server)
    assert caught.value.text == "abc"


async def test_half_a_json_is_malformed_and_keeps_its_text(server):
    server.behave = says('{"a": "b')
    with pytest.raises(Malformed) as caught:
        await ask(server, ModelRequest(ASK.messages, 50, schema=SCHEMA))
    assert caught.value.text == '{"a": "b'
    assert (await ask(server)).text == '{"a": "b'


async def test_html_with_status_200_is_malformed(server):
    server.behave = answers(200, "<html>\x1b[31mLog in</html>", "text/html")
    with pytest.raises(Malformed, match="Log in") as caught:
        await ask(server)
    assert "\x1b" not in caught.value.message


async def _no_event(peer) -> None:
    await peer.event('{"choices": [')


async def _wrong_shape(peer) -> None:
    await peer.event({"choices": [{"delta": {"content": 5}}]})


async def _no_utf8(peer) -> None:
    await peer.piece(b"data: \xff\n\n")


async def _no_finish(peer) -> None:
    await peer.text("Hel")


async def _bad_arguments(peer) -> None:
    function = {"name": "read", "arguments": '{"path": '}
    await peer.event(
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c", "function": function}]}}]}
    )
    await peer.text(finish="tool_calls")


async def _too_much(peer) -> None:
    for _ in range(11):
        await peer.piece(b":" * (1 << 20))


@pytest.mark.parametrize(
    ("middle", "words"),
    [
        (_no_event, "no chunk"),
        (_wrong_shape, "no chunk"),
        (_no_utf8, "UTF-8"),
        (_no_finish, "before the reply was whole"),
        (_bad_arguments, "arguments"),
        (_too_much, "10 MB"),
    ],
)
async def test_a_stream_that_breaks_the_protocol_is_malformed(server, middle, words):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await middle(peer)
        await peer.end_stream()

    server.behave = behave
    with pytest.raises(Malformed, match=words):
        await ask(server)


async def test_a_server_that_goes_in_mid_stream_is_unreachable_and_gives_no_reply(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel", finish="stop")
        await peer.send("ff\r\ndata: ")

    server.behave = behave
    with pytest.raises(Unreachable, match="broke off"):
        await ask(server)


async def test_what_is_no_http_is_malformed(server):
    async def behave(peer) -> None:
        await peer.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")

    server.behave = behave
    with pytest.raises(Malformed, match="no HTTP"):
        await ask(server)


async def test_hanging_up_before_the_answer_is_unreachable(server):
    async def behave(peer) -> None:
        pass

    server.behave = behave
    with pytest.raises(Unreachable, match="hung up"):
        await ask(server)


async def test_nobody_there_is_unreachable(unused_port):
    entry = ModelEntry("openai/tiny", endpoint=f"http://127.0.0.1:{unused_port}/v1")
    with pytest.raises(Unreachable, match="nobody answers"):
        await open_model(entry).stream(ASK, lambda _: None)


async def test_a_name_that_does_not_resolve_is_unreachable():
    entry = ModelEntry("openai/tiny", endpoint="http://no-such-host.invalid/v1")
    with pytest.raises(Unreachable, match=r"no-such-host\.invalid:80"):
        await open_model(entry).stream(ASK, lambda _: None)


async def _for_ever(peer) -> None:
    await asyncio.Event().wait()


async def test_silence_before_the_first_byte_is_unreachable(server):
    server.behave = _for_ever
    with pytest.raises(Unreachable, match=r"did not begin to answer within 0\.05 s"):
        await ask(server, timers=SOON)
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_signs_of_life_without_text_keep_the_first_timer(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.event({"choices": [{"delta": {"role": "assistant", "content": None}}]})
        await _for_ever(peer)

    server.behave = behave
    with pytest.raises(Unreachable, match="did not begin"):
        await ask(server, timers=SOON)


async def test_silence_in_the_middle_is_unreachable_comments_or_not(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel")
        while True:
            await peer.piece(": still here\n\n")
            await asyncio.sleep(0.001)

    server.behave = behave
    with pytest.raises(Unreachable, match=r"in the middle of its reply for 0\.05 s"):
        await ask(server, timers=Timers(60, 0.05))


async def test_cancelling_closes_the_connection_at_once_and_the_next_call_works(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel")
        await _for_ever(peer)

    server.behave = behave
    streaming = asyncio.Event()
    tiny = model(server)
    task = asyncio.create_task(tiny.stream(ASK, lambda _: streaming.set()))
    await asyncio.wait_for(streaming.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.gone.wait(), 5)

    server.behave = says("Hello")
    assert (await tiny.stream(ASK, lambda _: None)).text == "Hello"


async def test_a_key_that_is_not_set_is_refused_before_anything_is_sent(server, monkeypatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(Refused, match="SOME_KEY is not set"):
        await ask(server, key_env="SOME_KEY")
    assert server.peers == []


async def test_a_key_with_a_line_break_inside_is_refused_and_not_told(server, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "s3cret\r\nx-more: 1")
    with pytest.raises(Refused) as caught:
        await ask(server, key_env="SOME_KEY")
    assert "s3cret" not in str(caught.value)
    assert server.peers == []


async def test_a_server_that_repeats_the_key_does_not_make_us_repeat_it(server, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "s3cret-key")
    server.behave = answers(401, {"error": {"message": "Incorrect key provided: s3cret-key."}})
    with pytest.raises(Refused, match="Incorrect key") as caught:
        await ask(server, key_env="SOME_KEY")
    assert "s3cret" not in caught.value.message


async def test_a_prompt_surely_longer_than_the_window_is_not_sent(server):
    request = ModelRequest((Message("user", "x" * 5000),), 50)
    with pytest.raises(ContextTooLong, match="1250"):
        await ask(server, request, options={"context_tokens": 1000})
    assert server.peers == []
