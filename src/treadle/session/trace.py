"""The trace: an append-only file of envelopes, one JSON object a line, with large content in blobs beside it.

runs/<id>/trace.jsonl     every durable envelope, written before any face sees it
runs/<id>/blobs/<sha256>  requests, replies, change sets, check output, each once
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from treadle.protocol.errors import Busy, TraceError
from treadle.protocol.events import TRACE_VERSION, Envelope, RunStarted
from treadle.protocol.text import encode_json

TRACE_FILE = "trace.jsonl"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def lock_run(folder: Path) -> IO[bytes]:
    """The run's lock, held until it is closed or the process ends. Raises: `Busy` when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = (folder / "lock").open("wb")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as held:
        handle.close()
        raise Busy(f"run {folder.name} is still going on", hint="wait for it, or stop that process") from held
    return handle


class TraceWriter:
    """Appends to one run's trace. Files are 0600; a line is whole or, after a crash, the torn last one."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / TRACE_FILE
        _cut_torn_tail(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._kept: set[str] = set()

    def append(self, envelope: Envelope) -> Envelope:
        """Writes one envelope; gives it as it now reads, with U+FFFD for what is no text.

        Raises: `OSError` when the disk does not take it.
        """
        try:
            line = _encoder.encode(envelope)
        except UnicodeEncodeError:
            line = encode_json(envelope)
            envelope = _decoder.decode(line)
        line += b"\n"
        while line:
            line = line[os.write(self._file, line) :]
        return envelope

    def keep(self, data: bytes) -> str:
        """The blob name of `data` (its SHA-256), written once, whole or not at all."""
        name = hashlib.sha256(data).hexdigest()
        path = self._blobs / name
        if name not in self._kept and not path.exists():
            draft = path.with_suffix(f".{os.getpid()}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            draft.replace(path)
        self._kept.add(name)
        return name

    def close(self) -> None:
        """Makes the trace durable and closes it."""
        os.fsync(self._file)
        os.close(self._file)


def _cut_torn_tail(path: Path) -> None:
    """Takes off an unfinished last line, so that what is appended next stands on a line of its own."""
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def read_trace(folder: Path) -> Iterator[Envelope]:
    """The envelopes of a trace in order; a torn last line is skipped.

    Raises: `TraceError` with file and line for a line that is no envelope, or a newer trace version.
    """
    path = folder / TRACE_FILE
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise TraceError(f"no trace at {path}: {fault.strerror}") from fault
    lines = data.split(b"\n")
    torn = lines.pop()
    del torn
    for number, line in enumerate(lines, 1):
        try:
            envelope = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise TraceError(f"{path}:{number}: not a record of a trace: {fault}") from fault
        event = envelope.event
        if isinstance(event, RunStarted) and event.trace_version > TRACE_VERSION:
            raise TraceError(
                f"{path}:{number}: written by a newer treadle (trace version {event.trace_version})"
            )
        yield envelope


def read_blob(folder: Path, name: str) -> bytes:
    """A blob's bytes. Raises: `TraceError` when it is missing or was changed."""
    path = folder / "blobs" / name
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise TraceError(f"the trace's blob {name[:12]} is missing: {fault.strerror}") from fault
    if hashlib.sha256(data).hexdigest() != name:
        raise TraceError(f"the trace's blob {name[:12]} was changed")
    return data
