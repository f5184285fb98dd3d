"""Writes the user's `tiers.yaml` and `settings.yaml` so that nothing of the user's is lost.

A line that a person wrote, or changed, stays; so do all comments. Set-up renews its own lines (they end in `# setup`
and a digest), adds what is missing, and sets `cloud`, which was just chosen. Only where a file is written so that
lines can't be set in, it is written anew with the same content, and the old one is kept beside it as `….bak-TIME`.
"""

import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from treadle.protocol.errors import NotWritable, SpecError
from treadle.session.setup.values import Binding, Cloud, Written
from treadle.spec.edit import CannotEdit, Keys, data_of, dumped, is_own, put, with_value
from treadle.spec.faults import Faults, Source
from treadle.spec.layers import builtin_folder, gather, merged, shown, user_folder
from treadle.spec.read import Map, parse, read_text
from treadle.spec.resolve_settings import resolve_settings
from treadle.spec.resolve_tiers import resolve_tiers

_TIERS = """\
# Which models each tier uses, the first that answers. `treadle setup` renews the lines that end in `# setup …`;
# change such a line, or write your own, and it stays as you wrote it. Prices are USD per million tokens.
"""
_SETTINGS = "# Your settings; a repository can only narrow them. `treadle setup` sets `cloud`.\n"
_Sets = list[tuple[Keys, Any]]


def write(binding: Binding, cloud: Cloud | None = None) -> Written:
    """The files that were written, for the user's eyes alone; each is replaced whole or not at all.

    `cloud` is what a person chose, None where nobody was asked: then the settings say nothing new about it.
    Raises: `SpecError` where a file there has faults, or would have; `NotWritable` where the system refuses.
    Nothing is written before both files are known to be sound.
    """
    folder = user_folder().path
    tiers: _Sets = [
        (("tiers", t.tier), {"models": [c.entry.name for c in t.choices]})
        for t in binding.tiers
        if not t.kept and t.tier != "code" and t.choices
    ]
    prices: _Sets = [
        (("prices", name), {k: v for k, v in msgspec.structs.asdict(price).items() if v is not None})
        for name, price in sorted(binding.prices.items())
    ]
    ladder = tuple(t.tier for t in binding.tiers)
    try:
        files = [
            _File(folder / "tiers.yaml", _TIERS, ladder),
            _File(folder / "settings.yaml", _SETTINGS, ()),
        ]
        emptied: _Sets = [
            (("tiers", t.tier), {"models": []})
            for t in binding.tiers
            if not t.kept and not t.choices and files[0].holds(("tiers", t.tier))
        ]
        files[0].set([*tiers, *emptied], mark=True)
        files[0].set([p for p in prices if not files[0].prices(p[0][1])], mark=True)
        if cloud is not None:
            files[1].set([(("cloud",), cloud)], mark=False)
        else:
            files[1].new = files[1].old or ""
        _check(files)
        changed = [file for file in files if file.new != (file.old or "")]
        return Written(
            tuple(str(file.path) for file in changed),
            tuple(copy for file in changed if (copy := file.write())),
        )
    except OSError as error:
        place = error.filename or str(folder)
        raise NotWritable(
            f"{place} can't be written: {(error.strerror or 'no access').lower()}",
            path=str(place),
            hint="make it writable, or name another place in XDG_CONFIG_HOME",
        ) from None


class _File:
    """One file: as it was (`old`, None where there was none), and as it shall be."""

    def __init__(self, path: Path, header: str, order: Keys) -> None:
        self.path = path.resolve() if path.is_symlink() else path
        self._order = order
        self._anew = False
        self.old: str | None = None
        faults = Faults()
        if self.path.exists():
            read_text(Source(self.path, shown(self.path), "user", self.path.parent), faults)
            if faults:
                raise SpecError(faults.lines())
            self.old = self.path.read_bytes().decode("utf-8")
        self.new = header if self.old is None else self.old
        _parsed(self.path, self.new, faults)
        if faults:
            raise SpecError(faults.lines())

    def holds(self, keys: Keys) -> bool:
        """Whether the keys are there."""
        value: Any = data_of(self.new)
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        return True

    def prices(self, model: str) -> bool:
        """Whether a person gave the model a price here."""
        said = data_of(self.new).get("prices")
        return isinstance(said, dict) and any(
            fnmatchcase(model, pattern) and not is_own(self.new, ("prices", pattern)) for pattern in said
        )

    def set(self, sets: _Sets, *, mark: bool) -> None:
        """Sets each of the keys; writes the file anew only where a line can't be set in.

        With `mark`, what a person wrote since the proposal was made stays.
        """
        if mark:
            sets = [(k, v) for k, v in sets if not self.holds(k) or is_own(self.new, k)]
        data = data_of(self.new)
        for keys, value in sets:
            data = with_value(data, keys, value)
        try:
            for keys, value in sets:
                self.new = put(self.new, keys, value, order=self._order, mark=mark)
        except CannotEdit:
            self.new, self._anew = dumped(data), True

    def write(self) -> str:
        """Replaces the file; the path of the copy of what was there, "" where no copy is needed."""
        from treadle.workspace.state import write_private

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = ""
        if self._anew and self.old is not None:
            kept = self.path.with_name(f"{self.path.name}.bak-{time.strftime('%Y%m%d-%H%M%S')}")
            write_private(kept, self.old.encode())
            copy = str(kept)
        write_private(self.path, self.new.encode())
        return copy


def _parsed(path: Path, text: str, faults: Faults) -> Map | None:
    source = Source(path, shown(path), "user", path.parent)
    raw = parse(text.removeprefix("\ufeff"), source, faults)
    if raw is not None and not isinstance(raw, Map):
        faults.add((source, 1), "wrong_type", what="the file", wanted="a mapping", found="something else")
        return None
    return raw


def _check(files: list["_File"]) -> None:
    """Raises: `SpecError` for what could not be loaded again."""
    faults = Faults()
    tiers, settings = (_parsed(file.path, file.new, faults) for file in files)
    below = gather([builtin_folder()], Faults()).tiers
    if tiers is not None:
        resolve_tiers(merged(below, tiers) if below is not None else tiers, faults)
    if settings is not None:
        resolve_settings([settings], faults)
    if faults:
        raise SpecError(faults.lines())
