import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from workspace_helpers import git, tree

from treadle.protocol.errors import PathError
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY, EXECUTABLE, LINK, Change, ChangeSet
from treadle.workspace.command import Command
from treadle.workspace.process import HEAD_BYTES, TAIL_BYTES
from treadle.workspace.view import MergedView


def sh(text, **named):
    return Command(argv=("/bin/sh", "-c", text), **named)


def python(text, **named):
    return Command(argv=(sys.executable, "-c", text), **named)


async def test_the_command_sees_base_and_changes_at_the_repositorys_own_path(repo, sandbox):
    before = tree(repo)
    changes = (
        MergedView(open_base(repo, "tree"))
        .write("a.txt", "new\n")
        .write("n/e/w", "w\n")
        .write("prog", "#!/bin/sh\necho prog ran\n", EXECUTABLE)
        .write("to", "src/x.py", LINK)
        .delete("src/x.py")
        .delete("run.sh")
    ).changes
    done = await sandbox(repo).run(sh("pwd; cat a.txt n/e/w link; ./prog; readlink to; ls; ls src"), changes)
    assert done.output.splitlines() == [
        str(repo), "new", "w", "new", "prog ran", "src/x.py", "a.txt", "link", "n", "prog", "to",
        "ls: cannot access 'src': No such file or directory",
    ]  # fmt: skip
    assert done.returncode == 2
    assert done.changes == changes
    assert tree(repo) == before


async def test_what_the_command_changes_comes_back_whole(repo, sandbox):
    before = tree(repo)
    given = (
        MergedView(open_base(repo, "tree"))
        .write("given", "g")
        .write("gone", "g")
        .write("a.txt", "mine\n")
        .changes
    )
    text = """
        echo more >> a.txt; rm gone link src/x.py; chmod -x run.sh; mkdir -p new/deep; echo n > new/deep/f
        ln -s given ln; printf x > new/p; chmod +x new/p; mkfifo pipe; mkdir build; echo b > build/o; echo l > x.log
        mkdir empty; touch -d 2001-01-01 given
    """
    runner = sandbox(repo)
    done = await runner.run(sh(text), given)
    assert (done.returncode, done.output) == (0, "\n[not kept: pipe]")
    seen = MergedView(open_base(repo, "tree"), done.changes)
    assert seen.text("a.txt") == "mine\nmore\n"
    assert seen.files() == (".gitignore", "a.txt", "given", "ln", "new/deep/f", "new/p", "run.sh")
    assert seen.mode("ln") == LINK
    assert seen.mode("new/p") == EXECUTABLE
    assert seen.mode("run.sh") == 0o100644
    assert done.changes.get("a.txt").before == given.get("a.txt").before
    assert done.changes.get("new/p").before is None
    again = await runner.run(sh("cat build/o x.log; ls -d empty; ls"), done.changes)
    assert again.output == "b\nl\nempty\na.txt\nbuild\nempty\ngiven\nln\nnew\nrun.sh\nx.log\n"
    assert again.changes == done.changes
    assert tree(repo) == before


async def test_removing_everything_hurts_nothing_and_comes_back_as_deletions(repo, sandbox):
    before = tree(repo)
    done = await sandbox(repo).run(sh("rm -rf ./* ./.gitignore .git 2>/dev/null; ls -A"), EMPTY)
    assert done.output == ".git\n"
    assert done.changes.paths == (".gitignore", "a.txt", "link", "run.sh", "src/x.py")
    assert all(change.content is None for change in done.changes.changes.values())
    assert tree(repo) == before


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("rm -r src; mkdir src; echo y > src/y.py", {"src/y.py": b"y\n", "src/x.py": None}),
        ("rm -r src; echo flat > src", {"src": b"flat\n", "src/x.py": None}),
        ("rm a.txt; mkdir a.txt; echo in > a.txt/in", {"a.txt": None, "a.txt/in": b"in\n"}),
        ("rm link; cp run.sh link", {"link": b"#!/bin/sh\necho ran\n"}),
        ("mv src lib", {"src/x.py": None, "lib/x.py": b"X = 1\n"}),
        ("echo x > a.txt; git checkout a.txt 2>/dev/null; printf 'one\\ntwo\\n' > a.txt", {}),
        ("rm src/x.py; echo 'X = 1' > src/x.py", {}),
    ],
)
async def test_changes_of_kind(repo, sandbox, text, left):
    done = await sandbox(repo).run(sh(text), EMPTY)
    assert {path: change.content for path, change in done.changes.changes.items()} == left
    again = await sandbox(repo).run(sh("find . -name .git -prune -o -type f -print | sort"), done.changes)
    assert again.output.split() == [
        "./" + p
        for p in MergedView(open_base(repo, "tree"), done.changes).files()
        if p != "link" or "link" in left
    ]


@pytest.mark.parametrize("spec", ["index", "HEAD"])
async def test_stored_bases_with_ignored_files_in_sight(repo, sandbox, spec):
    (repo / "a.txt").write_text("only in the tree\n")
    (repo / "untracked").write_text("u")
    (repo / "build").mkdir()
    (repo / "build" / "env").write_text("an environment\n")
    before = tree(repo)
    runner = sandbox(repo, spec)
    done = await runner.run(sh("cat a.txt build/env; ls; echo more >> a.txt"), EMPTY)
    assert done.output.split("\n") == [
        "one",
        "two",
        "an environment",
        "a.txt",
        "build",
        "link",
        "run.sh",
        "src",
        "",
    ]
    assert done.changes.paths == ("a.txt",)
    assert done.changes.get("a.txt").content == b"one\ntwo\nmore\n"
    again = await runner.run(sh("printf 'one\\ntwo\\n' > a.txt; echo own > untracked"), done.changes)
    assert again.changes.paths == ("untracked",)
    assert again.changes.get("untracked").before is None
    assert tree(repo) == before


async def test_an_editable_install_sees_the_change(repo, sandbox, tmp_path):
    environment = tmp_path / "environment"
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages / "project.pth").write_text(f"{repo / 'src'}\n")
    changes = MergedView(open_base(repo, "tree")).write("src/x.py", "X = 2\n").changes
    command = Command(
        argv=(str(environment / "bin" / "python"), "-c", "import x; print(x.X, x.__file__)"), cwd=".."
    )
    with pytest.raises(PathError):
        await sandbox(repo).run(command, changes)
    command = Command(argv=command.argv, cwd="src", env={"PYTHONSAFEPATH": "1"})
    done = await sandbox(repo).run(command, changes)
    assert done.output == f"2 {repo}/src/x.py\n"


async def test_no_stale_compiled_file_is_ever_taken(repo, sandbox, monkeypatch):
    """Same size, and most in the same second: what Python's check of compiled files can't tell apart."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    subprocess.run([sys.executable, "-c", "import x"], cwd=repo / "src", check=True)
    assert list((repo / "src" / "__pycache__").iterdir())
    base, runner = MergedView(open_base(repo, "tree")), sandbox(repo)
    (repo / "src" / "y.py").write_text("Y = 1\n")
    command = python("import sys; sys.path.insert(0, 'src'); import x, y; print(x.X)")
    for number in (2, 3, 1, 2, 2, 4):
        done = await runner.run(command, base.write("src/x.py", f"X = {number}\n").changes)
        assert done.output == f"{number}\n"
        assert not done.changes.paths or done.changes.paths == ("src/x.py",)
    listed = await runner.run(sh("ls src/__pycache__"), EMPTY)
    assert "y." in listed.output
    assert os.listdir(repo / "src" / "__pycache__") != listed.output.split()


async def test_build_products_of_a_dropped_candidate_are_made_anew(repo, sandbox):
    (repo / "Makefile").write_text("build/out: a.txt\n\tmkdir -p build; cp a.txt build/out; echo made\n")
    base, runner = MergedView(open_base(repo, "tree")), sandbox(repo)
    make = sh("make -s; cat build/out")
    assert (await runner.run(make, EMPTY)).output == "made\none\ntwo\n"
    assert (await runner.run(make, EMPTY)).output == "one\ntwo\n"
    tried = base.write("a.txt", "tried\n").changes
    assert (await runner.run(make, tried)).output == "made\ntried\n"
    assert (await runner.run(make, tried)).output == "tried\n"
    assert (await runner.run(make, EMPTY)).output == "made\none\ntwo\n"


async def test_commands_side_by_side_keep_apart(repo, sandbox):
    base, runner = MergedView(open_base(repo, "tree")), sandbox(repo)
    (repo / "src" / "t.py").write_text("import x; print(x.X)\n")

    async def one(number):
        done = await runner.run(
            Command(argv=(sys.executable, "src/t.py")), base.write("src/x.py", f"X = {number}\n").changes
        )
        return done.output

    assert await asyncio.gather(*(one(n) for n in range(6))) == [f"{n}\n" for n in range(6)]
    assert await one(7) == "7\n"


async def test_the_rest_of_the_machine_is_read_only(repo, sandbox, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("safe")
    home = Path.home()
    (home / ".profile").write_text("mine\n")
    (repo / "away").symlink_to(outside)
    before = tree(tmp_path / "repo"), tree(outside), tree(home)
    places = [outside, home, Path("/etc"), Path("/usr"), Path("/var/tmp"), Path("/dev/shm"), Path("/tmp")]
    text = f"""
        for p in {" ".join(map(str, places))} /proc/self/root/etc away ..; do echo evil > $p/evil 2>/dev/null; done
        echo evil > {outside}/f; echo evil >> ~/.profile; cat ~/.profile; ln {outside}/f hard; mv .git .git2
        echo evil > .git/config; echo evil > .git/hooks/evil; rm -rf {outside} {home}; echo 1 > /proc/sys/kernel/core_uses_pid
        mount -t tmpfs t /mnt; umount -l {repo}; mount -o remount,rw /; git config a.b c; kill -9 1; kill -9 {os.getpid()}
    """
    done = await sandbox(repo).run(sh(text), EMPTY)
    assert done.output.startswith(("mine\nevil", "/bin/sh"))
    assert (tree(tmp_path / "repo"), tree(outside), tree(home)) == before
    assert not any((place / "evil").exists() for place in places)
    assert done.changes.paths in ((), (".git2",))


async def test_no_network_but_ones_own(repo, sandbox):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    text = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 2)
    print("reached")
except OSError as error:
    print("refused")
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname(), 2)
try:
    socket.create_connection(("192.0.2.1", 80), 2)
except OSError as error:
    print(error.errno)
"""
    assert (await sandbox(repo).run(python(text), EMPTY)).output == "refused\n101\n"
    allowed = await sandbox(repo).run(python(text, network=True), EMPTY)
    assert allowed.output.startswith("reached\n")
    listener.close()


async def test_keys_in_the_environment_do_not_go_along(repo, sandbox, monkeypatch):
    names = [
        "ANTHROPIC_API_KEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "SSH_AUTH_SOCK",
        "PYTHONSTARTUP",
        "LD_PRELOAD",
    ]
    for name in names:
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("LC_TIME", "C")
    done = await sandbox(repo).run(
        sh("env; cat /proc/*/environ | tr '\\0' '\\n'", env={"GIVEN": "yes"}), EMPTY
    )
    assert "s3cret" not in done.output
    assert {"GIVEN=yes", "LC_TIME=C", f"HOME={Path.home()}"} <= set(done.output.split("\n"))


async def test_a_test_does_not_see_itself_as_somebody_else(repo, sandbox):
    done = await sandbox(repo).run(
        python("import os; print(os.getuid(), os.getgid(), os.stat('a.txt').st_uid)"), EMPTY
    )
    assert done.output == f"{os.getuid()} {os.getgid()} {os.getuid()}\n"


async def test_stdin_and_return_codes(repo, sandbox):
    runner = sandbox(repo)
    assert (await runner.run(sh("cat", stdin=b"in\n"), EMPTY)).output == "in\n"
    assert (await runner.run(sh("cat; exit 7"), EMPTY)).returncode == 7
    assert (await runner.run(sh("kill -9 $$"), EMPTY)).returncode == -9
    assert (await runner.run(sh("yes 2>/dev/null | head -1; exit 0"), EMPTY)).output == "y\n"
    with pytest.raises(FileNotFoundError, match="nonesuch"):
        await runner.run(Command(argv=("nonesuch",)), EMPTY)
    with pytest.raises(PathError, match="no such folder"):
        await runner.run(Command(argv=("true",), cwd="nonesuch"), EMPTY)
    changes = MergedView(open_base(repo, "tree")).write("made/here", "x").changes
    assert (await runner.run(Command(argv=("ls",), cwd="made"), changes)).output == "here\n"


async def test_output_comes_as_it_is_said(repo, sandbox):
    seen = []
    text = "echo one; echo two >&2; printf '\\303'; printf '\\251\\377'"
    done = await sandbox(repo).run(sh(text), EMPTY, seen.append)
    assert done.output == "".join(seen) == "one\ntwo\né\ufffd"


async def test_a_gigabyte_of_output_is_cut_in_the_middle(repo, sandbox):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = []
    size = 1_000_000_000
    done = await sandbox(repo).run(sh(f"echo first; yes | head -c {size}; echo last"), EMPTY, seen.append)
    assert done.cut_bytes == size + 11 - HEAD_BYTES - TAIL_BYTES
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert f"{done.cut_bytes} bytes left out" in done.output
    assert len(done.output) < HEAD_BYTES + TAIL_BYTES + 100
    assert "".join(seen) == done.output
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def alive(mark):
    """Whether a process with `mark` among its arguments is there."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    return True
            except OSError:
                pass
    return False


SPAWN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
loop = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
for named in ({}, {"start_new_session": True}, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}):
    subprocess.Popen([sys.executable, "-c", loop, MARK], **named)
print("started", flush=True)
"""


async def test_the_time_limit_ends_every_child(repo, sandbox, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    text = f"MARK = {mark!r}\n{SPAWN}\nopen('half', 'w').write('x')\ntime.sleep(1000)"
    done = await sandbox(repo).run(python(text, timeout_s=1.5), EMPTY)
    assert (done.returncode, done.timed_out, done.output) == (None, True, "started\n")
    assert done.changes == EMPTY
    assert not alive(mark)


async def test_a_command_that_ends_takes_its_children_along(repo, sandbox, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    done = await sandbox(repo).run(python(f"MARK = {mark!r}\n{SPAWN}"), EMPTY)
    assert (done.returncode, done.output) == (0, "started\n")
    assert not alive(mark)


async def test_cancelling_ends_every_child(repo, sandbox, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    started = asyncio.Event()
    text = f"MARK = {mark!r}\n{SPAWN}\ntime.sleep(1000)"
    task = asyncio.create_task(sandbox(repo).run(python(text), EMPTY, lambda _: started.set()))
    await started.wait()
    assert alive(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(mark)


def test_killing_treadle_ends_every_child(repo, tmp_path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    text = f"MARK = {mark!r}\n{SPAWN}\ntime.sleep(1000)"
    program = f"""
import asyncio, sys
from pathlib import Path
from treadle.workspace.base import open_base
from treadle.workspace.changes import EMPTY
from treadle.workspace.command import Command
from treadle.workspace.sandbox import open_sandbox
root = Path({str(repo)!r})
runner = open_sandbox(root, open_base(root, "tree"), Path({str(tmp_path / "state")!r}), "overlay")
asyncio.run(runner.run(Command(argv=(sys.executable, "-c", {text!r})), EMPTY, lambda text: print(text, flush=True)))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"started\n"
    assert alive(mark)
    process.kill()
    process.wait()
    process.stdout.close()
    for _ in range(200):
        if not alive(mark):
            break
        subprocess.run(["true"], check=True)
    assert not alive(mark)


async def test_scratch_is_written_at_its_own_path(repo, sandbox, tmp_path):
    scratch, readable = tmp_path / "scratch", tmp_path / "readable"
    for folder in (scratch, readable):
        folder.mkdir()
    (readable / "r").write_text("r\n")
    text = f"cat {readable}/r; echo s > {scratch}/s; echo s > {readable}/s"
    done = await sandbox(repo).run(sh(text, scratch=scratch, readable=(readable,)), EMPTY)
    assert done.output.startswith("r\n")
    assert "Read-only" in done.output
    assert (scratch / "s").read_text() == "s\n"
    assert not (readable / "s").exists()


async def test_worktree_and_submodule(repo, sandbox, tmp_path):
    other = tmp_path / "other"
    git(repo, "worktree", "add", "-q", str(other))
    git(other, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "sub")
    git(other, "commit", "-qm", "sub")
    before = tree(tmp_path / "repo"), tree(other)
    text = "git log --oneline | wc -l; cat sub/a.txt; echo x >> sub/a.txt; echo y > b; git status --short; git commit -qam z"
    done = await sandbox(other, "HEAD").run(sh(text), EMPTY)
    assert done.output.startswith("2\none\ntwo\n")
    assert "?? b" in done.output
    assert done.returncode != 0
    assert "b" in done.changes.paths
    assert (tree(tmp_path / "repo"), tree(other)) == before


async def test_unborn_head_and_no_git(tmp_path, sandbox):
    for name, versioned in (("unborn", True), ("plain", False)):
        root = tmp_path / name
        (root / "pkg").mkdir(parents=True)
        if versioned:
            git(root, "init", "-q")
        (root / "pkg" / "m.py").write_text("M = 1\n")
        before = tree(root)
        done = await sandbox(root).run(
            python("import pkg.m; open('out', 'w').write(str(pkg.m.M)); print(pkg.m.M)"), EMPTY
        )
        assert done.output == "1\n"
        assert done.changes.changes == {"out": Change(b"1")}
        assert tree(root) == before


async def test_odd_names_come_back_as_they_are(repo, sandbox):
    odd = ["new\nline", "not\udcffutf8", "a:b,c\\d", " "]
    runner = sandbox(repo)
    done = await runner.run(
        python(f"odd = {[os.fsencode(n) for n in odd]!r}\nfor n in odd: open(n, 'w').write('x')"), EMPTY
    )
    assert set(done.changes.paths) == set(odd)
    again = await runner.run(python("import os; print(sorted(os.listdir(b'.')))"), done.changes)
    assert all(repr(os.fsencode(name)) in again.output for name in odd)


@pytest.mark.parametrize("name", ["with space", "co:lon,comma", "back\\slash", "ünï"])
async def test_repositories_with_odd_paths(tmp_path, sandbox, name):
    root = tmp_path / name
    root.mkdir()
    (root / "f").write_text("f\n")
    done = await sandbox(root).run(sh("pwd; cat f g; echo h > h"), ChangeSet({"g": Change(b"g\n")}))
    assert done.output == f"{root}\nf\ng\n"
    assert done.changes.paths == ("g", "h")


async def test_an_ignored_file_of_the_users_is_seen_and_kept(repo, sandbox):
    (repo / "secret.log").write_text("the user's\n")
    runner = sandbox(repo)
    done = await runner.run(sh("cat secret.log; echo more >> secret.log; rm -f nothing"), EMPTY)
    assert done.output == "the user's\n"
    assert not done.changes
    assert (await runner.run(sh("cat secret.log; rm secret.log"), EMPTY)).output == "the user's\nmore\n"
    assert (await runner.run(sh("ls"), EMPTY)).output == "a.txt\nlink\nrun.sh\nsrc\n"
    assert (repo / "secret.log").read_text() == "the user's\n"


async def test_a_home_that_holds_repository_and_state(repo, sandbox, tmp_path, monkeypatch):
    """The usual place of both; what a command leaves in `.cache` stays for the run, and nothing of it outside."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "warm").write_text("warm\n")
    (tmp_path / ".profile").write_text("mine\n")
    runner = sandbox(repo)
    before = tree(repo), sorted(os.listdir(tmp_path)), tree(tmp_path / ".cache")
    text = "cat ~/.cache/warm ~/.profile a.txt; echo c > ~/.cache/c; echo x > ~/x; rm ~/.profile; echo y > y; cat ~/x"
    done = await runner.run(sh(text), EMPTY)
    assert done.output == "warm\nmine\none\ntwo\nx\n"
    assert done.changes.paths == ("y",)
    again = await runner.run(sh("cat ~/.cache/c ~/.profile; ls ~/x y"), EMPTY)
    assert again.output.startswith("c\nmine\n")
    assert again.returncode == 2
    assert (tree(repo), sorted(os.listdir(tmp_path)), tree(tmp_path / ".cache")) == before


async def test_a_repository_in_shared_memory(sandbox):
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        root = Path(folder) / "repo"
        root.mkdir()
        (root / "f").write_text("f\n")
        done = await sandbox(root).run(sh("cat f; echo g > g; echo s > /dev/shm/s; pwd"), EMPTY)
        assert done.output == f"f\n{root}\n"
        assert done.changes.paths == ("g",)
        assert not Path("/dev/shm/s").exists()


@pytest.mark.parametrize("there", [True, False])
async def test_no_command_changes_what_acts(repo, sandbox, there):
    """`.treadle` in the repository is read only; where there was none, what a command makes of it is dropped."""
    if there:
        (repo / ".treadle").mkdir()
        (repo / ".treadle" / "settings.yaml").write_text("mode: step\n")
    before = tree(repo)
    given = (
        MergedView(open_base(repo, "tree")).write(".treadle/given.yaml", "g\n").changes if there else EMPTY
    )
    text = "echo 'cloud: all' > .treadle/settings.yaml; mkdir -p .treadle/agents; echo x > .treadle/agents/a.yaml; echo y > y; cat .treadle/*"
    done = await sandbox(repo).run(sh(text), given)
    assert done.changes.paths == ((".treadle/given.yaml", "y") if there else ("y",))
    assert ("mode: step" in done.output) is there
    assert there or "[not kept: .treadle/agents/a.yaml]" in done.output
    assert tree(repo) == before
