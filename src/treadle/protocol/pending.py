"""What is about to happen at a gate point, as far as the point knows it: the blob behind `GateAsked.pending`."""

from msgspec import Struct

from treadle.protocol.messages import Json


class ContextPart(Struct, frozen=True, omit_defaults=True):
    """One part of what fills a model's window; `tokens` is an estimate, `cut` says that its end was left out."""

    name: str
    tokens: int
    cut: bool = False


class Pending(Struct, frozen=True, omit_defaults=True):
    """What a held run would do next. What the point does not know stays "", 0, () or None.

    `what` and `item` are a step's; `tier`, `rung` (from 0), `attempt`, `model` and `how` say who would work and in
    which way; `parts` fill the `window` (tokens, 0 the model's own), `tokens` is the whole request, `max_tokens` the
    reply's limit. `cost_usd` is the most that the call can cost, None where that is not known. `checks` judge the
    result, `target` are the tests that must come to pass. `request` and `changes` are blobs. `tool` and `arguments`
    are a tool call's. `unproven`: nothing judged `changes`, or the part of it that `taken` names: the hunks that a
    person asked for, and that did not hold.
    """

    what: str = ""
    item: str = ""
    tier: str = ""
    rung: int = 0
    attempt: int = 0
    model: str = ""
    how: str = ""
    parts: tuple[ContextPart, ...] = ()
    tokens: int = 0
    window: int = 0
    max_tokens: int = 0
    cost_usd: float | None = None
    checks: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    request: str = ""
    changes: str = ""
    tool: str = ""
    arguments: dict[str, Json] = {}
    unproven: bool = False
    taken: tuple[str, ...] = ()


UNKNOWN = Pending()
"""A point that knows nothing of what comes."""
