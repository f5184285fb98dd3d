"""How a run starts: its id and its first record."""

import os
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from treadle import __version__
from treadle.protocol.errors import UsageError
from treadle.protocol.events import RunStarted
from treadle.session.options import Options
from treadle.spec.loop import LoopSpec


class Begin(Struct, frozen=True):
    """What the session knows of a run that begins; `spec` is the blob of its catalog, `level` the sandbox's."""

    run: str
    root: Path
    spec: str
    mode: str
    level: str
    write: bool


def started_by(begin: Begin, options: Options, loop: LoopSpec) -> RunStarted:
    """The first record of a run."""
    return RunStarted(
        begin.run,
        options.task,
        loop.name,
        options.base or loop.base,
        str(begin.root),
        begin.spec,
        begin.mode,
        datetime.now(UTC).isoformat(timespec="seconds"),
        __version__,
        begin.level,
        steps=tuple(step.name for step in loop.steps),
        write=begin.write,
        thread=options.thread,
        cost_cap_usd=loop.budget.cost_usd,
        wall_cap_s=loop.budget.wall_s,
        chosen=options.chosen,
    )


def no_such_loop(name: str, known: list[str]) -> UsageError:
    """The error for a loop that is not configured, with the one that may be meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    mean = f"; did you mean `{near[0]}`?" if near else ""
    return UsageError(f"there is no loop `{name}`{mean}", hint=f"loops here: {', '.join(known) or 'none'}")


def new_id() -> str:
    """A run's id: its start in UTC, the second in 4,096 parts as three digits, and a random one; ids sort by time."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond * 4096 // 1_000_000:03x}{os.urandom(1).hex()[0]}"


def traceback_of(fault: Exception) -> bytes:
    """The fault with where it came from, for the trace."""
    import traceback

    return "".join(traceback.format_exception(fault)).encode("utf-8", "replace")
