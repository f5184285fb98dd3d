"""Trust: before it nothing of a repository is run, sent or obeyed. A person gives it, once, to what can act there.

It is bound to content: what changed since is shown and asked about again. `docs/safety.md` has the whole.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import NotTrusted, SpecError
from treadle.session.acting import OWN, may_act, what_acts
from treadle.spec.catalog import Catalog
from treadle.spec.load import folders_for, load_catalog, load_folders
from treadle.workspace.trusted import Acting, common_folder, forget, trust, trusted

VARIABLE = "TREADLE_TRUST"
_HINT = "treadle trust shows what it would run, and asks; for one run: --trust, or TREADLE_TRUST=1"
_MOST_NAMES = 8
_MOST_LINES = 400


class Standing(Struct, frozen=True):
    """Whether the repository `root` is trusted as it is now. `acting` is what can act there, `before` what was trusted
    (None: nothing was), `catalog` what holds once it is trusted, with the `faults` of its files.
    """

    root: Path
    catalog: Catalog
    faults: tuple[str, ...]
    acting: tuple[Acting, ...]
    before: tuple[Acting, ...] | None

    @property
    def is_trusted(self) -> bool:
        """Whether all that can act is what was trusted, no more and no less."""
        return self.before is not None and _marks(self.before) == _marks(self.acting)

    @property
    def is_changed(self) -> bool:
        """Whether it was trusted once, and what can act is something else by now."""
        return self.before is not None and not self.is_trusted


Ask = Callable[[Standing], bool]
"""Asks the person; whether they trust it."""


def standing(root: Path) -> Standing:
    """How the repository stands now. Reads; runs nothing."""
    catalog, faults = load_folders(folders_for(root))
    record = trusted(root)
    before = record.acting if record is not None and record.common == common_folder(root) else None
    return Standing(root, catalog, faults.lines(), what_acts(root, catalog), before)


def is_waived() -> bool:
    """Whether the environment says that this run may trust what is here: `TREADLE_TRUST=1`."""
    return os.environ.get(VARIABLE, "") == "1"


def catalog_for_run(root: Path, *, waived: bool = False, ask: Ask | None = None) -> Catalog:
    """What a run in the repository goes by, once that is trusted; `waived` for this run alone, by a flag.

    `ask` asks the person, whose yes is remembered; None where nobody is there. Raises: `NotTrusted` without a yes,
    `SpecError` for faults in the files.
    """
    now = ensure(root, waived=waived, ask=ask)
    if now is None:
        return load_catalog(root)
    if now.faults:
        raise SpecError(now.faults)
    return now.catalog


def ensure(root: Path, *, waived: bool = False, ask: Ask | None = None) -> Standing | None:
    """How the trusted repository stands; None where trust is waived. As `catalog_for_run`, but its files may have
    faults where it was trusted before."""
    if waived or is_waived():
        return None
    now = standing(root)
    if not now.is_trusted:
        if ask is None:
            raise refusal(now)
        if now.faults:
            raise SpecError(now.faults)
        if not ask(now):
            raise NotTrusted("not trusted: nothing was run", hint=_HINT)
        grant(now)
    return now


def must_be_trusted(root: Path) -> None:
    """Raises: `NotTrusted` where nobody trusts what is at `root` now."""
    if not is_waived() and not (now := standing(root)).is_trusted:
        raise refusal(now)


class AtRest(Struct, frozen=True):
    """What holds before a run: without the repository's own part where that is not trusted. `asks` is then how it
    stands, None where nothing will be asked; `catalog` is None where the files have `faults`.
    """

    catalog: Catalog | None
    faults: tuple[str, ...]
    asks: Standing | None = None


def at_rest(root: Path, *, waived: bool = False) -> AtRest:
    """What holds before a run; `waived` as for a run."""
    now = None if waived or is_waived() else standing(root)
    if now is None or not now.is_trusted:
        catalog, faults = load_folders(folders_for(root if now is None else None))
        told = faults.lines()
        return AtRest(None if told else catalog, told, now)
    return AtRest(None if now.faults else now.catalog, now.faults)


def refusal(now: Standing) -> NotTrusted:
    """The error where nobody is there to ask."""
    if now.is_changed:
        names = _some([one.name for one in _differing(now)])
        return NotTrusted(f"changed since you trusted it: {names}", hint=_HINT)
    return NotTrusted(f"{now.root} is not trusted yet: nothing of it is run or sent", hint=_HINT)


def grant(now: Standing) -> None:
    """Remembers that what can act there may."""
    trust(now.root, common_folder(now.root), now.acting)


def grant_made(root: Path) -> None:
    """Remembers what treadle itself has just made at `root`."""
    grant(standing(root))


def revoke(root: Path) -> bool:
    """Takes trust back; whether there was any."""
    return forget(root)


@contextmanager
def carried(root: Path, paths: tuple[str, ...], *, by_person: bool) -> Iterator[None]:
    """What is written inside is trusted as it is made, where the repository was trusted up to then.

    What a run wrote with nobody there to look counts too, but for `.treadle/`: an agent gives itself no orders.
    """
    own = any(path.split("/")[0].lower() == OWN for path in paths)
    carries = any(map(may_act, paths)) and (by_person or not own) and standing(root).is_trusted
    yield
    if carries:
        grant(standing(root))


def told(now: Standing) -> list[tuple[str, str]]:
    """What trust is asked for, as rows of a word and a text: the commands, then the files that act."""
    by = {kind: [one.name for one in now.acting if one.kind == kind] for kind in _KINDS}
    rows = [("tests", name) for name in by["tests"]] or [("tests", "no way to test was found")]
    rows += [("command", text) for text in _commands(now)]
    rows += [("python", name) for name in by["python"] if "pyvenv" not in name][:1]
    rows += [
        (_KINDS[kind], _some(by[kind])) for kind in ("hook", "git", "configuration", "treadle") if by[kind]
    ]
    return rows


_KINDS = {
    "tests": "tests",
    "python": "python",
    "hook": "git hooks",
    "git": "git config",
    "configuration": "configured",
    "treadle": "obeyed",
}


def difference(now: Standing) -> str:
    """What changed since it was trusted, as a unified diff; what is no text by its digest. "" where nothing was."""
    import difflib

    if now.before is None:
        return ""
    then, here = _by_name(now.before), _by_name(now.acting)
    rows: list[str] = []
    for key in sorted({*then, *here}):
        old, new = then.get(key), here.get(key)
        if old is not None and new is not None and old.digest == new.digest:
            continue
        head = (f"{key[1]} (trusted)" if old else "nothing", f"{key[1]} (now)" if new else "nothing")
        body = list(difflib.unified_diff(_rows(old), _rows(new), *head, lineterm=""))
        rows += body or [f"--- {head[0]}", f"+++ {head[1]}", f"{'+' if new else '-'}({key[0]})"]
    more = [f"… {len(rows) - _MOST_LINES} more lines"] if len(rows) > _MOST_LINES else []
    return "\n".join(rows[:_MOST_LINES] + more)


def _rows(one: Acting | None) -> list[str]:
    if one is None:
        return []
    return (
        one.text.splitlines() if one.text else [f"(sha256 {one.digest[:16]})"] if one.kind != "tests" else []
    )


def _differing(now: Standing) -> list[Acting]:
    marks, earlier = _marks(now.before or ()), _marks(now.acting)
    new = [one for one in now.acting if (one.kind, one.name, one.digest) not in marks]
    names = {one.name for one in new}
    gone = [one for one in now.before or () if (one.kind, one.name, one.digest) not in earlier]
    return new + [one for one in gone if one.name not in names]


def _commands(now: Standing) -> list[str]:
    """The commands that the repository's own loops and agents name."""
    own = f"{now.root}{os.sep}"
    found = []
    for name, loop in now.catalog.loops.items():
        if now.catalog.origins.get(f"loop {name}", "").startswith(own):
            checks = [step.check.command for step in loop.steps if step.check is not None]
            found += [f"`{text}` (loop {name})" for step in loop.steps if (text := step.command)]
            found += [f"`{text}` (loop {name})" for text in checks if text]
    for name, agent in now.catalog.agents.items():
        if now.catalog.origins.get(f"agent {name}", "").startswith(own):
            found += [f"`{check.command}` (agent {name})" for check in agent.checks if check.command]
    return found


def _marks(things: tuple[Acting, ...]) -> set[tuple[str, str, str]]:
    return {(one.kind, one.name, one.digest) for one in things}


def _by_name(things: tuple[Acting, ...]) -> dict[tuple[str, str], Acting]:
    return {(one.kind, one.name): one for one in things}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
