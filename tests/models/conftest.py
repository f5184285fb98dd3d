"""A loopback server that speaks as much HTTP as a model server, its replies given by each test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

Behave = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One connection to the fake server, after its request was read."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, writer) -> None:
        self.method, self.path, self.headers, self.raw = method, path, headers, body
        self._writer = writer

    @property
    def body(self):
        return json.loads(self.raw)

    async def send(self, data: bytes | str) -> None:
        self._writer.write(data.encode() if isinstance(data, str) else data)
        await self._writer.drain()

    async def answer(
        self, status: int, body: bytes | str, kind: str = "application/json", **headers: str
    ) -> None:
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def begin_stream(self) -> None:
        await self.send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    async def piece(self, data: bytes | str) -> None:
        data = data.encode() if isinstance(data, str) else data
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, value) -> None:
        await self.piece(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n")

    async def text(self, *pieces: str, finish: str | None = None) -> None:
        for piece in pieces:
            await self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        if finish:
            await self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})

    async def end_stream(self, *, done: bool = True) -> None:
        if done:
            await self.event("[DONE]")
        await self.send("0\r\n\r\n")


class FakeServer:
    """Listens on loopback; `peers` are its connections so far, `gone` is set once a client has hung up."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.behave: Behave | None = None
        self.reached = asyncio.Event()
        self.gone = asyncio.Event()
        self.base = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            peer = Peer(method, path, headers, body, writer)
            self.peers.append(peer)
            assert self.behave is not None
            waiting = asyncio.ensure_future(reader.read(1))
            acting = asyncio.ensure_future(self.behave(peer))
            self.reached.set()
            await asyncio.wait({waiting, acting}, return_when=asyncio.FIRST_COMPLETED)
            if not acting.done():
                acting.cancel()
            elif not waiting.done():
                writer.close()
            await asyncio.gather(waiting, acting, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.gone.set()
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    listener = await asyncio.start_server(fake.take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    fake.base = f"http://127.0.0.1:{port}/v1"
    yield fake
    listener.close()


@pytest.fixture
def unused_port() -> int:
    """A loopback port that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
