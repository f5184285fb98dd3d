"""Where there are no namespaces: the command runs in a copy of the repository, at another path, under Landlock and
the filter of calls. It writes to the copy alone, reads no keys, has no network and no sockets, signals nobody; it can
still change modes, owners and times of what the user owns (no Landlock guards those), and see the user's processes.
Without Landlock the copy keeps the user's files from mistakes, and is no wall."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace import copies
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command, CommandResult, Grants, OnOutput
from treadle.workspace.environ import command_environment
from treadle.workspace.hidden import hidden_paths, sockets
from treadle.workspace.interpreter import project_python
from treadle.workspace.launch import try_wall
from treadle.workspace.paths import clean
from treadle.workspace.unwalled import LaidOut, Wall, run_laid_out
from treadle.workspace.view import Base

# Says from which folders below `root` the path, and each top module of the project, are taken; imports none.
_PROBE = """
import importlib.util, os, sys
root, names = sys.argv[1], sys.argv[2:]
sys.path[:] = [path for path in sys.path if path]
def tell(place, name):
    if (os.path.realpath(place) + "/").startswith(root + "/"):
        print(place, name, sep="\\t")
for path in sys.path:
    tell(path, "")
for name in names:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        continue
    if found is not None and found.submodule_search_locations:
        tell(os.path.dirname(list(found.submodule_search_locations)[0]), name)
    elif found is not None and found.origin:
        tell(os.path.dirname(found.origin), name)
"""

# Every other device is a disk, a memory, somebody's terminal.
_DEVICES = frozenset({"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"})


class Clone:
    """Runs commands in copies of `root` under `area`; one copy for each command at a time."""

    def __init__(
        self, root: Path, base: Base, area: Path, grants: Grants, *, level: str, walled: bool
    ) -> None:
        self.level = level
        self._walled = walled
        self._grants = grants
        self._root = root
        self._base = base
        self._area = area
        self._lock = threading.Lock()
        self._slots: set[int] = set()
        self._python_path: list[str] = []

    async def run(
        self, command: Command, changes: ChangeSet, on_output: OnOutput | None = None
    ) -> CommandResult:
        """The result; `changes` of it is the whole change set after the command, over the same base.

        Paths below the repository in the command and its environment become the copy's. Raises:
        `FileNotFoundError`, and `PathError` for a `cwd` that is no folder of the repository.
        """
        if command.cwd != ".":
            clean(command.cwd)
        with self._lock:
            slot = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
            self._slots.add(slot)
        try:
            return await self._run_in(self._folder(slot), command, changes, on_output)
        finally:
            with self._lock:
                self._slots.discard(slot)

    def probe_clone(self) -> None:
        """Proves that the project's Python takes the project's modules from the copy.

        Raises: `ProtectionMissing`, naming the module that would come from the original all the same.
        """
        folder = self._folder(0)
        self._copy(folder)
        modules = self._modules()
        for place, _ in self._from_original(folder, modules):
            if place not in self._python_path:
                self._python_path.append(place)
        if not self._python_path:
            return
        for _, name in self._from_original(folder, modules):
            if name:
                raise ProtectionMissing(
                    f"in a copy of the repository Python still takes the module {name} from the original",
                    hint="an editable install points there; allow user namespaces, or choose --sandbox off",
                )

    def close(self) -> None:
        """Removes the copies."""
        copies.remove(self._area)

    async def _run_in(
        self, folder: Path, command: Command, changes: ChangeSet, on_output: OnOutput | None
    ) -> CommandResult:
        before = await asyncio.to_thread(self._lay_out, folder, changes)
        laid = LaidOut(folder, folder.parent, self._base, changes, before, self._store(folder))
        argv = [self._mapped(part, folder) for part in command.argv]
        env = self._environment(command, folder)
        wall = self._wall(folder.parent, env) if self._walled else None
        return await run_laid_out(laid, command, argv, env, on_output, wall)

    def _wall(self, own: Path, env: dict[str, str]) -> Wall:
        devices = (f"/dev/{name}" for name in os.listdir("/dev") if name not in _DEVICES)
        hidden = (*hidden_paths(os.path.realpath(env.get("HOME") or "/")), *sockets(), *devices)
        spec = self._area / f"spec-{own.name}"
        return Wall(own, spec, self._area / "denied", self._grants, hidden)

    def probe_wall(self) -> None:
        """Starts a process behind the wall, with a write outside that must fail, and runs nothing in it.

        Raises: `ProtectionMissing`, saying what does not hold.
        """
        own = self._area / "probe"
        own.mkdir(parents=True, exist_ok=True)
        wall, nothing = self._wall(own, {}), Command(argv=("",))
        try_wall("clone_init", wall.spec, lambda said: wall.write(nothing, (("",), own, {}), said))
        wall.must_hold()

    def _folder(self, slot: int) -> Path:
        return self._area / f"clone-{slot}" / self._root.name

    def _copy(self, folder: Path) -> None:
        store = self._store(folder)
        if not folder.exists():
            copies.copy_tree(self._root, folder)
            copies.part_git(folder, store)
        else:
            copies.point_to_git(folder, store)

    def _store(self, folder: Path) -> Path:
        """Where git's folder of the copy lies: beside what commands may write."""
        return self._area / f"git-{folder.parent.name}"

    def _lay_out(self, folder: Path, changes: ChangeSet) -> dict[str, copies.Signature]:
        self._copy(folder)
        copies.reset(folder, self._base)
        whole = self._base.delta.then(changes)
        copies.apply(folder, whole)
        return copies.signatures(folder, {*self._base.files(), *whole.changes})

    def _environment(self, command: Command, folder: Path) -> dict[str, str]:
        scratch = folder.parent / "tmp"
        scratch.mkdir(exist_ok=True)
        env = command_environment(command.env)
        mapped = {
            name: os.pathsep.join(self._mapped(part, folder) for part in value.split(os.pathsep))
            for name, value in env.items()
        }
        mapped.setdefault("TMPDIR", str(scratch))
        mapped.setdefault("XDG_CACHE_HOME", str(folder.parent / "cache"))
        if self._python_path:
            own = [self._mapped(path, folder) for path in self._python_path]
            own += [part for part in [mapped.get("PYTHONPATH", "")] if part]
            mapped["PYTHONPATH"] = os.pathsep.join(own)
        return mapped

    def _mapped(self, text: str, folder: Path) -> str:
        """A path below the repository as the copy's."""
        for top in (self._root, self._folder(0)):
            if text == str(top) or text.startswith(f"{top}/"):
                return str(folder) + text[len(str(top)) :]
        return text

    def _modules(self) -> tuple[str, ...]:
        """The names of the project's top modules, as far as its layout shows them."""
        names = set()
        for path in self._base.files():
            parts = path.split("/")
            if parts[0] == "src":
                parts = parts[1:]
            if len(parts) == 1 and parts[0].endswith(".py"):
                names.add(parts[0][:-3])
            elif len(parts) == 2 and parts[1] == "__init__.py":
                names.add(parts[0])
        return tuple(sorted(name for name in names if name.isidentifier()))

    def _from_original(self, folder: Path, names: tuple[str, ...]) -> list[tuple[str, str]]:
        """The folders of the original that the project's Python takes something from, and the module ("" for an
        entry of its path)."""
        python = self._mapped(str(project_python(self._root).path), folder)
        try:
            said = subprocess.run(
                [python, "-c", _PROBE, str(self._root), *names],
                cwd=folder,
                env=self._environment(Command(argv=(python,)), folder),
                capture_output=True,
                timeout=30,
                check=False,
            ).stdout.decode("utf-8", "surrogateescape")
        except (OSError, subprocess.TimeoutExpired):
            return []
        return [(place, name) for place, _, name in (line.partition("\t") for line in said.splitlines())]
