"""What the levels without a wall share: a command in a folder that was laid out for it, and what it changed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import PathError
from treadle.workspace import copies
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command, CommandResult, OnOutput
from treadle.workspace.strays import end_marked, new_mark
from treadle.workspace.view import Base


class LaidOut(Struct, frozen=True):
    """A folder that holds `base` under `changes`; `before` are its signatures, `aside` a folder for what is no
    part of it."""

    folder: Path
    aside: Path
    base: Base
    changes: ChangeSet
    before: dict[str, copies.Signature]


async def run_laid_out(
    laid: LaidOut, command: Command, argv: Sequence[str], env: dict[str, str], on_output: OnOutput | None
) -> CommandResult:
    """The result of `argv` in the folder, as far as it goes with the command's own input and limits; every child
    has ended. Raises: `FileNotFoundError`, and `PathError` for a `cwd` that is no folder there.
    """
    from treadle.workspace.process import run_process

    if not (laid.folder / command.cwd).is_dir():
        raise PathError(f"no such folder: {command.cwd}")
    mark = new_mark()
    laid.aside.mkdir(parents=True, exist_ok=True)
    stdin = laid.aside / "stdin"
    stdin.write_bytes(command.stdin)
    try:
        ended = await run_process(
            argv,
            cwd=laid.folder / command.cwd,
            env={**env, **mark},
            timeout_s=command.timeout_s,
            stdin=stdin,
            on_output=on_output,
        )
    finally:
        await asyncio.to_thread(end_marked, mark)
    after = laid.changes
    if not ended.timed_out:
        after = await asyncio.to_thread(copies.collect, laid.folder, laid.base, laid.changes, laid.before)
    return CommandResult(
        returncode=ended.returncode,
        output=ended.output,
        changes=after,
        timed_out=ended.timed_out,
        cut_bytes=ended.cut_bytes,
        duration_s=ended.duration_s,
    )
