"""Errors that nobody raised on purpose, as a person and a program should meet them: one message, never a traceback."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from treadle.protocol.errors import Aborted, TreadleError, UsageError

_UNCHANGED = "nothing was changed"
_MOST = 300


class InternalError(TreadleError):
    """A fault of treadle's own, or of the machine under it."""

    exit_code = 70


def fault_of(error: BaseException, words: Sequence[str]) -> TreadleError:
    """The error as one of treadle's own; `words` are the command line.

    2 where the system refuses a path that the user named or that lies in the user's repository, else 70: a path of
    treadle's own, or an error that nobody expected, whose traceback is kept in a file.
    """
    if isinstance(error, TreadleError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Aborted("interrupted")
    if isinstance(error, FileNotFoundError) and error.filename is None and not _has_folder():
        return UsageError("the folder you stand in is gone", hint="cd to one that is there")
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes) and _has_folder():
        return _refused(error, _absolute(os.fsdecode(error.filename)), words)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        said = (error.strerror or "no space").lower()
        where = _state().parent
        return InternalError(
            f"{said}: the run could not be put on record; {_UNCHANGED}",
            hint=f"make room in {where}, or name another place in XDG_STATE_HOME",
        )
    said = " ".join(str(error).split())
    text = f"internal error: {type(error).__name__}: {said[:_MOST]}".rstrip(": ")
    return InternalError(f"{text}; {_UNCHANGED}", hint=_kept(error))


def _refused(error: OSError, path: Path, words: Sequence[str]) -> TreadleError:
    """The system refused a path: it is named with what the system said."""
    said = (error.strerror or type(error).__name__).lower()
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    text = f"{path}: {said} ({name})"
    if _is_users(path, words):
        return UsageError(text)
    hint = ""
    if _is_state(path):
        hint = "treadle keeps its records there; XDG_STATE_HOME names another place"
    return InternalError(f"{text}; {_UNCHANGED}", hint=hint)


def _is_users(path: Path, words: Sequence[str]) -> bool:
    """Whether the path was named on the command line, or lies where the user stands."""
    if _is_state(path):
        return False
    named = [_absolute(word.rpartition("=")[2]) for word in words if word[:1] not in ("", "-")]
    inside = any(path.is_relative_to(place) for place in (*named, _here()))
    return inside or any(path in place.parents for place in named)


def _is_state(path: Path) -> bool:
    return path.is_relative_to(_state()) or path in _state().parents


def _here() -> Path:
    """The repository that the user stands in, as far as it can be told."""
    from treadle.workspace.git import find_root

    try:
        return find_root(Path.cwd())
    except OSError:
        return Path(os.devnull)


def _has_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _absolute(path: str) -> Path:
    return Path.cwd() / path if path else Path(os.devnull)


def _state() -> Path:
    """Where treadle's own state is, without making it."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "treadle"


def _kept(error: BaseException) -> str:
    """Where the traceback is kept for whoever mends it: the user's own state, never the screen."""
    import time
    import traceback

    text = "".join(traceback.format_exception(error))
    try:
        folder = _state() / "faults"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.txt"
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode("utf-8", "replace"))
    except OSError as refused:
        return f"the details could not be kept: {refused.strerror}"
    return f"report it with {file}"
