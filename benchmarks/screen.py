"""What the screen costs, against bare Python in the same run: a typed word shown, memory at rest, a key's echo,
Enter to the request at a model, and the CPU that streaming 1,500 tokens takes beside raw per-token Markdown.

    .venv/bin/python benchmarks/screen.py [--quick] [--strict]

The screen runs in a pseudo-terminal of 120 by 40; what it writes is read as it comes. The model is a stand-in on
loopback that answers from a script (`standin.py`), and says so. `--strict` ends with 1 where an aim is missed.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import BARE, machine, once, table
from standin import StandIn

TREADLE = str(Path(sys.executable).with_name("treadle"))
SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-9;?<>=$]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])"
)
WORD = b"zqxwv"
LIMIT_S = 60.0
TOKENS = 1500
PACE = 50.0
PROSE = (
    "# What was found\n\nThe **first** call takes `value` and the second one does not, as the list says:\n\n"
    "- one thing that holds\n- another one, with more words in it than the first\n\n"
    "```python\ndef total(values):\n    return sum(values)\n```\n\n"
)
RAW_MARKDOWN = """
import asyncio, sys, re
from textual.app import App
from textual.containers import VerticalScroll
from textual.widgets import Markdown
class Raw(App):
    def compose(self):
        with VerticalScroll():
            yield Markdown()
    async def on_mount(self):
        self.run_worker(self.stream())
    async def stream(self):
        stream = Markdown.get_stream(self.query_one(Markdown))
        for piece in re.findall(r"\\s*\\S+", sys.argv[1]):
            await stream.write(piece)
            self.query_one(VerticalScroll).scroll_end(animate=False)
            await asyncio.sleep(1 / float(sys.argv[2]))
        await stream.stop()
        self.exit()
Raw().run()
"""


class Terminal:
    """A program in a pseudo-terminal; `text` is what it wrote, without the terminal's sequences."""

    def __init__(self, argv: list[str], cwd: str, env: dict[str, str]) -> None:
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(argv[0], argv, env)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._raw = b""

    def type(self, data: bytes) -> None:
        """Presses keys."""
        os.write(self._fd, data)

    def read(self, seconds: float = 0.01) -> None:
        """Takes in what comes within that time."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0 and select.select([self._fd], [], [], left)[0]:
            try:
                self._raw += os.read(self._fd, 1 << 16)
            except OSError:
                return

    @property
    def text(self) -> bytes:
        """What stands in the stream since the screen was opened."""
        opened = self._raw.find(b"\x1b[?1049h")
        return SEQUENCE.sub(b"", self._raw[opened:]) if opened >= 0 else b""

    def until(self, what: Callable[[], bool]) -> float:
        """Seconds until `what` holds. Raises: `TimeoutError`."""
        began = time.perf_counter()
        while not what():
            if time.perf_counter() - began > LIMIT_S:
                raise TimeoutError(self.text[-2000:].decode(errors="replace"))
            self.read(0.002)
        return time.perf_counter() - began

    def shows(self, word: bytes) -> bool:
        """Whether a word came."""
        return word in self.text

    def forget(self) -> None:
        """What came so far is not looked at again."""
        self.read(0.05)
        self._raw = b"\x1b[?1049h"

    def cpu_s(self) -> float:
        """CPU seconds so far, its own."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Resident memory now."""
        return (
            int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            * os.sysconf("SC_PAGE_SIZE")
            / (1 << 20)
        )

    def close(self) -> None:
        """Ends it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def place(area: Path, endpoint: str) -> tuple[str, dict[str, str]]:
    """A small repository whose one loop asks the stand-in, and an environment without anything of the user's."""
    repo = area / "repo"
    (repo / ".treadle" / "loops").mkdir(parents=True)
    (repo / "shop.py").write_text("def total(values):\n    return sum(values)\n")
    (repo / ".treadle" / "teller.yaml").write_text(
        "name: teller\ndescription: Says something.\nprompt: teller.md\ninputs: [task]\n"
        "ladder: [{tier: large, tools: [read], limits: {turns: 2}}]\n"
    )
    (repo / ".treadle" / "prompts").mkdir()
    (repo / ".treadle" / "prompts" / "teller.md").write_text("${task}\n")
    (repo / ".treadle" / "loops" / "tell.yaml").write_text(
        "name: tell\ndescription: One answer.\nsteps: [{name: tell, agent: teller}]\n"
    )
    config = area / "config" / "treadle"
    config.mkdir(parents=True)
    (config / "settings.yaml").write_text("cloud: never\n")
    (config / "tiers.yaml").write_text(
        f'tiers:\n  large: {{models: [{{model: local/stand-in, endpoint: "{endpoint}"}}]}}\n'
    )
    for args in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "b"],
    ):
        subprocess.run(["git", *args], cwd=repo, check=True)
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "HOME", "VIRTUAL_ENV")}
    env |= {
        "TERM": "xterm-256color",
        "XDG_CONFIG_HOME": str(area / "config"),
        "XDG_STATE_HOME": str(area / "state"),
        "TREADLE_TRUST": "1",
    }
    return str(repo), env


def typed_word(repo: str, env: dict[str, str]) -> tuple[float, float]:
    """Seconds from the start to a word on the screen that was typed at once; memory in MiB two seconds later."""
    terminal = Terminal([TREADLE], repo, env)
    try:
        terminal.type(WORD)
        terminal.until(lambda: WORD in terminal.text)
        took = time.perf_counter() - terminal.began
        terminal.read(2.0)
        return took, terminal.rss_mib()
    finally:
        terminal.close()


def at_work(repo: str, env: dict[str, str], server: StandIn, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of a key's echo, and from Enter to the request at the model, after one run for warmth."""
    terminal = Terminal([TREADLE], repo, env)
    echoes, enters = [], []
    try:
        terminal.until(lambda: b"mode:" in terminal.text)
        terminal.read(1.5)
        for turn in range(rounds + 1):
            terminal.forget()
            word = b"task%d" % turn
            terminal.type(b"/loop tell ")
            terminal.until(lambda: b"/loop tell" in terminal.text)
            terminal.forget()
            terminal.type(word)
            echo = terminal.until(partial(terminal.shows, word))
            terminal.read(0.6)
            asked = len(server.asked)
            pressed = time.perf_counter()
            terminal.type(b"\r")
            terminal.until(partial(server.was_asked, asked))
            if turn:
                echoes.append(echo)
                enters.append(server.asked[asked].came - pressed)
            terminal.read(1.0)
            terminal.type(b"d")
            terminal.read(1.0)
            terminal.type(b"\x1b")
            terminal.read(0.5)
            terminal.type(b"\x03")
            terminal.read(0.3)
        return echoes, enters
    finally:
        terminal.close()


def streaming(repo: str, env: dict[str, str]) -> float:
    """CPU seconds of treadle while 1,500 words stream, less what it uses at rest in the same time."""
    terminal = Terminal([TREADLE], repo, env)
    try:
        terminal.until(lambda: b"mode:" in terminal.text)
        terminal.read(2.0)
        began = terminal.cpu_s()
        terminal.type(b"/loop tell it\r")
        terminal.until(lambda: b"The END" in terminal.text)
        terminal.read(0.5)
        return terminal.cpu_s() - began
    finally:
        terminal.close()


def raw_markdown(text: str, env: dict[str, str]) -> float:
    """CPU seconds of the same text through Textual's Markdown token by token, its start taken off."""
    terminal = Terminal([sys.executable, "-c", RAW_MARKDOWN, text, str(PACE)], tempfile.gettempdir(), env)
    try:
        terminal.read(1.5)
        began = terminal.cpu_s()
        last = began
        while Path(f"/proc/{terminal.pid}").exists():
            terminal.read(0.2)
            try:
                last = terminal.cpu_s()
            except (OSError, IndexError, ValueError):
                break
            if Path(f"/proc/{terminal.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break
        return last - began
    finally:
        terminal.close()


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="three rounds, no streaming")
    parser.add_argument("--strict", action="store_true", help="exit 1 where an aim is missed")
    args = parser.parse_args()
    rounds = 3 if args.quick else 9
    print(machine())
    rows: list[list[str]] = []
    missed = 0

    def row(name: str, aim: str, value: str, met: bool) -> None:
        nonlocal missed
        missed += not met
        rows.append([name, aim, value, "yes" if met else "NO"])

    text = (PROSE * 100).split(" ")
    prose = " ".join(text)
    prose = "".join(re.findall(r"\s*\S+", prose)[: TOKENS - 2]) + " The END"
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as name:
        area = Path(name)
        with StandIn(["Done."]) as server:
            repo, env = place(area, server.endpoint)
            bare, shown, rss = [], [], []
            for _ in range(rounds):
                bare.append(once(BARE).wall_s)
                took, memory = typed_word(repo, env)
                shown.append(took)
                rss.append(memory)
            ratio = statistics.median(shown) / statistics.median(bare)
            row(
                "typed word shown",
                "≤ 33 ×",
                f"{ratio:.1f} × ({1000 * statistics.median(shown):.0f} ms)",
                ratio <= 33,
            )
            row("memory at rest", "≤ 65 MiB", f"{max(rss):.1f} MiB", max(rss) <= 65)
            echoes, enters = at_work(repo, env, server, rounds)
            row("a typed word's echo", "", f"{1000 * statistics.median(echoes):.0f} ms", True)
            enter = 1000 * statistics.median(enters)
            row("Enter to the request", "≤ 20 ms", f"{enter:.0f} ms", enter <= 20)
        if not args.quick:
            with StandIn([prose], pace=PACE) as server:
                repo, env = place(area / "streaming", server.endpoint)
                cpu = streaming(repo, env)
                raw = raw_markdown(prose, env)
            row(
                f"streaming {TOKENS} tokens",
                "≤ 2.5 CPU-s",
                f"{cpu:.1f} CPU-s (raw Markdown {raw:.1f})",
                cpu <= 2.5,
            )
    print(f"bare Python {1000 * statistics.median(bare):.1f} ms\n")
    print(table(["", "aim", "measured", "met"], rows))
    return 1 if missed and args.strict else 0


if __name__ == "__main__":
    sys.exit(main())
