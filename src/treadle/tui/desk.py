"""The desk: what is configured here, and the runs of this sitting one after another, each following the last."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from treadle.protocol.errors import NotTrusted, SpecError, TreadleError
from treadle.tui.engine_thread import EngineThread

if TYPE_CHECKING:
    from treadle.session.choose import Choice
    from treadle.session.records import Recent
    from treadle.session.review import FileReview
    from treadle.session.session import Options, Session
    from treadle.session.setup import Row
    from treadle.session.trust import Standing as Trust
    from treadle.session.view import View
    from treadle.spec.catalog import Catalog

_MOST_FILES = 20_000


class Standing(Struct):
    """What is known of the place that treadle was started in, filled in once the screen stands.

    `trust` is how the repository stands where it is not trusted: its own part of the configuration does not hold.
    """

    branch: str = ""
    faults: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    recent: "tuple[Recent, ...]" = ()
    trust: "Trust | None" = None


class Desk:
    """Loads the configuration, chooses a loop for a task, composes sessions, in the engine's thread.

    `last_run` is the run that the next one follows: "" for none, None as the options say.
    """

    def __init__(self, root: Path, options: "Callable[[], Options]", engine: EngineThread) -> None:
        self.root = root
        self.engine = engine
        self.catalog: Catalog | None = None
        self.standing = Standing()
        self.last_run: str | None = None
        self._options = options

    async def load(self) -> None:
        """Reads the configuration and looks at the place; faults in the user's files stand in `standing`."""
        await self.engine.call(self._read)

        def looked() -> str:
            from treadle.session.place import branch_of

            return branch_of(self.root)

        self.standing.branch = await self.engine.call(looked)

    async def read(self) -> None:
        """Reads the configuration again, as it stands now in the user's files."""
        await self.engine.call(self._read)

    def _read(self) -> None:
        from treadle.session.trust import at_rest

        found = at_rest(self.root, waived=self._options().trusted)
        self.catalog, self.standing.faults, self.standing.trust = found.catalog, found.faults, found.asks

    async def grant(self) -> None:
        """Remembers the person's yes to what they were shown, and goes by it. Raises: `SpecError` for faults in it."""
        asked = self.standing.trust
        if asked is None:
            return

        def granted() -> None:
            from treadle.session.trust import grant

            grant(asked)

        await self.engine.call(granted)
        await self.read()

    async def look_back(self) -> None:
        """Learns of the runs that were here before."""

        def looked() -> "tuple[Recent, ...]":
            from treadle.session.records import recent_runs

            try:
                return recent_runs(self.root)
            except OSError:
                return ()  # a run that begins tells what is wrong with the folder

        self.standing.recent = await self.engine.call(looked)

    async def see_models(self) -> "tuple[Row, ...]":
        """What answers for each tier as it is bound now, a row each."""
        from treadle.session.setup import probe, rows, standing

        catalog = self.catalog
        if catalog is None:
            return ()
        found = await self.engine.wait(probe(self.root))
        return rows(found, standing(found, catalog.tiers, catalog.settings.cloud))

    async def list_files(self) -> None:
        """Learns the repository's files, for completion."""

        def listed() -> tuple[str, ...]:
            from treadle.session.place import files_of

            return files_of(self.root)[:_MOST_FILES]

        self.standing.files = await self.engine.call(listed)

    async def choose(self, task: str) -> "Choice | None":
        """The loop for a task and why, None where nothing can be chosen."""
        catalog = self.catalog
        if catalog is None or not catalog.loops:
            return None

        def chosen() -> "Choice":
            from treadle.session.choose import choose_loop

            return choose_loop(catalog, self.root, task)

        return await self.engine.call(chosen)

    async def run(
        self, task: str, loop: str, chosen: str, mode: str, began: "Callable[[Session], None]"
    ) -> "View":
        """The view at the end of a run that follows the last one of this sitting.

        Raises: `TreadleError` where the run can't begin.
        """
        catalog = self.catalog
        if self.standing.trust is not None:
            raise NotTrusted(
                "not trusted: nothing was run", hint="run it again and press y, or: treadle trust"
            )
        if catalog is None:
            raise SpecError(self.standing.faults or ("the configuration is not read yet",))

        def compose() -> "Session":
            import msgspec

            from treadle.session.session import OpenModels, Session

            if self.engine.opened is None:
                self.engine.opened = OpenModels()
            given = self._options()
            options = msgspec.structs.replace(
                given,
                task=task,
                loop=loop,
                chosen=chosen,
                mode=mode,
                thread=given.thread if self.last_run is None else self.last_run,
                attended=True,
                review=True,
                trusted=True,
            )
            return Session(self.root, catalog, options, opened=self.engine.opened)

        def noted(session: "Session") -> None:
            self.last_run = session.id
            began(session)

        return await self.engine.run(compose, noted)

    async def review(self, folder: Path, blob: str) -> "tuple[FileReview, ...]":
        """A change set of a run, file by file; () where it can't be read."""

        def reviewed() -> "tuple[FileReview, ...]":
            from treadle.session.review import review_of

            try:
                return review_of(folder, blob)
            except TreadleError:
                return ()

        return await self.engine.call(reviewed)

    async def apply(self) -> tuple[str, ...]:
        """Writes what the last run kept back; the paths. Raises: `TreadleError`."""

        def applied() -> tuple[str, ...]:
            from treadle.session.afterwards import apply_run
            from treadle.session.records import find_run

            return apply_run(self.root, find_run(self.root, self.last_run or ""))

        return await self.engine.call(applied)

    async def undo(self) -> tuple[str, ...]:
        """Puts back what the last run wrote; the paths. Raises: `TreadleError`."""

        def undone() -> tuple[str, ...]:
            from treadle.session.afterwards import rewind_run
            from treadle.session.records import find_run

            return rewind_run(self.root, find_run(self.root, self.last_run or ""))

        return await self.engine.call(undone)
