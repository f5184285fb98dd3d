"""What OpenAI's and Anthropic's APIs send, as a fake server gives it: streams, and errors with their real bodies."""

import json

from treadle.models.base import ModelRequest, ToolSchema
from treadle.protocol.messages import Message

KEY = "sk-planted-0123456789abcdef"
ASK = ModelRequest((Message("system", "Be short."), Message("user", "Hi")), 50)
TOOLS = (ToolSchema("read", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}}),)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


async def openai(peer, *pieces, finish="stop", calls=(), usage=True, cached=60, done=True):
    """A reply of the chat completions API; `calls` are (id, name, pieces of the arguments)."""

    async def say(delta, ended=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        await peer.event(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": [choice], **more}
        )

    await peer.begin_stream()
    await say({"role": "assistant", "content": ""})
    for piece in pieces:
        await say({"content": piece})
    for index, (call_id, name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        await say({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]})
        for piece in arguments:
            await say({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if finish:
        await say({}, "tool_calls" if calls else finish)
    if usage:
        counts = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
        counts["prompt_tokens_details"] = {"cached_tokens": cached}
        await peer.event(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": [], "usage": counts}
        )
    await peer.end_stream(done=done)


async def anthropic_begins(peer, *pieces):
    """The beginning of a reply of the messages API: 40 fresh and 60 cached tokens of prompt, then text."""
    await peer.begin_stream()
    usage = {
        "input_tokens": 40,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    await named(
        peer, "message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
    )
    await named(peer, "content_block_start", index=0, content_block={"type": "text", "text": ""})
    await named(peer, "ping")
    for piece in pieces:
        await named(peer, "content_block_delta", index=0, delta={"type": "text_delta", "text": piece})


async def anthropic(peer, *pieces, stop="end_turn", calls=()):
    """A whole reply of the messages API."""
    await anthropic_begins(peer, *pieces)
    await named(peer, "content_block_stop", index=0)
    for index, (call_id, name, arguments) in enumerate(calls, 1):
        block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        await named(peer, "content_block_start", index=index, content_block=block)
        for piece in arguments:
            delta = {"type": "input_json_delta", "partial_json": piece}
            await named(peer, "content_block_delta", index=index, delta=delta)
        await named(peer, "content_block_stop", index=index)
    delta = {"stop_reason": "tool_use" if calls else stop, "stop_sequence": None}
    await named(peer, "message_delta", delta=delta, usage={"output_tokens": 5})
    await named(peer, "message_stop")
    await peer.send("0\r\n\r\n")


async def named(peer, kind, **value):
    """One event with its name."""
    await peer.piece(f"event: {kind}\ndata: {json.dumps({'type': kind, **value})}\n\n")


def of_openai(message, kind, code=None):
    """An error's body as OpenAI writes it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def of_anthropic(kind, message):
    """An error's body as Anthropic writes it."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
