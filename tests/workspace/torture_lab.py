"""Runs a job of the writer under strace: records its calls, kills it at one of them, or lets one fail."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

SERVER = Path(__file__).with_name("torture_server.py")
WHOLE = os.environ.get("TREADLE_TORTURE") == "1"
"""Whether `just torture` runs: every point and the whole count instead of a sample."""

CALLS = (
    *(
        "openat",
        "creat",
        "write",
        "pwrite64",
        "writev",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
    ),
    *("mkdir", "mkdirat", "rmdir", "symlink", "symlinkat", "link", "linkat", "fsync", "fdatasync", "fchmod"),
    *("chmod", "fchmodat", "fchown", "ftruncate", "setxattr", "fsetxattr"),
)
TRACED = ",".join("?" + name for name in [*CALLS, "openat2"])
_LINE = re.compile(r"(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")


def missing():
    """Why strace can't be used here, "" where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "this machine lets nobody trace a process"


def rounds(sample, whole):
    """How often: the bounded count by default, the whole under `just torture`."""
    return whole if WHOLE else sample


def sampled(points, most):
    """All points under `just torture`, else about `most` of them, evenly spread."""
    if WHOLE or len(points) <= most:
        return points
    return [points[n * len(points) // most] for n in range(most)]


class Lab:
    """A server of jobs. `root` and `state` are the folders that jobs work on, `scratch` is for records."""

    def __init__(self, scratch):
        self.scratch = Path(scratch)
        self.root, self.state = self.scratch / "root", self.scratch / "state"
        self.kept = self.scratch / "kept"
        self._server = subprocess.Popen(
            [sys.executable, "-B", str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self):
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()

    def keep(self):
        """Remembers root and state as they are; `back` makes them so again."""
        shutil.rmtree(self.kept, ignore_errors=True)
        for folder in (self.root, self.state):
            shutil.copytree(folder, self.kept / folder.name, symlinks=True)

    def back(self):
        for folder in (self.root, self.state):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.kept / folder.name, folder, symlinks=True)

    def job(self, do, **more):
        return {"do": do, "root": str(self.root), "state": str(self.state), **more}

    def start(self, job):
        """The pid of the child that waits to do the job; `go` lets it."""
        self._tell(json.dumps(job))
        return int(self._server.stdout.readline())

    def go(self):
        """How the child ended: an exit code, or minus the signal."""
        self._tell("")
        return os.waitstatus_to_exitcode(int(self._server.stdout.readline()))

    def run(self, job):
        self.start(job)
        return self.go()

    def traced(self, job, *options):
        """How the job ended under strace with these options, and what strace recorded."""
        record = self.scratch / "record"
        pid = self.start(job)
        tracer = subprocess.Popen(
            ["strace", "-o", str(record), *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True
        )
        said = tracer.stderr.readline()
        ended = self.go()
        tracer.stderr.read()
        tracer.stderr.close()
        tracer.wait()
        assert "attached" in said, said
        return ended, record.read_text(errors="surrogateescape")

    def points(self, job):
        """Every write-side call of the job as (name, its count among calls of that name, from 1)."""
        ended, record = self.traced(job, "-e", "trace=" + TRACED)
        assert ended == 0
        seen, points = {}, []
        for line in record.splitlines():
            found = _LINE.match(line)
            if found is None:
                continue
            name = found["name"]
            seen[name] = seen.get(name, 0) + 1
            reads = name.startswith("openat") and not re.search(
                r"O_WRONLY|O_RDWR|O_CREAT", found["arguments"]
            )
            if not reads:
                points.append((name, seen[name]))
        return points

    def killed(self, job, point):
        """Does the job until that call, which it does not live to make."""
        return self._injected(job, point, f"signal={signal.SIGKILL.name}")

    def failed(self, job, point, error, *, on=False):
        """Does the job with that call failing; `on`: and all of that name after it."""
        return self._injected(job, point, f"error={error}", "+" if on else "")

    def _injected(self, job, point, what, on=""):
        name, count = point
        return self.traced(job, "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={count}{on}")[0]

    def _tell(self, line):
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()
