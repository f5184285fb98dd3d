"""Messages and tools as OpenAI's chat API writes them, which most others take too."""

import msgspec

from treadle.models.base import ToolSchema
from treadle.protocol.messages import Json, Message


def message_json(message: Message) -> dict[str, Json]:
    """One message of a request."""
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    value: dict[str, Json] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        value["tool_calls"] = [
            {
                "id": c.id,
                "type": "function",
                "function": {"name": c.name, "arguments": msgspec.json.encode(c.arguments).decode()},
            }
            for c in message.tool_calls
        ]
    return value


def tool_json(tool: ToolSchema) -> dict[str, Json]:
    """One tool that the model may call."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
