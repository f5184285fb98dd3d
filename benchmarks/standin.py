"""A stand-in for a model server on loopback: it answers at once, from a script, and notes when.

It speaks the part of `/v1/chat/completions` that a streaming client needs. The answer depends on nothing but how
many replies the request already holds, so a conversation may be repeated, and several may run after one another.
"""

import json
import re
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Call = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""


class Asked(NamedTuple):
    """One request: `turn` counts the replies it holds, times are `time.perf_counter()`.

    `came` is when its last byte was read, `answered` when the answer's last byte was written.
    """

    turn: int
    came: float
    answered: float


class StandIn:
    """The server, up as long as the `with` block runs. Reply `n` is `script[n]`: a tool call, or a text.

    `pace` is how many words of a text come in a second; 0: all at once.
    """

    def __init__(self, script: Sequence[Call | str], pace: float = 0.0) -> None:
        self.script = script
        self.pace = pace
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The base address, up to and with `/v1`."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def was_asked(self, since: int) -> bool:
        """Whether it answered more than `since` requests."""
        return len(self.asked) > since

    def __enter__(self) -> "StandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is http.server's
            known = {
                "/health": {"status": "ok"},
                "/v1/models": {"object": "list", "data": [{"id": "stand-in", "object": "model"}]},
                "/props": {"default_generation_settings": {"n_ctx": 32768}, "total_slots": 1},
            }
            value = known.get(self.path)
            self._send(200 if value else 404, "application/json", json.dumps(value or {}).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            came = time.perf_counter()
            if self.path != "/v1/chat/completions":
                self._send(404, "application/json", b"{}")
                return
            turn = sum(m["role"] == "assistant" for m in json.loads(body)["messages"])
            reply = stand_in.script[min(turn, len(stand_in.script) - 1)]
            if stand_in.pace and isinstance(reply, str):
                self._stream_slowly(reply)
            else:
                self._send(200, "text/event-stream", _stream(turn, reply))
            stand_in.asked.append(Asked(turn, came, time.perf_counter()))

        def _stream_slowly(self, reply: str) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            begin = time.perf_counter()
            for number, piece in enumerate(re.findall(r"\s*\S+", reply)):
                delta = {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
                self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
                self.wfile.flush()
                time.sleep(max(0.0, begin + number / stand_in.pace - time.perf_counter()))
            self.wfile.write(_stream(0, ""))
            self.close_connection = True

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None: ...

    return Handler


def _stream(turn: int, reply: Call | str) -> bytes:
    if isinstance(reply, str):
        delta: dict[str, Any] = {"content": reply}
    else:
        name, arguments = reply
        function = {"name": name, "arguments": json.dumps(arguments)}
        delta = {"tool_calls": [{"index": 0, "id": f"call_{turn}", "type": "function", "function": function}]}
    finish = "stop" if isinstance(reply, str) else "tool_calls"
    events = [
        {"model": "stand-in", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"model": "stand-in", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {"model": "stand-in", "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}},
    ]
    return "".join(f"data: {json.dumps(e)}\n\n" for e in events).encode() + b"data: [DONE]\n\n"
