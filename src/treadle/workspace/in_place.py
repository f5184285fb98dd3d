"""No protection, by explicit choice only: commands run in the user's own files, which are put back after."""

import asyncio
from pathlib import Path

from treadle.workspace import copies
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.command import Command, CommandResult, OnOutput
from treadle.workspace.environ import command_environment
from treadle.workspace.paths import clean
from treadle.workspace.refused import not_writable
from treadle.workspace.unwalled import LaidOut, run_laid_out
from treadle.workspace.view import Base


class InPlace:
    """Runs one command at a time in `root` itself. What it does to ignored files and outside stays done."""

    level = "off"

    def __init__(self, root: Path, base: Base, area: Path) -> None:
        self._root = root
        self._base = base
        self._area = area
        self._lock = asyncio.Lock()

    async def run(
        self, command: Command, changes: ChangeSet, on_output: OnOutput | None = None
    ) -> CommandResult:
        """The result; `changes` of it is the whole change set after the command, over the same base.

        Raises: `FileNotFoundError`, `NotWritable` where `changes` can't be laid out, and `PathError` for a `cwd`
        that is no folder of the repository.
        """
        if command.cwd != ".":
            clean(command.cwd)
        async with self._lock:
            kept = _Kept(self._root, self._base, self._area / "before")
            try:
                before = await asyncio.to_thread(self._lay_out, kept, changes)
                laid = LaidOut(self._root, self._area, kept, changes, before)
                return await run_laid_out(
                    laid, command, command.argv, command_environment(command.env), on_output
                )
            finally:
                await asyncio.shield(asyncio.to_thread(kept.put_back))

    def _lay_out(self, kept: "_Kept", changes: ChangeSet) -> dict[str, copies.Signature]:
        try:
            return kept.lay_out(changes)
        except OSError as error:
            refused = not_writable(self._root, error, "run it again, or choose another --sandbox")
            if refused is None:
                raise
            raise refused from error

    def close(self) -> None:
        """Removes what was kept aside."""
        copies.remove(self._area)


class _Kept:
    """The base as it was before the command, in memory: while it runs, the work tree is something else.

    `area` gets a copy of the work tree's files, for the person to find should treadle be killed meanwhile.
    """

    kind = "kept"

    def __init__(self, root: Path, base: Base, area: Path) -> None:
        self.root = root
        self.delta = base.delta
        self._area = area
        self._files = {path: (base.read(path), base.mode(path)) for path in base.files()}
        tree = copies.listed(root)
        self._tree = {path: copies.state(root, path) for path in tree}

    def read(self, path: str) -> bytes | None:
        """The file's bytes on the base."""
        return self._files.get(path, (None, None))[0]

    def mode(self, path: str) -> int | None:
        """The file's mode on the base."""
        return self._files.get(path, (None, None))[1]

    def files(self) -> tuple[str, ...]:
        """The base's files, sorted."""
        return tuple(sorted(self._files))

    def lay_out(self, changes: ChangeSet) -> dict[str, copies.Signature]:
        """Makes the work tree the base under `changes`; gives the signatures of its files."""
        copies.remove(self._area)
        copies.apply(self._area, ChangeSet({path: change for path, change in self._tree.items() if change}))
        whole = self.delta.then(changes)
        copies.apply(self.root, whole)
        return copies.signatures(self.root, {*self._files, *self._tree, *whole.changes})

    def put_back(self) -> None:
        """Makes the files of the work tree what they were, and forgets the copy."""
        back: dict[str, Change] = {}
        for path in {*self._tree, *copies.listed(self.root), *self._files}:
            was, now = self._tree.get(path), copies.state(self.root, path)
            if was is None and now is not None:
                back[path] = Change(None, now.mode, digest(now.content or b""))
            elif was is not None and was != now:
                back[path] = was
        copies.apply(self.root, ChangeSet(back))
        copies.remove(self._area)
