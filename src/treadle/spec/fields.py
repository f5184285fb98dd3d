"""Takes a mapping of the user's apart, key by key; what is wrong becomes a fault at its own line."""

import re
from collections.abc import Iterable
from typing import Any

from treadle.spec.faults import Faults, Place, did_you_mean, kind_of, listed, shorten
from treadle.spec.names import NAME
from treadle.spec.read import Items, Map

_NAME = re.compile(NAME + r"\Z")


class Fields:
    """One mapping under reading. A wrong value is faulted and read as if it were not there."""

    def __init__(self, mapping: Map, faults: Faults, known: Iterable[str]) -> None:
        self.map = mapping
        self.faults = faults
        known = tuple(known)
        for key in mapping:
            if key not in known:
                hint = did_you_mean(key, known)
                faults.add(
                    mapping.keys_at[key], "unknown_key", key=shorten(key), known=listed(known), hint=hint
                )

    def at(self, key: str) -> Place:
        """Where the value of `key` stands; where the mapping begins for one that is not there."""
        return self.map.at.get(key, self.map.place)

    def key_at(self, key: str) -> Place:
        """Where `key` itself stands; where the mapping begins for one that is not there."""
        return self.map.keys_at.get(key, self.map.place)

    def fault(self, key: str, code: str, **words: Any) -> None:
        """A fault at the value of `key`."""
        self.faults.add(self.at(key), code, **words)

    def require(self, key: str) -> bool:
        """Whether `key` is there; a fault where it is not."""
        if key in self.map:
            return True
        self.faults.add(self.map.place, "missing_key", key=key)
        return False

    def _typed(self, key: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        if key not in self.map:
            return None
        value = self.map[key]
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
            return value
        self.fault(key, "wrong_type", what=f"`{key}`", wanted=wanted, found=kind_of(value))
        return None

    def text(self, key: str, default: str = "") -> str:
        """The text, stripped of the line breaks around it; an empty one is a fault."""
        value = self._typed(key, str, "text")
        if value is None:
            return default
        if not value.strip():
            self.fault(key, "empty_value", what=f"`{key}`")
            return default
        return str(value).strip()

    def name(self, key: str, what: str) -> str:
        """The text, a name of `what`; empty after a fault."""
        value = self.text(key)
        if value and not _NAME.match(value):
            self.fault(key, "bad_name", found=shorten(value), what=what)
            return ""
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """The boolean."""
        value = self._typed(key, bool, "true or false")
        return default if value is None else bool(value)

    def number(self, key: str, least: float, most: float, *, whole: bool = False) -> Any:
        """The number within `least` to `most`, both taken; None where there is none."""
        value = self._typed(key, int if whole else (int, float), "a whole number" if whole else "a number")
        if value is None:
            return None
        if not least <= value <= most:
            range_ = f"from {_digits(least)} to {_digits(most)}"
            self.fault(key, "out_of_range", what=f"`{key}`", range=range_, found=value)
            return None
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str, code: str = "") -> str:
        """The text, one of `known`; `code` is an unknown one's fault where it has one of its own."""
        value = self._typed(key, str, "one of " + listed(known))
        if value is None or value in known:
            return default if value is None else str(value)
        self.unknown(self.at(key), value, known, code, what=f"`{key}`")
        return default

    def unknown(self, place: Place, found: str, known: Iterable[str], code: str = "", what: str = "") -> None:
        """A fault that tells what is known, and the nearest of it."""
        known = tuple(known)
        hint = did_you_mean(found, known)
        self.faults.add(
            place, code or "bad_value", what=what, found=shorten(found), known=listed(known), hint=hint
        )

    def mapping(self, key: str) -> Map | None:
        """The mapping; None where there is none."""
        value = self._typed(key, dict, "a mapping")
        return value if isinstance(value, Map) else None

    def items(self, key: str) -> list[tuple[Any, Place]] | None:
        """The list's items with their places; None where there is no list."""
        value = self._typed(key, list, "a list")
        return list(zip(value, value.at, strict=True)) if isinstance(value, Items) else None

    def texts(self, key: str, wanted: str = "text") -> list[tuple[str, Place]]:
        """The list's texts with their places, each once; empty where there is no list."""
        found: list[tuple[str, Place]] = []
        for value, place in self.items(key) or ():
            if not isinstance(value, str) or not value:
                what = f"an item of `{key}`"
                self.faults.add(place, "wrong_type", what=what, wanted=wanted, found=kind_of(value))
            elif any(value == earlier for earlier, _ in found):
                self.faults.add(place, "twice", found=shorten(value), what=f"`{key}`")
            else:
                found.append((value, place))
        return found

    def names(self, key: str, known: tuple[str, ...], code: str) -> tuple[str, ...]:
        """The list's texts, each one of `known`; an unknown one's fault is `code`."""
        found = []
        for value, place in self.texts(key):
            if value in known:
                found.append(value)
            else:
                self.unknown(place, value, known, code)
        return tuple(found)


def _digits(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
