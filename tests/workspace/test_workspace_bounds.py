"""What a command may use, and that nothing of it stays: bombs, and processes that want to outlive it."""

import os
import subprocess
import sys

import pytest
from test_workspace_overlay import alive, sh

from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command, Grants, Limits
from treadle.workspace.sandbox import clone_holds, open_sandbox

SMALL = Grants("loopback", Limits(processes=600, file_mb=4, open_files=100, memory_mb=512))


@pytest.fixture
def bounded(repo, tmp_path):
    made = []

    def open_(choice="overlay", grants=SMALL):
        runner = open_sandbox(repo, open_base(repo, "tree"), tmp_path / "state", choice, grants)
        made.append(runner)
        return runner

    yield open_
    for runner in made:
        runner.close()


def python(text, **named):
    return Command(argv=(sys.executable, "-c", text), **named)


async def test_processes_are_bounded_for_root_too(bounded):
    text = """
import os, time
made = []
try:
    while len(made) < 2000:
        pid = os.fork()
        if pid == 0:
            time.sleep(1000)
        made.append(pid)
except OSError as error:
    print("refused", len(made) < 600, error.errno)
"""
    assert (await bounded().run(python(text), EMPTY)).output.startswith("refused True")


async def test_files_memory_descriptors_and_cores_are_bounded(bounded):
    text = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def tried(go):
    try:
        go()
        return "went"
    except (OSError, MemoryError) as error:
        return type(error).__name__
print(tried(lambda: open("big", "wb").write(bytes(5 << 20))), tried(lambda: bytearray(1 << 30)))
print(tried(lambda: [open("/dev/null") for _ in range(200)]), resource.getrlimit(resource.RLIMIT_CORE))
print(open("/proc/self/oom_score_adj").read())
"""
    done = await bounded().run(python(text), EMPTY)
    assert done.output.split("\n")[:3] == ["OSError MemoryError", "OSError (0, 0)", "1000"]


@pytest.mark.parametrize("network", ["none", "loopback"])
async def test_the_own_interface_is_up_where_it_is_granted(bounded, network):
    text = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print('met')"
    done = await bounded(grants=Grants(network)).run(python(text), EMPTY)
    assert (done.output.strip() == "met") is (network == "loopback")
    if network == "none":
        assert "unreachable" in done.output or "assign" in done.output


HIDING = """
import os, sys, time
print("started", flush=True)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", MARK], {})
        os._exit(0)
time.sleep(SECONDS)
"""


@pytest.mark.parametrize("level", ["overlay", "clone"])
@pytest.mark.parametrize("how", ["end", "timeout"])
async def test_a_process_that_hides_does_not_outlive_its_command(bounded, tmp_path, level, how):
    """In a session of its own, orphaned, with an empty environment: no mark and no group tells it."""
    if level == "clone" and not clone_holds():
        pytest.skip("this kernel's Landlock makes no wall")
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    text = f"MARK, SECONDS = {mark!r}, {0.2 if how == 'end' else 1000}\n{HIDING}"
    done = await bounded(level, Grants()).run(python(text, timeout_s=30 if how == "end" else 1.5), EMPTY)
    assert "started" in done.output
    assert done.timed_out is (how == "timeout")
    assert not alive(mark)


@pytest.mark.parametrize("level", ["overlay", "clone"])
def test_a_process_that_hides_does_not_outlive_treadle(repo, tmp_path, level):
    if level == "clone" and not clone_holds():
        pytest.skip("this kernel's Landlock makes no wall")
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    text = f"MARK, SECONDS = {mark!r}, 1000\n{HIDING}"
    program = f"""
import asyncio
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command
from treadle.workspace.sandbox import open_sandbox
root = Path({str(repo)!r})
runner = open_sandbox(root, open_base(root, "tree"), Path({str(tmp_path / "state")!r}), {level!r})
command = Command(argv=({sys.executable!r}, "-c", {text!r}))
asyncio.run(runner.run(command, EMPTY, lambda text: print(text, flush=True)))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"started\n"
    for _ in range(500):
        if alive(mark):
            break
        subprocess.run(["true"], check=True)
    assert alive(mark)
    process.kill()
    process.wait()
    process.stdout.close()
    for _ in range(500):
        if not alive(mark):
            break
        subprocess.run(["true"], check=True)
    assert not alive(mark)


async def test_a_socket_of_a_service_that_begins_later_is_out_of_reach_in_the_repository(repo, bounded):
    import socket

    runner = bounded(grants=Grants())
    there = socket.socket(socket.AF_UNIX)
    there.bind(str(repo / "late"))
    there.listen()
    text = "import socket; socket.socket(socket.AF_UNIX).connect('late')"
    assert "refused" in (await runner.run(python(text), EMPTY)).output
    there.close()
    assert (await runner.run(sh("echo on"), EMPTY)).output == "on\n"
