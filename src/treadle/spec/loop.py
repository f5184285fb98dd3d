"""A loop, resolved: its steps in order, each with where every verdict leads."""

from typing import Literal

from msgspec import Struct

from treadle.spec.agent import CheckSpec

DONE = "done"
STOP = "stop"
ASK = "ask"


class Budget(Struct, frozen=True):
    """What a run may use in all; None is no limit."""

    cost_usd: float | None = None
    tokens: int | None = None
    wall_s: float | None = None
    turns: int | None = None


class Question(Struct, frozen=True):
    """A question to the person; `answers` are the verdicts it can end with, the first is the default."""

    text: str
    answers: tuple[str, ...] = ("yes", "no")


class StepSpec(Struct, frozen=True):
    """One step. Exactly one of `agent`, `check`, `command`, `loop`, `ask`, `git` is set.

    `on` maps a verdict to a step's name, `done`, `stop` or `ask`, and `limit` to where a used-up
    `max_visits` leads. `max_visits` None is unbounded, allowed only outside cycles.
    """

    name: str
    agent: str = ""
    check: CheckSpec | None = None
    command: str = ""
    loop: str = ""
    ask: Question | None = None
    git: Literal["", "stage", "commit", "continue"] = ""
    each: str = ""
    on_item: Literal["", "continue", "stop"] = ""
    on: dict[str, str] = {}
    max_visits: int | None = None
    parallel: int = 1
    breakpoint: bool = False

    @property
    def what(self) -> str:
        """The step's kind and object, as `agent NAME` or `check NAME`."""
        if self.agent:
            return f"agent {self.agent}"
        if self.check:
            return f"check {self.check.name}" + (f" `{self.check.command}`" if self.check.command else "")
        if self.command:
            return f"command `{self.command}`"
        if self.loop:
            return f"loop {self.loop}"
        return f"git {self.git}" if self.git else "ask"


class ChosenBy(Struct, frozen=True):
    """By what the dispatcher takes a loop for a task. Phrases are in lower case, as `session.phrases` reads them.

    `starts`: how such a task begins; `ends`: its last characters; `words`: phrases anywhere in it. `state`: what of
    the repository speaks for the loop where there is no task, and where one of `hints` stands in the task.
    `openings` are cut off before `starts` is looked at. `default`: the loop for a task, or for no task, that nothing
    speaks for. `why` is told to the user.
    """

    why: str = ""
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    default: Literal["", "task", "no_task"] = ""


class LoopSpec(Struct, frozen=True):
    """One loop. `base` is `tree`, `index` or a commit; `apply` is when proven changes are written."""

    name: str
    description: str
    steps: tuple[StepSpec, ...]
    base: str = "tree"
    apply: Literal["run", "step", "never"] = "run"
    budget: Budget = Budget()
    chosen_by: ChosenBy = ChosenBy()
