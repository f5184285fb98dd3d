"""A session: composes a run from what is configured, drives it, and streams its events, trace first."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from treadle.engine.budget import Meter
from treadle.engine.gate import ABORTED, Gate
from treadle.engine.judge import Judge
from treadle.engine.loop import run_loop
from treadle.engine.models import Models
from treadle.engine.run import Flags as Flags
from treadle.engine.run import Run
from treadle.engine.state import LoopState
from treadle.models.base import Timers
from treadle.models.opened import OpenModels as OpenModels
from treadle.protocol.commands import Abort, AnyCommand
from treadle.protocol.errors import Aborted, BudgetError, TraceError, TreadleError
from treadle.protocol.events import (
    EPHEMERAL,
    Envelope,
    Event,
    ModeChanged,
    Place,
    RunResumed,
)
from treadle.protocol.text import encode_json
from treadle.session.ending import Ending, ending_by, finished, settled
from treadle.session.options import Options as Options
from treadle.session.options import granted
from treadle.session.records import Recorded, recorded, runs_of
from treadle.session.starting import Begin, new_id, no_such_loop, started_by, traceback_of
from treadle.session.thread import thread_text
from treadle.session.trace import TraceWriter, lock_run
from treadle.session.trust import carried, must_be_trusted
from treadle.session.view import View, reduce
from treadle.session.watch import BaseWatch
from treadle.spec.catalog import Catalog
from treadle.spec.load import folders_for, load_folders
from treadle.spec.resolve_settings import narrowed
from treadle.workspace.base import open_base
from treadle.workspace.changes import ChangeSet
from treadle.workspace.sandbox import open_sandbox
from treadle.workspace.state import state_dir
from treadle.workspace.transaction import recover, write_changes


class Session:
    """One run of one loop. `run` drives it to its end; faces read `events` and call `submit`.

    `opened` are models that the face keeps open from run to run, and closes; None: the run's own, closed at its end.
    """

    def __init__(
        self,
        root: Path,
        catalog: Catalog,
        options: Options,
        record: Recorded | None = None,
        opened: OpenModels | None = None,
    ) -> None:
        if not options.trusted:
            must_be_trusted(root)
        if options.loop not in catalog.loops:
            raise no_such_loop(options.loop, sorted(catalog.loops))
        if options.cloud:
            allowed = msgspec.structs.replace(catalog.settings, cloud=options.cloud)
            catalog = msgspec.structs.replace(catalog, settings=allowed)
        self.root = root
        self.catalog = catalog
        self.options = options
        self.loop = catalog.loops[options.loop]
        write = options.flags.write and self.loop.apply != "never"
        self._flags = msgspec.structs.replace(options.flags, write=write)
        self.view = record.view if record else View()
        self.id = record.started.run if record else new_id()
        self._record = record
        self._seq = record.last.seq if record else 0
        self._queue: asyncio.Queue[Envelope | None] = asyncio.Queue()
        self._state = LoopState()
        self._run: Run | None = None
        self._stopped = 0
        self._opened = opened
        self._thread = _told(root, options.thread, again=record is not None)
        self._driving: asyncio.Task[View] | None = None
        mode = options.mode or catalog.settings.mode
        self.gate = Gate(
            self.emit,
            mode=mode,
            attended=options.attended,
            asked=self.view.asked,
            keep=lambda data: self._trace.keep(data),
        )
        self.gate.wait()
        self._started = self.gate.clock.now()
        self.folder = runs_of(root) / self.id
        self._lock = lock_run(self.folder)
        try:
            self._open(root, options, record)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, root: Path, options: Options, record: Recorded | None) -> None:
        """Opens what the run stands on: the recovered tree, the base, the sandbox, the trace."""
        recover(root, state_dir(root))
        self._base_spec = options.base or (record.started.base if record else self.loop.base)
        self._base = open_base(root, self._base_spec)
        choice = options.sandbox or self.catalog.settings.sandbox
        grants = granted(self.catalog.settings, options)
        self._flags = msgspec.structs.replace(self._flags, network=grants.network == "all")
        self._runner = open_sandbox(root, self._base, self.folder, choice, grants)
        self._trace = TraceWriter(self.folder)
        known = record.marks if record else None
        self._watch = BaseWatch(self._base, self._base_spec, self.emit, self._trace.keep, known)

    def emit(self, place: Place, event: Event) -> None:
        """Stamps an event, writes it to the trace, folds it, then hands it to whoever reads `events`."""
        durable = not isinstance(event, EPHEMERAL)
        self._seq += durable
        envelope = Envelope(
            self._seq if durable else 0,
            round(time.time(), 4),
            self.id,
            event,  # type: ignore[arg-type]
            place.step,
            place.attempt,
            place.turn,
        )
        if durable:
            envelope = self._trace.append(envelope)
        self.view = reduce(self.view, envelope)
        self._queue.put_nowait(envelope)

    def submit(self, command: AnyCommand) -> None:
        """The one way down: a command for the gate. `Abort` ends what the run does just then."""
        self.gate.submit(command)
        if isinstance(command, Abort):
            self._cancel()

    async def events(self) -> AsyncIterator[Envelope]:
        """Every envelope from the start of the run to its end, in order."""
        while (envelope := await self._queue.get()) is not None:
            yield envelope

    def stop(self, exit_code: int = 130) -> None:
        """Ends the run from outside, now; its last record carries `exit_code`. Before `run` it does nothing."""
        self._stopped = self._stopped or exit_code
        self._cancel()

    def _cancel(self) -> None:
        """Cancels the drive, once: what ends in an orderly way must not be cancelled again."""
        driving, self._driving = self._driving, None
        if driving is not None:
            driving.cancel()

    async def run(self) -> View:
        """The view at the run's end. Whatever happens, the trace's last record is `run_finished`.

        Raises: `OSError` when the trace can't be written, once everything else has ended.
        """
        self._driving = asyncio.current_task()
        silence = self.options.silence_s
        timers = Timers(silence, silence) if silence else Timers()
        meter = Meter(self.loop.budget, self.view.usage, self.view.calls, self.gate.clock)
        models = Models(
            self.catalog.tiers,
            self.catalog.settings,
            meter,
            self.emit,
            self._trace.keep,
            timers,
            self.gate,
            self._opened,
        )
        run = self._compose(meter, models)
        ending = self._cut_short()
        try:
            self._announce()
            self.gate.begin()
            self._watch.begin()
            ending = await self._drive(run)
        except asyncio.CancelledError:
            ending = self._cut_short()
            self._take_back_cancel()
        except TreadleError as fault:
            ending = ending_by(fault, proven=self._is_proven())
        except Exception as fault:  # noqa: BLE001 the one door: a started run always ends in the trace
            self._trace.keep(traceback_of(fault))
            ending = ending_by(fault)
        finally:
            self._driving = None
            try:
                await self._watch.end(now=ending.outcome == "aborted")
                self._finish(run, ending, meter)
            finally:
                await asyncio.shield(models.close())
        return self.view

    def _cut_short(self) -> Ending:
        """The ending of a run that was cancelled: by a person through the gate, or from outside."""
        if self.gate.aborted:
            return ending_by(Aborted(ABORTED), proven=self._is_proven())
        return Ending("aborted", self._stopped or 130, "ended from outside", proven=self._is_proven())

    @staticmethod
    def _take_back_cancel() -> None:
        """The cancellation has done its work: whoever awaits this task after it is not cancelled by it."""
        task = asyncio.current_task()
        while task is not None and task.uncancel():
            pass

    def _finish(self, run: Run, ending: Ending, meter: Meter) -> None:
        """The last record, and the end of the stream of events, whatever the disk says."""
        changes = run.written.then(self._last_changes())
        try:
            self.gate.wait()
            took = self.gate.clock.now() - self._started
            self.emit(Place(), finished(run, ending, changes, meter.used, took))
        finally:
            self._queue.put_nowait(None)
            self._trace.close()
            self._lock.close()

    async def _drive(self, run: Run) -> Ending:
        """Walks the loop within its wall time, then writes what was proven."""
        wall_s = self.loop.budget.wall_s
        try:
            async with self.gate.clock.limit(wall_s):
                self._state, outcome = await run_loop(run, self.loop, LoopState())
        except TimeoutError as late:
            raise BudgetError(f"budget wall_s: {wall_s} s are over", limit="wall_s") from late
        return await settled(run, self._state, outcome)

    def _compose(self, meter: Meter, models: Models) -> Run:
        options, settings = self.options, self.catalog.settings
        judge = Judge(self._runner, settings, self.emit, self._trace.keep, network=self._flags.network)
        run = Run(
            task=options.task,
            catalog=self.catalog,
            base=self._base,
            runner=self._runner,
            gate=self.gate,
            meter=meter,
            models=models,
            judge=judge,
            emit=self.emit,
            keep=self._trace.keep,
            write=self._write,
            moved=self._watch.moved,
            flags=self._flags,
            record=self._record.results if self._record else None,
            review=options.review,
            thread=self._thread,
        )
        self._run = run
        if self._record:
            run.written = self._record.written
            if self._record.results:
                run.last_changes = list(self._record.results.values())[-1].changes
            for result in self._record.results.values():
                if result.tests is not None:
                    judge.know(result.changes, result.tests)
        return run

    def _write(self, changes: ChangeSet, on_checkpoint: Callable[[str], None]) -> str:
        """Writes into the user's tree; the checkpoint before it. What a person looked at is trusted as it is made."""
        by_person = self.options.review or self.options.attended
        with carried(self.root, changes.paths, by_person=by_person):
            return write_changes(self.root, changes, state_dir(self.root), on_checkpoint)

    def _announce(self) -> None:
        """The first record of this life of the run."""
        if self._record:
            self.emit(Place(), RunResumed(len(self._record.results)))
            if self.gate.mode != self.view.mode:
                self.emit(Place(), ModeChanged(self.gate.mode, "flag"))
            return
        spec = self._trace.keep(encode_json(self.catalog))
        begin = Begin(self.id, self.root, spec, self.gate.mode, self._runner.level, self._flags.write)
        self.emit(Place(), started_by(begin, self.options, self.loop))

    def _last_changes(self) -> ChangeSet:
        """The change set after the last step that finished, also where the loop was cut short."""
        if self._state.last is not None:
            return self._state.changes
        return self._run.last_changes if self._run else ChangeSet()

    def _is_proven(self) -> bool:
        """Whether checks judged all of the last change set."""
        return self._run is not None and bool(self._run.last_changes) and not self._run.last_unproven


def _told(root: Path, thread: str, *, again: bool) -> str:
    """What the run is told of its thread. Raises: `TraceError` where that is gone, but for a run that goes on."""
    try:
        return thread_text(root, thread) if thread else ""
    except TraceError:
        if again:
            return ""
        raise


def resume(root: Path, folder: Path, options: Options) -> Session:
    """A session that goes on with a killed or ended-short run; finished steps are not run again. What the settings
    allow no longer is not done; files that can't be read now allow what the defaults do.

    Raises: `TraceError` when the run came to its own end, `Busy` when it is still going on.
    """
    record = recorded(folder)
    if record.view.outcome in ("done", "failed"):
        raise TraceError(
            f"run {folder.name} came to its end ({record.view.outcome}); there is nothing to resume"
        )
    started = record.started
    flags = msgspec.structs.replace(options.flags, write=options.flags.write and started.write)
    options = msgspec.structs.replace(
        options,
        task=started.task,
        loop=started.loop,
        base=started.base,
        flags=flags,
        thread=started.thread,
    )
    now = load_folders(folders_for(root))[0].settings
    allowed = narrowed(record.catalog.settings, now)
    return Session(root, msgspec.structs.replace(record.catalog, settings=allowed), options, record)
