"""What is tried in place of what: operators, calls and constants that people mix up."""

from __future__ import annotations

import ast
import re
from typing import Any, Iterator

COMPARE: dict[str, list[tuple[str, float]]] = {
    "<": [("<=", 1.0), (">", 1.1), (">=", 1.2), ("==", 1.5), ("!=", 1.5)],
    "<=": [("<", 1.0), (">=", 1.1), (">", 1.2), ("==", 1.5), ("!=", 1.5)],
    ">": [(">=", 1.0), ("<", 1.1), ("<=", 1.2), ("==", 1.5), ("!=", 1.5)],
    ">=": [(">", 1.0), ("<=", 1.1), ("<", 1.2), ("==", 1.5), ("!=", 1.5)],
    "==": [("!=", 1.0), ("<=", 1.3), (">=", 1.3), ("<", 1.4), (">", 1.4), ("is", 1.6), ("in", 1.6)],
    "!=": [("==", 1.0), ("<", 1.3), (">", 1.3), ("<=", 1.4), (">=", 1.4), ("is not", 1.6), ("not in", 1.6)],
    "in": [("not in", 1.0), ("==", 1.6)],
    "not in": [("in", 1.0), ("!=", 1.6)],
    "is": [("is not", 1.0), ("==", 1.4)],
    "is not": [("is", 1.0), ("!=", 1.4)],
}
COMPARE_TOKEN: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
BINARY_TOKEN: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.MatMult: "@",
}
_NEAR_BINARY = {
    "+": ["-"],
    "-": ["+"],
    "*": ["/", "//", "+", "**"],
    "/": ["//", "*"],
    "//": ["/", "%", "*"],
    "%": ["//", "/"],
    "**": ["*"],
    "<<": [">>"],
    ">>": ["<<"],
    "&": ["|", "^", "-"],
    "|": ["&", "^"],
    "^": ["&", "|"],
    "@": [],
}

_FAMILIES = """
min max sum; any all; sorted reversed; floor ceil round int trunc; list tuple set; str repr; int float;
len sum; keys values items; append extend insert; appendleft append; popleft pop; add update discard;
remove discard pop; lower upper casefold title capitalize swapcase; strip lstrip rstrip;
startswith endswith; removeprefix removesuffix; ljust rjust center; find rfind index;
split rsplit splitlines; partition rpartition; isdigit isalpha isalnum isnumeric isspace; isupper islower;
union intersection difference symmetric_difference; issubset issuperset; sin cos tan; log log2 log10 exp;
days seconds total_seconds; year month day; hour minute second; bisect bisect_left bisect_right;
insort insort_left insort_right; heappush heappop heappushpop heapreplace; zip zip_longest;
combinations permutations product combinations_with_replacement; get pop setdefault;
ValueError TypeError KeyError IndexError LookupError AttributeError ZeroDivisionError ArithmeticError;
match fullmatch search findall; dirname basename; exists isfile isdir; quote unquote; dumps loads;
encode decode; mean median; getattr hasattr; islice takewhile dropwhile; replace translate;
nlargest nsmallest; itemgetter attrgetter; read readline readlines; write writelines; isinstance issubclass;
"""
RELATIVES: dict[str, list[str]] = {}
for _family in _FAMILIES.strip().rstrip(";").split(";"):
    _names = _family.split()
    for _name in _names:
        RELATIVES.setdefault(_name, []).extend(n for n in _names if n != _name and n not in RELATIVES[_name])

_SEPARATORS = ["", " ", ",", ", ", "-", "_", ":", ": ", "\n", ".", "/", "0"]
_WITHIN = (("<", ">"), (">", "<"), ("+", "-"), ("*", "+"), ("+", "*"), ("?", "+"), ("r", "w"), ("w", "a"))
_DIGITS = re.compile(r"\d+")


def binary(token: str) -> list[tuple[str, float]]:
    """The operators tried in place of `token`, each with its cost."""
    near = _NEAR_BINARY[token]
    arithmetic = ["+", "-", "*", "//", "/", "%"] if token in ("+", "-", "*", "//", "/", "%") else []
    return [(t, 1.0) for t in near] + [(t, 1.5) for t in arithmetic if t not in near and t != token]


def constants(value: Any, from_test: list[Any], names: set[str]) -> Iterator[tuple[str, float]]:
    """The texts tried in place of a constant, each with its cost; `from_test` are the failing test's constants."""
    if isinstance(value, bool):
        yield str(not value), 1.0
        yield "None", 1.9
    elif value is None:
        yield from (("0", 2.0), ("''", 2.1), ("[]", 2.0), ("False", 2.0), ("True", 2.0))
    elif isinstance(value, int):
        yield from _integers(value)
        yield from ((repr(v), 1.9) for v in from_test if type(v) in (int, float))
    elif isinstance(value, float):
        changed = [
            value + 1,
            value - 1,
            -value,
            0.0,
            1.0,
            value * 10,
            value / 10,
            value * 2,
            value / 2,
            1 - value,
        ]
        yield from ((repr(round(v, 12)), 1.4) for v in changed)
        yield from ((repr(v), 1.9) for v in from_test if type(v) in (int, float))
    elif isinstance(value, str):
        yield from _strings(value, names)
        yield from ((repr(v), 1.7) for v in from_test if isinstance(v, str) and len(v) < 80)
        yield "b" + repr(value), 2.2
    elif isinstance(value, bytes):
        yield repr(value)[1:], 2.0


def _integers(value: int) -> Iterator[tuple[str, float]]:
    yield from ((str(value + 1), 1.0), (str(value - 1), 1.0))
    yield from ((str(v), 1.3) for v in (0, 1, -1))
    yield from ((str(v), 1.6) for v in (value + 2, value - 2, -value))
    yield from ((str(v), 1.8) for v in (value * 2, value // 2, value * 10, value // 10))
    for units in ((7, 12, 24, 30, 31, 60, 365, 366, 3600, 86400), (8, 10, 16, 100, 1000, 1024, 2)):
        if value in units:
            yield from ((str(v), 1.8) for v in units)
    yield str(float(value)), 2.0


def _strings(value: str, names: set[str]) -> Iterator[tuple[str, float]]:
    if any(found in names for found in re.findall(r"\{(\w+)", value)):
        yield "f" + repr(value), 0.9
    yield from ((repr(v), 1.3) for v in (value.lower(), value.upper(), value.capitalize(), value.title()))
    yield from (
        (repr(v), 1.6) for v in (value.strip(), value + " ", " " + value, value.rstrip("s"), value + "s")
    )
    if len(value) <= 2:
        yield from ((repr(v), 1.8) for v in _SEPARATORS)
        yield from ((repr(v), 1.9) for v in {value + value, value[::-1], value[:1], value[1:]})
    for found in _DIGITS.finditer(value):
        for number in (int(found.group()) + 1, int(found.group()) - 1):
            text = str(number).rjust(len(found.group()), "0")
            yield repr(value[: found.start()] + text + value[found.end() :]), 1.5
    if len(value) > 2:
        yield from ((repr(value[:n] + value[n + 1 :]), 2.1) for n in (0, len(value) - 1))
    if len(value) <= 12:
        for old, new in _WITHIN:
            if old in value:
                yield repr(value.replace(old, new, 1)), 1.7
        yield "''", 2.2
