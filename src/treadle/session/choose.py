"""The dispatcher: which loop is meant by a task where none is named. Tier `code`: by words, then by the repository."""

from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import UsageError
from treadle.session.phrases import Task, Words, found_at_start, found_in, take_apart
from treadle.session.situation import holds
from treadle.spec.catalog import Catalog
from treadle.spec.loop import LoopSpec
from treadle.spec.names import STATES

STARTS, ENDS, WORDS, HINTS = 4, 3, 2, 1
"""What speaks for a loop, the strongest first; within one of them the longer phrase."""


class Choice(Struct, frozen=True):
    """The loop that a task is given to. `why` is one short line; `others` may have been meant, the likeliest first.

    `sure` False: nothing in the task spoke for it, or as much for another.
    """

    loop: str
    why: str
    others: tuple[str, ...] = ()
    sure: bool = True

    @property
    def told(self) -> str:
        """The reason, with what else there is where it is not sure."""
        return self.why if self.sure or not self.others else f"{self.why}; or {', '.join(self.others)}?"


class _Claim(Struct, frozen=True, order=True):
    """How much speaks for a loop: of what kind, by how many words, and which."""

    kind: int = 0
    length: int = 0
    evidence: str = ""


def choose_loop(catalog: Catalog, root: Path, task: str) -> Choice:
    """The loop for `task`, by the loops' `chosen_by`; the same task in the same repository gives the same.

    Nothing of the repository is run. Raises: `UsageError` where no loop can be told, with the loops there are.
    """
    loops = catalog.loops
    if len(loops) == 1:
        return Choice(next(iter(loops)), "the only loop here")
    found = None
    if loops:
        found = _by_task(loops, root, task) if task.strip() else _without_task(catalog, root)
    if found is None:
        known = "; ".join(f"{name}: {loop.description}" for name, loop in sorted(loops.items()))
        raise UsageError("name a loop with --loop NAME", hint=known or "none is configured here")
    return found


def must_have_task(catalog: Catalog, loop: str, task: str) -> None:
    """Nothing, where `loop` can begin with `task`. Raises: `UsageError` where its agents need one and it is empty."""
    spec = catalog.loops.get(loop)
    if spec is not None and not task.strip() and _needs_task(catalog, spec, ()):
        raise UsageError(
            f"the loop `{loop}` needs a task", hint=f"say it after the name: {loop} 'what is meant'"
        )


def _by_task(loops: dict[str, LoopSpec], root: Path, text: str) -> Choice | None:
    openings = tuple(phrase for loop in loops.values() for phrase in loop.chosen_by.openings)
    task = take_apart(text, openings)
    claims = {name: _claim(loop, task) for name, loop in loops.items()}
    if not any(claim.kind for claim in claims.values()):
        claims |= _hinted(loops, task, root)
    ranked = sorted(claims, key=lambda name: (-claims[name].kind, -claims[name].length, name))
    best, second = claims[ranked[0]], claims[ranked[1]]
    if best.kind:
        tied = (best.kind, best.length) == (second.kind, second.length)
        return Choice(ranked[0], _why(loops[ranked[0]], best.evidence), tuple(ranked[1:]), not tied)
    default = next((name for name in ranked if loops[name].chosen_by.default == "task"), "")
    if not default:
        return None
    others = tuple(name for name in ranked if name != default)
    return Choice(default, _why(loops[default], "nothing speaks for another loop"), others, sure=False)


def _claim(loop: LoopSpec, task: Task) -> _Claim:
    """What of the task itself speaks for the loop."""
    by = loop.chosen_by
    if words := found_at_start(by.starts, task.heads):
        return _Claim(STARTS, len(words), _quoted(words))
    if ending := next((end for end in by.ends if task.asks.endswith(end)), ""):
        return _Claim(ENDS, 1, f"it ends with {ending}")
    words = found_in(by.words, task.sentences)
    return _Claim(WORDS, len(words), _quoted(words)) if words else _Claim()


def _hinted(loops: dict[str, LoopSpec], task: Task, root: Path) -> dict[str, _Claim]:
    """The loops whose hints stand in the task and whose state holds."""
    found = {}
    for name, loop in loops.items():
        words = found_in(loop.chosen_by.hints, task.sentences)
        state = _state(loop, root) if words else ""
        if state:
            found[name] = _Claim(HINTS, len(words), f"{_quoted(words)}, and {state}")
    return found


def _without_task(catalog: Catalog, root: Path) -> Choice | None:
    """The loop whose state holds, the most pressing first; else one that needs no task."""
    loops = catalog.loops
    able = [name for name in sorted(loops) if not _needs_task(catalog, loops[name], ())]
    for state in STATES:
        claiming = [name for name in able if state in loops[name].chosen_by.state]
        if claiming and (told := holds(root, state)):
            others = tuple(name for name in able if name != claiming[0])
            return Choice(claiming[0], told, others, len(claiming) == 1)
    default = [name for name in able if loops[name].chosen_by.default == "no_task"]
    chosen = (default or able)[:1]
    if not chosen:
        return None
    others = tuple(name for name in able if name != chosen[0])
    return Choice(chosen[0], "no task was given", others, bool(default) or not others)


def _needs_task(catalog: Catalog, loop: LoopSpec, above: tuple[str, ...]) -> bool:
    """Whether an agent of the loop, or of a loop in it, is given the task."""
    for step in loop.steps:
        if step.agent and "task" in catalog.agents[step.agent].inputs:
            return True
        inner = catalog.loops.get(step.loop) if step.loop not in above else None
        if inner is not None and _needs_task(catalog, inner, (*above, step.loop)):
            return True
    return False


def _state(loop: LoopSpec, root: Path) -> str:
    return next((told for state in loop.chosen_by.state if (told := holds(root, state))), "")


def _why(loop: LoopSpec, evidence: str) -> str:
    return f"{loop.chosen_by.why} ({evidence})" if loop.chosen_by.why else evidence


def _quoted(words: Words) -> str:
    phrase = " ".join(words)
    return f"`{phrase}`"
