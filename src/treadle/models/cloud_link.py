"""treadle's end of the pipes to the process that litellm lives in: started, asked, cancelled, ended.

One worker serves all cloud models of a treadle process, from run to run and from event loop to event loop: its
pipes are read and written by threads, which hand each answer to the loop that waits for it.
"""

import asyncio
import atexit
import os
import queue
import shutil
import site
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from treadle.protocol.errors import Unreachable
from treadle.protocol.messages import Json

START_S = 120.0
"""The longest that a worker may take until litellm is there."""
HEAR_S = 10.0
"""A worker that is up and does not answer a ping within so many seconds hangs, and is ended."""
CANCEL_S = 1.0
"""A worker that has not closed a cancelled request's connection after so many seconds is ended."""
_KEPT = 4096
_LINES_TOLD = 5

_PASSED_ON = frozenset(
    {
        "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    }
)  # fmt: skip
_OWN = {
    # Each of these is fetched from the network while litellm is imported or first used, unless it is told not to.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    # Else its import reads the `.env` of each folder above it, and so that of a repository with a `.venv` inside.
    "LITELLM_MODE": "PRODUCTION",
}


class Said(Struct):
    """One line from the worker: `kind` is `chunk`, `end`, `fault` or `over`."""

    id: int
    kind: str
    value: msgspec.Raw = msgspec.Raw(b"null")


class Exchange:
    """One order under way; `next` brings the answers to it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._loop = asyncio.get_running_loop()
        self._answers: asyncio.Queue[Said | None] = asyncio.Queue()
        self._dead = "the cloud worker is gone"

    async def next(self) -> Said:
        """The next answer. Raises: `Unreachable` when the worker ended before it."""
        said = await self._answers.get()
        if said is None:
            raise Unreachable(self._dead, hint="the next request starts it again")
        return said

    def put(self, said: Said | None, dead: str = "") -> None:
        """Hands an answer over, None when there will be none. For the reading thread."""
        self._dead = dead or self._dead
        try:
            self._loop.call_soon_threadsafe(self._answers.put_nowait, said)
        except RuntimeError:
            return  # that loop is closed, so nobody waits any more


class Worker:
    """A running worker. `load_s` is how long its start took, 0 until it is up; `known` is what it said of models,
    `home` its folder, which is empty.
    """

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="treadle-cloud-"))
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "treadle.models.cloud_worker"],
            cwd=self.home,
            env=environment(str(self.home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is treadle's to answer; without treadle stdin ends
        )
        self.load_s = 0.0
        self.known: dict[str, msgspec.Raw] = {}
        self.alive = True
        self._untold = True
        self._why = ""
        self._said = b""
        self._secrets: set[str] = set()
        self._numbers = 0
        self._lock = threading.Lock()
        self._open: dict[int, Exchange] = {}
        self._leaving: dict[int, threading.Timer] = {}
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=target, name=f"treadle-cloud-{name}", daemon=True)
            for name, target in (("out", self._write), ("in", self._read), ("err", self._listen))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ready(self) -> None:
        """Waits until litellm is there. Raises: `Unreachable` with the worker's last words."""
        limit, what = (HEAR_S, "answer") if self.load_s else (START_S, "start")
        try:
            async with asyncio.timeout(limit):
                with self.exchange({"do": "ping"}, cancel=False) as exchange:
                    await exchange.next()
        except TimeoutError as error:
            self.end(f"it did not {what} within {limit:g} s")
            raise Unreachable(f"the cloud worker did not {what} within {limit:g} s") from error
        self.load_s = self.load_s or time.monotonic() - self._began

    def take_load_s(self) -> float:
        """The seconds of the start for the first who asks, 0 for all others."""
        told, self._untold = self._untold, False
        return self.load_s if told else 0.0

    @contextmanager
    def exchange(
        self, order: dict[str, Json], *, secrets: tuple[str, ...] = (), cancel: bool = True
    ) -> Iterator[Exchange]:
        """Gives an order. One not answered when the block is left is cancelled, without waiting for that.

        `secrets` are never told in the worker's last words.
        """
        with self._lock:
            self._numbers += 1
            exchange = Exchange(self._numbers)
            self._secrets.update(secrets)
            if self.alive:
                self._open[exchange.number] = exchange
            else:
                exchange.put(None, self.last_words())
        self._outbox.put(msgspec.json.encode({"id": exchange.number, **order}) + b"\n")
        try:
            yield exchange
        finally:
            self._leave(exchange.number, cancel)

    def end(self, why: str = "") -> None:
        """Kills the process; whoever waits for an answer gets `Unreachable`. Safe to call twice."""
        self._why = self._why or why
        self.alive = False  # whoever asks from here on gets a new one
        try:
            self._process.kill()
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """Ends the process, waits until it is gone, and takes its folder away."""
        self.end("it was closed")
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CANCEL_S)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                continue  # what was not written any more
        shutil.rmtree(self.home, ignore_errors=True)

    def last_words(self) -> str:
        """How it ended, with the last lines that it wrote and no secret in them, as one text."""
        code = self._process.poll()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        text = f"the cloud worker (litellm's process) ended with {how}"
        text += f": {self._why}" if self._why else ""
        words = self._said.decode(errors="replace")
        for secret in self._secrets:
            words = words.replace(secret, "(key)")
        return "\n".join([text, *words.strip().splitlines()[-_LINES_TOLD:]])

    def _leave(self, number: int, cancel: bool) -> None:
        with self._lock:
            waits = self._open.pop(number, None)
            if waits is None or not cancel:
                return
            timer = threading.Timer(CANCEL_S, self.end, ("a cancelled request did not stop",))
            timer.daemon = True
            self._leaving[number] = timer
        timer.start()
        self._outbox.put(msgspec.json.encode({"id": number, "do": "cancel"}) + b"\n")

    def _write(self) -> None:
        assert self._process.stdin is not None
        while (data := self._outbox.get()) is not None:
            try:
                self._process.stdin.write(data)
                self._process.stdin.flush()
            except OSError:
                break  # it is gone, which the reader sees too

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                said = msgspec.json.decode(line, type=Said)
            except msgspec.DecodeError:
                self.end("it said what is no answer")
                break
            self._hand_over(said)
        self._process.wait()
        self._threads[-1].join(CANCEL_S)
        self._outbox.put(None)
        with self._lock:
            self.alive = False
            waiting, self._open = list(self._open.values()), {}
            for timer in self._leaving.values():
                timer.cancel()
        for exchange in waiting:
            exchange.put(None, self.last_words())

    def _hand_over(self, said: Said) -> None:
        with self._lock:
            last = said.kind != "chunk"
            exchange = self._open.pop(said.id, None) if last else self._open.get(said.id)
            timer = self._leaving.pop(said.id, None) if said.kind == "over" else None
        if timer is not None:
            timer.cancel()
        if exchange is not None:
            exchange.put(said)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := os.read(self._process.stderr.fileno(), _KEPT):
            self._said = (self._said + data)[-_KEPT:]


def environment(home: str) -> dict[str, str]:
    """What a worker finds in its environment: no key, and nothing of the user's folders."""
    kept = {n: v for n, v in os.environ.items() if n in _PASSED_ON or n.startswith("LC_")}
    kept = {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **_OWN, "HOME": home}
    if site.ENABLE_USER_SITE:
        kept["PYTHONUSERBASE"] = site.getuserbase()
    return kept


_shared: Worker | None = None
_starting = threading.Lock()


def shared() -> Worker:
    """The worker of this process, started when there is none that lives; it is ended when treadle ends."""
    global _shared
    with _starting:
        if _shared is None or not _shared.alive:
            if _shared is None:
                atexit.register(end_shared)
            else:
                _shared.close()
            _shared = Worker()
        return _shared


def end_shared() -> None:
    """Ends this process's worker, if there is one."""
    global _shared
    with _starting:
        worker, _shared = _shared, None
    if worker is not None:
        worker.close()
