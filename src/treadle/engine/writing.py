"""The one way of a run's changes into the user's tree: proven, let through, all or nothing."""

from msgspec import Struct

from treadle.engine.merging import APPLY_HINT, settle
from treadle.engine.run import Run
from treadle.engine.state import LoopState
from treadle.protocol.errors import Declined, WriteConflict
from treadle.protocol.events import ChangesRefused, ChangesWriting, ChangesWritten, Place
from treadle.protocol.messages import PASS
from treadle.spec.agent import CheckSpec
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.diffs import unified
from treadle.workspace.view import MergedView

_LOOKS = 5
"""How often a save in the very moment of the write is looked at again."""


class Taken(Struct, frozen=True):
    """What is to be written of the changes asked about; `unproven`: by a person's decision, nothing judged it."""

    changes: ChangeSet
    unproven: bool = False


async def write(run: Run, changes: ChangeSet, place: str = "", *, unproven: bool = False) -> Taken:
    """Writes what of `changes` is not yet in the user's tree, after the gate; what was written.

    What the user changed in the same files meanwhile stays: joined where it is apart, asked about where it is not.
    Raises: `WriteConflict` where that can't be, with nothing written; `Declined` when a person said no.
    """
    fresh = since(run.written, changes)
    if not fresh or not run.may_write() or changes == run.left:
        return Taken(ChangeSet())
    run.gate.raise_if_aborted()
    await _prove_again(run, changes, place)
    fresh = (await settle(run, fresh, changes, place, unproven=unproven)).mine
    taken = await _let_through(run, fresh, changes, place, unproven)
    if not run.may_write():
        return Taken(ChangeSet())  # mode `plan` was chosen meanwhile: that holds, also over a yes
    taken, checkpoint = await _put_down(run, taken, changes, place)
    if not checkpoint:
        return Taken(ChangeSet())
    diffs = texts(run, taken.changes)
    refused = since(run.written.then(taken.changes), changes)
    standing = run.view(run.written.then(taken.changes))
    run.diffs.update(diffs)
    run.written = run.written.then(taken.changes)
    run.emit(
        Place(place),
        ChangesWritten(
            run.keep_changes(run.written),
            taken.changes.paths,
            checkpoint,
            taken.unproven,
            _kept(run, "".join(diffs.values())),
        ),
    )
    if refused:
        run.left = changes
        _refuse(run, refused, standing, place, "")
    return taken


async def _put_down(run: Run, taken: Taken, whole: ChangeSet, place: str) -> tuple[Taken, str]:
    """What was written, over the files as they are at that moment, and the checkpoint before it; "" where the mode
    became `plan` at a question."""
    mine = taken.changes

    def told(mark: str) -> None:
        run.emit(Place(place), ChangesWriting(mine.paths, mark))

    for look in range(_LOOKS):
        settled = await settle(run, mine, whole, place, unproven=taken.unproven)
        mine = settled.mine
        if not run.may_write():
            break
        for change in settled.woven.changes.values():
            if change.content is not None:
                run.keep(change.content)  # what a rewind merges with is found by its digest
        try:
            return Taken(mine, taken.unproven), run.write_down(settled.woven, told)
        except WriteConflict:
            if look == _LOOKS - 1:
                raise
    return Taken(mine, taken.unproven), ""


async def write_proven(run: Run, state: LoopState, place: str = "") -> Taken:
    """Writes the state's change set unless something in it is unproven and the user does not allow that."""
    if state.unproven and run.catalog.settings.unproven != "allow":
        return Taken(ChangeSet())
    return await write(run, state.changes, place)


async def _let_through(run: Run, fresh: ChangeSet, changes: ChangeSet, place: str, unproven: bool) -> Taken:
    """What the gate lets through of `fresh`. Raises: `Declined` when that is nothing."""
    subject = f"write {len(fresh)} {'file' if len(fresh) == 1 else 'files'}: {', '.join(fresh.paths)}"
    if not run.gate.attended or not (run.review or run.gate.holds("before_step")):
        run.gate.allow(place, "before_write", subject)
        return Taken(fresh, unproven)
    from treadle.engine.review import reviewed

    try:
        taken = await reviewed(run, fresh, changes, place, subject, unproven=unproven)
    except Declined as no:
        _refuse(run, fresh, run.view(run.written), place, no.word)
        raise
    if not taken.unproven:
        await _prove_again(run, run.written.then(taken.changes), place)
    return taken


async def _prove_again(run: Run, changes: ChangeSet, place: str) -> None:
    """Runs the tests once more where the tree changed since the run looked at it.

    Raises: `WriteConflict` when they do not pass on what stands there now.
    """
    paths = await run.moved((*changes.paths, *run.written.paths)) if run.judge.knows_tests else ()
    if not paths:
        return
    some = ", ".join(paths[:5])
    run.note(place, f"changed while the run went on: {some}; the tests are run once more")
    run.judge.forget()
    result = await run.judge.check(Place(place), CheckSpec("tests"), run.view(changes))
    if result.verdict != PASS:
        raise WriteConflict(
            f"{some} changed while the run went on, and now: {result.summary}; nothing was written",
            paths=paths,
            hint=APPLY_HINT,
        )


def _refuse(run: Run, refused: ChangeSet, standing: MergedView, place: str, word: str) -> None:
    """Puts on record what a person left out, over what stands in the tree."""
    text = ""
    for path, change in sorted(refused.changes.items()):
        there = standing.exists(path)
        old, mode = (standing.read(path), standing.mode(path)) if there else (None, None)
        text += unified(path, old, mode, change.content, change.mode)
    run.emit(Place(place), ChangesRefused(_kept(run, text), refused.paths, word))


def diff(run: Run, changes: ChangeSet) -> str:
    """The text of `changes` against the base, what was written meanwhile included."""
    both = {**run.diffs, **texts(run, since(run.written, changes))}
    return "".join(both[path] for path in sorted(both))


def texts(run: Run, changes: ChangeSet) -> dict[str, str]:
    """The diff of each path against the base."""
    return {path: run.view(ChangeSet({path: changes.changes[path]})).diff() for path in changes.paths}


def since(written: ChangeSet, changes: ChangeSet) -> ChangeSet:
    """`changes` less what is `written` already, each made from what now stands in the tree."""
    fresh: dict[str, Change] = {}
    for path, change in changes.changes.items():
        earlier = written.get(path)
        if earlier is None:
            fresh[path] = change
        elif (earlier.content, earlier.mode) != (change.content, change.mode):
            stands = None if earlier.content is None else digest(earlier.content)
            stood = None if earlier.content is None else earlier.mode
            fresh[path] = Change(change.content, change.mode, stands, stood)
    return ChangeSet(fresh)


def _kept(run: Run, text: str) -> str:
    return run.keep(text.encode("utf-8", "surrogateescape")) if text else ""
