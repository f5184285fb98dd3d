"""An agent, resolved: every rung whole, nothing left to default."""

from typing import Literal

from msgspec import Struct

from treadle.protocol.messages import Json


class Limits(Struct, frozen=True):
    """What one attempt on a rung may use; None is no limit of its own. `attempts` is tries on the rung."""

    attempts: int = 1
    turns: int | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    wall_s: float | None = None
    cost_usd: float | None = None


class Rung(Struct, frozen=True):
    """One rung: a tier and how the agent works on it.

    Exactly one way holds: `solver` (tier `code`), `protocol` (one question at a time), or `tools`
    (a conversation). `race` names several tiers that run side by side; then `tier` is the first of them.
    """

    tier: str
    solver: str = ""
    protocol: str = ""
    tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    from_best: bool = False
    race: tuple[str, ...] = ()
    pick: Literal["first", "cheapest", "ask"] = "first"


class CheckSpec(Struct, frozen=True):
    """A check by `name`, or a `command`; `expect` is the verdict that makes it a pass."""

    name: str
    command: str = ""
    expect: str = "pass"


class AgentSpec(Struct, frozen=True):
    """One agent. `prompt` is the prompt's text, not its file; `deny` names what its changes may not touch."""

    name: str
    description: str
    ladder: tuple[Rung, ...]
    prompt: str = ""
    prompt_file: str = ""
    inputs: tuple[str, ...] = ()
    output: dict[str, Json] | None = None
    checks: tuple[CheckSpec, ...] = ()
    deny: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    temperature: float = 0.0

    @property
    def is_tested(self) -> bool:
        """Whether the project's tests are among its checks."""
        return any(check.name == "tests" for check in self.checks)

    @property
    def writes(self) -> bool:
        """Whether any rung can change files: a solver, an editing protocol or a writing tool."""
        return any(
            r.solver or r.protocol not in ("", "fill", "choose") or {"edit", "run"} & set(r.tools)
            for r in self.ladder
        )
