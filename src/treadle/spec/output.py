"""The JSON Schema under an agent's `output`: its own mistakes, and the fields that a dotted name may ask for."""

from typing import Any

from treadle.protocol.messages import Json
from treadle.spec.faults import Place, kind_of
from treadle.spec.fields import Fields
from treadle.spec.read import Items, Map

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_ONE = ("items", "additionalProperties", "not")
_MANY = ("anyOf", "oneOf", "allOf")
_FREE = ("const", "default", "examples", "title", "description", "format", "pattern", "uniqueItems")
KEYWORDS = ("type", "properties", "required", "enum", *_ONE, *_MANY, *_COUNTS, *_NUMBERS, *_FREE)
_MOST = 1_000_000


def check_schema(fields: Fields) -> None:
    """Faults what is wrong in the JSON Schema that `fields` holds. References are not taken: a schema is whole."""
    if not isinstance(fields.map.get("type"), Items):
        fields.choice("type", TYPES, "")
    else:
        fields.names("type", TYPES, "bad_value")
    for key in _COUNTS:
        fields.number(key, 0, _MOST, whole=True)
    for key in _NUMBERS:
        fields.number(key, -1e18, 1e18)
    if (values := fields.items("enum")) is not None and not values:
        fields.fault("enum", "empty_value", what="`enum`")
    properties = fields.mapping("properties")
    known = tuple(properties or ())
    for name, place in fields.texts("required"):
        if name not in known:
            fields.unknown(place, name, known, "schema_required")
    for key in known:
        assert properties is not None
        _inner(properties[key], properties.at[key], f"property `{key}`", fields)
    for key in _ONE:
        if key in fields.map and not isinstance(fields.map[key], bool):
            _inner(fields.map[key], fields.at(key), f"`{key}`", fields)
    for key in _MANY:
        for value, place in fields.items(key) or ():
            _inner(value, place, f"an item of `{key}`", fields)


def _inner(value: Any, place: Place, what: str, outer: Fields) -> None:
    if isinstance(value, Map):
        check_schema(schema_fields(value, outer))
    else:
        outer.faults.add(place, "wrong_type", what=what, wanted="a JSON Schema", found=kind_of(value))


def schema_fields(value: Map, outer: Fields) -> Fields:
    """The fields of a JSON Schema; an unknown keyword is a fault of its own kind."""
    for key in value:
        if key not in KEYWORDS:
            outer.unknown(value.keys_at[key], key, KEYWORDS, "schema_keyword")
    return Fields(value, outer.faults, (*KEYWORDS, *value))


def field_of(schema: dict[str, Json] | None, name: str) -> dict[str, Json] | tuple[str, ...]:
    """The schema of the field `name`; where there is none, the names of the fields there are.

    A schema that doesn't say which fields it has gives the empty schema: anything may be there.
    """
    properties = (schema or {}).get("properties")
    if not isinstance(properties, dict):
        return {} if (schema or {}).get("type") in (None, "object") else ()
    if name not in properties:
        return tuple(properties)
    found: dict[str, Json] = properties[name]
    return found
