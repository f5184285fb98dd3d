"""From an agent's merged YAML to an `AgentSpec`: every rung whole, nothing left to default."""

import re
from collections.abc import Callable
from typing import Any, cast

from msgspec import Struct

from treadle.protocol.messages import VERDICTS, Json
from treadle.spec import names
from treadle.spec.agent import AgentSpec, CheckSpec, Rung
from treadle.spec.faults import Faults, Place, Source, kind_of
from treadle.spec.fields import Fields
from treadle.spec.output import check_schema, field_of, schema_fields
from treadle.spec.prompt import placeholders
from treadle.spec.read import Map, plain
from treadle.spec.rungs import DEFAULT_KEYS, read_ladder

AGENT_KEYS = (
    "name",
    "description",
    "extends",
    "prompt",
    "inputs",
    "output",
    "checks",
    "permissions",
    "verdicts",
    "temperature",
    "ladder",
    "tier",
    *DEFAULT_KEYS,
)
_INPUT = re.compile(rf"({names.NAME})(\.{names.NAME})*\Z")
_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.md\Z")

FindPrompt = Callable[[str, Place], tuple[str, Source] | None]


class World(Struct):
    """What an agent may refer to: the tiers' names, and where prompts are found (faulting what is wrong there)."""

    faults: Faults
    tiers: tuple[str, ...]
    find_prompt: FindPrompt


def resolve_agent(raw: Map, world: World) -> AgentSpec | None:
    """The agent, with whatever could be read of it; None where it has no usable name.

    An `extends` that is still there could not be followed: what may stand there is then not missed here.
    """
    fields = Fields(raw, world.faults, AGENT_KEYS)
    whole = "extends" not in raw
    name = fields.name("name", "an agent's name")
    if whole:
        fields.require("description")
    output = _output(fields)
    inputs = _inputs(fields)
    ladder = read_ladder(fields, world.tiers, output is not None) if whole or "ladder" in raw else ()
    prompt, prompt_file = _prompt(fields, world, ladder, inputs)
    temperature = fields.number("temperature", 0, 2)
    agent = AgentSpec(
        name=name,
        description=fields.text("description"),
        ladder=ladder,
        prompt=prompt,
        prompt_file=prompt_file,
        inputs=inputs,
        output=output,
        checks=_checks(fields, output),
        deny=_deny(fields),
        verdicts=_verdicts(fields, output),
        temperature=float(temperature or 0.0),
    )
    return agent if name else None


def read_check(value: Any, place: Place, faults: Faults, known: tuple[str, ...]) -> CheckSpec | None:
    """A check from its name, `{NAME: pass|fail}` or `{command: TEXT}`; None after a fault."""
    if isinstance(value, Map) and len(value) == 1:
        key = next(iter(value))
        fields = Fields(value, faults, (key,))
        if key == names.COMMAND:
            command = fields.text(names.COMMAND)
            return CheckSpec(names.COMMAND, command) if command else None
        if key in known:
            return CheckSpec(key, expect=fields.choice(key, ("pass", "fail"), "pass"))
        value, place = key, value.keys_at[key]
    if not isinstance(value, str):
        wanted = "a check's name, {NAME: fail} or {command: …}"
        faults.add(place, "wrong_type", what="a check", wanted=wanted, found=kind_of(value))
        return None
    if value in known:
        return CheckSpec(value)
    if value == names.COMMAND:
        faults.add(place, "bad_command_check")
    else:
        Fields(Map(place), faults, ()).unknown(place, value, (*known, names.COMMAND), "unknown_check")
    return None


def _output(fields: Fields) -> dict[str, Json] | None:
    raw = fields.mapping("output")
    if raw is None:
        return None
    if not raw:
        fields.fault("output", "empty_value", what="`output`")
        return None
    check_schema(schema_fields(raw, fields))
    return cast(dict[str, Json], plain(raw))


def _inputs(fields: Fields) -> tuple[str, ...]:
    found = []
    for name, place in fields.texts("inputs"):
        match = _INPUT.match(name)
        if match is None or ("." in name and match[1] in names.PROVIDERS):
            fields.faults.add(place, "input_name", found=name)
        else:
            found.append(name)
    return tuple(found)


def _checks(fields: Fields, output: dict[str, Json] | None) -> tuple[CheckSpec, ...]:
    found: list[CheckSpec] = []
    for value, place in fields.items("checks") or ():
        check = read_check(value, place, fields.faults, names.CHECKS)
        if check is None:
            continue
        if check in found:
            fields.faults.add(place, "twice", found=check.command or check.name, what="`checks`")
        elif check.name == "schema" and "output" not in fields.map:
            fields.faults.add(place, "check_needs_output")
        elif check.name == "places" and isinstance(field_of(output, "places"), tuple):
            fields.faults.add(place, "places_need_field")
        found.append(check)
    return tuple(found)


def _deny(fields: Fields) -> tuple[str, ...]:
    raw = fields.mapping("permissions")
    if raw is None:
        return ()
    inner = Fields(raw, fields.faults, ("deny",))
    return tuple(text for text, _ in inner.texts("deny", "a glob of paths, or `tests`"))


def _verdicts(fields: Fields, output: dict[str, Json] | None) -> tuple[str, ...]:
    found = []
    for word, place in fields.texts("verdicts"):
        if word in VERDICTS or word == names.LIMIT:
            fields.faults.add(place, "reserved_name", what="a verdict", found=word)
        elif not re.match(names.NAME + r"\Z", word):
            fields.faults.add(place, "bad_name", found=word, what="a verdict")
        else:
            found.append(word)
    if found and ("output" not in fields.map or isinstance(field_of(output, "verdict"), tuple)):
        fields.fault("verdicts", "verdicts_need_field")
    return tuple(found)


def _prompt(
    fields: Fields, world: World, ladder: tuple[Rung, ...], inputs: tuple[str, ...]
) -> tuple[str, str]:
    """The prompt's text and the name of its file, both empty where there is none."""
    asked = next((rung.tier for rung in ladder if rung.tools or rung.protocol == "fill"), "")
    if "prompt" not in fields.map:
        if asked:
            fields.faults.add(fields.map.place, "no_prompt", tier=asked)
        return "", ""
    name = fields.text("prompt")
    if not name:
        return "", ""
    if not _PROMPT.match(name):
        fields.fault(
            "prompt", "prompt_path", name=re.sub(r"[^A-Za-z0-9._-]", "", name.split("/")[-1]) or "NAME.md"
        )
        return "", ""
    found = world.find_prompt(name, fields.at("prompt"))
    if found is None:
        return "", ""
    text, source = found
    for placeholder, line in placeholders(text):
        if placeholder not in inputs:
            fields.unknown((source, line), placeholder, inputs, "prompt_placeholder")
    return text, name
