"""A thread: runs that follow one another, told to the next one from their traces, newest first."""

from pathlib import Path

from msgspec import Struct

from treadle.engine.inputs import CHARS_PER_TOKEN
from treadle.protocol import events as e
from treadle.protocol.errors import TraceError
from treadle.protocol.messages import PASS, Json
from treadle.session.records import begin_of, find_run, runs_of
from treadle.session.trace import read_blob, read_trace
from treadle.session.view import View, reduce

LONGEST = 20
"""The most runs of a thread that are looked at, the newest ones."""

THREAD_TOKENS = 6000
"""What a thread's text may take where the caller names no budget; a rung cuts it further to its own window."""

_LEAST_CHARS = 200


class Earlier(Struct, frozen=True):
    """An earlier run of a thread. `summary` is what its last steps said of their work, a claim.

    `diff` is the text of what stands written in the tree by it, `refused` of what a person left out, with the
    `word` on why, `kept` of what was neither written nor refused. Bytes that are no UTF-8 are lone surrogates.
    """

    run: str
    task: str
    loop: str
    outcome: str
    reason: str = ""
    summary: str = ""
    diff: str = ""
    refused: str = ""
    word: str = ""
    kept: str = ""
    proven: bool = False


def thread_of(root: Path, run_id: str) -> tuple[Earlier, ...]:
    """The run and those that it follows, newest first.

    Raises: `TraceError` where the run is not on record; an earlier one that is gone or can't be read ends the thread.
    """
    folder = find_run(root, run_id)
    begin_of(folder)
    found: list[Earlier] = []
    seen: set[str] = set()
    while len(found) < LONGEST:
        seen.add(folder.name)
        try:
            earlier, before = _told(folder)
        except TraceError:
            if not found:
                raise
            break
        found.append(earlier)
        if not before or before in seen:
            break
        folder = runs_of(root) / before
    return tuple(found)


def thread_text(root: Path, run_id: str, budget_tokens: int = THREAD_TOKENS) -> str:
    """What the next run of the thread is told of the earlier ones, newest first, within the budget.

    What was written and what was refused comes first of each; the oldest runs are left out where there is no room.
    Raises: `TraceError` where the run is not on record.
    """
    left = int(budget_tokens * CHARS_PER_TOKEN)
    parts: list[str] = []
    for earlier in thread_of(root, run_id):
        text = _text(earlier, left)
        if len(text) > left:
            break
        parts.append(text)
        left -= len(text) + 2
        if left < _LEAST_CHARS:
            break
    return "\n\n".join(parts)


def _text(earlier: Earlier, room: int) -> str:
    head = [
        f"Earlier task: {earlier.task or f'(none; loop {earlier.loop})'}",
        f"It ended {earlier.outcome}: {earlier.reason}",
    ]
    if earlier.summary:
        head.append(f"It said: {earlier.summary}")
    text = "\n".join(head)[: max(room, 0)]
    why = f" (their word: {earlier.word})" if earlier.word else ""
    for said, diff in (
        ("Written to the files by it:", earlier.diff),
        (f"Proposed by it and refused by the person{why}; do not propose it again:", earlier.refused),
        ("Made by it and not written:", earlier.kept),
    ):
        if diff:
            left = room - len(text) - len(said) - 10
            text += f"\n{said}\n{_cut(diff, left)}" if left > _LEAST_CHARS else f"\n{said} (left out)"
    return text.rstrip()


def _cut(diff: str, room: int) -> str:
    if len(diff) <= room:
        return diff
    return diff[:room].rpartition("\n")[0] + "\n[cut]"


def _told(folder: Path) -> tuple[Earlier, str]:
    """The run as the next one is told of it, and the run that it follows itself."""
    view = View()
    written: list[str] = []
    word, output = "", None
    for envelope in read_trace(folder):
        event = envelope.event
        ended = bool(view.outcome)
        view = reduce(view, envelope)
        match event:
            case e.ChangesWritten():
                # What was applied or taken back after the run's end is the whole of its changes.
                written = [] if not event.changes else [view.diff] if ended else [*written, event.diff]
            case e.ChangesRefused():
                word = event.word
            case e.StepFinished() if event.verdict == PASS and event.output is not None:
                output = event.output
            case _:
                pass
    diff = "".join(_blob(folder, name) for name in dict.fromkeys(written))
    if not diff and view.written:
        diff = _blob(folder, view.diff)
    refused = _blob(folder, view.refused)
    kept = _blob(folder, view.diff) if not diff and not refused else ""
    earlier = Earlier(
        folder.name,
        view.task,
        view.loop,
        view.outcome or "unfinished",
        view.reason,
        _summary(output),
        diff,
        refused,
        word,
        kept,
        view.proven,
    )
    return earlier, view.thread


def _summary(output: Json) -> str:
    """What an output says in short: its summary, or its first text."""
    if isinstance(output, list):
        return "; ".join(said for said in map(_summary, output) if said)[:800]
    if isinstance(output, dict):
        texts = [value for value in output.values() if isinstance(value, str)]
        return str(output.get("summary") or next(iter(texts), ""))[:800]
    return output[:800] if isinstance(output, str) else ""


def _blob(folder: Path, name: str) -> str:
    return read_blob(folder, name).decode("utf-8", "surrogateescape") if name else ""
