"""What every adapter holds its replies against, and how it counts where a provider does not."""

import msgspec

from treadle.models.base import ModelReply, ModelRequest
from treadle.protocol.errors import CutOff, Malformed
from treadle.protocol.messages import Usage

_CHARS_PER_TOKEN = 4


def accepted(request: ModelRequest, reply: ModelReply) -> ModelReply:
    """The reply itself. Raises: `CutOff` when it ended at its limit, `Malformed` when JSON was asked for."""
    if reply.finish == "length":
        cut = CutOff(
            f"{reply.model}: the reply ended at its limit of {request.max_tokens} tokens",
            text=reply.text,
            hint="raise `output_tokens` of this rung, or ask for less",
        )
        cut.usage = reply.usage
        raise cut
    if request.schema is not None:
        try:
            msgspec.json.decode(reply.text)
        except msgspec.DecodeError as error:
            said = f"{reply.model}: JSON was asked for and this came: {error}"
            malformed = Malformed(said, text=reply.text)
            malformed.usage = reply.usage
            raise malformed from error
    return reply


def estimated_tokens(request: ModelRequest) -> int:
    """About how many tokens the messages and tools have: a quarter of their characters, rounded up."""
    chars = sum(len(m.text) for m in request.messages)
    chars += sum(len(msgspec.json.encode(c.arguments)) for m in request.messages for c in m.tool_calls)
    chars += sum(len(msgspec.json.encode(t)) for t in request.tools)
    return -(-chars // _CHARS_PER_TOKEN)


def estimated(request: ModelRequest, reply_text: str) -> Usage:
    """Token counts by length, for a provider that gives none."""
    return Usage(estimated_tokens(request), -(-len(reply_text) // _CHARS_PER_TOKEN))
