"""What the user changed while the run went on is joined with the run's changes, or asked about; never overwritten."""

from msgspec import Struct

from treadle.engine.run import Run
from treadle.protocol.errors import Declined, WriteConflict
from treadle.workspace.changes import Change, ChangeSet, digest
from treadle.workspace.merge import Woven, weave

APPLY_HINT = "look at it with `treadle runs diff`, take it with `treadle runs apply`"
_QUESTION = ("yes", "no", "abort")


class Settled(Struct, frozen=True):
    """`mine` is what of the run's changes goes on, `woven` the same over the files as they stand now."""

    mine: ChangeSet
    woven: ChangeSet


async def settle(
    run: Run, changes: ChangeSet, whole: ChangeSet, place: str, *, unproven: bool = False
) -> Settled:
    """`changes` joined with what the user changed in the same files since; a joined file has passed the checks.

    `whole` is the change set that was proven. What can't be joined is left out or looked at again as a
    person says. Raises: `WriteConflict` where nobody can, or the joined files do not pass; `Declined` for a no.
    """
    given = changes
    while True:
        found = weave(run.base.root, changes, lambda path, change: _made_from(run, path, change))
        if found.clashes:
            changes = await _without(run, changes, found, place)
            continue
        anew = bool(found.merged) or changes != given
        if anew and not unproven and found.changes.id() not in run.joined:
            await _prove(run, found, whole, place)
            run.joined.add(found.changes.id())
        return Settled(changes, found.changes)


async def _without(run: Run, changes: ChangeSet, found: Woven, place: str) -> ChangeSet:
    """What a person says: the changes without those that clash; where all do, the same, to be looked at again."""
    named = _some(found.clashes)
    if not run.gate.attended:
        raise WriteConflict(
            f"changed since treadle read it, and the two can't be joined; nothing was written: {named}",
            paths=found.clashes,
            hint=APPLY_HINT,
        )
    rest = {path: change for path, change in changes.changes.items() if path not in found.clashes}
    what = f"write the other {len(rest)} file(s)" if rest else "look again"
    answer = await run.gate.ask(place, "clash", f"you changed {named} where the run did; {what}?", _QUESTION)
    if answer.answer == "no":
        raise Declined(answer.word, hint=APPLY_HINT)
    return ChangeSet(rest) if rest else changes


async def _prove(run: Run, found: Woven, whole: ChangeSet, place: str) -> None:
    """Runs on the joined files what proved the run's own. Raises: `WriteConflict` where that does not hold."""
    from treadle.engine.review import why_not

    named = _some(found.merged)
    said = f"{named} changed while the run went on; both edits are kept" if named else "a file is left out"
    if not run.judge.proofs:
        run.note(place, said)
        return
    run.note(place, f"{said}; the checks run once more")
    why = await why_not(run, run.written.then(found.changes), whole, place)
    if why:
        raise WriteConflict(
            f"{said}, but now: {why}; nothing was written", paths=found.merged, hint=APPLY_HINT
        )


def _made_from(run: Run, path: str, change: Change) -> bytes | None:
    """The bytes that `change` was made from."""
    earlier = run.written.get(path)
    for content in (earlier.content if earlier else None, run.on_base(path)):
        if content is not None and digest(content) == change.before:
            return content
    return None


def _some(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
