"""Where the YAML stands: the built-in files, the user's, the repository's; and how later ones win."""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from treadle.spec.faults import Faults, Layer, Source, kind_of
from treadle.spec.read import CONTROL, Items, Map, read_yaml

_DEEP = ("limits", "permissions", "budget", "chosen_by", "tiers", "prices")
"""Keys whose mappings are themselves merged key by key; all else is replaced whole."""


class Folder(Struct, frozen=True):
    """One layer: a folder with `agents/`, `loops/`, `prompts/`, or with agents and tiers at its top.

    `bare` takes the files at the top too; `inside` is the folder that no file may lead out of by a link.
    `files`, where given, are all its files, without a search.
    """

    layer: Layer
    path: Path
    bare: bool = True
    inside: Path | None = None
    files: tuple[tuple[str, Path], ...] = ()


class Found(Struct):
    """What the layers hold, merged, before anything is resolved. `faulty` are names of files that can't be
    read, or name nothing; `own_tiers` are the tiers without what a repository says of them."""

    agents: dict[str, Map] = {}
    loops: dict[str, Map] = {}
    tiers: Map | None = None
    own_tiers: Map | None = None
    settings: list[Map] = []
    nameless: list[tuple[str, Map]] = []
    faulty: set[str] = set()


def builtin_folder() -> Folder:
    """The folder of the built-in agents: in the wheel, or in the checkout of an editable install."""
    package = Path(__file__).resolve().parent.parent
    data = package / "_data"
    return Folder("built-in", data if data.is_dir() else package.parent.parent, bare=False)


def user_folder() -> Folder:
    """The user's folder: `$XDG_CONFIG_HOME/treadle`, or `~/.config/treadle`."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(said) if Path(said).is_absolute() else Path.home() / ".config"
    return Folder("user", home / "treadle")


def repository_folder(root: Path) -> Folder:
    """The repository's folder, `.treadle` under its root."""
    return Folder("repository", root / ".treadle", inside=root)


def gather(folders: list[Folder], faults: Faults) -> Found:
    """Everything the folders hold, the last one winning key by key."""
    found = Found()
    rank = 0
    for folder in folders:
        here: dict[tuple[str, str], Source] = {}
        for kind, path in folder.files or _files(folder, faults):
            rank += 1
            source = Source(path, shown(path), folder.layer, folder.path, rank, folder.inside)
            raw = _read(source, kind, faults)
            if raw is None:
                found.faulty.add(path.stem)
            elif not (kind == "agent" and "replies" in raw and "ladder" not in raw and "tier" not in raw):
                # A scripted model's replies may stand beside the agents.
                _put(found, kind, raw, here, faults)
    return found


def shown(path: Path) -> str:
    """The path as a user reads it: relative where it lies under the working directory, control characters told."""
    here = Path.cwd()
    text = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return CONTROL.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def kind_of_file(path: Path, default: str) -> str:
    """What a file holds by its place: `tiers`, `settings`, `loop` (in a folder `loops`), else `default`."""
    if path.stem in ("tiers", "settings"):
        return path.stem
    return "loop" if path.parent.name == "loops" else default


def _files(folder: Folder, faults: Faults) -> Iterator[tuple[str, Path]]:
    """The layer's files with their kinds: tiers and settings first, then agents, then loops."""
    places = [folder.path / "agents"] + ([folder.path] if folder.bare else [])
    agents = [path for place in places for path in _listed(place, folder, faults)]
    loops = [path for place in places for path in _listed(place / "loops", folder, faults)]
    kinds = [(kind_of_file(path, "agent"), path) for path in agents] + [("loop", path) for path in loops]
    yield from sorted(kinds, key=lambda entry: ("tiers", "settings", "agent", "loop").index(entry[0]))


def _listed(place: Path, folder: Folder, faults: Faults) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(place) if not entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        source = Source(place, shown(place), folder.layer, folder.path)
        faults.add((source, 1), "unreadable", reason=(error.strerror or "no access").lower())
        return []
    for name in names:
        if name.endswith(".yml") and not name.startswith("."):
            path = place / name
            faults.add((Source(path, shown(path), folder.layer, folder.path), 1), "wrong_suffix")
    return [place / name for name in names if name.endswith(".yaml") and not name.startswith(".")]


def _read(source: Source, kind: str, faults: Faults) -> Map | None:
    """The file's mapping; None after any fault in its YAML, so that one slip is told once."""
    before = len(faults)
    value = read_yaml(source, faults)
    if len(faults) > before:
        return None
    if isinstance(value, Map):
        return value
    if value is None:
        wanted = {"agent": "an agent", "loop": "a loop"}.get(kind, kind)
        faults.add((source, 1), "empty", wanted=wanted)
    else:
        line = value.place[1] if isinstance(value, Items) else 1
        faults.add((source, line), "wrong_type", what="the file", wanted="a mapping", found=kind_of(value))
    return None


def _put(found: Found, kind: str, raw: Map, here: dict[tuple[str, str], Source], faults: Faults) -> None:
    if kind == "settings":
        found.settings.append(raw)
        return
    if kind == "tiers":
        _drop_wrong_tiers(raw, faults)
        found.tiers = raw if found.tiers is None else merged(found.tiers, raw)
        if raw.place[0].layer != "repository":
            found.own_tiers = found.tiers
        return
    name = raw.get("name")
    if not isinstance(name, str):
        if "name" not in raw:
            faults.add(raw.place, "missing_key", key="name")
            found.faulty.add(raw.place[0].path.stem)
        found.nameless.append((kind, raw))
        return
    earlier = here.setdefault((kind, name), raw.place[0])
    if earlier is not raw.place[0]:
        faults.add(raw.at["name"], "already", kind=kind, name=name, other=earlier.shown)
        return
    group = found.agents if kind == "agent" else found.loops
    group[name] = merged(group[name], raw) if name in group else raw


def _drop_wrong_tiers(raw: Map, faults: Faults) -> None:
    """Faults `tiers` that are no mapping and takes them out, so that the tiers below still stand for the rest."""
    if "tiers" in raw and not isinstance(raw["tiers"], Map):
        found = kind_of(raw.pop("tiers"))
        faults.add(raw.at["tiers"], "wrong_type", what="`tiers`", wanted="a mapping", found=found)


def merged(lower: Map, upper: Map) -> Map:
    """`upper` over `lower`, key by key. `tier` and `ladder` displace each other."""
    result = Map(upper.place)
    displaced = {"tier": "ladder", "ladder": "tier"}
    for key in _order(lower, upper):
        if key not in upper:
            if displaced.get(key, "") not in upper:
                result.put(key, lower[key], lower.keys_at[key], lower.at[key])
            continue
        value = upper[key]
        below = lower.get(key)
        if key in _DEEP and isinstance(value, Map) and isinstance(below, Map):
            value = merged(below, value)
        elif key == "deny" and isinstance(value, Items) and isinstance(below, Items):
            value = _denied(below, value)
        result.put(key, value, upper.keys_at[key], upper.at[key])
    return result


def _denied(below: Items, above: Items) -> Items:
    """What a change may not touch: a repository adds to what the user's files deny, and takes nothing away."""
    if above.place[0].layer != "repository" or below.place[0].layer == "repository":
        return above
    together = Items(above.place)
    for items in (below, above):
        for value, at in zip(items, items.at, strict=True):
            if value not in together:
                together.append(value)
                together.at.append(at)
    return together


def _order(lower: Map, upper: Map) -> list[str]:
    """The keys of both. Those of `upper` stand in its order, a new one before the known one that follows it."""
    common = [key for key in upper if key in lower]
    turn = iter(common)
    order = [next(turn) if key in upper else key for key in lower]
    after: str | None = None
    for key in reversed(list(upper)):
        if key not in lower:
            order.insert(len(order) if after is None else order.index(after), key)
        after = key
    return order
