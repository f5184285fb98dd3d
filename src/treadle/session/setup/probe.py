"""What answers here: asked side by side, with short timers, and told without ever failing."""

import asyncio
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from treadle.session.setup.ask_ollama import ask_ollama
from treadle.session.setup.sizes import parameters_of
from treadle.session.setup.values import ENGINE, LITELLM, Bound, Found, Key, Ollama, Pullable, Served
from treadle.spec.edit import CannotEdit, is_own
from treadle.spec.faults import Faults
from treadle.spec.layers import (
    Folder,
    builtin_folder,
    gather,
    merged,
    repository_folder,
    user_folder,
)
from treadle.spec.read import Map
from treadle.spec.resolve_settings import resolve_settings
from treadle.spec.resolve_tiers import resolve_tiers, tier_names
from treadle.spec.tiers import ModelEntry, ollama_base

_TIERS = ("small", "medium", "large")


async def probe(root: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Found:
    """What answers here and what the files of the user, and of the repository `root`, bind already.

    Within about 1.3 seconds, whatever does not answer; raises nothing. Asks the Ollama server and no other host; with
    `offline: true` only one on this machine.
    """
    here = ModelEntry("ollama/any", ollama_base()).stays_here
    asked = asyncio.create_task(ask_ollama()) if here else None
    await asyncio.sleep(0)
    found = _files(root)
    found = msgspec.structs.replace(
        found,
        weights=_weights(),
        own_files=_own_files(),
        engine=is_installed(ENGINE),
        keys=_keys(os.environ if environ is None else environ),
        litellm=is_installed(LITELLM),
    )
    if asked is None and found.offline:
        kept = Ollama(ollama_base(), "OLLAMA_HOST", fault="your settings say `offline: true`", here=False)
        return msgspec.structs.replace(found, ollama=kept)
    return msgspec.structs.replace(found, ollama=await (asked or ask_ollama()))


def is_installed(package: str) -> bool:
    """Whether the package is there for this interpreter; nothing of it is imported."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def needs_setup() -> bool:
    """Whether nothing was set up yet: the user's settings hold no `cloud`, and there is no tiers.yaml of theirs."""
    found = gather([user_folder()], Faults())
    chosen = any("cloud" in settings for settings in found.settings)
    return not chosen and found.tiers is None and not found.faulty & {"tiers", "settings"}


def _keys(environ: Mapping[str, str]) -> tuple[Key, ...]:
    from treadle.models.keys import found_keys

    found = []
    for provider in found_keys(environ):
        defaults = {tier: name for tier in _TIERS if (name := provider.default(tier))}
        found.append(Key(provider.name, provider.title, _said(provider, environ), defaults))
    return tuple(found)


def _said(provider: object, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables that are really set."""
    from treadle.models.keys import Provider

    assert isinstance(provider, Provider)
    names = (provider.variables[0], *provider.instead, *provider.variables[1:])
    return tuple(name for name in names if environ.get(name, "").strip())


def _weights() -> tuple[Pullable, ...]:
    from treadle.models.weights import KNOWN, installed

    return tuple(
        Pullable(w.aliases[0], w.bytes, w.licence, w.about, installed(w.name) is not None) for w in KNOWN
    )


def _own_files() -> tuple[Served, ...]:
    """The user's own GGUF files."""
    from treadle.models.weights import users_own

    found = []
    for path in users_own():
        try:
            size = path.stat().st_size
        except OSError:
            continue
        if not any(c.isspace() for c in path.stem):
            found.append(Served(f"local/{path.stem}", size, parameters_of(path.stem, size)))
    return tuple(found)


def _files(root: Path | None) -> Found:
    """What the files say: those of the user and, where a root is given, of the repository."""
    faults = Faults()
    folders = [builtin_folder(), user_folder()]
    raws = [gather([_top(folder)], faults if folder.layer == "user" else Faults()) for folder in folders]
    everything = raws[0].tiers
    if raws[1].tiers is not None:
        everything = merged(everything, raws[1].tiers) if everything is not None else raws[1].tiers
    own_ladder = tier_names(everything)
    by_repository: tuple[Bound, ...] = ()
    if root is not None:
        raw = gather([_top(repository_folder(root))], Faults()).tiers
        if raw is not None:
            by_repository = tuple(_bound(raw, Faults(), ""))
            everything = merged(everything, raw) if everything is not None else raw
    own = raws[1]
    bound = tuple(_bound(own.tiers, faults, _text(user_folder().path / "tiers.yaml"))) if own.tiers else ()
    settings = resolve_settings(own.settings, faults)
    return Found(
        ollama=Ollama("", ""),
        bound=bound,
        cloud=settings.cloud if any("cloud" in one for one in own.settings) else "",
        offline=settings.offline,
        ladder=(*own_ladder, *(t for t in tier_names(everything) if t not in own_ladder)),
        last=own_ladder[-1],
        by_repository=by_repository,
        prices=resolve_tiers(everything, Faults()).prices,
        faults=faults.lines(),
    )


def _top(folder: Folder) -> Folder:
    """The folder's tiers and settings alone."""
    names = ("tiers", "settings")
    places = [folder.path / "agents"] + ([folder.path] if folder.bare else [])
    files = [(name, place / f"{name}.yaml") for name in names for place in places]
    there = tuple((name, path) for name, path in files if os.path.lexists(path))
    # An empty tuple would mean a search.
    return msgspec.structs.replace(folder, files=there, path=folder.path if there else Path(os.devnull))


def _bound(raw: Map, faults: Faults, text: str) -> list[Bound]:
    """The tiers that this file alone binds."""
    declared = raw.get("tiers")
    said = declared if isinstance(declared, Map) else {}
    found = []
    for tier in resolve_tiers(raw, faults).tiers:
        value = said.get(tier.name)
        if isinstance(value, Map) and "models" in value:
            found.append(Bound(tier.name, tier.models, _renewable(text, tier.name)))
    return found


def _renewable(text: str, tier: str) -> bool:
    try:
        return is_own(text, ("tiers", tier))
    except CannotEdit:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
