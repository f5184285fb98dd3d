"""The part of JSON Schema that agents and tools use, held against a value.

Known: type, properties, required, additionalProperties, items, enum, const, minimum, maximum,
exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, minItems, maxItems,
uniqueItems, minProperties, maxProperties, oneOf, anyOf, allOf, not, and $ref within the same schema. Any
other word says nothing here; the loader of agents refuses it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from treadle.protocol.messages import Json

_TYPES: dict[str, tuple[Any, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int, float),
    "number": (int, float),
}
_BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "minimum": (lambda v, b: v >= b, "at least"),
    "maximum": (lambda v, b: v <= b, "at most"),
    "exclusiveMinimum": (lambda v, b: v > b, "more than"),
    "exclusiveMaximum": (lambda v, b: v < b, "less than"),
    "multipleOf": (lambda v, b: (v / b) == int(v / b), "a multiple of"),
}
_LENGTHS: dict[str, tuple[Any, Callable[[int, int], bool], str]] = {
    "minLength": (str, lambda n, b: n >= b, "at least {} characters"),
    "maxLength": (str, lambda n, b: n <= b, "at most {} characters"),
    "minItems": (list, lambda n, b: n >= b, "at least {} items"),
    "maxItems": (list, lambda n, b: n <= b, "at most {} items"),
    "minProperties": (dict, lambda n, b: n >= b, "at least {} keys"),
    "maxProperties": (dict, lambda n, b: n <= b, "at most {} keys"),
}


def validate(value: Json, schema: Json) -> list[str]:
    """How `value` breaks the schema, as `$.path: text` in the value's order; [] when it holds."""
    return list(_check(value, schema, "$", schema, 0))


def _resolve(ref: str, root: Json) -> Json:
    if not ref.startswith("#"):
        raise KeyError(ref)
    found = root
    for part in ref[1:].strip("/").split("/") if ref.strip("#/") else ():
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _check(value: Json, schema: Json, path: str, root: Json, depth: int) -> Iterator[str]:
    if schema is True:
        return
    if schema is False or depth > 60:
        yield f"{path}: no value is allowed here" if schema is False else f"{path}: nested too deep"
        return
    if "$ref" in schema:
        try:
            target = _resolve(schema["$ref"], root)
        except (KeyError, TypeError):
            yield f"{path}: the schema's $ref {schema['$ref']!r} leads nowhere"
            return
        yield from _check(value, target, path, root, depth + 1)
    if "type" in schema and not _is_type(value, schema["type"]):
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        yield f"{path}: must be {' or '.join(names)}, is {_name(value)}"
        return
    yield from _check_plain(value, schema, path)
    yield from _check_parts(value, schema, path, root, depth)
    yield from _check_choice(value, schema, path, root, depth)


def _check_plain(value: Json, schema: dict[str, Json], path: str) -> Iterator[str]:
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"]):
        yield f"{path}: must be one of {', '.join(map(repr, schema['enum']))}, is {value!r:.80}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{path}: must be {schema['const']!r}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for word, (holds, text) in _BOUNDS.items():
            if word in schema and not holds(value, schema[word]):
                yield f"{path}: must be {text} {schema[word]}, is {value}"
    for word, (kind, fits, text) in _LENGTHS.items():
        if word in schema and isinstance(value, kind):
            size = len(value)
            if not fits(size, schema[word]):
                yield f"{path}: must have {text.format(schema[word])}, has {size}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{path}: must match {schema['pattern']}"
    if schema.get("uniqueItems") and isinstance(value, list):
        if any(_same(a, b) for i, a in enumerate(value) for b in value[:i]):
            yield f"{path}: its items must differ"


def _check_parts(value: Json, schema: dict[str, Json], path: str, root: Json, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}: `{name}` is missing"
        more = schema.get("additionalProperties", True)
        for name, inner in value.items():
            if name in known:
                yield from _check(inner, known[name], f"{path}.{name}", root, depth + 1)
            elif more is False:
                yield f"{path}: `{name}` is not allowed"
            elif isinstance(more, dict):
                yield from _check(inner, more, f"{path}.{name}", root, depth + 1)
    if isinstance(value, (list, tuple)) and "items" in schema:
        for number, inner in enumerate(value):
            yield from _check(inner, schema["items"], f"{path}[{number}]", root, depth + 1)


def _check_choice(value: Json, schema: dict[str, Json], path: str, root: Json, depth: int) -> Iterator[str]:
    for inner in schema.get("allOf", ()):
        yield from _check(value, inner, path, root, depth + 1)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            results = [list(_check(value, inner, path, root, depth + 1)) for inner in schema[word]]
            held = sum(not faults for faults in results)
            if held == 0:
                yield min(results, key=len)[0] if results else f"{path}: matches none of {word}"
            elif word == "oneOf" and held > 1:
                yield f"{path}: matches {held} of oneOf, must match one"
    if "not" in schema and not list(_check(value, schema["not"], path, root, depth + 1)):
        yield f"{path}: must not match the schema under `not`"


def _is_type(value: Json, names: Json) -> bool:
    for name in names if isinstance(names, list) else [names]:
        if isinstance(value, bool) and name != "boolean":
            continue
        if name == "integer" and isinstance(value, float):
            if value.is_integer():
                return True
        elif isinstance(value, _TYPES.get(name, ())):
            return True
    return False


def _same(a: Json, b: Json) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _name(value: Json) -> str:
    if isinstance(value, float):
        return "number"
    return next(name for name, kinds in _TYPES.items() if isinstance(value, kinds))
