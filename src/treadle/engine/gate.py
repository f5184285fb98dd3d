"""The gate: the one place where a run waits for a policy or a person."""

import asyncio

from msgspec import Struct

from treadle.protocol import commands
from treadle.protocol.errors import Aborted, NeedsPerson
from treadle.protocol.events import Emit, GateAnswered, GateAsked, Place


class Answer(Struct, frozen=True):
    """What the gate let through: one of the options asked for, who said so, and a word with it."""

    answer: str
    by: str = "policy"
    word: str = ""

    @property
    def skipped(self) -> bool:
        """Whether the held step is to be left out, `word` standing in for its output."""
        return self.answer == "skip"

    @property
    def allowed(self) -> bool:
        """Whether the answer was a yes."""
        return self.answer in ("yes", "next", "continue")


class Gate:
    """Asks where the mode's policy says so; commands come in by `submit`, from any face, in any order.

    `attended` False: nobody can answer, so a question raises `NeedsPerson` at once. `asked` is how many
    questions an earlier life of the run has had.
    """

    def __init__(self, emit: Emit, *, mode: str = "auto", attended: bool = False, asked: int = 0) -> None:
        self.mode = mode
        self.attended = attended
        self._emit = emit
        self._asked = asked
        self._commands: asyncio.Queue[commands.AnyCommand] = asyncio.Queue()
        self._aborted = asyncio.Event()

    def submit(self, command: commands.AnyCommand) -> None:
        """Takes a command; `Pause` and `Abort` act from the next gate point, the rest answer a question."""
        match command:
            case commands.Pause():
                self.mode = "step"
            case commands.Abort():
                self._aborted.set()
                self._commands.put_nowait(command)
            case _:
                self._commands.put_nowait(command)

    async def before_step(self, place: str, what: str, *, hold: bool = False) -> Answer:
        """Lets a step through at once in mode `auto`, unless `hold`; in mode `step` it waits to be told."""
        self.raise_if_aborted()
        if self.mode != "step" and not hold:
            return Answer("continue")
        return await self.ask(place, "before_step", what, ("next", "continue", "skip", "abort"))

    async def ask(
        self, place: str, point: str, subject: str, options: tuple[str, ...], hint: str = ""
    ) -> Answer:
        """The answer to a question, recorded with who gave it.

        Raises: `NeedsPerson` when nobody is there, `Aborted` when the answer ends the run.
        """
        self._asked += 1
        question = f"q{self._asked}"
        self._emit(Place(place), GateAsked(question, point, subject, options))
        if not self.attended:
            raise NeedsPerson(f"{subject}: this needs a person ({'/'.join(options)})", hint=hint)
        while True:
            answer = self._reads(await self._commands.get(), options)
            if answer is None:
                continue
            self._emit(Place(place), GateAnswered(question, answer.answer, answer.by, answer.word))
            if answer.answer == "abort":
                raise Aborted("the run was ended by a person")
            return answer

    def allow(self, place: str, point: str, subject: str, by: str = "policy") -> Answer:
        """Records a yes that a policy or flag gives without asking."""
        self._asked += 1
        self._emit(Place(place), GateAnswered(f"q{self._asked}", "yes", by, f"{point}: {subject}"))
        return Answer("yes", by)

    def raise_if_aborted(self) -> None:
        """Raises `Aborted` once a person has ended the run."""
        if self._aborted.is_set():
            raise Aborted("the run was ended by a person")

    def _reads(self, command: commands.AnyCommand, options: tuple[str, ...]) -> Answer | None:
        """What `command` answers to `options`, None where it answers nothing there."""
        match command:
            case commands.Next() if "next" in options:
                self.mode = "step"
                return Answer("next", command.by)
            case commands.Continue() if "continue" in options:
                self.mode = "auto"
                return Answer("continue", command.by)
            case commands.Skip() if "skip" in options:
                return Answer("skip", command.by, command.output)
            case commands.Approve() if command.answer in options:
                return Answer(command.answer, command.by)
            case commands.Deny() if "no" in options:
                return Answer("no", command.by, command.word)
            case commands.Abort():
                return Answer("abort", command.by)
            case _:
                return None
