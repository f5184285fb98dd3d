"""Loads all that is configured, or tells everything that is wrong with it."""

from pathlib import Path

from treadle.protocol.errors import SpecError
from treadle.spec.agent import AgentSpec
from treadle.spec.catalog import Catalog
from treadle.spec.faults import Faults, did_you_mean, listed
from treadle.spec.find_prompt import PromptFinder
from treadle.spec.flow import check_flow, check_recursion
from treadle.spec.layers import (
    Folder,
    Found,
    builtin_folder,
    gather,
    merged,
    repository_folder,
    user_folder,
)
from treadle.spec.loop import LoopSpec
from treadle.spec.narrow import narrowed_agent, narrowed_loop
from treadle.spec.read import Map
from treadle.spec.resolve_agent import World, resolve_agent
from treadle.spec.resolve_chosen import settle_defaults
from treadle.spec.resolve_loop import Known, RawLoop, resolve_loop
from treadle.spec.resolve_settings import resolve_settings
from treadle.spec.resolve_tiers import resolve_tiers, tier_names


def load_catalog(root: Path | None) -> Catalog:
    """All agents, loops, tiers and settings that hold in the repository `root`; without one, those of the user.

    Raises: `SpecError` with all faults of all files at once, in the order of the files and their lines.
    """
    catalog, faults = load_folders(folders_for(root))
    if faults:
        raise SpecError(faults.lines())
    return catalog


def folders_for(root: Path | None) -> list[Folder]:
    """The layers, the last one winning: built-in, the user's, the repository's."""
    folders = [builtin_folder(), user_folder()]
    return folders if root is None else [*folders, repository_folder(root)]


def load_folders(folders: list[Folder]) -> tuple[Catalog, Faults]:
    """What the folders hold as far as it is sound, with the faults of the rest."""
    faults = Faults()
    found = gather(folders, faults)
    tiers = resolve_tiers(found.tiers, faults, found.own_tiers)
    prompts = PromptFinder(folders, faults)
    world = World(faults, tier_names(found.tiers), prompts.find)
    agents = _agents(found, world)
    loops = _loops(found, agents, faults)
    _keep_limits(folders, found, agents, loops)
    origins = {f"agent {name}": _origin(raw) for name, raw in found.agents.items()}
    origins |= {f"loop {name}": _origin(raw) for name, raw in found.loops.items()}
    catalog = Catalog(
        agents={name: agent for name, agent in sorted(agents.items()) if agent is not None},
        loops=dict(sorted(loops.items())),
        tiers=tiers,
        settings=resolve_settings(found.settings, faults),
        prompts=prompts.all(),
        origins=origins,
    )
    return catalog, faults


def _keep_limits(
    folders: list[Folder], found: Found, agents: dict[str, AgentSpec | None], loops: dict[str, LoopSpec]
) -> None:
    """Holds what a repository says of the user's own agents and loops within their limits."""
    of_repository = [
        *(name for name, raw in found.agents.items() if raw.place[0].layer == "repository"),
        *(name for name, raw in found.loops.items() if raw.place[0].layer == "repository"),
    ]
    if not of_repository:
        return
    own, _ = load_folders([folder for folder in folders if folder.layer != "repository"])
    for name in of_repository:
        agent, loop = agents.get(name), loops.get(name)
        if agent is not None and name in own.agents:
            agents[name] = narrowed_agent(agent, own.agents[name])
        if loop is not None and name in own.loops:
            loops[name] = narrowed_loop(loop, own.loops[name])


def _origin(raw: Map) -> str:
    return str(raw.place[0].path)


def _agents(found: Found, world: World) -> dict[str, AgentSpec | None]:
    """Each agent by its name; None for one whose file is there and can't be used."""
    agents: dict[str, AgentSpec | None] = dict.fromkeys(found.faulty)
    for name, raw in found.agents.items():
        agents[name] = resolve_agent(_extended(name, raw, found, world.faults), world)
    for kind, raw in found.nameless:
        if kind == "agent":
            resolve_agent(_extended("", raw, found, world.faults), world)
    return agents


def _extended(name: str, raw: Map, found: Found, faults: Faults) -> Map:
    """The agent over those that it extends, the furthest first.

    A name that is unknown or leads back is a fault; the result then keeps its `extends`.
    """
    chain = [name]
    first = raw.at.get("extends", raw.place)
    while isinstance(base := raw.get("extends"), str):
        at = raw.at["extends"]
        if base in chain:
            told = chain[chain.index(base) :]
            if base == name and min(told) == name:
                faults.add(first, "extends_cycle", chain=" → ".join([*told, base]))
            break
        if base not in found.agents:
            if base not in found.faulty:
                known = sorted(set(found.agents) - {name})
                hint = did_you_mean(base, known)
                faults.add(at, "unknown_agent", found=base, known=listed(known), hint=hint)
            break
        chain.append(base)
        raw = merged(_without("name", found.agents[base]), _without("extends", raw))
    return raw


def _without(key: str, raw: Map) -> Map:
    rest = Map(raw.place)
    for other, value in raw.items():
        if other != key:
            rest.put(other, value, raw.keys_at[other], raw.at[other])
    return rest


def _loops(found: Found, agents: dict[str, AgentSpec | None], faults: Faults) -> dict[str, LoopSpec]:
    known = Known(agents, tuple({**found.loops, **dict.fromkeys(found.faulty)}))
    raws: dict[str, RawLoop] = {}
    for name, raw in found.loops.items():
        resolved = resolve_loop(raw, known, faults)
        if resolved is not None:
            raws[name] = resolved
    for kind, raw in found.nameless:
        if kind == "loop":
            resolve_loop(raw, known, faults)
    loops = settle_defaults(
        {name: raw.spec for name, raw in raws.items()}, {name: raw.own for name, raw in raws.items()}
    )
    in_each = {step.loop for loop in loops.values() for step in loop.steps if step.loop and step.each}
    for name, raw_loop in raws.items():
        check_flow(raw_loop, known, loops, name in in_each)
    check_recursion(raws)
    return loops
