"""The scripted adapter: which entry answers, what it says, and each fault by its name."""

import asyncio
from pathlib import Path

import pytest

from treadle.models.base import ModelRequest, Timers
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
from treadle.protocol.messages import Message, ToolCall, Usage
from treadle.spec.tiers import ModelEntry


@pytest.fixture
def script(tmp_path):
    def open_script(text: str, timers: Timers | None = None):
        path = tmp_path / "script.yaml"
        path.write_text(text)
        return open_model(ModelEntry(f"scripted/{path}"), timers=timers)

    return open_script


def request(text: str, system: str = "", **kwargs) -> ModelRequest:
    messages = (Message("system", system), Message("user", text), Message("assistant", "…"))
    return ModelRequest(messages, kwargs.pop("max_tokens", 9), **kwargs)


async def say(model, text: str = "hi", system: str = "", **kwargs):
    return await model.stream(request(text, system, **kwargs), lambda _: None)


async def test_entries_answer_in_order_by_condition_and_once(script):
    model = script("""
replies:
  - {when: [divide, zero], text: no}
  - {when: add, text: "3", repeat: true}
  - {anywhere: plan, json: {tasks: [a, yes]}}
  - {text: first}
  - {text: second}
""")
    texts = [
        (await say(model, *asked)).text
        for asked in [
            ("x",),
            ("add 1",),
            ("divide by zero",),
            ("divide by zero",),
            ("add",),
            ("x", "you plan"),
        ]
    ]
    assert texts == ["first", "3", "no", "second", "3", '{"tasks":["a","yes"]}']
    with pytest.raises(Refused, match=r"no reply is left .*1 of 5 unused"):
        await say(model, "divide by zero")


async def test_each_opened_model_begins_the_script_anew(script):
    text = "replies: [{text: once}]"
    first, second = script(text), script(text)
    assert (await say(first)).text == (await say(second)).text == "once"
    with pytest.raises(Refused):
        await say(first)


async def test_text_streams_in_pieces_with_calls_and_usage(script):
    model = script("""
replies:
  - {text: abcdefgh, chunks: 3, usage: {input_tokens: 7, cost_usd: 0.5}}
  - {tool_calls: [{name: read, arguments: {path: a.py}}, {name: list}]}
  - {tool_calls: [{name: read}]}
""")
    pieces: list[str] = []
    reply = await model.stream(request("hi"), pieces.append)
    assert pieces == ["abc", "def", "gh"]
    assert (reply.text, reply.finish, reply.model) == ("abcdefgh", "stop", model.name)
    assert reply.usage == Usage(7, 2, cost_usd=0.5)
    reply = await say(model)
    assert reply.finish == "tool_calls"
    assert reply.tool_calls == (ToolCall("call_1", "read", {"path": "a.py"}), ToolCall("call_2", "list", {}))
    assert reply.usage == Usage(1, 0)
    assert (await say(model)).tool_calls[0].id == "call_3"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unreachable", Unreachable),
        ("no such model", NoSuchModel),
        ("refused", Refused),
        ("rate-limited", RateLimited),
        ("context too long", ContextTooLong),
        ("cut off", CutOff),
        ("malformed", Malformed),
    ],
)
async def test_each_fault_is_its_error(script, fault, error):
    model = script(f"replies: [{{error: {fault}, text: half, retry_after_s: 2}}, {{text: then}}]")
    pieces: list[str] = []
    with pytest.raises(error, match=fault) as caught:
        await model.stream(request("hi"), pieces.append)
    assert type(caught.value) is error
    assert pieces == ["half"]
    assert getattr(caught.value, "text", "half") == "half"
    if error is RateLimited:
        assert caught.value.retry_after_s == 2
    assert (await say(model)).text == "then"


async def test_a_reply_is_judged_as_a_real_one(script):
    model = script("replies: [{text: '{\"a\": '}, {text: long, finish: length}, {json: {a: 1}}]")
    with pytest.raises(Malformed) as malformed:
        await say(model, schema={"type": "object"})
    assert malformed.value.text == '{"a": '
    with pytest.raises(CutOff, match="9 tokens") as cut:
        await say(model)
    assert cut.value.text == "long"
    assert (await say(model, schema={"type": "object"})).text == '{"a":1}'


async def test_silence_ends_by_the_timers(script):
    timers = Timers(0.01, 0.02)
    model = script("replies: [{error: hang}, {error: hang, text: x}, {delay_s: 5, text: late}]", timers)
    for seconds in ("0.01", "0.02", "0.01"):
        with pytest.raises(Unreachable, match=f"silent for {seconds} s"):
            await say(model)


async def test_a_hanging_reply_can_be_cancelled(script):
    model = script("replies: [{error: hang, text: x}, {text: next}]")
    began = asyncio.Event()
    task = asyncio.create_task(model.stream(request("hi"), lambda _: began.set()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await say(model)).text == "next"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("replies: [{txt: a}]", "unknown field `txt`"),
        ("replies: [{error: explode}]", "explode"),
        ("replies: {}", "array"),
        ("[]", "object"),
        ("replies: [", "no YAML"),
        ("", "object"),
    ],
)
def test_a_wrong_script_is_refused_when_opened(script, text, words):
    with pytest.raises(Refused, match=words):
        script(text)


def test_a_missing_script_is_no_such_model(tmp_path: Path):
    entry = ModelEntry(f"scripted/{tmp_path}/absent.yaml")
    with pytest.raises(NoSuchModel, match="No such file"):
        open_model(entry)
    with pytest.raises(NoSuchModel):
        check_available(entry)
    with pytest.raises(Refused, match="absolute"):
        check_available(ModelEntry("scripted/answers.yaml"))
