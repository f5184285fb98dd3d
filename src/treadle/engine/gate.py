"""The gate: the one place where a run waits for a policy or a person."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from treadle.engine.clock import Clock
from treadle.protocol import commands
from treadle.protocol.errors import Aborted, NeedsPerson
from treadle.protocol.events import Emit, GateAnswered, GateAsked, ModeChanged, Place
from treadle.protocol.pending import Pending
from treadle.protocol.text import encode_json

MODES = ("auto", "step", "into", "plan")

_HOLDS = {
    "before_step": ("step", "into"),
    "before_turn": ("into",),
    "before_tool": ("into",),
}
"""The modes that hold a run at each point. `auto` and `plan` ask nothing inside the proving ground."""

_OPTIONS = {
    "before_step": ("next", "into", "continue", "skip", "abort"),
    "before_turn": ("next", "into", "continue", "abort"),
    "before_tool": ("next", "into", "continue", "no", "abort"),
}

_STEPS_ON = {"next": "step", "into": "into", "continue": "auto"}
"""The mode that an answer leads to."""

ABORTED = "the run was ended by a person"


class Answer(Struct, frozen=True):
    """What the gate let through: one of the options asked for, who said so, and a word with it.

    `hunks` are the names that came with the answer `part`.
    """

    answer: str
    by: str = "policy"
    word: str = ""
    hunks: tuple[str, ...] = ()

    @property
    def skipped(self) -> bool:
        """Whether the held step is to be left out, `word` standing in for its output."""
        return self.answer == "skip"

    @property
    def allowed(self) -> bool:
        """Whether the answer was a yes."""
        return self.answer in ("yes", "next", "into", "continue")


class Gate:
    """Asks where the mode's policy says so; commands come in by `submit`, from any face, in any order.

    `attended` False: nobody can answer, so a question raises `NeedsPerson` at once. `asked` is how many
    questions an earlier life of the run has had. `keep` keeps bytes as a blob of the trace.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        mode: str = "auto",
        attended: bool = False,
        asked: int = 0,
        keep: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        self.mode = mode
        self.attended = attended
        self.aborted = False
        self.clock = Clock()
        self._emit = emit
        self._keep = keep
        self._asked = asked
        self._open = ""
        self._on_record = True
        self._early = ""
        self._one = asyncio.Lock()
        self._commands: asyncio.Queue[commands.AnyCommand] = asyncio.Queue()

    def wait(self) -> None:
        """Keeps the record free of what is said outside the run: before its first record, after its last."""
        self._on_record = False

    def begin(self) -> None:
        """Puts what is said on record from here, an abort that came earlier too."""
        self._on_record = True
        if self._early:
            self._told_abort(self._early)

    def submit(self, command: commands.AnyCommand) -> None:
        """Takes a command; `Pause`, `SetMode` and `Abort` act at once, the rest answer a question."""
        match command:
            case commands.Pause():
                self._set_mode("step", command.by)
            case commands.SetMode():
                if command.mode in MODES:
                    self._set_mode(command.mode, command.by)
            case commands.Abort():
                if not self.aborted:
                    self.aborted = True
                    self._told_abort(command.by)
                    self._commands.put_nowait(command)
            case _:
                self._commands.put_nowait(command)

    def holds(self, point: str) -> bool:
        """Whether the mode holds a run at `point`."""
        return self.mode in _HOLDS[point]

    async def hold(
        self,
        place: Place,
        point: str,
        subject: str,
        pending: Callable[[], Pending],
        *,
        always: bool = False,
    ) -> Answer:
        """Lets the run through at once where the mode does not hold it at `point`, unless `always`; else it waits.

        `pending` is asked for only where the run is held. Raises what `ask` raises.
        """
        self.raise_if_aborted()
        if not always and not self.holds(point):
            return Answer("continue")
        async with self._one:
            if not always and not self.holds(point):
                return Answer("continue")
            return await self._ask(place, point, subject, _OPTIONS[point], pending=pending())

    async def before_step(
        self, place: str, what: str, pending: Callable[[], Pending] = Pending, *, hold: bool = False
    ) -> Answer:
        """Lets a step through at once in mode `auto`, unless `hold`; in mode `step` it waits to be told."""
        return await self.hold(Place(place), "before_step", what, pending, always=hold)

    async def ask(
        self,
        place: str,
        point: str,
        subject: str,
        options: tuple[str, ...],
        hint: str = "",
        pending: Pending | None = None,
    ) -> Answer:
        """The answer to a question, recorded with who gave it. Questions asked side by side wait their turn.

        Raises: `NeedsPerson` when nobody is there, `Aborted` when the answer ends the run.
        """
        async with self._one:
            return await self._ask(Place(place), point, subject, options, hint, pending)

    async def _ask(
        self,
        place: Place,
        point: str,
        subject: str,
        options: tuple[str, ...],
        hint: str = "",
        pending: Pending | None = None,
    ) -> Answer:
        self.raise_if_aborted()
        self._asked += 1
        question = f"q{self._asked}"
        blob = self._keep(encode_json(pending)) if pending is not None else ""
        self._emit(place, GateAsked(question, point, subject, options, blob))
        if not self.attended:
            raise NeedsPerson(f"{subject}: this needs a person ({'/'.join(options)})", hint=hint)
        self._open = question
        try:
            with self.clock.standing():
                answer = await self._answered(options)
        finally:
            self._open = ""
        self._emit(place, GateAnswered(question, answer.answer, answer.by, answer.word))
        if point in _OPTIONS:
            self._set_mode(_STEPS_ON.get(answer.answer, self.mode), answer.by)
        return answer

    async def _answered(self, options: tuple[str, ...]) -> Answer:
        while True:
            command = await self._commands.get()
            self.raise_if_aborted()
            named = command.question if isinstance(command, commands.Answering) else ""
            answer = _reads(command, options) if named in ("", self._open) else None
            if answer is not None:
                return answer

    def allow(self, place: str, point: str, subject: str, by: str = "policy") -> Answer:
        """Records a yes that a policy or flag gives without asking."""
        self._asked += 1
        self._emit(Place(place), GateAnswered(f"q{self._asked}", "yes", by, f"{point}: {subject}"))
        return Answer("yes", by)

    def raise_if_aborted(self) -> None:
        """Raises `Aborted` once a person has ended the run."""
        if self.aborted:
            raise Aborted(ABORTED)

    def _set_mode(self, mode: str, by: str) -> None:
        if mode == self.mode:
            return
        self.mode = mode
        if self._on_record:
            self._emit(Place(), ModeChanged(mode, by))

    def _told_abort(self, by: str) -> None:
        """Records who ended the run: as the answer to the open question, or as one that nobody asked for."""
        if not self._on_record:
            self._early = by
            return
        if not self._open:
            self._asked += 1
        self._emit(Place(), GateAnswered(self._open or f"q{self._asked}", "abort", by, ABORTED))


def _reads(command: commands.AnyCommand, options: tuple[str, ...]) -> Answer | None:
    """What `command` answers to `options`, None where it answers nothing there."""
    match command:
        case commands.Next() if "next" in options:
            return Answer("next", command.by)
        case commands.Into() if "into" in options:
            return Answer("into", command.by)
        case commands.Continue() if "continue" in options:
            return Answer("continue", command.by)
        case commands.Skip() if "skip" in options:
            return Answer("skip", command.by, command.output)
        case commands.Approve() if command.answer in options:
            return Answer(command.answer, command.by)
        case commands.Take() if "part" in options:
            return Answer("part", command.by, ", ".join(command.hunks), command.hunks)
        case commands.Deny() if "no" in options:
            return Answer("no", command.by, command.word)
        case _:
            return None
