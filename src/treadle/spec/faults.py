"""Faults in what the user wrote: where, which, and in which words. All of a load are told at once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

Layer = Literal["built-in", "user", "repository"]


class Source(Struct, frozen=True, eq=False):
    """A file that was read: as `shown` to the user, of which layer, and its rank in the order of faults."""

    path: Path
    shown: str
    layer: Layer
    folder: Path
    rank: int = 0
    inside: Path | None = None


Place = tuple[Source, int]
"""A file and a line in it, counted from 1."""

TEXTS = {
    # files
    "unreadable": "can't be read: {reason}",
    "outside": "is a link that leads outside the repository",
    "wrong_suffix": "is not read: end its name in .yaml",
    "too_large": "is larger than 256 KiB",
    "not_utf8": "is not UTF-8 text",
    "control_character": "holds the control character {char}",
    "empty": "is empty: it should hold {wanted}",
    "already": "{kind} `{name}` is already defined in {other}",
    # YAML
    "syntax": "is not YAML: {reason}",
    "too_deep": "is nested deeper than 32 levels",
    "many_documents": "a second document starts here: one file holds one",
    "no_tag": "the tag `{tag}` is not taken: values are plain text, numbers, true, false, lists and mappings",
    "no_anchor": "the anchor `&{name}` is not taken: write the value out where it is needed",
    "no_alias": "the alias `*{name}` is not taken: write the value out",
    "no_merge": "the merge key `<<` is not taken: `extends` starts from another agent",
    "no_compound_key": "a key must be text, not {found}",
    "duplicate_key": "`{key}` stands twice in the same mapping (first on line {first})",
    "bad_number": "`{text}` is no number that can be used: put text in quotes",
    # shape
    "unknown_key": "unknown key `{key}`; allowed: {known}{hint}",
    "missing_key": "`{key}` is missing",
    "wrong_type": "{what} must be {wanted}, not {found}",
    "empty_value": "{what} must not be empty",
    "out_of_range": "{what} must be {range}, not {found}",
    "bad_value": "{what} must be one of {known}, not `{found}`{hint}",
    "bad_name": "`{found}` can't be {what}: letters, digits, `-` and `_`, a letter first, at most 64",
    "reserved_name": "`{found}` can't be {what}: the word has a meaning of its own",
    "twice": "`{found}` stands twice in {what}",
    "both_keys": "`{one}` and `{other}` exclude each other",
    "needs_key": "`{key}` needs `{other}` beside it",
    # names
    "unknown_tier": "unknown tier `{found}`; known: {known}{hint}",
    "unknown_agent": "unknown agent `{found}`; known: {known}{hint}",
    "unknown_loop": "unknown loop `{found}`; known: {known}{hint}",
    "unknown_check": "unknown check `{found}`; known: {known}{hint}",
    "unknown_tool": "unknown tool `{found}`; known: {known}{hint}",
    "unknown_solver": "unknown solver `{found}`; known: {known}{hint}",
    "unknown_protocol": "unknown protocol `{found}`; known: {known}{hint}",
    # agents
    "extends_cycle": "`extends` leads back to where it began: {chain}",
    "no_way": "tier `{tier}` needs `tools`, or a `protocol`, or an `output` to fill",
    "no_solver": "tier `code` runs a program: name its `solver`; known: {known}",
    "solver_off_code": "a solver runs on tier `code` only, not on `{tier}`",
    "model_on_code": "tier `code` runs no model: `{key}` has no meaning there",
    "race_too_small": "a race needs two tiers or more",
    "race_code": "tier `code` can't race: give it a rung of its own before the race",
    "protocol_needs_output": "protocol `fill` fills an `output`: this agent has none",
    "no_prompt": "`prompt` is missing: a model of tier `{tier}` would be asked nothing",
    "prompt_not_found": "prompt `{found}` was not found in {folders}",
    "prompt_path": "a prompt is named without folders, as `{name}`",
    "prompt_placeholder": "`${{{found}}}` is not among the agent's `inputs`: {known}{hint}",
    "input_name": "`{found}` can't be an input: a provider, `item`, or a step, with dotted fields or without",
    "verdicts_need_field": "`verdicts` are told in the output's field `verdict`, and this agent's output has none",
    "check_needs_output": "check `schema` judges an `output`: this agent has none",
    "places_need_field": "check `places` judges the output's field `places`, and this agent's output has none",
    "bad_command_check": 'a command check is written {{command: "…"}}',
    "schema_keyword": "unknown JSON Schema keyword `{found}`; known: {known}{hint}",
    "schema_required": "`required` names `{found}`, which is not among the properties: {known}{hint}",
    # tiers
    "code_models": "tier `code` runs programs, no models",
    "model_path": "scripted model `{found}`: no such file",
    "model_outside": "scripted model `{found}` lies outside the repository",
    "bad_model": "`{found}` is no model's name: it is written like `ollama/qwen3-coder:30b`",
    "bad_endpoint": "`{found}` is no address of a model server: http://HOST:PORT/v1 was expected",
    "endpoint_user": "`endpoint` holds a name or a password before an `@`, which would not be sent and would be shown: "
    "name the variable that holds the key in `key_env`",
    "bad_key_env": "`key_env` names an environment variable, and what stands here can't be one; "
    "a key itself never stands in a file",
    # loops
    "step_kind": "a step holds exactly one of {known}; this one holds {found}",
    "unknown_target": "`{found}` is neither a step of this loop nor done, stop or ask; steps: {known}{hint}",
    "unknown_verdict": "`{found}` is no verdict of this step; allowed: {known}{hint}",
    "limit_without_max": "`limit` answers a used-up `max_visits`, and this step has none",
    "unbounded_cycle": "this cycle has no end: {chain}; give one of its steps `max_visits`",
    "unreachable_step": "step `{found}` is never reached",
    "loop_recursion": "a loop can't run itself: {chain}",
    "each_source": "`each` takes a list: {known}, or an output such as `plan.tasks`; not `{found}`{hint}",
    "each_on": "`each` stands on an agent or loop step only",
    "agent_input": "agent `{agent}` takes `{found}`, which is neither a provider nor a step of this loop; "
    "known: {known}{hint}",
    "agent_item": "agent `{agent}` takes `item`, which exists only inside `each`",
    "input_too_late": "`{found}` has no output yet: step `{step}` comes later and never before this one",
    "input_field": "`{found}`: the output of agent `{agent}` has no field `{field}`; known: {known}{hint}",
    "each_no_list": "`{found}` is no list in the output of agent `{agent}`",
    "bad_phrase": "`{found}` is no phrase of `{key}`: words as they stand in a task, `a|b` for either, "
    "`fail*` for any ending",
    "default_twice": "loop `{other}` is the default for `{found}` too: one loop can be that",
    "never_writes": "`git: {found}` has no place in a loop with `apply: never`",
    # what a repository may not do
    "repository_option": "a repository can't give a model the option `{found}`; allowed: {known}{hint}",
    "repository_widens": "a repository can't set `{what}: {found}`: {reason}",
}
"""Every fault's words by its code; each code has a file in tests/spec/invalid."""


class Faults:
    """The faults of one load, gathered in any order and told in file order."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str, int, str, str]] = []

    def add(self, place: Place, code: str, **words: Any) -> None:
        """Notes a fault of the kind `code` at `place`; `words` fill its text."""
        source, line = place
        fault = (source.rank, source.shown, line, TEXTS[code].format(**words), code)
        if fault not in self._found:
            self._found.append(fault)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def lines(self) -> tuple[str, ...]:
        """All faults as `file:line: text`: the files in the order of their layers, each from its top."""
        ordered = sorted(self._found, key=lambda fault: fault[:3])
        return tuple(f"{shown}:{line}: {text}" for _, shown, line, text, _ in ordered)

    def codes(self) -> tuple[str, ...]:
        """The codes of all faults, in the order of `lines`."""
        return tuple(fault[4] for fault in sorted(self._found, key=lambda fault: fault[:3]))


def listed(names: Iterable[str]) -> str:
    """The names with commas between, `none` where there are none."""
    return ", ".join(names) or "none"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` with the nearest of `known`, empty where none is near."""
    import difflib

    folded = {name.lower().replace("_", "-"): name for name in known}
    near = difflib.get_close_matches(found.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return f"; did you mean `{folded[near[0]]}`?" if near else ""


def kind_of(value: Any) -> str:
    """What a YAML value is, in a user's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{shorten(value)}`"
    return "a mapping" if isinstance(value, dict) else "a list"


def shorten(text: str, most: int = 60) -> str:
    """The first line of `text`, cut with `…` after `most` characters."""
    line = text.split("\n", 1)[0]
    return line if len(line) <= most and line == text else line[:most] + "…"
