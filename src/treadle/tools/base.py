"""What a tool is given, and what it gives back."""

from typing import Literal, Protocol

from msgspec import Struct

from treadle.protocol.messages import Json
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Runner
from treadle.workspace.view import MergedView

Effect = Literal["read", "write", "execute"]


class ToolContext(Struct, frozen=True):
    """The merged view that a tool works on, and where commands run. `denied` are globs it may not change."""

    view: MergedView
    runner: Runner
    denied: tuple[str, ...] = ()
    timeout_s: float = 120.0


class ToolOutcome(Struct, frozen=True):
    """What the model is shown, and the whole change set after the call (None: unchanged)."""

    text: str
    is_error: bool = False
    changes: ChangeSet | None = None


class Tool(Protocol):
    """One tool. `parameters` is the JSON Schema that its arguments are validated against before `run`."""

    name: str
    description: str
    effect: Effect
    parameters: dict[str, Json]

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """What came of the call. A wrong call is an outcome with `is_error`, never an exception."""
        ...
