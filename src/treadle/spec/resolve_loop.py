"""From a loop's merged YAML to its steps, each by itself; how they hang together is `flow`'s to judge."""

import re
from typing import Any, Literal, cast

from msgspec import Struct

from treadle.protocol.messages import VERDICTS
from treadle.spec import names
from treadle.spec.agent import AgentSpec, CheckSpec
from treadle.spec.faults import Faults, kind_of, listed
from treadle.spec.fields import Fields
from treadle.spec.loop import ASK, DONE, STOP, Budget, LoopSpec, Question, StepSpec
from treadle.spec.read import Map
from treadle.spec.resolve_agent import read_check
from treadle.spec.resolve_chosen import read_chosen_by

LOOP_KEYS = ("name", "description", "base", "budget", "apply", "chosen_by", "steps")
BUDGET_KEYS = ("cost_usd", "tokens", "wall_s", "turns")
STEP_KEYS = (
    "name",
    *names.STEP_KINDS,
    "each",
    "on_item",
    "parallel",
    "on",
    "max_visits",
    "break",
)
ASK_KEYS = ("question", "answers")
_BASE = re.compile(r"[A-Za-z0-9_@][^\s:?*\[\\\x7f]*\Z")
_RESERVED = (DONE, STOP, ASK, names.ITEM, *names.PROVIDERS)


class Known(Struct):
    """What a loop may refer to: agents as resolved (None: faulty, but there), and the names of all loops."""

    agents: dict[str, AgentSpec | None]
    loops: tuple[str, ...]


class RawLoop(Struct):
    """A loop with the fields its steps were read from, in the same order, and those it was read from itself."""

    spec: LoopSpec
    fields: tuple[Fields, ...]
    own: Fields


def resolve_loop(raw: Map, known: Known, faults: Faults) -> RawLoop | None:
    """The loop, with whatever could be read of it; None where it has no usable name or no step."""
    fields = Fields(raw, faults, LOOP_KEYS)
    name = fields.name("name", "a loop's name")
    fields.require("description")
    steps: list[StepSpec] = []
    step_fields: list[Fields] = []
    items = (fields.items("steps") or []) if fields.require("steps") else []
    if fields.map.get("steps") == []:
        fields.fault("steps", "empty_value", what="`steps`")
    for value, place in items:
        if not isinstance(value, Map):
            faults.add(place, "wrong_type", what="a step", wanted="a mapping", found=kind_of(value))
            continue
        step = Fields(value, faults, STEP_KEYS)
        spec = _step(step, known)
        if any(spec.name == earlier.name for earlier in steps if spec.name):
            step.fault("name", "twice", found=spec.name, what="`steps`")
        steps.append(spec)
        step_fields.append(step)
    apply = cast(Literal["run", "step", "never"], fields.choice("apply", names.APPLY, "run"))
    for step in step_fields:
        if apply == "never" and "git" in step.map:
            step.faults.add(step.key_at("git"), "never_writes", found=step.map["git"])
    spec_ = LoopSpec(
        name=name,
        description=fields.text("description"),
        steps=tuple(steps),
        base=_base(fields),
        apply=apply,
        budget=_budget(fields),
        chosen_by=read_chosen_by(fields),
    )
    return RawLoop(spec_, tuple(step_fields), fields) if name and steps else None


def _base(fields: Fields) -> str:
    base = fields.text("base", "tree")
    if not _BASE.match(base):
        wanted = "`tree`, `index` or a commit"
        fields.fault("base", "wrong_type", what="`base`", wanted=wanted, found=kind_of(base))
        return "tree"
    return base


def _budget(fields: Fields) -> Budget:
    raw = fields.mapping("budget")
    if raw is None:
        return Budget()
    budget = Fields(raw, fields.faults, BUDGET_KEYS)
    cost, wall = budget.number("cost_usd", 0, 100_000), budget.number("wall_s", 0.1, 30 * 86_400)
    return Budget(
        cost_usd=None if cost is None else float(cost),
        tokens=budget.number("tokens", 1, 10**12, whole=True),
        wall_s=None if wall is None else float(wall),
        turns=budget.number("turns", 1, 1_000_000, whole=True),
    )


def _step(step: Fields, known: Known) -> StepSpec:
    """The step; a part that is faulty is left at its default."""
    name = step.name("name", "a step's name") if step.require("name") else ""
    if name in _RESERVED:
        step.fault("name", "reserved_name", what="a step's name", found=name)
    kinds = [kind for kind in names.STEP_KINDS if kind in step.map]
    if len(kinds) != 1:
        place = step.key_at(kinds[1]) if kinds else step.map.place
        found = " and ".join(kinds) or "none"
        step.faults.add(place, "step_kind", known=listed(names.STEP_KINDS), found=found)
    agent = _reference(step, "agent", known.agents)
    each = _each(step, kinds)
    return StepSpec(
        name=name,
        agent=agent,
        check=_check(step),
        command=step.text("command"),
        loop=_reference(step, "loop", known.loops),
        ask=_ask(step),
        git=cast(Literal["", "stage", "commit", "continue"], step.choice("git", names.GIT, "")),
        each=each,
        on_item=_on_item(step, each, known.agents.get(agent)),
        on=_on(step),
        max_visits=step.number("max_visits", 1, 1000, whole=True),
        parallel=int(_parallel(step)),
        breakpoint=step.flag("break"),
    )


def _reference(step: Fields, key: str, known: Any) -> str:
    name = step.text(key)
    if name and name not in known:
        step.unknown(step.at(key), name, sorted(known), f"unknown_{key}")
        return ""
    return name


def _check(step: Fields) -> CheckSpec | None:
    if "check" not in step.map:
        return None
    return read_check(step.map["check"], step.at("check"), step.faults, names.STEP_CHECKS)


def _ask(step: Fields) -> Question | None:
    if "ask" not in step.map:
        return None
    if not isinstance(step.map["ask"], Map):
        text = step.text("ask")
        return Question(text) if text else None
    ask = Fields(step.map["ask"], step.faults, ASK_KEYS)
    text = ask.text("question") if ask.require("question") else ""
    if "answers" not in ask.map:
        return Question(text)
    answers = []
    for answer, place in ask.texts("answers"):
        if answer == names.LIMIT:
            ask.faults.add(place, "reserved_name", what="an answer", found=answer)
        elif not re.match(names.NAME + r"\Z", answer):
            ask.faults.add(place, "bad_name", found=answer, what="an answer")
        else:
            answers.append(answer)
    if ask.map["answers"] == []:
        ask.fault("answers", "empty_value", what="`answers`")
    return Question(text, tuple(answers)) if answers else Question(text)


def _each(step: Fields, kinds: list[str]) -> str:
    each = step.text("each")
    if each and kinds and not set(kinds) & {"agent", "loop"}:
        step.faults.add(step.key_at("each"), "each_on")
    for key in ("on_item", "parallel"):
        if key in step.map and "each" not in step.map:
            step.faults.add(step.key_at(key), "needs_key", key=key, other="each")
    return each


def _on_item(step: Fields, each: str, agent: AgentSpec | None) -> Literal["", "continue", "stop"]:
    """What an item's bad end does to those after it; read-only agents go on, all else stops."""
    default = "" if not each else "continue" if agent is not None and not agent.writes else "stop"
    return cast(Literal["", "continue", "stop"], step.choice("on_item", names.ON_ITEM, default))


def _parallel(step: Fields) -> int:
    return int(step.number("parallel", 1, 64, whole=True) or 1)


def _on(step: Fields) -> dict[str, str]:
    """Where each verdict leads, as written; whether the targets exist is judged with all steps known."""
    raw = step.mapping("on")
    if raw is None:
        return {}
    on = Fields(raw, step.faults, raw)
    return {verdict: target for verdict in raw if (target := on.text(verdict))}


def verdicts_of(step: StepSpec, known: Known, loops: dict[str, LoopSpec]) -> tuple[str, ...]:
    """The words that a step may end with, `limit` among them."""
    words: tuple[str, ...] = VERDICTS
    if step.ask:
        words = step.ask.answers
    elif step.agent:
        agent = known.agents.get(step.agent)
        words += agent.verdicts if agent else ()
    elif step.loop and step.loop in loops:
        for inner in loops[step.loop].steps:
            more = inner.ask.answers if inner.ask else ()
            inner_agent = known.agents.get(inner.agent)
            more += inner_agent.verdicts if inner_agent else ()
            words += tuple(word for word in more if word not in words)
    return (*words, names.LIMIT)
