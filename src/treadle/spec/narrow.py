"""A repository's agents and loops by the names of the user's own: their limits stay caps.

A new name has no cap but the walls: the sandbox, the settings, the gate. Tools and checks are no limits: what an agent
does with them stays in the proving ground, and what is unproven asks.
"""

from typing import Any

from msgspec import structs

from treadle.spec.agent import AgentSpec, Limits, Rung
from treadle.spec.loop import Budget, LoopSpec

_APPLY = ("never", "run", "step")
"""When changes are written, the narrowest first."""


def narrowed_agent(agent: AgentSpec, own: AgentSpec) -> AgentSpec:
    """The agent, no rung of it allowed more than the rungs of `own` on that tier, or on any where none is on it."""
    deny = own.deny + tuple(glob for glob in agent.deny if glob not in own.deny)
    ladder = tuple(structs.replace(rung, limits=_limits(rung, own)) for rung in agent.ladder)
    return structs.replace(agent, deny=deny, ladder=ladder)


def narrowed_loop(loop: LoopSpec, own: LoopSpec) -> LoopSpec:
    """The loop, within the budget of `own`, and writing no sooner."""
    caps = {
        key: _least(getattr(loop.budget, key), getattr(own.budget, key)) for key in Budget.__struct_fields__
    }
    return structs.replace(loop, budget=Budget(**caps), apply=min(loop.apply, own.apply, key=_APPLY.index))


def _limits(rung: Rung, own: AgentSpec) -> Limits:
    same = [other.limits for other in own.ladder if other.tier == rung.tier]
    told = {}
    for key in Limits.__struct_fields__:
        values = [getattr(limits, key) for limits in same or [other.limits for other in own.ladder]]
        stated = [value for value in values if value is not None]
        # Without a rung on that tier the caps are those that are stated at all.
        cap = None if same and len(stated) < len(values) else max(stated, default=None)
        told[key] = _least(getattr(rung.limits, key), cap)
    return Limits(**told)


def _least(value: Any, cap: Any) -> Any:
    """The smaller; None is no limit."""
    return cap if value is None else value if cap is None else min(value, cap)
