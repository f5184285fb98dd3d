"""`treadle agents|loops list|show|validate|graph`: reads YAML as data, so it needs no trust."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from treadle.cli.arguments import add_output, tell, tell_rows
from treadle.protocol.errors import SpecError, UsageError
from treadle.spec.agent import AgentSpec, CheckSpec, Limits, Rung
from treadle.spec.catalog import Catalog
from treadle.spec.faults import did_you_mean, listed
from treadle.spec.layers import Folder, kind_of_file, shown
from treadle.spec.load import folders_for, load_folders
from treadle.spec.loop import DONE, STOP, LoopSpec, StepSpec
from treadle.workspace.git import find_root

_KINDS = {"agents": "agent", "loops": "loop"}


def add_parsers(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `agents` and `loops` with their commands; each leaves its handler in `args.handle`."""
    for kinds, kind in _KINDS.items():
        parser = sub.add_parser(kinds, help=f"the {kinds} that hold here")
        parser.set_defaults(kinds=kinds)
        below = parser.add_subparsers(dest="spec_command", required=True, metavar="list|show|validate|graph")
        listing = below.add_parser("list", help=f"all {kinds}, with their files")
        listing.set_defaults(handle=_list)
        showing = below.add_parser("show", help=f"one {kind}, as resolved")
        showing.add_argument("name", metavar="NAME")
        showing.set_defaults(handle=_show)
        validating = below.add_parser(
            "validate", help="every fault at once; all that holds here, or these files"
        )
        validating.add_argument("files", nargs="*", metavar="FILE", help="a YAML file, or a folder of them")
        validating.set_defaults(handle=_validate)
        graph = below.add_parser("graph", help=f"the {kind} as a Mermaid graph")
        graph.add_argument("name", metavar="NAME")
        graph.set_defaults(handle=_graph)
        for command in (listing, showing, validating, graph):
            add_output(command)


def _loaded() -> Catalog:
    """What holds here; faults are told on stderr, and what is sound is shown all the same."""
    catalog, faults = load_folders(folders_for(find_root(Path.cwd())))
    _told(faults.lines())
    return catalog


def _list(args: argparse.Namespace) -> int:
    catalog, faults = load_folders(folders_for(find_root(Path.cwd())))
    specs: dict[str, AgentSpec] | dict[str, LoopSpec] = (
        catalog.agents if args.kinds == "agents" else catalog.loops
    )
    kind = _KINDS[args.kinds]
    rows = [
        {
            "name": name,
            "description": spec.description,
            "ladder" if kind == "agent" else "steps": _outline(spec),
            "file": catalog.origins[f"{kind} {name}"],
        }
        for name, spec in specs.items()
    ]
    text = ""
    for name, spec in specs.items():
        file = shown(Path(catalog.origins[f"{kind} {name}"]))
        text += f"{name}  {_arrows(spec)}\n    {spec.description}\n    {file}\n"
    return tell_rows(args, args.kinds, rows, text, code=_told(faults.lines()))


def _told(faults: Sequence[str]) -> int:
    """The exit code that the faults, told here on stderr, end the command with."""
    if faults:
        sys.stderr.write("\n".join(faults) + "\n")
    return SpecError.exit_code if faults else 0


def _show(args: argparse.Namespace) -> int:
    catalog = _loaded()
    kind = _KINDS[args.kinds]
    spec = _named(args, catalog)
    file = catalog.origins[f"{kind} {spec.name}"]
    lines = _agent_lines(spec) if isinstance(spec, AgentSpec) else _loop_lines(spec)
    head = [f"{kind} {spec.name}", f"  {spec.description}", f"  file: {shown(Path(file))}"]
    facts: dict[str, Any] = {kind: spec, "file": file}
    return tell(args, "\n".join([*head, *lines]) + "\n", **facts)


def _named(args: argparse.Namespace, catalog: Catalog) -> AgentSpec | LoopSpec:
    specs: dict[str, AgentSpec] | dict[str, LoopSpec] = (
        catalog.agents if args.kinds == "agents" else catalog.loops
    )
    spec = specs.get(args.name)
    if spec is None:
        hint = did_you_mean(args.name, specs)
        raise UsageError(f"unknown {_KINDS[args.kinds]} `{args.name}`; known: {listed(specs)}{hint}")
    return spec


def _validate(args: argparse.Namespace) -> int:
    root = find_root(Path.cwd())
    folders = folders_for(root)
    if not args.files:
        catalog, faults = load_folders(folders)
        sound = f"{len(catalog.agents)} agents, {len(catalog.loops)} loops, {len(catalog.tiers.tiers)} tiers"
        lines = faults.lines()
    else:
        named = [_folder_of(Path(file), root, _KINDS[args.kinds], folders) for file in args.files]
        _, faults = load_folders([*folders, *(folder for folder in named if folder is not None)])
        sound = listed(args.files)
        lines = tuple(line for line in faults.lines() if _about(line, args.files))
    return tell(args, "" if lines else f"no faults: {sound}\n", code=_told(lines), faults=lines)


def _folder_of(path: Path, root: Path, kind: str, folders: list[Folder]) -> Folder | None:
    """The layer that a named file or folder is; None where it stands in a layer already.

    Raises: `UsageError` for one that does not exist.
    """
    path = path.absolute()
    if not path.exists() and not path.is_symlink():
        raise UsageError(f"{shown(path)}: no such file or folder")
    if any(_holds(folder, path) for folder in folders):
        return None
    inside = root if path.is_relative_to(root) else None
    layer = folders[-1].layer if inside else "user"
    if path.is_dir():
        return Folder(layer, path, inside=inside)
    top = path.parent.parent if path.parent.name in ("agents", "loops") else path.parent
    return Folder(layer, top, inside=inside, files=((kind_of_file(path, _said_kind(path, kind)), path),))


def _said_kind(path: Path, default: str) -> str:
    """`loop` for a file with steps, `agent` for one with a ladder, whichever command was asked."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return default
    if re.search(r"^steps:", text, re.MULTILINE):
        return "loop"
    return "agent" if re.search(r"^(ladder|tier):", text, re.MULTILINE) else default


def _holds(folder: Folder, path: Path) -> bool:
    places = [folder.path / "agents", folder.path / "agents" / "loops"]
    if folder.bare:
        places += [folder.path, folder.path / "loops"]
    return path in places or (path.parent in places and path.suffix == ".yaml")


def _about(line: str, files: list[str]) -> bool:
    file = re.split(r":\d+: ", line, maxsplit=1)[0]
    told = [shown(Path(name).absolute()) for name in files]
    return any(file == name or file.startswith(name + "/") for name in told)


def _graph(args: argparse.Namespace) -> int:
    spec = _named(args, _loaded())
    lines = _ladder_graph(spec) if isinstance(spec, AgentSpec) else _loop_graph(spec)
    text = "\n".join(["flowchart TD", *(f"    {line}" for line in lines)]) + "\n"
    return tell(args, text, graph=text)


def _outline(spec: AgentSpec | LoopSpec) -> list[str]:
    if isinstance(spec, LoopSpec):
        return [step.name for step in spec.steps]
    return ["|".join(rung.race) or rung.tier for rung in spec.ladder]


def _arrows(spec: AgentSpec | LoopSpec) -> str:
    return " → ".join(_outline(spec))


def _agent_lines(agent: AgentSpec) -> list[str]:
    facts = {
        "prompt": agent.prompt_file,
        "inputs": ", ".join(agent.inputs),
        "output": msgspec.json.encode(agent.output).decode() if agent.output else "",
        "checks": ", ".join(_check(check) for check in agent.checks),
        "deny": ", ".join(agent.deny),
        "verdicts": ", ".join(agent.verdicts),
    }
    lines = [f"  {name}: {value}" for name, value in facts.items() if value]
    return [
        *lines,
        "  ladder:",
        *(f"    {number}. {_rung(rung)}" for number, rung in enumerate(agent.ladder, 1)),
    ]


def _rung(rung: Rung) -> str:
    where = f"race {' | '.join(rung.race)}, pick {rung.pick}" if rung.race else rung.tier
    how = f"solver {rung.solver}" if rung.solver else f"protocol {rung.protocol}" if rung.protocol else ""
    how = how or "tools " + ", ".join(rung.tools)
    limits = [
        f"{key} {_number(value)}"
        for key in Limits.__struct_fields__
        if (value := _limit(rung, key)) is not None
    ]
    return "; ".join([where, how, *limits, *(["from best"] if rung.from_best else [])])


def _limit(rung: Rung, key: str) -> float | None:
    value: float | None = getattr(rung.limits, key)
    return None if key == "attempts" and value == 1 else value


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _check(check: CheckSpec) -> str:
    text = f"command `{check.command}`" if check.command else check.name
    return text if check.expect == "pass" else f"{text} must {check.expect}"


def _loop_lines(loop: LoopSpec) -> list[str]:
    budget = [
        f"{k} {_number(v)}"
        for k in loop.budget.__struct_fields__
        if (v := getattr(loop.budget, k)) is not None
    ]
    lines = [f"  base: {loop.base}", f"  apply: {loop.apply}"]
    if budget:
        lines.append("  budget: " + ", ".join(budget))
    return [
        *lines,
        "  steps:",
        *(f"    {number}. {_step(step)}" for number, step in enumerate(loop.steps, 1)),
    ]


def _step(step: StepSpec) -> str:
    parts = [f"{step.name}: {step.what}"]
    if step.ask:
        parts.append(f"“{step.ask.text}” {' | '.join(step.ask.answers)}")
    if step.each:
        parts.append(f"each {step.each}, on_item {step.on_item}")
        parts += [f"parallel {step.parallel}"] if step.parallel > 1 else []
    parts += [f"{verdict} → {target}" for verdict, target in step.on.items()]
    parts += [f"max_visits {step.max_visits}"] if step.max_visits else []
    return "; ".join(parts + (["break"] if step.breakpoint else []))


def _ladder_graph(agent: AgentSpec) -> list[str]:
    lines = [f'r{i}["{_quoted(_rung(rung))}"]' for i, rung in enumerate(agent.ladder)]
    lines += [f"r{i} -->|fail| r{i + 1}" for i in range(len(agent.ladder) - 1)]
    lines += [f"r{i} -->|pass| pass([pass])" for i in range(len(agent.ladder))]
    return [*lines, f"r{len(agent.ladder) - 1} -->|fail| fail([fail])"]


def _loop_graph(loop: LoopSpec) -> list[str]:
    """Nodes are numbered, for a step may be called `end`, which Mermaid takes for its own."""
    numbers = {step.name: f"s{i}" for i, step in enumerate(loop.steps)}
    lines = [_node(numbers[step.name], step) for step in loop.steps]
    for index, step in enumerate(loop.steps):
        onward = step.ask.answers[0] if step.ask else "pass"
        after = loop.steps[index + 1].name if index + 1 < len(loop.steps) else DONE
        ways = {onward: after, **step.on}
        for verdict, target in ways.items():
            label = f"{verdict} of {step.max_visits} visits" if verdict == "limit" else verdict
            lines.append(
                f"{numbers[step.name]} -->|{_quoted(label)}| {numbers.get(target, f'{target}([{target}])')}"
            )
        if step.max_visits and "limit" not in step.on:
            lines.append(f"{numbers[step.name]} -->|limit of {step.max_visits} visits| {STOP}([{STOP}])")
    return lines


def _node(number: str, step: StepSpec) -> str:
    each = f"<br/>each {step.each}" if step.each else ""
    text = f'"{_quoted(step.name)}<br/>{_quoted(step.ask.text if step.ask else step.what)}{each}"'
    return number + (f"{{{text}}}" if step.ask else f"[[{text}]]" if step.loop else f"[{text}]")


def _quoted(text: str) -> str:
    entities = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
    return " ".join("".join(entities.get(char, char) for char in text).split())
