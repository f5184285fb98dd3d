"""By what a loop is chosen for a task: its key `chosen_by`, and which loop is the default where several say so."""

import re
from typing import Literal, cast

from msgspec import structs

from treadle.spec import names
from treadle.spec.faults import Source, shorten
from treadle.spec.fields import Fields
from treadle.spec.loop import ChosenBy, LoopSpec

KEY = "chosen_by"
KEYS = ("why", "starts", "ends", "words", "state", "hints", "openings", "default")
_PHRASE = re.compile(rf"{names.PHRASE_WORD}(?:\|{names.PHRASE_WORD})*\Z")


def read_chosen_by(fields: Fields) -> ChosenBy:
    """What the loop's key `chosen_by` holds; a part that is faulty is left out."""
    raw = fields.mapping(KEY)
    if raw is None:
        return ChosenBy()
    chosen = Fields(raw, fields.faults, KEYS)
    if "hints" in raw and "state" not in raw:
        fields.faults.add(chosen.key_at("hints"), "needs_key", key="hints", other="state")
    default = chosen.choice("default", names.DEFAULTS, "")
    return ChosenBy(
        why=chosen.text("why"),
        starts=_phrases(chosen, "starts"),
        ends=tuple(text.strip() for text, _ in chosen.texts("ends") if text.strip()),
        words=_phrases(chosen, "words"),
        state=_states(chosen),
        hints=_phrases(chosen, "hints"),
        openings=_phrases(chosen, "openings"),
        default=cast(Literal["", "task", "no_task"], "" if default == "none" else default),
    )


def _states(chosen: Fields) -> tuple[str, ...]:
    found = []
    for word, place in chosen.texts("state"):
        if word in names.STATES:
            found.append(word)
        else:
            chosen.unknown(place, word, names.STATES, what="an item of `state`")
    return tuple(found)


def _phrases(chosen: Fields, key: str) -> tuple[str, ...]:
    """The list's phrases in lower case, blanks made one."""
    found = []
    for text, place in chosen.texts(key):
        words = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()
        if words and all(_PHRASE.match(word) for word in words):
            found.append(" ".join(words))
        else:
            chosen.faults.add(place, "bad_phrase", found=shorten(text), key=key)
    return tuple(found)


def settle_defaults(loops: dict[str, LoopSpec], fields: dict[str, Fields]) -> dict[str, LoopSpec]:
    """The loops with one default of each kind: a later layer's wins, two of one layer are a fault."""
    settled = dict(loops)
    for kind in ("task", "no_task"):
        first = ""
        claiming = [name for name, loop in loops.items() if loop.chosen_by.default == kind]
        for name in sorted(claiming, key=lambda name: _source(fields[name]).rank):
            if first and _source(fields[name]).layer == _source(fields[first]).layer:
                inner = fields[name].mapping(KEY)
                assert inner is not None
                fields[name].faults.add(inner.at["default"], "default_twice", found=kind, other=first)
            elif first:
                loop = settled[first]
                settled[first] = structs.replace(loop, chosen_by=structs.replace(loop.chosen_by, default=""))
            first = name
    return settled


def _source(fields: Fields) -> Source:
    """The file in which the loop says what it is the default for."""
    inner = fields.mapping(KEY)
    assert inner is not None
    return inner.at["default"][0]
