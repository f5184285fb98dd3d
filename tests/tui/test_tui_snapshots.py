"""What the main states look like, as plain text. Renew them with

    TREADLE_RENEW=1 .venv/bin/pytest tests/tui/test_tui_snapshots.py

and read the difference before you commit it: every line of it is seen by a user.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from standin import StandIn
from tui_samples import speaking
from tui_sitting import sit

from protection import level_here
from samples import APART, mending

SNAPSHOTS = Path(__file__).parent / "snapshots"
BAR = re.compile("(?<= )[▁▂▃▄▅▆▇█]{1,2}(?=[ │]*$)")
TIME = re.compile(r"( *)\b\d+(?:\.\d+)?s\b")

pytestmark = pytest.mark.skipif(level_here() != "overlay", reason="the pictures name the overlay")


@pytest.fixture
def place():
    """A folder whose name is of the same length each time, for it is drawn."""
    folder = Path(tempfile.mkdtemp(prefix="treadle-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def told(lines: list[str], place: Path) -> str:
    """The screen without what differs from run to run: times, bars of latencies and of scrolling, the folder's name."""
    rows = []
    for line in lines:
        line = line.replace(str(place), "/tmp/treadle-12345678")
        left, bar, right = line.partition("│") if line.find("│") > 9 else ("", "", line)
        if left.startswith(" latency") or re.fullmatch(r"[ ▁▂▃▄▅▆▇█]*[▁▂▃▄▅▆▇█] *", left):
            left = (" latency  #" if "latency" in left else " #").ljust(len(left))
        left = TIME.sub(lambda found: "#s".rjust(len(found[0])), left)
        right = BAR.sub(lambda found: " " * len(found[0]), TIME.sub(lambda found: found[1] + "#s", right))
        rows.append((left + bar + right).rstrip())
    return "\n".join(rows) + "\n"


def same(name: str, drawn: str) -> None:
    """Compares with the picture that is kept, or keeps it anew."""
    kept = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("TREADLE_RENEW"):
        SNAPSHOTS.mkdir(exist_ok=True)
        kept.write_text(drawn)
    assert drawn == kept.read_text(), f"{kept.name} looks otherwise: TREADLE_RENEW=1 keeps it anew\n{drawn}"


CALLS = [
    ("edit", {"path": "calc.py", "search": "return a - b", "replace": "return a + b"}),
    ("edit", {"path": "calc.py", "search": "return x // 2", "replace": "return x // 2  # whole"}),
    "The sign was **wrong** in `add`.",
]


async def test_the_main_states(make_repo, place):
    with StandIn(CALLS) as server:
        files = {**speaking(server.endpoint), **APART, **mending()}
        files = {path: text for path, text in files.items() if "tiers" not in path and "replies" not in path}
        root = make_repo(files, str(place / "repo"))
        async with sit(root, size=(80, 24)) as sat:
            await sat.sees("a task")
            await sat.settle()
            same("idle-80x24", told(sat.lines, place))
        async with sit(root, mode="into") as sat:
            await sat.types("/loop go Mend add")
            for number in range(1, 4):
                await sat.until(
                    lambda number=number: (q := sat.app.gate.question) and q.question == f"q{number}"
                )
                sat.app.gate.focus()
                await sat.press("s")
            await sat.held("before_turn")
            await sat.tab("Context")
            await sat.settle()
            same("held-before-a-request", told(sat.lines, place))
            sat.app.gate.focus()
            await sat.press("c")
            await sat.reviewing()
            await sat.press("down", "space")
            await sat.sees("1 of 2 hunks")
            same("one-question", told(sat.lines, place))
            await sat.press("y")
            await sat.ended()
            await sat.tab("Transcript")
            await sat.settle()
            same("done", told(sat.lines, place))
            await sat.pilot.resize_terminal(60, 20)
            await sat.press("f1")
            await sat.settle()
            same("help-60x20", told(sat.lines, place))
