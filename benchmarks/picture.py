"""Draws docs/screen.svg: the real screen on the demo's project with three of its bugs, held before it writes.

.venv/bin/python benchmarks/picture.py [FILE]
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BUGS = ("touching", "weekend", "clip")
LIMIT_S = 180


def lay_out(area: Path) -> Path:
    """The sample project with the bugs in it, under git."""
    place = area / "worklog"
    shutil.copytree(ROOT / "agents" / "demo" / "project", place)
    told = yaml.safe_load((ROOT / "agents" / "demo" / "demo.yml").read_text())
    for bug in told["bugs"]:
        if bug["name"] in BUGS:
            file = place / bug["file"]
            file.write_text(file.read_text().replace(bug["before"], bug["after"], 1))
    who = ["-c", "user.name=Robin Sample", "-c", "user.email=robin@example.org"]
    for args in (["init", "-qb", "main"], ["add", "-A"], [*who, "commit", "-qm", "The work log"]):
        subprocess.run(["git", *args], cwd=place, check=True)
    return place


async def draw(place: Path) -> str:
    """The screen as SVG once the diff is asked about and one hunk is left out."""
    from treadle.session.session import Options
    from treadle.tui.app import TreadleApp

    app = TreadleApp(place, Options)
    async with app.run_test(size=(130, 40)) as pilot:
        await pilot.press("enter")
        async with asyncio.timeout(LIMIT_S):
            while app.tabs.diff is None or not app.tabs.diff.choosing:
                await asyncio.sleep(0.2)
        await pilot.pause()
        app.tabs.diff.focus()
        await pilot.press("j", "space")
        await asyncio.sleep(1.0)
        picture = app.export_screenshot(title="treadle")
        await pilot.press("d")
        await asyncio.sleep(0.5)
    return re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)


def main() -> int:
    """Writes the file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screen.svg"
    with tempfile.TemporaryDirectory(prefix="treadle-picture-") as name:
        for folder in ("config", "state"):
            os.environ[f"XDG_{folder.upper()}_HOME"] = str(Path(name) / folder)
        os.environ["TREADLE_TRUST"] = "1"
        (Path(name) / "config" / "treadle").mkdir(parents=True)
        (Path(name) / "config" / "treadle" / "settings.yaml").write_text("cloud: never\n")
        target.write_text(asyncio.run(draw(lay_out(Path(name)))))
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
