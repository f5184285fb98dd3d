"""Functions, classes and methods of a file, with their lines."""

from typing import TYPE_CHECKING

from msgspec import Struct

from treadle.codemap.parse import Parsed

if TYPE_CHECKING:
    from tree_sitter import Node

_KINDS = {
    "python": {"function_definition": "function", "class_definition": "class"},
    "javascript": {
        "function_declaration": "function", "generator_function_declaration": "function",
        "class_declaration": "class", "method_definition": "method", "variable_declarator": "variable",
    },
    "go": {"function_declaration": "function", "method_declaration": "method", "type_spec": "class"},
    "rust": {
        "function_item": "function", "struct_item": "class", "enum_item": "class", "trait_item": "class",
        "impl_item": "class", "mod_item": "class",
    },
    "java": {
        "class_declaration": "class", "interface_declaration": "class", "enum_declaration": "class",
        "record_declaration": "class", "method_declaration": "method", "constructor_declaration": "method",
    },
    "c": {"function_definition": "function", "struct_specifier": "class"},
    "cpp": {
        "function_definition": "function", "struct_specifier": "class", "class_specifier": "class",
        "namespace_definition": "class",
    },
    "bash": {"function_definition": "function"},
}  # fmt: skip
_KINDS["typescript"] = _KINDS["tsx"] = _KINDS["javascript"] | {
    "interface_declaration": "class", "type_alias_declaration": "class", "enum_declaration": "class",
    "abstract_class_declaration": "class",
}  # fmt: skip
_FUNCTION_VALUES = {"arrow_function", "function_expression", "function", "generator_function"}


class Symbol(Struct, frozen=True):
    """A definition. `name` is dotted (`Class.method`), `start` to `end` its 1-based lines with decorators.

    `signature` is its head in one line, `kind` function, method or class.
    """

    name: str
    kind: str
    start: int
    end: int
    signature: str


def symbols(parsed: Parsed) -> list[Symbol]:
    """The file's definitions in source order, outer before inner; [] for a language without any."""
    kinds = _KINDS.get(parsed.language, {})
    found: list[Symbol] = []
    stack: list[tuple[Node, str, str]] = [(parsed.tree.root_node, "", "")]
    while stack:
        node, outer, outer_kind = stack.pop()
        kind = kinds.get(node.type, "")
        name = _name(node) if kind and _counts(node, kind) else ""
        if name:
            outer, outer_kind = f"{outer}.{name}" if outer else name, _kind(kind, outer_kind)
            found.append(_symbol(parsed, node, outer, outer_kind))
        stack.extend((child, outer, outer_kind) for child in reversed(node.named_children))
    return found


def enclosing(found: list[Symbol], line: int) -> Symbol | None:
    """The innermost of `found` that holds the 1-based line; None outside all of them."""
    holding = [symbol for symbol in found if symbol.start <= line <= symbol.end]
    return max(holding, key=lambda symbol: (symbol.start, -symbol.end), default=None)


def _counts(node: "Node", kind: str) -> bool:
    """Whether the node defines something: a variable does when it holds a function, a struct when it has a body."""
    if kind == "variable":
        value = node.child_by_field_name("value")
        return value is not None and value.type in _FUNCTION_VALUES
    if node.type in ("struct_specifier", "class_specifier"):
        return node.child_by_field_name("body") is not None
    return True


def _kind(kind: str, outer_kind: str) -> str:
    if kind == "variable":
        return "function"
    return "method" if kind == "function" and outer_kind == "class" else kind


def _name(node: "Node") -> str:
    named = node.child_by_field_name("type" if node.type == "impl_item" else "name")
    declarator = node.child_by_field_name("declarator")
    while named is None and declarator is not None:
        inner = declarator.child_by_field_name("declarator")
        named, declarator = (declarator, None) if inner is None else (None, inner)
    return _text(named).split("(")[0].strip() if named is not None else ""


def _symbol(parsed: Parsed, node: "Node", name: str, kind: str) -> Symbol:
    whole = node
    parent = node.parent
    if parent is not None and parent.type in (
        "decorated_definition",
        "export_statement",
        "lexical_declaration",
    ):
        whole = parent
    body = node.child_by_field_name("body")
    if node.type == "variable_declarator":
        value = node.child_by_field_name("value")
        body = value.child_by_field_name("body") if value is not None else None
    end = body.start_byte if body is not None else node.end_byte
    head = parsed.content[node.start_byte : end].decode("utf-8", "replace")
    signature = " ".join(head.split()).rstrip(" :{=>")
    return Symbol(name, kind, whole.start_point[0] + 1, whole.end_point[0] + 1, signature[:200])


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")
