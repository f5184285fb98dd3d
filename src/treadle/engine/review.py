"""The one question of a run: what would be written is shown, and taken whole, in part, or not at all."""

from treadle.checks.base import CheckResult
from treadle.checks.lost import lost
from treadle.engine.merging import APPLY_HINT
from treadle.engine.pending import named
from treadle.engine.run import Run
from treadle.engine.writing import Taken
from treadle.protocol.errors import Declined, UsageError
from treadle.protocol.events import Place
from treadle.protocol.messages import ERROR, FAIL, PASS
from treadle.protocol.pending import Pending
from treadle.workspace.changes import ChangeSet
from treadle.workspace.hunks import take

OPTIONS = ("yes", "part", "no", "abort")


async def reviewed(
    run: Run, fresh: ChangeSet, whole: ChangeSet, place: str, subject: str, *, unproven: bool
) -> Taken:
    """What the person takes of `fresh`, which is `whole` over what the run has written.

    A part is proven again by what proved the whole. Where it does not hold, the question comes once more with the
    reason, and the same answer, or a yes, then writes that part unproven. Raises: `Declined` for a no, `Aborted`.
    """
    standing = run.view(run.written)
    part: tuple[str, ...] = ()
    if unproven:
        subject = f"{subject}; nothing judged these changes"
    asked = subject
    while True:
        pending = Pending(
            what="write",
            checks=tuple(named(spec) for spec in run.judge.proofs),
            changes=run.keep_changes(fresh),
            unproven=unproven or bool(part),
            taken=part,
        )
        answer = await run.gate.ask(place, "before_write", asked, OPTIONS, pending=pending)
        if answer.answer == "no":
            raise Declined(answer.word, hint=APPLY_HINT)
        if answer.answer == "yes" and not part:
            return Taken(fresh, unproven)
        names = part if answer.answer == "yes" else tuple(dict.fromkeys(answer.hunks))
        try:
            chosen = take(fresh, standing, names)
        except UsageError as fault:
            asked = f"{subject}; {fault.message}"
            continue
        if not chosen:
            asked = f"{subject}; no hunk was named: take some, or say no"
            continue
        if chosen == fresh or unproven:
            return Taken(chosen, unproven)
        if set(names) == set(part):
            return Taken(chosen, unproven=True)
        why = await why_not(run, run.written.then(chosen), whole, place)
        if not why:
            return Taken(chosen)
        part = names
        asked = f"the part {', '.join(part)} is not proven: {why}; yes writes it all the same"


async def why_not(run: Run, part: ChangeSet, whole: ChangeSet, place: str) -> str:
    """Why `part` of `whole` is not proven, "" where it is: what passed in this run passes on it, the tests at least
    as well as on the whole."""
    judge = run.judge
    base, of_whole = judge.report(ChangeSet()), judge.report(whole)
    proven = False
    for spec in judge.proofs:
        is_tests = spec.name == "tests"
        result = await judge.check(Place(place), spec, run.view(part), baseline=base if is_tests else None)
        as_well = is_tests and of_whole is not None and _as_well(result, of_whole.failed_ids)
        if as_well and base is not None and result.tests is not None and (gone := lost(result.tests, base)):
            return f"tests: {gone}"
        if result.verdict in (FAIL, ERROR) and not as_well:
            return f"{spec.name}: {result.summary}"
        proven = proven or as_well or result.verdict == PASS
    return "" if proven else "nothing judged it"


def _as_well(result: CheckResult, failing: tuple[str, ...]) -> bool:
    """Whether the tests ran through and fail nowhere but where they fail on the whole too."""
    ran = result.tests is not None and bool(result.tests.failed_ids) and result.verdict == FAIL
    return ran and result.tests is not None and set(result.tests.failed_ids) <= set(failing)
