"""One run's handles: what every step needs and nothing more. Composed by the session."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from treadle.engine.budget import Meter
from treadle.engine.gate import Gate
from treadle.engine.judge import Judge
from treadle.engine.models import Models
from treadle.engine.state import StepResult
from treadle.protocol.errors import PathError
from treadle.protocol.events import Emit, Noted, Place, StepFinished, StepStarted
from treadle.protocol.text import encode_json
from treadle.solvers.base import Suspect
from treadle.spec.catalog import Catalog
from treadle.workspace.changes import ChangeSet, digest
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
    """One task through one loop, with its base, its sandbox, its gate and its way up.

    `review`: the person is shown what would be written and asked once. `thread` tells of the runs before this one.
    """

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
        review: bool = False,
        thread: str = "",
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
        self.left: ChangeSet | None = None
        self.diffs: dict[str, str] = {}
        self.joined: set[str] = set()
        self.review = review
        self.thread = thread
        self.clock = gate.clock
        self.write_down = write
        self.moved = moved
        self._began: dict[str, float] = {}
        self.suspects: dict[tuple[str, tuple[str, ...]], tuple[Suspect, ...]] = {}
        self._record = record or {}
        self._befores: set[str] = set()

    def may_write(self) -> bool:
        """Whether anything of this run may reach the user's tree: not in a dry run, nor in mode `plan`."""
        return self.flags.write and self.gate.mode != "plan"

    def view(self, changes: ChangeSet) -> MergedView:
        """The merged view of the run's base and `changes`."""
        return MergedView(self.base, changes)

    def on_record(self, place: str) -> StepResult | None:
        """The result that an earlier, killed life of this run recorded for `place`."""
        return self._record.get(place)

    def keep_changes(self, changes: ChangeSet) -> str:
        """The blob name of `changes`, "" for the empty set. What the changed files held before is kept beside it,
        by the name that each change gives it."""
        for path, change in changes.changes.items():
            if change.before is not None and change.before not in self._befores:
                self._befores.add(change.before)
                for content in (self.on_base(path), self._written_at(path)):
                    if content is not None and digest(content) == change.before:
                        self.keep(content)
        return self.keep(changes.to_json()) if changes else ""

    def on_base(self, path: str) -> bytes | None:
        """The file's bytes on the base, None where there are none to be read."""
        try:
            return self.base.read(path)
        except PathError:
            return None

    def _written_at(self, path: str) -> bytes | None:
        change = self.written.get(path)
        return change.content if change else None

    def note(self, place: str, text: str) -> None:
        """Tells the user something that is no fault."""
        self.emit(Place(place), Noted(text))

    def step_started(self, place: str, what: str, visit: int = 1, item: str = "", items: int = 0) -> None:
        """Opens the step's pair of events."""
        self._began[place] = self.clock.now()
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
                self.clock.now() - self._began.pop(place, self.clock.now()),
            ),
        )
