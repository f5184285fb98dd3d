"""One HTTP/1.1 request over asyncio streams, its reply read piece by piece.

Small on purpose: no redirects, no pool, no decoding of content codings (none is asked for). Leaving
`request` in any way, cancellation included, drops the connection at once.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import SplitResult, urlsplit

import h11

from treadle.protocol.errors import Malformed, Refused, Unreachable

REPLY_CAP = 10 * 1024 * 1024
_CONNECT_S = 10.0
_READ = 1 << 16


class BrokenOff(Unreachable):
    """The connection ended before the reply did."""


class Reply:
    """A reply whose head has come. `headers` has lower-case names; `chunk` brings the body as it comes."""

    def __init__(self, status: int, headers: dict[str, str], link: "_Link", cap: int) -> None:
        self.status = status
        self.headers = headers
        self._link = link
        self._left = cap

    async def chunk(self) -> bytes | None:
        """The next bytes of the body, None at its end. Raises: `Unreachable`, `Malformed`."""
        while True:
            event = await self._link.event()
            if isinstance(event, h11.Data):
                self._left -= len(event.data)
                if self._left < 0:
                    raise Malformed("the reply is longer than treadle takes from a model (10 MB)")
                return bytes(event.data)
            if isinstance(event, h11.EndOfMessage):
                return None

    async def body(self) -> bytes:
        """All that is left of the body."""
        pieces = []
        while (piece := await self.chunk()) is not None:
            pieces.append(piece)
        return b"".join(pieces)


class _Link:
    """A connection with h11's state beside it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> None:
        self._reader = reader
        self._writer = writer
        self._where = where
        self._state = h11.Connection(h11.CLIENT)
        self._headed = False

    async def send(self, *events: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        try:
            for event in events:
                data = self._state.send(event)
                if data:
                    self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Unreachable(f"{self._where} hung up: {error.strerror or error}") from error

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """The next event. Raises: `Unreachable` when the link breaks, `Malformed` when it is no HTTP."""
        over = False
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(_READ)
                over = not data
                self._state.receive_data(data)
        except h11.RemoteProtocolError as error:
            if not over:
                raise Malformed(f"{self._where} sent what is no HTTP: {error}") from error
            if self._headed:
                raise BrokenOff(f"{self._where} broke off in the middle of its reply") from error
            raise Unreachable(f"{self._where} hung up before it answered") from error
        except OSError as error:
            raise Unreachable(f"{self._where} hung up: {error.strerror or error}") from error
        self._headed = self._headed or isinstance(event, h11.Response)
        return cast("h11.Event | type[h11.PAUSED]", event)


@asynccontextmanager
async def request(
    method: str, url: str, headers: dict[str, str], body: bytes = b"", cap: int = REPLY_CAP
) -> AsyncIterator[Reply]:
    """Sends the request and yields its reply once the head has come.

    Raises: `Unreachable` when nobody answers there, `Malformed` for what is no HTTP, `Refused` for an
    address or a header that can't be sent.
    """
    parts = split(url)
    where = f"{parts.hostname}:{port_of(parts)}"
    writer = None
    try:
        reader, writer = await _connect(parts, where)
        link = _Link(reader, writer, where)
        await link.send(*_framed(method, parts, where, headers, body))
        while not isinstance(head := await link.event(), h11.Response):
            pass
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        yield Reply(head.status_code, names, link, cap)
    finally:
        if writer is not None:
            writer.transport.abort()


def split(url: str) -> SplitResult:
    """The address in parts. Raises: `Refused` when it is no http(s) address with a host."""
    try:
        parts = urlsplit(url)
        port_of(parts)
    except ValueError as error:
        raise Refused(f"{url} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url} is no http(s) address")
    return parts


def port_of(parts: SplitResult) -> int:
    """The port, the scheme's own where none is named."""
    return parts.port or (443 if parts.scheme == "https" else 80)


async def _connect(parts: SplitResult, where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = None
    if parts.scheme == "https":
        import ssl

        context = ssl.create_default_context()
    try:
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(parts.hostname, port_of(parts), ssl=context)
    except TimeoutError as error:
        raise Unreachable(f"{where} does not answer") from error
    except OSError as error:
        of_system = isinstance(error, ConnectionError) or type(error) is OSError
        why = os.strerror(error.errno) if of_system and error.errno else error.strerror or str(error)
        raise Unreachable(f"nobody answers at {where}: {why}") from error


def _framed(
    method: str, parts: SplitResult, where: str, headers: dict[str, str], body: bytes
) -> tuple[h11.Request | h11.Data | h11.EndOfMessage, ...]:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = {"host": host, "content-length": str(len(body)), "connection": "close", **headers}
    try:
        head = h11.Request(method=method, target=target, headers=list(lines.items()))
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise Refused(f"a key or header for {where} holds characters that HTTP does not allow") from error
    return head, h11.Data(data=body), h11.EndOfMessage()
