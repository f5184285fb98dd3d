"""JSON Schemas for editors: what may stand in an agent's, a loop's, a tiers and a settings file.

They say what one file can be held against; names that lead elsewhere (a prompt, another agent, a step) are told
by `treadle agents validate`. Written by `python -m treadle.spec.schema DIR`.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from treadle.spec import names
from treadle.spec.output import KEYWORDS, TYPES
from treadle.spec.resolve_settings import CHOICES, COMMAND_KEYS

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NAME = {"type": "string", "pattern": f"^{names.NAME}$"}
_TEXT = {"type": "string", "minLength": 1}
_WORD = r"[^\s|*]+\*?"
_PHRASE = rf"{_WORD}(\|{_WORD})*"
_TEXTS = {"type": "array", "items": _TEXT, "uniqueItems": True}


def schemas() -> dict[str, Schema]:
    """The four schemas by the name of what they describe."""
    return {"agent": _agent(), "loop": _loop(), "tiers": _tiers(), "settings": _settings()}


def _object(about: str, properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    shape: Schema = {"type": "object", "description": about, "properties": properties}
    if required:
        shape["required"] = list(required)
    return {**shape, "additionalProperties": False, **more}


def _one_of(values: tuple[str, ...], about: str = "") -> Schema:
    return {"enum": list(values), **({"description": about} if about else {})}


def _number(about: str, least: float, most: float, *, whole: bool = False) -> Schema:
    return {
        "type": "integer" if whole else "number",
        "minimum": least,
        "maximum": most,
        "description": about,
    }


def _limits() -> Schema:
    about = "What one attempt may use; on the agent, the default of every rung."
    return _object(
        about,
        {
            "turns": _number("Model replies with their tool calls.", 1, 10_000, whole=True),
            "context_tokens": _number(
                "The window that the context is fitted to.", 256, 10_000_000, whole=True
            ),
            "output_tokens": _number("The longest reply.", 1, 1_000_000, whole=True),
            "wall_s": _number("Seconds.", 0.1, 86_400),
            "cost_usd": _number("US dollars.", 0, 100_000),
        },
    )


def _way() -> Schema:
    """The keys that a rung and an agent share."""
    return {
        "solver": _one_of(names.SOLVERS, "The program of tier `code`."),
        "protocol": _one_of(names.PROTOCOLS, "One question at a time, driven by treadle."),
        "tools": {"type": "array", "items": _one_of(names.TOOLS), "uniqueItems": True, "minItems": 1},
        "limits": _limits(),
        "attempts": _number("Tries on the rung.", 1, 100, whole=True),
        "from": _one_of(("base", names.BEST), "What an attempt starts from."),
    }


def _check(known: tuple[str, ...]) -> Schema:
    expected = {name: _one_of(("pass", "fail")) for name in known}
    return {
        "description": "A check's name, {NAME: fail} for one that must fail, or {command: TEXT}.",
        "oneOf": [
            _one_of(known),
            _object("One check.", {**expected, names.COMMAND: _TEXT}, minProperties=1, maxProperties=1),
        ],
    }


def _output() -> Schema:
    """JSON Schema's own words, as far as they are taken."""
    inner = {"$ref": "#/definitions/json-schema"}
    special: Schema = {
        "type": {"oneOf": [_one_of(TYPES), {"type": "array", "items": _one_of(TYPES)}]},
        "properties": {"type": "object", "additionalProperties": inner},
        "required": _TEXTS,
        "enum": {"type": "array", "minItems": 1},
        "items": {"oneOf": [inner, {"type": "boolean"}]},
        "additionalProperties": {"oneOf": [inner, {"type": "boolean"}]},
        "not": inner,
        **{key: {"type": "array", "items": inner} for key in ("anyOf", "oneOf", "allOf")},
    }
    return _object("A JSON Schema.", {key: special.get(key, {}) for key in KEYWORDS})


def _agent() -> Schema:
    rung = _object(
        "One rung. A tier and one way of working: a solver, a protocol or tools.",
        {
            "tier": _NAME,
            "race": {"type": "array", "items": _NAME, "minItems": 2, "uniqueItems": True},
            "pick": _one_of(names.PICKS, "Which of a race's results is kept."),
            **_way(),
        },
        oneOf=[{"required": ["tier"]}, {"required": ["race"]}],
        dependencies={"pick": ["race"]},
    )
    return {
        "$schema": _DRAFT,
        "title": "treadle agent",
        **_object(
            "One agent: what it is asked, what judges it, and the ladder it climbs.",
            {
                "name": _NAME,
                "description": _TEXT,
                "extends": {**_NAME, "description": "The agent that this one starts from."},
                "prompt": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*\.md$"},
                "inputs": {
                    **_TEXTS,
                    "description": "Most important first: " + ", ".join((*names.PROVIDERS, names.ITEM)),
                },
                "output": {"$ref": "#/definitions/json-schema"},
                "checks": {"type": "array", "items": _check(names.CHECKS)},
                "permissions": _object("What the agent may not do.", {"deny": _TEXTS}),
                "verdicts": {"type": "array", "items": _NAME, "uniqueItems": True},
                "temperature": _number("0 repeats itself.", 0, 2),
                "ladder": {"type": "array", "items": rung, "minItems": 1},
                "tier": {**_NAME, "description": "Short for a ladder of one rung."},
                **_way(),
            },
            ("name",),
            **{"not": {"required": ["tier", "ladder"]}},
        ),
        "definitions": {"json-schema": _output()},
    }


def _chosen_by() -> Schema:
    phrase = rf"^\s*{_PHRASE}(\s+{_PHRASE})*\s*$"
    phrases = {"type": "array", "items": {"type": "string", "pattern": phrase}, "uniqueItems": True}
    return _object(
        "The tasks that the loop is chosen for where none is named. Phrases: `a|b` either, `fail*` any ending.",
        {
            "why": {**_TEXT, "description": "Told to the user."},
            "starts": {**phrases, "description": "How such a task begins."},
            "ends": {**_TEXTS, "description": "Its last characters."},
            "words": {**phrases, "description": "Phrases anywhere in it."},
            "state": {"type": "array", "items": _one_of(names.STATES), "uniqueItems": True},
            "hints": {**phrases, "description": "Phrases that are enough where the state holds."},
            "openings": {**phrases, "description": "Cut off before `starts` is looked at."},
            "default": _one_of(names.DEFAULTS, "For a task, or for no task, that nothing speaks for."),
        },
        dependencies={"hints": ["state"]},
    )


def _loop() -> Schema:
    ask = _object("A question with its answers.", {"question": _TEXT, "answers": _TEXTS}, ("question",))
    budget = {
        "cost_usd": _number("US dollars.", 0, 100_000),
        "tokens": _number("Tokens in and out.", 1, 10**12, whole=True),
        "wall_s": _number("Seconds.", 0.1, 30 * 86_400),
        "turns": _number("Model replies.", 1, 1_000_000, whole=True),
    }
    step = _object(
        "One step; it holds exactly one of " + ", ".join(names.STEP_KINDS) + ".",
        {
            "name": _NAME,
            "agent": _NAME,
            "check": _check(names.STEP_CHECKS),
            "command": _TEXT,
            "loop": _NAME,
            "ask": {"oneOf": [_TEXT, ask], "description": "A question to the person."},
            "git": _one_of(names.GIT),
            "each": {
                **_TEXT,
                "description": "A list: " + ", ".join(names.LIST_PROVIDERS) + ", or STEP.FIELD.",
            },
            "on_item": _one_of(names.ON_ITEM, "What a bad item does to those after it."),
            "parallel": _number("Items side by side.", 1, 64, whole=True),
            "on": {
                "type": "object",
                "additionalProperties": _TEXT,
                "description": "Verdict: step, done, stop or ask.",
            },
            "max_visits": _number("One step of each cycle needs it.", 1, 1000, whole=True),
            "break": {"type": "boolean", "description": "The run waits before this step."},
        },
        ("name",),
        oneOf=[{"required": [kind]} for kind in names.STEP_KINDS],
        dependencies={"on_item": ["each"], "parallel": ["each"]},
    )
    return {
        "$schema": _DRAFT,
        "title": "treadle loop",
        **_object(
            "One loop: the order of its steps.",
            {
                "name": _NAME,
                "description": _TEXT,
                "base": {
                    **_TEXT,
                    "description": "tree, index or a commit: what is read, checked and changed.",
                },
                "budget": _object("What a run may use in all.", budget),
                "apply": _one_of(names.APPLY, "When proven changes are written."),
                "chosen_by": _chosen_by(),
                "steps": {"type": "array", "items": step, "minItems": 1},
            },
            ("name",),
        ),
    }


def _tiers() -> Schema:
    model = _object(
        "A model with where and how it is reached.",
        {
            "model": _TEXT,
            "endpoint": {"type": "string", "pattern": "^https?://"},
            "key_env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
            "options": {"type": "object"},
        },
        ("model",),
    )
    tier = _object("Alternatives; the first that answers is used.", {"models": _models(model)})
    usd = _number("US dollars per million tokens.", 0, 1e6)
    price = _object("A price.", {"input": usd, "output": usd, "cached": usd}, ("input", "output"))
    return {
        "$schema": _DRAFT,
        "title": "treadle tiers",
        **_object(
            "Classes of compute, cheapest first.",
            {
                "tiers": {"type": "object", "propertyNames": _NAME, "additionalProperties": tier},
                "prices": {"type": "object", "additionalProperties": price},
                "time_value_usd_per_hour": _number("What waiting is worth.", 0, 100_000),
            },
        ),
    }


def _models(model: Schema) -> Schema:
    return {"type": "array", "items": {"oneOf": [{"type": "string", "pattern": r"^\S+$"}, model]}}


def _settings() -> Schema:
    shape = _object(
        "How the project is tested, where detection is not right.",
        {"runner": _one_of(names.RUNNERS), "command": _TEXT, "timeout_s": _number("Seconds.", 1, 86_400)},
    )
    tests = {**shape, "not": {"required": ["runner", "command"]}}
    return {
        "$schema": _DRAFT,
        "title": "treadle settings",
        **_object(
            "What a user allows; a repository's settings can only narrow it.",
            {
                **{key: _one_of(values) for key, values in CHOICES.items()},
                "offline": {"type": "boolean"},
                "python": _TEXT,
                "threads": _number("0 is as many as there are cores.", 0, 1024, whole=True),
                "tests": tests,
                "commands": _object(
                    "What one command may use, 0 for as much as treadle itself; a repository can't say it.",
                    {key: _number("0 is no limit.", 0, 1 << 40, whole=True) for key in COMMAND_KEYS},
                ),
            },
        ),
    }


def encoded(schema: Schema) -> str:
    """The schema as it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Writes the schemas into a folder; with `--check` says which of them there are out of date, as 1."""
    check = "--check" in arguments
    folders = [argument for argument in arguments if argument != "--check"]
    if len(folders) != 1:
        sys.stderr.write("usage: python -m treadle.spec.schema [--check] DIR\n")
        return 2
    old = 0
    for name, schema in schemas().items():
        path = Path(folders[0]) / f"{name}.schema.json"
        text = encoded(schema)
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            sys.stderr.write(
                f"{path}: out of date; write it with python -m treadle.spec.schema {folders[0]}\n"
            )
            old = 1
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return old


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
