"""What an agent can be given: treadle's own providers, the item, and the outputs of earlier steps."""

import asyncio

import msgspec

from treadle.checks.base import FailedTest
from treadle.checks.describe import describe_failure
from treadle.engine.job import Attempt, Job
from treadle.engine.problem import problem_of
from treadle.engine.run import Run
from treadle.engine.state import Item, LoopState
from treadle.protocol.errors import UsageError
from treadle.protocol.messages import Json
from treadle.protocol.text import encode_json, valid
from treadle.solvers.base import Suspect
from treadle.workspace.history import changed_paths, conflicted_paths

CHARS_PER_TOKEN = 3.5
"""A cautious estimate for code; a model's own count decides where it has one."""

MAP_TOKENS = 1500
"""What the code map may fill where the rung states no window."""

PASSAGES_TOKENS = 3000
"""The same for passages."""

INSTRUCTION_FILES = ("AGENTS.md", "CLAUDE.md")


async def text_of(run: Run, attempt: Attempt, name: str) -> str:
    """The text of one input by name, "" where there is nothing; a dotted name digs into a step's output.

    Bytes of files that are no UTF-8 stand in it as U+FFFD.
    """
    text: str = valid(await _text_of(run, attempt, name))
    return text


async def _text_of(run: Run, attempt: Attempt, name: str) -> str:
    job = attempt.job
    match name:
        case "task":
            return run.task
        case "item":
            return _item_text(job.item)
        case "receipt":
            return "\n\n".join(attempt.receipts)
        case "failing_tests":
            return "\n\n".join(describe_failure(t) for t in _failed(job))
        case "suspects":
            return "\n".join(f"{s.path}:{s.line}: {s.text}" for s in (await suspects_of(run, attempt))[:10])
        case "map":
            return await asyncio.to_thread(_map, run, attempt)
        case "passages":
            return await asyncio.to_thread(_passages, run, attempt)
        case "instructions":
            return _instructions(run, job.state)
        case "diff":
            return await asyncio.to_thread(diff_of, run, job.state)
        case "conflicts":
            return "\n".join(conflicted_paths(run.base.root))
        case "thread":
            return _thread(run, attempt)
        case _:
            found = _dig(job.state, job.item, name)
            return found if isinstance(found, str) else _json(found)


def items_of(run: Run, state: LoopState, name: str) -> tuple[Item, ...]:
    """The items of an `each`, in order. What is no list is one item; nothing is none."""
    match name:
        case "failing_tests":
            return tuple(Item(t.id, t.id, t) for t in (state.tests.failed if state.tests else ()))
        case "conflicts":
            return tuple(Item(path, path) for path in conflicted_paths(run.base.root))
        case _:
            found = _dig(state, state.item, name)
            values = found if isinstance(found, list) else [] if found is None else [found]
            return tuple(Item(_title(v), v) for v in values)


async def suspects_of(run: Run, attempt: Attempt) -> tuple[Suspect, ...]:
    """The lines under suspicion for the job's target, ranked; () where they can't be told."""
    from treadle.solvers.repair import localise

    job = attempt.job
    if not job.target:
        return ()
    key = (job.base.id(), job.target)
    if key not in run.suspects:
        run.suspects[key] = await localise(problem_of(run, attempt, 20.0))
    return run.suspects[key]


def diff_of(run: Run, state: LoopState) -> str:
    """The diff from HEAD to the run's base with its changes over it; without git, of the changes alone."""
    from treadle.workspace.base import open_base
    from treadle.workspace.changes import Change, ChangeSet, digest
    from treadle.workspace.view import MergedView

    view = run.view(state.changes)
    try:
        head = open_base(run.base.root, "HEAD")
    except UsageError:
        return view.diff()
    paths = {*changed_paths(run.base), *state.changes.paths}
    changes: dict[str, Change] = {}
    for path in sorted(paths):
        old = head.read(path)
        new = view.read(path) if view.exists(path) else None
        if old != new:
            before = None if old is None else digest(old)
            changes[path] = Change(new, view.mode(path) or 0o100644, before)
    return MergedView(head, ChangeSet(changes)).diff()


def _thread(run: Run, attempt: Attempt) -> str:
    """What is told of the thread, newest first, within a third of the rung's window."""
    budget = attempt.rung.limits.context_tokens
    room = int(budget / 3 * CHARS_PER_TOKEN) if budget else len(run.thread)
    if len(run.thread) <= room:
        return run.thread
    return run.thread[:room].rpartition("\n")[0] + "\n[cut]"


def _map(run: Run, attempt: Attempt) -> str:
    from treadle.codemap.map import code_map

    view = run.view(attempt.job.base)
    budget = attempt.rung.limits.context_tokens
    focus = [attempt.job.item.test.path] if attempt.job.item and attempt.job.item.test else []
    return code_map(view.read, list(view.files()), budget // 3 if budget else MAP_TOKENS, focus)


def _passages(run: Run, attempt: Attempt) -> str:
    from treadle.codemap.passages import passages

    view = run.view(attempt.job.base)
    budget = attempt.rung.limits.context_tokens
    question = f"{run.task}\n{_item_text(attempt.job.item)}"
    return passages(view.read, view.files(), question, budget * 3 // 5 if budget else PASSAGES_TOKENS)


def _instructions(run: Run, state: LoopState) -> str:
    view = run.view(state.changes)
    for name in INSTRUCTION_FILES:
        if view.exists(name):
            return view.text(name)
    return ""


def _dig(state: LoopState, item: Item | None, dotted: str) -> Json:
    """The value under a dotted name: a step's last output or the item, and keys into it; None where missing."""
    head, *keys = dotted.split(".")
    if head == "item":
        value: Json = item.value if item else None
    else:
        result = state.results.get(head)
        value = None if result is None else result.output
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _item_text(item: Item | None) -> str:
    if item is None:
        return ""
    return (
        describe_failure(item.test)
        if item.test
        else item.value
        if isinstance(item.value, str)
        else _json(item.value)
    )


def _title(value: Json) -> str:
    if isinstance(value, dict):
        return str(
            next((value[k] for k in ("title", "name", "path", "file", "id") if k in value), _json(value))
        )[:80]
    return str(value)[:80]


def _json(value: Json) -> str:
    return "" if value is None else msgspec.json.format(encode_json(value), indent=1).decode()


def _failed(job: Job) -> tuple[FailedTest, ...]:
    report = job.baseline or job.state.tests
    return report.failed if report else ()
