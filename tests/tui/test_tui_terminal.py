"""`treadle` itself on a real terminal: what it writes there, and where it does not start."""

import os
import pty
import re
import signal
import subprocess
import sys

from standin import StandIn
from tui_samples import ANSWERS, speaking, talking
from tui_terminal import terminal

OWN = re.compile(
    rb"\x1b(?:"
    rb"\[[\d;]*m"  # colours and weights
    rb"|\[\d+;\d+H"  # where to write
    rb"|\[\?(?:7|25|1000|1003|1004|1006|1015|1049|2004|2026)[hl]"  # modes: the other screen, the mouse, pastes
    rb"|\[\?(?:2026|2048)\$p|\[\?6n"  # questions to the terminal
    rb"|\[>\d+u|\[<u"  # how keys are told
    rb"|\]22;default\x07"  # the pointer's shape
    rb")"
)
"""All that Textual's driver writes of its own."""

EVIL = "\x1b[77;66H\x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x1bP+q\x1b\\\x9b9m\x1b[?9077h\u202eabc\u200b \rlast"
COLOUR = re.compile(rb"\x1b\[((?:\d+;)*\d+)m")


async def test_nothing_smuggled_in_reaches_the_terminal_as_a_sequence(make_repo):
    name = "a\x1b]0;owned\x07\x1b[?9077h.txt"
    with StandIn([("read", {"path": name}), EVIL + "\n**done** " + EVIL]) as server:
        root = make_repo({name: EVIL + "\n", **speaking(server.endpoint)})
        with terminal(root, f"say {EVIL}", "--loop", "talk") as shown:
            shown.sees("last", "done", "ZXZpbA==")
            shown.type("!cat a*; printf '\\033]0;owned\\007\\033[77;66H'\r")
            shown.sees("exit 0")
            shown.type("\x1b[200~pasted \x1b]0;owned\x07\x1b[77;66H\x1b[201~")
            shown.sees("pasted")
            shown.type("\x03@a\t")
            shown.sees("@a␛")
            shown.type("\x11")
            assert shown.ends() == 0
    assert {s for s in shown.sequences if not OWN.fullmatch(s)} == set()
    plain = OWN.sub(b"", shown.raw)
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", plain)
    text = plain.decode("utf-8")
    assert not re.search("[\x80-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert "␛]52;c;ZXZpbA==␇" in text and "␛[77;66H" in text
    assert shown.raw.count(b"\x1b[?1049h") == shown.raw.count(b"\x1b[?1049l") == 1


async def test_with_no_color_no_colour_is_written(make_repo):
    root = make_repo(talking(ANSWERS))
    with terminal(root, "say it", "--loop", "talk", NO_COLOR="1") as shown:
        shown.sees("forty-two", "done")
        shown.type("/theme dracula\r")
        shown.sees("theme dracula")
        shown.type("half a task")
        shown.sees("half a task")
        shown.type("\x11")
        assert shown.ends() == 0
    codes = {int(code) for found in COLOUR.findall(shown.raw) for code in found.split(b";")}
    assert codes and not {code for code in codes if (30 <= code <= 48 and code != 39) or 90 <= code <= 107}, (
        codes
    )
    assert 7 in codes, "the cursor is seen without a colour"


async def test_the_window_may_change_its_size_while_a_run_goes_on(make_repo):
    with StandIn(["word " * 6000], pace=150) as server:
        root = make_repo(speaking(server.endpoint))
        with terminal(root, "say it", "--loop", "talk", size=(100, 30)) as shown:
            shown.sees("word word")
            for columns, rows in ((40, 10), (200, 60), (20, 5), (100, 30)):
                shown.resize(columns, rows)
                shown.process.send_signal(signal.SIGWINCH)
                before = len(shown.raw)
                shown.until(lambda before=before: len(shown.raw) > before + 500)
            shown.type("\x03")
            shown.sees("aborted")
            shown.type("\x11")
            assert shown.ends() == 0


def run(root, *words, tty=False, **environ):
    """The exit code, stdout and stderr of `treadle WORDS` without a terminal, or on one that can't be drawn on."""
    streams = {"stdin": subprocess.DEVNULL}
    ends = pty.openpty() if tty else ()
    if tty:
        streams = {"stdin": ends[1]}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "treadle", *words],
            cwd=root,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            **streams,
        )
    finally:
        for end in ends:
            os.close(end)
    return done.returncode, done.stdout, done.stderr


def test_without_a_terminal_it_says_what_to_run_instead(tmp_path):
    code, out, err = run(tmp_path, "mend it all", "--loop", "fix")
    assert (code, out) == (2, "")
    assert "there is no terminal to draw a screen on" in err
    assert "next: without one: treadle run 'mend it all' --loop fix" in err and "Traceback" not in err
    assert run(tmp_path)[0] == 2
    assert run(tmp_path, tty=True)[0] == 2, "stdout is a pipe"


async def test_a_dumb_terminal_is_none(make_repo):
    root = make_repo(talking(ANSWERS))
    with terminal(root, TERM="dumb") as shown:
        assert shown.ends() == 2
    assert "there is no terminal to draw a screen on" in shown.text and shown.sequences == []
