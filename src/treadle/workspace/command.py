"""A command and what came of it: the words between the sandbox and those who run things in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from treadle.workspace.changes import EMPTY, ChangeSet

Network = Literal["none", "loopback", "all"]
"""What a command reaches: nothing; an interface of its own on which it meets only itself; all that the user can."""


class Limits(Struct, frozen=True):
    """What one command may use, 0 for as much as treadle itself.

    `memory_mb` is of addresses: sanitizers, Go's race detector and browsers ask for terabytes that they never touch,
    so it has no default; where memory runs out the kernel takes the command first.
    """

    processes: int = 4096
    file_mb: int = 16_384
    open_files: int = 65_536
    memory_mb: int = 0


class Grants(Struct, frozen=True):
    """What the user's settings and flags give every command of a run: never the repository's."""

    network: Network = "loopback"
    limits: Limits = Limits()


class Command(Struct, frozen=True):
    """What to run: `argv` without a shell, in `cwd` relative to the root.

    `scratch` is a folder outside the repository that the command may write to, at its own path.
    `readable` are further folders that must be seen (they are read only). `network` is the grant of all of it.
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
