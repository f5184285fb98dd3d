"""What the levels without namespaces share: a command in a folder that was laid out for it, and what it changed."""

import asyncio
import marshal
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import PathError, ProtectionMissing
from treadle.workspace import copies
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command, CommandResult, Grants, OnOutput
from treadle.workspace.strays import end_marked, new_mark
from treadle.workspace.view import Base

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class LaidOut(Struct, frozen=True):
    """A folder that holds `base` under `changes`; `before` are its signatures, `aside` a folder for what is no
    part of it, `git` where the copy's own git folder was put."""

    folder: Path
    aside: Path
    base: Base
    changes: ChangeSet
    before: dict[str, copies.Signature]
    git: Path | None = None


class Wall(Struct, frozen=True):
    """What Landlock and the filter hold a command in a copy to: it writes in `area` alone (and its `scratch`), and
    not to `denied`, where each command tries to.

    `hidden` it can't read. `spec` is a file that is written for each command.
    """

    area: Path
    spec: Path
    denied: Path
    grants: Grants
    hidden: tuple[str, ...]

    def write(self, command: Command, run: tuple[Sequence[str], Path, dict[str, str]], status: int) -> None:
        """Writes `spec` for the (argv, cwd, environment) of `command`."""
        from treadle.workspace.sandbox_spec import limits_of

        argv, cwd, env = run
        network = "all" if command.network or self.grants.network == "all" else "none"
        limits = {**limits_of(self.grants.limits, command.timeout_s), "processes": 0}
        writable = [str(self.area), *_DEVICES, *([str(command.scratch)] if command.scratch else ())]
        said = {"argv": list(argv), "cwd": str(cwd), "env": env, "network": network, "limits": limits}
        more = {"writable": writable, "hidden": list(self.hidden), "denied": str(self.denied)}
        self.spec.write_bytes(marshal.dumps({**said, **more, "parent": os.getpid(), "status": status}))

    def must_hold(self) -> None:
        """Raises `ProtectionMissing` if the write that each command tries reached the machine."""
        if os.path.lexists(self.denied):
            raise ProtectionMissing(f"the wall does not hold: a write behind it reached {self.denied}")


async def run_laid_out(
    laid: LaidOut,
    command: Command,
    argv: Sequence[str],
    env: dict[str, str],
    on_output: OnOutput | None,
    wall: "Wall | None" = None,
) -> CommandResult:
    """The result of `argv` in the folder, as far as it goes with the command's own input and limits; every child
    has ended. Raises: `FileNotFoundError`, and `PathError` for a `cwd` that is no folder there; `ProtectionMissing`
    where `wall` does not hold.
    """
    from treadle.workspace.launch import returncode, start
    from treadle.workspace.process import run_process

    if not (laid.folder / command.cwd).is_dir():
        raise PathError(f"no such folder: {command.cwd}")
    mark = new_mark()
    laid.aside.mkdir(parents=True, exist_ok=True)
    stdin = laid.aside / "stdin"
    stdin.write_bytes(command.stdin)
    cwd, env = laid.folder / command.cwd, {**env, **mark}
    try:
        ended = await run_process(
            argv if wall is None else [*start("clone_init"), str(wall.spec)],
            cwd=cwd if wall is None else Path("/"),
            env=env if wall is None else {"PATH": os.defpath},
            timeout_s=command.timeout_s,
            stdin=stdin,
            on_output=on_output,
            before=None if wall is None else lambda said: wall.write(command, (argv, cwd, env), said),
        )
    finally:
        await asyncio.to_thread(end_marked, mark)
    code = ended.returncode
    if wall is not None:
        code = None if ended.timed_out else returncode(ended.said, ended.output, command)
        wall.must_hold()
    after = laid.changes
    if laid.git is not None:
        await asyncio.to_thread(copies.point_to_git, laid.folder, laid.git)
    if not ended.timed_out:
        after = await asyncio.to_thread(copies.collect, laid.folder, laid.base, laid.changes, laid.before)
    return CommandResult(
        returncode=code,
        output=ended.output,
        changes=after,
        timed_out=ended.timed_out,
        cut_bytes=ended.cut_bytes,
        duration_s=ended.duration_s,
    )
