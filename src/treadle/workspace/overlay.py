"""The first level of protection: the command sees its repository as an overlay, at the repository's own path."""

import asyncio
import os
import threading
import time
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import ProtectionMissing
from treadle.workspace.changes import EMPTY, Change, ChangeSet, digest
from treadle.workspace.command import Command, CommandResult, Grants, OnOutput
from treadle.workspace.harvest import Harvest, harvest, pyc_files
from treadle.workspace.launch import returncode, start, try_wall
from treadle.workspace.layers import give_mode, lay_out, remove_tree, white_out_new
from treadle.workspace.paths import clean
from treadle.workspace.process import run_process
from treadle.workspace.sandbox_spec import Laid, sandbox_spec
from treadle.workspace.view import Base

_MODULE = "sandbox_init"
_PROBE = Command(argv=("",))


class _Placed(Struct, frozen=True):
    """What one command was given: its folder and slot, the stamps of its files, the generation and the time
    that it began in."""

    folder: Path
    slot: int
    stamps: dict[str, tuple[str, int]]
    generation: int
    masks: frozenset[str]
    began_ns: int


class Overlay:
    """Runs commands over `base` in namespaces; what they write is harvested from an overlay's upper folder.

    `area` is a folder of its own on a file system that can hold an upper. Commands may run side by side.
    """

    level = "overlay"

    def __init__(self, root: Path, base: Base, area: Path, grants: Grants) -> None:
        self._root = root
        self._base = base
        self._grants = grants
        self._area = area
        self._lock = threading.Lock()
        self._layer = area / "layer"
        self._delta = area / "delta"
        self._laid = False
        self._count = 0
        self._slots: set[int] = set()
        self._done: list[Path] = []
        self._generation = 0
        self._touched: set[str] = set()
        self._settled: dict[str, tuple[str, int]] = {}

    async def run(
        self, command: Command, changes: ChangeSet, on_output: OnOutput | None = None
    ) -> CommandResult:
        """The result; `changes` of it is the whole change set after the command, over the same base.

        A command ended for its time leaves `changes` as given. Raises: `ProtectionMissing`,
        `FileNotFoundError`, and `PathError` for a `cwd` that is no folder of the repository.
        """
        if command.cwd != ".":
            clean(command.cwd)
        placed = await asyncio.to_thread(self._place, command, changes)
        # Removing folders can take longer than all the rest; it is done while the command runs.
        sweeping = asyncio.ensure_future(asyncio.to_thread(self._sweep))
        try:
            ended = await run_process(
                [*start(_MODULE), str(placed.folder / "spec")],
                cwd=Path("/"),
                env={"PATH": os.defpath},
                timeout_s=command.timeout_s,
                stdin=placed.folder / "stdin" if command.stdin else None,
                on_output=on_output,
                before=lambda status: self._write_spec(placed, command, status),
            )
            code = None if ended.timed_out else returncode(ended.said, ended.output, command)
            self._must_be_walled()
            after, note = changes, ""
            if not ended.timed_out:
                found = await asyncio.to_thread(self._collect, placed, changes)
                after, note = found.changes, found.note
        finally:
            self._release(placed)
            await asyncio.shield(sweeping)
        return CommandResult(
            returncode=code,
            output=ended.output + note,
            changes=after,
            timed_out=ended.timed_out,
            cut_bytes=ended.cut_bytes,
            duration_s=ended.duration_s,
        )

    def probe(self) -> None:
        """Makes the sandbox once, with a write outside that must fail, and runs nothing in it.

        Raises: `ProtectionMissing`, saying what does not hold.
        """
        placed = self._place(_PROBE, EMPTY)
        try:
            try_wall(_MODULE, placed.folder / "spec", lambda status: self._write_spec(placed, _PROBE, status))
            self._must_be_walled()
        finally:
            self._release(placed)

    def _must_be_walled(self) -> None:
        """Raises `ProtectionMissing` if the write that each sandbox tries reached the machine."""
        if os.path.lexists(self._area / "denied"):
            raise ProtectionMissing(f"the sandbox does not hold: a write in it reached {self._area}")

    def close(self) -> None:
        """Removes what the commands left: caches, build products, layers."""
        remove_tree(self._area)

    def _place(self, command: Command, changes: ChangeSet) -> _Placed:
        with self._lock:
            if not self._laid:
                self._lay_base()
            folder = self._area / f"command-{self._count}"
            self._count += 1
            slot = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
            self._slots.add(slot)
            upper = folder / "upper"
            for made in (upper, folder / "work"):
                made.mkdir(parents=True)
            give_mode(upper, self._root)
            cache = self._area / f"cache-{slot}"
            for made in (cache / "upper", cache / "work"):
                made.mkdir(parents=True, exist_ok=True)
            self._touched.update(changes.changes)
            whole = self._with_restored(changes)
            stamps = {path: self._stamp(path, whole) for path in whole}
            lay_out(upper, self._root, whole, {path: stamp for path, (_, stamp) in stamps.items()})
            below = (self._root, self._delta, self._layer)
            masks = frozenset(pyc for path in whole for pyc in pyc_files(path, below))
            for pyc in masks:
                white_out_new(upper, self._root, pyc)
            if command.stdin:
                (folder / "stdin").write_bytes(command.stdin)
            return _Placed(folder, slot, stamps, self._generation, masks, time.time_ns())

    def _lay_base(self) -> None:
        self._delta.mkdir(parents=True)
        self._layer.mkdir()
        for made in (self._delta, self._layer):
            give_mode(made, self._root)
        lay_out(self._delta, self._root, self._base.delta)
        self._laid = True

    def _with_restored(self, changes: ChangeSet) -> ChangeSet:
        """`changes`, and the base's content for each path that an earlier command saw otherwise: its old mtime
        would make build products of then look up to date."""
        more: dict[str, Change] = {}
        for path in self._touched - changes.changes.keys():
            content, mode = self._base.read(path), self._base.mode(path)
            if content is not None and mode is not None:
                more[path] = Change(content, mode)
        return ChangeSet({**more, **changes.changes})

    def _stamp(self, path: str, whole: ChangeSet) -> tuple[str, int]:
        """What `path` holds, and its mtime: the last one while it holds the same, else the present."""
        change = whole.changes[path]
        held = f"{change.mode:o} {digest(change.content)}" if change.content is not None else ""
        settled = self._settled.get(path)
        if settled is not None and settled[0] == held:
            return settled
        try:
            lower = os.lstat(self._root / path).st_mtime_ns
        except OSError:
            lower = 0
        return held, max(time.time_ns(), lower + 1_000_000)

    def _write_spec(self, placed: _Placed, command: Command, status: int) -> None:
        cache = self._area / f"cache-{placed.slot}"
        laid = Laid(
            lowers=(self._layer, self._delta),
            upper=placed.folder / "upper",
            work=placed.folder / "work",
            cache=(cache / "upper", cache / "work"),
            denied=self._area / "denied",
        )
        (placed.folder / "spec").write_bytes(sandbox_spec(self._root, laid, command, status, self._grants))

    def _collect(self, placed: _Placed, changes: ChangeSet) -> Harvest:
        with self._lock:
            found = harvest(
                self._base,
                placed.folder / "upper",
                self._layer,
                below=(self._root, self._delta),
                given=changes,
                touched=self._touched,
                masks=placed.masks,
                since_ns=placed.began_ns,
            )
            self._touched.update(found.changes.changes)
            if self._generation == placed.generation:
                self._settled.update(placed.stamps)
            else:
                self._settled.clear()
            self._generation += 1
            return found

    def _release(self, placed: _Placed) -> None:
        with self._lock:
            self._slots.discard(placed.slot)
            self._done.append(placed.folder)

    def _sweep(self) -> None:
        while True:
            with self._lock:
                if not self._done:
                    return
                folder = self._done.pop()
            remove_tree(folder)
