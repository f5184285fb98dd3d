"""`treadle demo`: a small sample project with a bug in its last commit, and the run that mends it."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from treadle.cli.arguments import tell_rows
from treadle.cli.run import add_run_options
from treadle.protocol.errors import UsageError
from treadle.spec.layers import builtin_folder

# How the names of the files of the first commit end; the rest comes with the second.
_FIRST = ("README.md", ".gitignore", "__init__.py", "durations.py", "intervals.py")
_WHO = "Robin Sample"


class Bug(Struct, frozen=True):
    """One bug: in `file`, `before` becomes `after`. `solvable` is the cheapest tier that can mend it.

    `commit` is what the commit that brought it in said.
    """

    name: str
    title: str
    file: str
    commit: str
    solvable: Literal["code", "model"]
    before: str
    after: str


class Demo(Struct, frozen=True):
    """The sample project's bugs, the one that is shown unasked, and the loop that is run on it."""

    loop: str
    default: str
    bugs: tuple[Bug, ...]

    def bug(self, name: str) -> Bug:
        """The bug of that name; "" is the default, `random` any. Raises: `UsageError` for a name that is none."""
        if name == "random":
            import random

            return random.choice(self.bugs)
        for bug in self.bugs:
            if bug.name == (name or self.default):
                return bug
        raise UsageError(f"--bug {name}: there is none of that name", hint="treadle demo --bug list")


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `demo` to the command line."""
    parser = sub.add_parser(
        "demo", help="a small sample project with a bug, and the run that mends it", allow_abbrev=False
    )
    parser.add_argument(
        "--bug", default="", metavar="NAME|random|list", help="which kind of bug; `list` tells them"
    )
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="where to put the project (default: a new folder)"
    )
    add_run_options(parser)
    parser.set_defaults(handle=handle)


def handle(args: argparse.Namespace) -> int:
    """The exit code of `treadle demo`: the run's own."""
    from treadle.cli.run import run_loop_headless
    from treadle.session.trust import grant_made

    demo = read_demo()
    if args.bug == "list":
        return _list(demo, args)
    bug = demo.bug(args.bug)
    root = lay_out(bug.name, args.into)
    sys.stderr.write(
        f"demo: {root}\n  the bug `{bug.name}`: {bug.title}\n  it came with the commit “{bug.commit}”\n"
    )
    grant_made(root)
    args.sandbox = args.sandbox or _sandbox(root)
    return run_loop_headless(root, demo.loop, "", args)


def _sandbox(root: Path) -> str:
    """The level to run under where none was named: "" for the settings' own, `clone` where these name none and the
    overlay does not hold: what runs in it is treadle's own project, whose tests pass there."""
    from treadle.protocol.errors import SpecError
    from treadle.spec.load import load_catalog
    from treadle.workspace.sandbox import clone_holds, overlay_holds
    from treadle.workspace.state import state_dir

    try:
        named = load_catalog(root).settings.sandbox != "auto"
    except SpecError:
        return ""
    if named or overlay_holds(root, state_dir(root)):
        return ""
    wall = "held by Landlock" if clone_holds() else "without a wall"
    sys.stderr.write(f"  no overlay here: the demo, treadle's own project, runs in a copy {wall}\n")
    return "clone"


def read_demo() -> Demo:
    """The demo as the built-in files describe it. Raises: `UsageError` where they are not here."""
    import yaml

    try:
        told = (_folder() / "demo.yml").read_bytes()
    except OSError as error:
        raise UsageError(
            f"the demo's files are not in {_folder()}: {(error.strerror or 'no access').lower()}",
            hint="they ship with treadle: install it again, or run a loop of your own (treadle loops list)",
        ) from None
    return msgspec.convert(yaml.safe_load(told), Demo)


def lay_out(bug: str, into: Path | None = None) -> Path:
    """The folder of a fresh sample project with `bug` in its last commit; a new temporary one where none is given.

    Where there is no git, the project has no history. The user's git configuration and hooks have no part in it.
    Raises: `UsageError` when `into` is there and not empty.
    """
    chosen = read_demo().bug(bug)
    if into is None:
        root = Path(tempfile.mkdtemp(prefix="treadle-demo-"))
    else:
        root = into.absolute()
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise UsageError(
                f"--into {into}: there is something already", hint="name a folder that does not exist yet"
            )
        root.mkdir(parents=True, exist_ok=True)
    _Project(root).write(chosen)
    return root


class _Project:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._git = shutil.which("git")
        self._hour = 9

    def write(self, bug: Bug) -> None:
        """Three commits: the first modules, the rest, the bug."""
        source = _folder() / "project"
        files = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
        files = [f for f in files if "__pycache__" not in f]
        self._run("init", "--quiet", "--template=", "--initial-branch=main")
        for names, message in (
            ([f for f in files if f.endswith(_FIRST)], "Durations and intervals"),
            ([f for f in files if not f.endswith(_FIRST)], "Read the log, print the table"),
        ):
            for name in names:
                target = self._root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((source / name).read_bytes())
            self._commit(message)
        path = self._root / bug.file
        path.write_text(path.read_text("utf-8").replace(bug.before, bug.after, 1), "utf-8")
        self._commit(bug.commit)

    def _commit(self, message: str) -> None:
        self._hour += 1
        self._run("add", "--all")
        self._run("commit", "--quiet", "--no-verify", f"--message={message}")

    def _run(self, *words: str) -> None:
        if self._git is None:
            return
        date = f"2024-03-08T{self._hour:02d}:30:00+01:00"
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for role in ("AUTHOR", "COMMITTER"):
            env |= {
                f"GIT_{role}_NAME": _WHO,
                f"GIT_{role}_EMAIL": "robin@example.com",
                f"GIT_{role}_DATE": date,
            }
        subprocess.run([self._git, *words], cwd=self._root, env=env, check=True, stdin=subprocess.DEVNULL)


def _list(demo: Demo, args: argparse.Namespace) -> int:
    text = ""
    for bug in demo.bugs:
        mark = " (default)" if bug.name == demo.default else ""
        text += f"{bug.name:<12} {bug.solvable:<6} {bug.title}{mark}\n"
    rows = [{"name": b.name, "solvable": b.solvable, "title": b.title} for b in demo.bugs]
    code = tell_rows(args, "bugs", rows, text)
    if args.output == "text":
        sys.stderr.write("code: mended without a model; model: small edits can't, a model is needed\n")
    return code


def _folder() -> Path:
    return builtin_folder().path / "agents" / "demo"
