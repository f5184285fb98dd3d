"""A command and what came of it: the words between the sandbox and those who run things in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from treadle.workspace.changes import EMPTY, ChangeSet


class Command(Struct, frozen=True):
    """What to run: `argv` without a shell, in `cwd` relative to the root.

    `scratch` is a folder outside the repository that the command may write to, at its own path.
    `readable` are further folders that must be seen (they are read only).
    """

    argv: tuple[str, ...]
    cwd: str = "."
    env: dict[str, str] = {}
    stdin: bytes = b""
    timeout_s: float = 300.0
    scratch: Path | None = None
    readable: tuple[Path, ...] = ()
    network: bool = False


class CommandResult(Struct, frozen=True):
    """How a command ended. `output` is stdout and stderr as they came, cut in the middle when huge.

    `returncode` None means it was ended for its time limit, a negative one is the signal that ended it.
    `changes` is the whole change set after the command, over the same base: what it was given together with
    what the command did (ignored outputs left out).
    """

    returncode: int | None
    output: str
    changes: ChangeSet = EMPTY
    timed_out: bool = False
    cut_bytes: int = 0
    duration_s: float = 0.0


OnOutput = Callable[[str], None]


class Runner(Protocol):
    """Runs commands on the merged view of a base and a change set. The sandbox is one."""

    level: str

    async def run(
        self, command: Command, changes: ChangeSet, on_output: OnOutput | None = None
    ) -> CommandResult:
        """The result. Never raises for what the command does; cancelling kills it and all its children.

        Raises: `ProtectionMissing` when the sandbox can't be set up; `FileNotFoundError` when the program
        does not exist.
        """
        ...
