"""One run's handles: what every step needs and nothing more. Composed by the session."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from treadle.engine.budget import Meter
from treadle.engine.gate import Gate
from treadle.engine.judge import Judge
from treadle.engine.models import Models
from treadle.engine.state import LoopState, StepResult
from treadle.protocol.errors import WriteConflict
from treadle.protocol.events import (
    ChangesWriting,
    ChangesWritten,
    Emit,
    Noted,
    Place,
    StepFinished,
    StepStarted,
)
from treadle.protocol.messages import PASS
from treadle.protocol.text import encode_json
from treadle.solvers.base import Suspect
from treadle.spec.agent import CheckSpec
from treadle.spec.catalog import Catalog
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.command import Runner
from treadle.workspace.view import Base, MergedView

Keep = Callable[[bytes], str]
"""Keeps bytes as a blob of the trace and gives back its name, their SHA-256."""


Moved = Callable[[tuple[str, ...]], Awaitable[tuple[str, ...]]]
"""The paths of the base that changed since the run began, but for those given."""


class Writer(Protocol):
    """Writes a change set into the user's tree, all or nothing; gives back the checkpoint before it.

    `on_checkpoint` hears its id before anything is written.
    """

    def __call__(self, changes: ChangeSet, on_checkpoint: Callable[[str], None]) -> str:
        """The checkpoint's id."""
        ...


class Flags(Struct, frozen=True):
    """What flags allow this run. `write` False is a dry run; `git` lets git steps act unasked."""

    write: bool = True
    git: bool = False
    network: bool = False


class Run:
    """One task through one loop, with its base, its sandbox, its gate and its way up."""

    def __init__(
        self,
        *,
        task: str,
        catalog: Catalog,
        base: Base,
        runner: Runner,
        gate: Gate,
        meter: Meter,
        models: Models,
        judge: Judge,
        emit: Emit,
        keep: Keep,
        write: Writer,
        moved: Moved,
        flags: Flags,
        record: dict[str, StepResult] | None = None,
    ) -> None:
        self.task = task
        self.catalog = catalog
        self.base = base
        self.runner = runner
        self.gate = gate
        self.meter = meter
        self.models = models
        self.judge = judge
        self.emit = emit
        self.keep = keep
        self.flags = flags
        self.written = ChangeSet()
        self.stumped: dict[tuple[str, str], str] = {}
        self.last_changes = ChangeSet()
        self.last_unproven = False
        self._diffs: list[str] = []
        self._began: dict[str, float] = {}
        self.suspects: dict[tuple[str, tuple[str, ...]], tuple[Suspect, ...]] = {}
        self._write = write
        self._moved = moved
        self._record = record or {}

    def view(self, changes: ChangeSet) -> MergedView:
        """The merged view of the run's base and `changes`."""
        return MergedView(self.base, changes)

    def on_record(self, place: str) -> StepResult | None:
        """The result that an earlier, killed life of this run recorded for `place`."""
        return self._record.get(place)

    def keep_changes(self, changes: ChangeSet) -> str:
        """The blob name of `changes`, "" for the empty set."""
        return self.keep(changes.to_json()) if changes else ""

    def note(self, place: str, text: str) -> None:
        """Tells the user something that is no fault."""
        self.emit(Place(place), Noted(text))

    def step_started(self, place: str, what: str, visit: int = 1, item: str = "", items: int = 0) -> None:
        """Opens the step's pair of events."""
        self._began[place] = time.monotonic()
        self.emit(Place(place), StepStarted(what, visit, item, items))

    def step_finished(self, place: str, result: StepResult) -> None:
        """Closes the step's pair of events, with all that a resume needs."""
        self.last_changes, self.last_unproven = result.changes, result.unproven
        self.emit(
            Place(place),
            StepFinished(
                result.verdict,
                result.summary,
                result.output,
                self.keep_changes(result.changes),
                result.unproven,
                result.cause,
                result.hint,
                self.keep(encode_json(result.tests)) if result.tests else "",
                time.monotonic() - self._began.pop(place, time.monotonic()),
            ),
        )

    async def write(self, changes: ChangeSet, place: str = "") -> tuple[str, ...]:
        """Writes what of `changes` is not yet in the user's tree, after the gate; the paths written.

        Raises: `WriteConflict` when a file changed meanwhile, with nothing written.
        """
        fresh = _since(self.written, changes)
        if not fresh or not self.flags.write:
            return ()
        self.gate.raise_if_aborted()
        await self._prove_again(changes, place)
        subject = f"write {len(fresh)} file(s): {', '.join(fresh.paths)}"
        if self.gate.attended and self.gate.mode == "step":
            answer = await self.gate.ask(place, "before_write", subject, ("yes", "no", "abort"))
        else:
            answer = self.gate.allow(place, "before_write", subject)
        if not answer.allowed:
            return ()
        self._diffs.append(self.view(fresh).diff())
        checkpoint = self._write(
            fresh, lambda mark: self.emit(Place(place), ChangesWriting(fresh.paths, mark))
        )
        self.written = changes
        self.emit(Place(place), ChangesWritten(self.keep_changes(changes), fresh.paths, checkpoint))
        return fresh.paths

    async def write_proven(self, state: LoopState, place: str = "") -> tuple[str, ...]:
        """Writes the state's change set unless something in it is unproven and the user does not allow that."""
        if state.unproven and self.catalog.settings.unproven != "allow":
            return ()
        return await self.write(state.changes, place)

    async def _prove_again(self, changes: ChangeSet, place: str) -> None:
        """Runs the tests once more where the tree changed since the run looked at it.

        Raises: `WriteConflict` when they do not pass on what stands there now.
        """
        paths = await self._moved((*changes.paths, *self.written.paths)) if self.judge.knows_tests else ()
        if not paths:
            return
        some = ", ".join(paths[:5])
        self.note(place, f"changed while the run went on: {some}; the tests are run once more")
        self.judge.forget()
        result = await self.judge.check(Place(place), CheckSpec("tests"), self.view(changes))
        if result.verdict != PASS:
            raise WriteConflict(
                f"{some} changed while the run went on, and now: {result.summary}; nothing was written",
                paths=paths,
                hint="look at it with `treadle runs diff`, take it with `treadle runs apply`",
            )

    def diff(self, changes: ChangeSet) -> str:
        """The text of `changes` against the base, what was written meanwhile included."""
        return "".join([*self._diffs, self.view(_since(self.written, changes)).diff()])


def _since(written: ChangeSet, changes: ChangeSet) -> ChangeSet:
    """`changes` less what is `written` already, each made from what now stands in the tree."""
    fresh: dict[str, Change] = {}
    for path, change in changes.changes.items():
        earlier = written.get(path)
        if earlier is None:
            fresh[path] = change
        elif (earlier.content, earlier.mode) != (change.content, change.mode):
            stands = None if earlier.content is None else digest(earlier.content)
            stood = None if earlier.content is None else earlier.mode
            fresh[path] = Change(change.content, change.mode, stands, stood)
    return ChangeSet(fresh)
