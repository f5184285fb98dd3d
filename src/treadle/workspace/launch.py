"""How a command's own process is started and what it says on its way; both walls share it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from treadle.protocol.errors import PathError, ProtectionMissing
from treadle.workspace.command import Command

PACKAGE = Path(__file__).parents[1]
"""treadle's own folder, which the command's Python may read."""


def start(module: str) -> tuple[str, ...]:
    """The command line of `main` of that module in this room, in a bare Python: no site, no settings of the user's,
    only the standard library, then treadle's own. A path to its spec follows."""
    program = (
        "import sys; sys.path.append(sys.argv[1]); "
        f"from treadle.workspace.{module} import main; sys.exit(main())"
    )
    return sys.executable, "-I", "-S", "-c", program, str(PACKAGE.parent)


def returncode(said: str, output: str, command: Command) -> int:
    """The return code among the lines that the wall's process said. Raises what they stand for."""
    for line in said.splitlines():
        word, _, rest = line.partition(" ")
        if word == "error":
            raise ProtectionMissing(f"the sandbox can't be set up: {rest}")
        if word == "folder":
            raise PathError(f"no such folder: {command.cwd}")
        if word == "missing":
            raise FileNotFoundError(int(rest), os.strerror(int(rest)), command.argv[0])
        if word == "exit":
            return int(rest)
    raise ProtectionMissing(f"the sandbox ended before its command began: {output.strip()[-400:]}")


def try_wall(module: str, spec: Path, write: Callable[[int], None]) -> None:
    """Makes a wall once, in which nothing runs; `write` writes its `spec`, given where the process will tell.

    Raises: `ProtectionMissing`, saying what does not hold.
    """
    said_read, said_write = os.pipe()
    try:
        write(said_write)
        done = subprocess.run(
            [*start(module), str(spec)],
            cwd="/",
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=(said_write,),
            timeout=20,
            check=False,
        )
        os.close(said_write)
        said_write = -1
        said = os.read(said_read, 65536).decode()
        returncode(said, done.stderr.decode("utf-8", "replace"), Command(argv=("",)))
    except subprocess.TimeoutExpired:
        raise ProtectionMissing("the sandbox can't be set up: it hangs") from None
    finally:
        for fd in (said_read, said_write):
            if fd >= 0:
                os.close(fd)
