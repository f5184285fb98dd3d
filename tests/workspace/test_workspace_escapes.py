"""Nothing gets out: every attempt of `escapes/attempts.py` behind the wall, and what it left, seen from outside."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from test_workspace_ordinary_user import NOBODY, somebody  # noqa: F401
from workspace_helpers import git, tree

from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command
from treadle.workspace.hidden import IN_HOME
from treadle.workspace.sandbox import clone_holds

VISIBLE = next(
    (place for place in ("/srv", "/opt", str(Path.home())) if os.access(place, os.W_OK)), "/var/tmp"
)
PROGRAM = Path(__file__).parent / "escapes" / "attempts.py"
SECRETS = sorted(name for name in IN_HOME if not name.startswith((".var", "snap", "Mail")))
# What the copy under Landlock is known not to hold: docs/safety.md says so.
NOT_OF_A_CLONE = {"the arguments of all"}


class World:
    """What an attempt could reach, in `top`: folders, keys, services, a process; and whether it did."""

    def __init__(self, top, owner=0):
        self.owner = owner
        self.top = top
        self.home = top / "home"
        self.root = top / "repo"
        self.outside = top / "outside"
        for folder in (self.root, self.outside / "d", self.home):
            folder.mkdir(parents=True)
        (self.outside / "f").write_text("the user's\n")
        self.secrets = []
        for name in SECRETS:
            path = self.home / name
            if not os.path.lexists(path) and all(not p.is_file() for p in path.parents):
                path.mkdir(parents=True, exist_ok=True)
                (path / "id_rsa").write_text(f"S3CRET {name}\n")
                self.secrets.append(str(path))
        (self.root / "a.txt").write_text("one\n")
        (self.root / ".treadle").mkdir()
        (self.root / ".treadle" / "settings.yaml").write_text("mode: step\n")
        git(self.root, "init", "-q")
        git(self.root, "add", ".")
        git(self.root, "commit", "-qm", "first")

    def serve(self):
        """Starts the services and the process. They must run as whoever could reach them."""
        self.heard = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix, self.sockets = {}, [self.tcp, self.udp]
        shared = Path(tempfile.mkdtemp(prefix="treadle-escape-", dir="/dev/shm"))
        run = Path(tempfile.mkdtemp(prefix="treadle-escape-", dir="/var/tmp"))
        # The others lie in a temporary folder, which the command has one of its own of: this one is in sight.
        self.visible = Path(tempfile.mkdtemp(prefix="treadle-escape-", dir=VISIBLE))
        (self.visible / "f").write_text("the user's\n")
        if os.getuid() == 0:
            for path in (self.visible, self.visible / "f"):
                os.chown(path, self.owner, self.owner)
        self.made = [shared, run, self.visible]
        places = {
            "in the home": self.home / "s",
            "outside": self.outside / "s",
            "in the repository": self.root / "s",
            "in a visible folder": self.visible / "s",
            "in /dev/shm": shared / "s",
            "in /var/tmp": run / "s",
        }
        for label, path in places.items():
            there = socket.socket(socket.AF_UNIX)
            there.bind(str(path))
            there.listen()
            path.chmod(0o777)
            self.unix[label] = str(path)
            self.sockets.append(there)
        for folder in self.made:
            folder.chmod(0o755)
        self.abstract = f"treadle-escape-{os.getpid()}-{id(self)}"
        named = socket.socket(socket.AF_UNIX)
        named.bind("\0" + self.abstract)
        named.listen()
        self.sockets.append(named)
        for there in self.sockets:
            threading.Thread(target=self._listen, args=(there,), daemon=True).start()

    def _listen(self, there):
        try:
            while True:
                if there.type == socket.SOCK_DGRAM:
                    self.heard.append(there.recv(99))
                else:
                    there.accept()[0].close()
                    self.heard.append(there.getsockname())
        except OSError:
            return

    def close(self):
        for there in self.sockets:
            there.close()
        for folder in self.made:
            subprocess.run(["rm", "-rf", str(folder)], check=True)

    def told(self, victim, treadle, *, skip=(), skip_metadata=False):
        """What the program is told."""
        folders = {
            "a visible folder outside": self.visible, "a folder outside": self.outside, "the folder above": self.top, "the home": self.home, "git's folder": self.root / ".git",
            "git's hooks": self.root / ".git" / "hooks", ".treadle": self.root / ".treadle", "treadle's state": self.home / ".local/state/treadle",
            "/etc": "/etc", "/usr/local": "/usr/local", "/": "/", "/var/tmp": "/var/tmp", "/dev/shm": "/dev/shm", "/tmp": "/tmp", "/run": "/run", "/proc/sys": "/proc/sys",
        }  # fmt: skip
        files = {
            "a visible file outside": self.visible / "f", "a file outside": self.outside / "f", "git's configuration": self.root / ".git" / "config", "HEAD": self.root / ".git" / "HEAD",
            "the index": self.root / ".git" / "index", ".treadle's settings": self.root / ".treadle" / "settings.yaml", "/etc/passwd": "/etc/passwd",
            "a key": self.home / ".ssh" / "id_rsa",
        }  # fmt: skip
        return {
            "folders": {label: str(path) for label, path in folders.items()},
            "files": {label: str(path) for label, path in files.items()},
            "secrets": self.secrets,
            "home": str(self.home),
            "victim": victim,
            "treadle": treadle,
            "tcp": self.tcp.getsockname(),
            "udp": self.udp.getsockname(),
            "unix": self.unix,
            "abstract": self.abstract,
            "careful": False,
            "skip": list(skip),
            "skip_metadata": skip_metadata,
        }

    def seen(self):
        """Every byte, mode and name that could have changed."""
        system = [sorted(os.listdir(place)) for place in ("/etc", "/usr/local", "/", "/var/tmp")]
        mine = {p: f for p, f in tree(self.top).items() if "/state/" not in p}
        mine |= tree(self.visible)
        return mine, system, os.stat("/etc/passwd").st_mode


def believed(line, level):
    """Whether going through is itself the escape, for an attempt that leaves nothing outside to look at."""
    name, reached = line
    harmless = [" in ", " of ", "UDP", "make a character", "leave a core"]
    # A copy's own git folder and settings are nobody's.
    harmless += ["run git", ".git", ".treadle"] if level == "clone" and not name.startswith("read") else []
    return bool(reached) and not any(word in name for word in harmless)


def judge(output, before, world, victim, level):
    """How many attempts were made; fails with those that got out."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("[")]
    out = [line for line in lines if believed(line, level)]
    assert out == [], out
    assert "S3CRET" not in output
    after = world.seen()
    changed = [p for p in before[0].keys() | after[0].keys() if before[0].get(p) != after[0].get(p)]
    assert changed == [], [(before[0].get(p), after[0].get(p)) for p in changed]
    assert after[1:] == before[1:]
    assert world.heard == []
    assert victim.poll() is None
    assert not any("ESCAPED" in name for place in ("/tmp", "/dev/shm", "/run") for name in os.listdir(place))
    return len(lines)


@pytest.fixture
def victim():
    env = {**os.environ, "KEY": "S3CRET"}
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "VICTIM"], env=env)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("level", ["overlay", "clone"])
async def test_nothing_gets_out(tmp_path, sandbox, monkeypatch, victim, level):
    if level == "clone" and not clone_holds():
        pytest.skip("this kernel's Landlock makes no wall")
    world = World(tmp_path / "w")
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.setenv("SOME_API_KEY", "S3CRET")
    # In the repository, which is in sight wherever this checkout lies.
    (world.root / "attempts.py").write_bytes(PROGRAM.read_bytes())
    world.serve()
    try:
        before = world.seen()
        skip = NOT_OF_A_CLONE if level == "clone" else ()
        told = world.told(victim.pid, os.getpid(), skip=skip, skip_metadata=level == "clone")
        command = Command((sys.executable, "-B", "attempts.py", json.dumps(told)), timeout_s=100)
        done = await sandbox(world.root, choice=level).run(command, EMPTY)
        assert done.returncode == 0, done.output[-2000:]
        assert judge(done.output, before, world, victim, level) > 500
    finally:
        world.close()


AS_SOMEBODY = """
import asyncio, os, sys
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command
from treadle.workspace.sandbox import open_sandbox
root, program, told, level = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
told = told.replace('"TREADLE"', str(os.getpid()))
runner = open_sandbox(root, open_base(root, "tree"), root.parent / "state", level)
done = asyncio.run(runner.run(Command((sys.executable, "-B", program, told), timeout_s=100, readable=(Path(program).parent,)), EMPTY))
print(done.output)
runner.close()
sys.exit(done.returncode)
"""


@pytest.mark.slow
@pytest.mark.parametrize("level", ["overlay", "clone"])
def test_nothing_gets_out_for_an_ordinary_user(somebody, level):  # noqa: F811
    if os.getuid() != 0:
        pytest.skip("the other test was one already")
    folder, run = somebody
    world = World(folder / "w", NOBODY)
    program = folder / "program" / "attempts.py"
    program.parent.mkdir()
    program.write_bytes(PROGRAM.read_bytes())
    world.serve()
    victim = subprocess.Popen(
        ["sh", "-c", "while :; do sleep 1000; done", "VICTIM"],
        user=NOBODY,
        group=NOBODY,
        env={"KEY": "S3CRET"},
    )
    try:
        (folder / "w" / "state").mkdir(0o700)
        run("-c", "pass")
        before = world.seen()
        skip = NOT_OF_A_CLONE if level == "clone" else ()
        told = world.told(victim.pid, "TREADLE", skip=skip, skip_metadata=level == "clone")
        script = f"import os; os.environ['HOME'] = {str(world.home)!r}\n{AS_SOMEBODY}"
        done = run("-c", script, str(world.root), str(program), json.dumps(told), level)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        assert judge(done.stdout, before, world, victim, level) > 500
    finally:
        victim.kill()
        victim.wait()
        world.close()
