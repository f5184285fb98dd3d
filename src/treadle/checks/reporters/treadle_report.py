"""What both Python reporters share: the report file, and what can be said of a failure.

Runs in the project's interpreter, so: standard library only, Python 3.8 or later, nothing of treadle's.
The report is a file of JSON lines under TREADLE_SCRATCH, written as things happen, so that a test that
hangs or ends the process can be named.
"""

from __future__ import annotations

import ast
import json
import os
import re
import textwrap
import traceback
from functools import lru_cache
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from treadle.checks.reporters.treadle_network import refused
else:
    from treadle_network import refused

TEXT_LIMIT = 6000
VALUE_LIMIT = 300
_EQUAL = re.compile(
    r"assert(Equal|Equals|ListEqual|TupleEqual|DictEqual|SetEqual|SequenceEqual|MultiLineEqual)$"
)
_TRUTH = {"assertTrue": "True", "assertFalse": "False"}
_FIXED = (int, float, str, bytes, bool, type(None))


class Report:
    """The report file. Survives a test that closes descriptors; silent in forked children."""

    def __init__(self, scratch: str) -> None:
        self.path = os.path.join(scratch, "report.jsonl")
        self._pid = os.getpid()
        self._calls = (os.open, os.write, os.close, os.getpid)

    def write(self, event: str, **fields: Any) -> None:
        """Appends one record."""
        opener, writer, closer, getpid = self._calls
        if getpid() != self._pid:
            return
        line = json.dumps({"ev": event, **fields}, ensure_ascii=True) + "\n"
        fd = opener(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            writer(fd, line.encode("ascii"))
        finally:
            closer(fd)


def read_plan(scratch: str) -> dict[str, Any]:
    """What treadle wants run: `root` (real), `files`, `target` ids, `changed` paths.

    In a clone the repository stands elsewhere: then the folder the tests were started in is the root.
    """
    with open(os.path.join(scratch, "plan.json"), encoding="utf-8") as file:
        plan: dict[str, Any] = json.load(file)
    here, root = os.path.realpath(os.getcwd()), os.path.realpath(plan["root"])
    plan["root"] = root if here == root or here.startswith(root + os.sep) else here
    return plan


def drop_stale_bytecode(plan: dict[str, Any]) -> None:
    """Removes cached bytecode of changed files: a change in the same second and of the same size is not seen."""
    for path in plan["changed"]:
        folder, name = os.path.split(os.path.join(plan["root"], path))
        cache = os.path.join(folder, "__pycache__")
        stem = os.path.splitext(name)[0] + "."
        if name.endswith(".py") and os.path.isdir(cache):
            for cached in os.listdir(cache):
                if cached.startswith(stem) and cached.endswith(".pyc"):
                    try:
                        os.unlink(os.path.join(cache, cached))
                    except OSError:
                        pass


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` with its middle left out when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n[... %d characters left out ...]\n" % (len(text) - 2 * half) + text[-half:]


def show(value: Any) -> str:
    """The value's repr, cut; a repr that raises is said so."""
    try:
        return cut(repr(value), VALUE_LIMIT)
    except Exception as error:  # a project's __repr__ may raise anything
        return "<%s whose repr raises %s>" % (type(value).__name__, type(error).__name__)


def one_line(kind: type, value: Optional[BaseException]) -> str:
    """`Kind: first lines` of an exception in one line."""
    try:
        text = " ".join(str(value).split())
    except Exception:  # a project's __str__ may raise anything
        text = ""
    return cut("%s: %s" % (kind.__name__, text) if text else kind.__name__, 400)


def source_of(code: Optional[CodeType]) -> str:
    """The function's source, dedented and cut; "" where it can't be read."""
    if code is None:
        return ""
    import inspect

    try:
        return cut(textwrap.dedent(inspect.getsource(code)), 4000)
    except (OSError, TypeError, SyntaxError, IndexError):
        return ""


def failure(
    kind: type,
    value: Optional[BaseException],
    tb: Optional[TracebackType],
    root: str,
    code: Optional[CodeType],
    compared: Optional[tuple[str, str]] = None,
) -> dict[str, Any]:
    """What is known of a failed test, as fields of a record.

    `code` is the test function's; `compared` are the reprs of both sides of its `==`, where known.
    """
    frames = [(f, n) for f, n in traceback.walk_tb(tb)]
    mine = [(f, n) for f, n in frames if _inside(f.f_code.co_filename, root)]
    path, line = "", 0
    if mine:
        path, line = os.path.relpath(_real(mine[-1][0].f_code.co_filename), root), mine[-1][1]
    text = "".join(traceback.format_exception(kind, value, tb))
    fields: dict[str, Any] = {
        "message": one_line(kind, value),
        "traceback": cut(_without_harness(text)),
        "path": path,
        "line": line,
        "source": source_of(code),
        "refused": refused(value),
    }
    try:
        fields.update(_equality(kind, value, frames, code, compared))
    except Exception:  # what can't be said in few words must not end the tests
        pass
    return fields


def _real(path: str) -> str:
    return os.path.realpath(path)


def _inside(path: str, root: str) -> bool:
    if path.startswith("<"):
        return False
    real = _real(path)
    parts = real.split(os.sep)
    return real.startswith(root + os.sep) and not {"site-packages", "dist-packages", ".venv", "venv"} & set(
        parts
    )


def _without_harness(text: str) -> str:
    """A traceback without the frames of unittest and of the runners."""
    kept: list[str] = []
    skipping = False
    for line in text.splitlines():
        if line.startswith('  File "'):
            name = line.split('"')[1].replace("\\", "/")
            skipping = "/unittest/" in name or "/_pytest/" in name or "/pluggy/" in name or "treadle_" in name
        elif not line.startswith("    "):
            skipping = False
        if not skipping:
            kept.append(line)
    return "\n".join(kept)


def _equality(
    kind: type,
    value: Optional[BaseException],
    frames: list[tuple[FrameType, int]],
    code: Optional[CodeType],
    compared: Optional[tuple[str, str]],
) -> dict[str, str]:
    """`call`, `expected` and `got` of the plain comparison at which the test failed; {} where it is none."""
    if code is None:
        return {}
    at = [i for i, (f, _) in enumerate(frames) if f.f_code.co_filename == code.co_filename]
    if not at:
        return {}
    frame, line = frames[at[-1]]
    with open(code.co_filename, encoding="utf-8") as file:
        text = file.read()
    statement = _statement_at(text, line)
    sides = _sides(statement)
    if sides is None:
        return {}
    left, right, truth = sides
    deeper = [f for f, _ in frames[at[-1] + 1 :]]
    asserted = [f for f in deeper if f.f_code.co_name == truth or _EQUAL.match(f.f_code.co_name)]
    if right is None:
        return _truth_fields(text, left, truth, frame, asserted, kind, value)
    if asserted and "first" in asserted[0].f_locals and compared is None:
        compared = show(asserted[0].f_locals["first"]), show(asserted[0].f_locals["second"])
    origins = _origin(left, text, frame, line), _origin(right, text, frame, line)
    swap = not _has_call(origins[0]) and _has_call(origins[1])
    call, other = (origins[1], left) if swap else (origins[0], right)
    if not _has_call(call):
        return {}
    said = {"call": _said(text, call, frame)}
    if compared is not None:
        said["got"], said["expected"] = (compared[1], compared[0]) if swap else compared
    else:
        said["expected"] = _value(text, other, frame)
        if not issubclass(kind, AssertionError):
            said["got"] = "raises " + one_line(kind, value)
    return said


def _truth_fields(
    text: str,
    test: ast.expr,
    truth: str,
    frame: FrameType,
    asserted: list[FrameType],
    kind: type,
    value: Optional[BaseException],
) -> dict[str, str]:
    wanted = _TRUTH.get(truth, "True")
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, wanted = test.operand, "False"
    if not isinstance(test, ast.Call):
        return {}
    said = {"call": _said(text, test, frame), "expected": wanted}
    if asserted and "expr" in asserted[0].f_locals:
        said["got"] = show(asserted[0].f_locals["expr"])
    elif not issubclass(kind, AssertionError):
        said["got"] = "raises " + one_line(kind, value)
    else:
        told = [line[7:] for line in str(value).splitlines() if line.startswith("assert ")]
        said["got"] = cut(told[0], VALUE_LIMIT) if told else ""
    return said


@lru_cache(maxsize=4)
def _statements(text: str) -> list[ast.stmt]:
    """The file's plain statements, outer ones first. Kept: a file with a thousand failing tests is parsed once."""
    return [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Expr, ast.Assert, ast.Assign))]


@lru_cache(maxsize=4)
def _rows(text: str) -> list[bytes]:
    return text.encode("utf-8").split(b"\n")


def _segment(text: str, node: ast.AST) -> str:
    """The node's source. `ast.get_source_segment` goes through all of the text for each node."""
    rows = _rows(text)[node.lineno - 1 : node.end_lineno]  # type: ignore[attr-defined]
    rows[-1] = rows[-1][: node.end_col_offset]  # type: ignore[attr-defined]
    rows[0] = rows[0][node.col_offset :]  # type: ignore[attr-defined]
    return b"\n".join(rows).decode("utf-8")


def _statement_at(text: str, line: int) -> Optional[ast.stmt]:
    found = None
    for node in _statements(text):
        if node.lineno <= line <= (node.end_lineno or 0):
            found = node
    return found


def _sides(statement: Optional[ast.stmt]) -> Optional[tuple[ast.expr, Optional[ast.expr], str]]:
    """Both sides of an asserted equality, or the one asserted for truth with the assertion's name."""
    if isinstance(statement, ast.Assert):
        test = statement.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            return test.left, test.comparators[0], "assert"
        return (test, None, "assert") if isinstance(test, (ast.Call, ast.UnaryOp)) else None
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value
        name = called.func.attr if isinstance(called.func, ast.Attribute) else ""
        if _EQUAL.match(name) and len(called.args) >= 2:
            return called.args[0], called.args[1], name
        if name in _TRUTH and called.args:
            return called.args[0], None, name
    return None


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) for n in ast.walk(node))


def _origin(node: ast.expr, text: str, frame: FrameType, line: int) -> ast.expr:
    """For a name, the call it was last assigned before `line` in the same function; else the node itself."""
    if not isinstance(node, ast.Name):
        return node
    first = frame.f_code.co_firstlineno
    found: ast.expr = node
    for other in _statements(text):
        if isinstance(other, ast.Assign) and first <= other.lineno < line and len(other.targets) == 1:
            target = other.targets[0]
            if isinstance(target, ast.Name) and target.id == node.id:
                found = other.value
    return found


def _said(text: str, node: ast.expr, frame: FrameType) -> str:
    """The node's source with names of fixed values (numbers, strings, ...) replaced by these values."""
    segment = _segment(text, node)
    places = []
    for name in ast.walk(node):
        known = isinstance(name, ast.Name) and name.id in frame.f_locals
        if known and isinstance(name, ast.Name) and isinstance(frame.f_locals[name.id], _FIXED):
            if name.lineno == node.lineno == node.end_lineno:
                places.append((name.col_offset - node.col_offset, name.id, show(frame.f_locals[name.id])))
    raw = segment.encode("utf-8")
    for start, old, new in sorted(places, reverse=True):
        raw = raw[:start] + new.encode("utf-8") + raw[start + len(old.encode("utf-8")) :]
    return cut(" ".join(raw.decode("utf-8").split()) if "\n" in segment else raw.decode("utf-8"), VALUE_LIMIT)


def _value(text: str, node: ast.expr, frame: FrameType) -> str:
    if isinstance(node, ast.Name) and node.id in frame.f_locals:
        return show(frame.f_locals[node.id])
    return cut(_segment(text, node), VALUE_LIMIT)
