"""`!COMMAND`: a command of the person's own, run in the repository by their shell, its words in the transcript."""

import asyncio
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.tui.sitting import Sitting

_LIMIT_S = 600
_MOST_LINES = 400


async def run_shell(sitting: "Sitting", command: str) -> None:
    """Runs the command as the person would at their own prompt, without a terminal; cancelling ends it."""
    if not command:
        return
    sitting.say(("! ", "$accent bold"), (command, "bold"))
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=sitting.root,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=1 << 20,
    )
    shown = 0
    try:
        async with asyncio.timeout(_LIMIT_S):
            assert process.stdout is not None
            async for row in process.stdout:
                shown += 1
                if shown <= _MOST_LINES:
                    sitting.say((f"  {row.decode('utf-8', 'replace').rstrip()}", "$dim"))
            code = await process.wait()
    except asyncio.CancelledError:
        sitting.say(("  ended", "$held"))
        raise
    except (TimeoutError, ValueError):
        sitting.say(("  ended: it took too long, or wrote a line without an end", "$held"))
        return
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    if shown > _MOST_LINES:
        sitting.say((f"  … {shown - _MOST_LINES} more lines", "$faint"))
    sitting.say((f"  exit {code}", "$ok" if code == 0 else "$bad"))
