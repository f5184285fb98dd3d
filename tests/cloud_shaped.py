"""A server on loopback shaped like Anthropic's messages API and Azure's chat completions, its replies from a script.

For command lines in a process of their own. Reply `n` goes to the request that holds `n` replies already.
"""

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Call = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""


class CloudShaped:
    """The server, up as long as the `with` block runs. `refuse` (status, body, headers) answers every request so."""

    def __init__(
        self, script: Sequence[Call | str] = (), refuse: tuple[int, Any, dict[str, str]] | None = None
    ) -> None:
        self.script = script
        self.refuse = refuse
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """The base address, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "CloudShaped":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(shaped: CloudShaped) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            shaped.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            if shaped.refuse:
                status, value, headers = shaped.refuse
                self.answer(status, "application/json", json.dumps(value).encode(), headers)
                return
            turn = sum(m["role"] == "assistant" for m in body["messages"])
            said = shaped.script[turn] if turn < len(shaped.script) else "nothing is left to say"
            events = _messages(said, turn) if self.path.endswith("/messages") else _completions(said, turn)
            self.answer(200, "text/event-stream", "".join(events).encode(), {})

        def answer(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _messages(said: Call | str, turn: int) -> list[str]:
    usage = {
        "input_tokens": 40,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    if isinstance(said, str):
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": said}
    else:
        block = {"type": "tool_use", "id": f"toolu_{turn}", "name": said[0], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(said[1])}
    stop = {"stop_reason": "end_turn" if isinstance(said, str) else "tool_use", "stop_sequence": None}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events]


def _completions(said: Call | str, turn: int) -> list[str]:
    if isinstance(said, str):
        delta: dict[str, Any] = {"content": said}
    else:
        function = {"name": said[0], "arguments": json.dumps(said[1])}
        delta = {"tool_calls": [{"index": 0, "id": f"call_{turn}", "type": "function", "function": function}]}
    ended = "stop" if isinstance(said, str) else "tool_calls"
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": ended}]},
        {**head, "choices": [], "usage": usage},
    ]
    return [f"data: {json.dumps(e)}\n\n" for e in events] + ["data: [DONE]\n\n"]
