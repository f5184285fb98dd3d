"""A sitting: from the first task to the last, what is running now, what waits, and what the person said to it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from treadle.protocol import commands
from treadle.protocol.errors import SpecError, TreadleError, UsageError
from treadle.tui.board import Board
from treadle.tui.desk import Desk
from treadle.tui.engine_thread import EngineThread
from treadle.tui.paint import Part

if TYPE_CHECKING:
    from treadle.protocol.events import Envelope
    from treadle.session.choose import Choice
    from treadle.session.session import Options, Session
    from treadle.session.trust import Standing as Trust

MODES = ("auto", "step", "into", "plan")


class Sitting:
    """Drives runs and keeps the board's view up to date; `changed` is called whenever there is something to paint."""

    def __init__(
        self, root: Path, options: "Callable[[], Options]", board: Board, changed: Callable[[], None]
    ) -> None:
        self.root = root
        self.board = board
        self.mode = "auto"
        self.choice: Choice | None = None
        self.loop = ""
        self.queued: list[str] = []
        self.session: Session | None = None
        self._options = options
        self._changed = changed
        self._engine: EngineThread | None = None
        self.desk: Desk | None = None
        self.ask_trust: Callable[[Trust], Awaitable[bool]] | None = None
        self._ready = asyncio.Event()
        self._is_warm = False
        self._seeing: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a run is under way or about to begin."""
        return self._running is not None and not self._running.done()

    async def begin(self) -> None:
        """Starts the engine's thread and reads what is configured. Call it once, when the screen stands."""
        self._engine = EngineThread(self._deliver)
        self.desk = Desk(self.root, self._options, self._engine)
        await self.reload()
        self._ready.set()
        await self._engine.call(_warm)
        await self.desk.look_back()
        self.board.recent = self.desk.standing.recent
        self._changed()
        await self.desk.list_files()

    async def reload(self) -> None:
        """Reads the configuration anew."""
        assert self.desk is not None
        await self.desk.load()
        self.board.configure(self.desk.catalog, self.desk.standing)
        for fault in self.desk.standing.faults:
            self.board.story.say(("✘ ", "$bad"), fault)
        if self.desk.catalog is not None and self.mode == "auto":
            self.mode = self.board.mode = self._options().mode or self.desk.catalog.settings.mode
        self._changed()
        self._seeing = asyncio.create_task(self._see_models())

    async def _see_models(self) -> None:
        """What answers for each tier, for the idle screen; who waits for nothing asks."""
        assert self.desk is not None
        self.board.bound = await self.desk.see_models()
        self._changed()

    def start(self, task: str) -> None:
        """Runs a task, after the one under way if there is one."""
        if self.busy:
            self.queued.append(task)
            self.board.story.say(("  queued  ", "$accent"), task)
            self._changed()
            return
        loop, self.loop = self.loop, ""
        self._running = asyncio.create_task(self._run(task, loop))

    async def _run(self, task: str, loop: str) -> None:
        """One run, told on the board however it ends; then what was queued meanwhile."""
        await self._ready.wait()
        assert self.desk is not None
        story = self.board.story
        if story.blocks:
            story.say("")
        aborted = False
        try:
            await self.desk.read()
            await self._ask_trust()
            self.board.configure(self.desk.catalog, self.desk.standing)
            chosen = ""
            if not loop:
                choice = await self.desk.choose(task)
                if choice is not None:
                    loop, chosen = choice.loop, choice.told
            self.board.view = await self.desk.run(task, loop, chosen, self.mode, self._began)
            aborted = self.board.view.outcome == "aborted"
        except Exception as fault:  # noqa: BLE001 one run that can't begin must not end the sitting, nor go untold
            story.say(("❯ ", "$accent bold"), (task or "no task named", "bold"))
            self.tell_fault(_told(fault))
        finally:
            self.session = None
            self._changed()
        if self.queued and not aborted:
            task = self.queued.pop(0)
            self._running = asyncio.create_task(self._run(task, ""))

    async def _ask_trust(self) -> None:
        """Asks for trust where the repository has none; after a no the run does not begin."""
        assert self.desk is not None
        asked = self.desk.standing.trust
        if asked is not None and self.ask_trust is not None and await self.ask_trust(asked):
            await self.desk.grant()

    def _began(self, session: "Session") -> None:
        self.session = session
        self.board.story.begin(session.folder)
        self.board.view = session.view
        self.board.focus = None
        self._changed()

    def _deliver(self, envelopes: "Sequence[Envelope]") -> None:
        for envelope in envelopes:
            self.board.story.add(envelope)
        if self.session is not None:
            self.board.view = self.session.view
            if self.session.view.mode:
                self.mode = self.board.mode = self.session.view.mode
        self._changed()

    def submit(self, command: commands.AnyCommand) -> None:
        """Hands a command to the run under way."""
        if self._engine is not None:
            self._engine.submit(command)

    def answer(self, command: commands.AnyCommand, question: str) -> None:
        """Hands an answer to the run under way, for that question and no other."""
        self.submit(commands.answering(command, question))

    def set_mode(self, mode: str) -> None:
        """The mode from here on: of the run under way, else of the next."""
        self.mode = self.board.mode = mode
        self.submit(commands.SetMode(mode))
        self._changed()

    def abort(self) -> None:
        """Ends the run under way at once; what was queued behind it is given up."""
        for task in self.queued:
            self.say(("  given up  ", "$held"), task)
        self.queued.clear()
        self.submit(commands.Abort())

    async def weigh(self, task: str) -> None:
        """Which loop `task` would go to, in `choice`. Who types a task will soon need a model: it is made ready."""
        await self._warm_up()
        try:
            self.choice = await self.desk.choose(task) if self.desk is not None else None
        except TreadleError:
            self.choice = None

    async def _warm_up(self) -> None:
        """Starts, once, what takes long and holds nothing of the person's: the process that cloud models live in."""
        catalog = self.desk.catalog if self.desk is not None else None
        if self._is_warm or catalog is None or self._engine is None:
            return
        self._is_warm = True

        def warm() -> None:
            from treadle.session.warm import warm_models

            warm_models(catalog)

        await self._engine.call(warm)

    def other_loop(self) -> None:
        """The next loop for the task that is being typed, over what would be chosen."""
        catalog = self.desk.catalog if self.desk is not None else None
        if catalog is None or not catalog.loops:
            return
        choice = self.choice
        names = [choice.loop, *choice.others] if choice is not None else []
        names += [name for name in catalog.loops if name not in names]
        now = self.loop or names[0]
        self.loop = names[(names.index(now) + 1) % len(names)] if now in names else names[0]

    def say(self, *parts: Part) -> None:
        """Adds a line of the face's own to the transcript."""
        self.board.story.say(*parts)
        self._changed()

    def tell_fault(self, fault: TreadleError) -> None:
        """An error as a person should meet it: what, and the next thing to do."""
        for text in fault.faults if isinstance(fault, SpecError) else (fault.message,):
            self.board.story.say(("✘ ", "$bad"), text)
        if fault.hint:
            self.board.story.say(("  next: ", "$accent"), fault.hint)
        self._changed()

    async def afterwards(self, what: str) -> None:
        """Writes what the last run kept back (`apply`), or puts back what it wrote (`undo`). Raises: `TreadleError`."""
        if self.busy or self.desk is None:
            raise UsageError("a run is under way", hint="wait for its end, or ctrl+c")
        paths = await (self.desk.apply() if what == "apply" else self.desk.undo())
        word = "wrote" if what == "apply" else "put back"
        self.say((f"  {word}  ", "$ok"), ", ".join(paths))

    def new_thread(self) -> None:
        """The next run follows none."""
        if self.desk is not None:
            self.desk.last_run = ""
        self.say(("  a new thread", "$accent"))

    def last_words(self) -> str:
        """What the last run came to, as text: its answer, else its diff."""
        from treadle.session.answer import answering, as_text

        view = self.board.view
        if view is None:
            return ""
        step = answering(view)
        return as_text(step.output) if step is not None else self.board.story.blob(view.diff)

    @property
    def folder(self) -> Path | None:
        """Where the run that is shown is recorded."""
        return self.board.story.folder

    def close(self, exit_code: int = 130) -> None:
        """Ends everything; a run under way ends with that code."""
        if (
            self._seeing is not None
            and not self._seeing.done()
            and threading.current_thread() is threading.main_thread()
        ):
            self._seeing.cancel()
        if self._engine is not None:
            self._engine.close(exit_code)
        if self._running is not None:
            self._running.cancel()


def _told(fault: Exception) -> TreadleError:
    """The fault as one that can be told: of the machine's or of treadle's own, in one line."""
    if isinstance(fault, TreadleError):
        return fault
    if isinstance(fault, OSError):
        where = f"{fault.filename}: " if fault.filename else ""
        return TreadleError(f"{where}{(fault.strerror or type(fault).__name__).lower()}")
    return TreadleError(f"internal error: {type(fault).__name__}: {fault}")


def _warm() -> None:
    """Imports what the first run needs, so that it begins at once."""
    import treadle.session.choose
    import treadle.session.session  # noqa: F401
