"""How the steps of a loop hang together: targets, reach, cycles, inputs, and loops in loops."""

from treadle.protocol.messages import PASS, Json
from treadle.spec import names
from treadle.spec.agent import AgentSpec
from treadle.spec.faults import did_you_mean, listed, shorten
from treadle.spec.loop import ASK, DONE, STOP, LoopSpec, StepSpec
from treadle.spec.output import field_of
from treadle.spec.resolve_loop import Known, RawLoop, verdicts_of

_ENDS = (DONE, STOP, ASK)


def check_flow(raw: RawLoop, known: Known, loops: dict[str, LoopSpec], inside_each: bool) -> None:
    """Faults what is wrong between the steps. `inside_each`: another loop runs this one once per item."""
    flow = _Flow(raw, known, loops, inside_each)
    if flow.targets():
        flow.reach()
        flow.cycles()
    flow.inputs()


def check_recursion(raws: dict[str, RawLoop]) -> None:
    """Faults each loop that runs itself, directly or through others, once."""
    reported: set[str] = set()
    for name in raws:
        path = _path_back(name, raws)
        if path and not reported & set(path):
            reported |= set(path)
            raw = raws[name]
            at = next(i for i, step in enumerate(raw.spec.steps) if step.loop == path[1])
            raw.fields[at].fault("loop", "loop_recursion", chain=" → ".join(path))


def _path_back(name: str, raws: dict[str, RawLoop]) -> list[str]:
    """The shortest way of loop steps from `name` back to it, both ends named; empty where there is none."""
    edges = {loop: [s.loop for s in raw.spec.steps if s.loop] for loop, raw in raws.items()}
    return _cycle_through(name, edges)


def _cycle_through(start: str, edges: dict[str, list[str]]) -> list[str]:
    paths = [[start]]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        for target in edges.get(path[-1], ()):
            if target == start:
                return [*path, start]
            if target not in seen:
                seen.add(target)
                paths.append([*path, target])
    return []


class _Flow:
    """One loop's steps as a graph. Edges: from a step's name to the names of those that may follow it."""

    def __init__(self, raw: RawLoop, known: Known, loops: dict[str, LoopSpec], inside_each: bool) -> None:
        self._steps = raw.spec.steps
        self._fields = raw.fields
        self._faults = raw.fields[0].faults
        self._known = known
        self._loops = loops
        self._inside_each = inside_each
        self._names = tuple(step.name for step in self._steps)
        self._edges = {step.name: self._after(i) for i, step in enumerate(self._steps)}

    def _after(self, index: int) -> list[str]:
        step = self._steps[index]
        ways = list(step.on.values())
        onward = step.ask.answers[0] if step.ask else PASS
        if onward not in step.on and index + 1 < len(self._steps):
            ways.append(self._names[index + 1])
        return [way for way in ways if way in self._names]

    def targets(self) -> bool:
        """Whether all steps have names and all of `on` leads somewhere; a fault for each that does not."""
        sound = all(self._names)
        for step, fields in zip(self._steps, self._fields, strict=True):
            on = fields.map.get("on")
            for verdict, target in step.on.items():
                assert on is not None
                allowed = verdicts_of(step, self._known, self._loops)
                if verdict not in allowed:
                    fields.unknown(on.keys_at[verdict], verdict, allowed, "unknown_verdict")
                if verdict == names.LIMIT and step.max_visits is None:
                    self._faults.add(on.keys_at[verdict], "limit_without_max")
                if target not in (*self._names, *_ENDS):
                    sound = False
                    hint = did_you_mean(target, (*self._names, *_ENDS))
                    words = {"found": shorten(target), "known": listed(self._names), "hint": hint}
                    self._faults.add(on.at[verdict], "unknown_target", **words)
        return sound

    def reach(self) -> None:
        """A fault for each step that no way leads to from the first."""
        seen = {self._names[0]}
        todo = [self._names[0]]
        while todo:
            for target in self._edges[todo.pop()]:
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        for step, fields in zip(self._steps, self._fields, strict=True):
            if step.name not in seen:
                fields.fault("name", "unreachable_step", found=step.name)

    def cycles(self) -> None:
        """A fault for each cycle without an end. A step whose visits are used up goes on by `limit` only."""
        edges = {}
        for step in self._steps:
            ways = self._edges[step.name]
            limit = step.on.get(names.LIMIT, "")
            edges[step.name] = ways if step.max_visits is None else [limit] if limit in self._names else []
        reported: set[str] = set()
        for step, fields in zip(self._steps, self._fields, strict=True):
            cycle = _cycle_through(step.name, edges)
            if cycle and not reported & set(cycle):
                reported |= set(cycle)
                fields.fault("name", "unbounded_cycle", chain=" → ".join(cycle))

    def inputs(self) -> None:
        """Faults for what `each` and the agents' inputs name."""
        for step, fields in zip(self._steps, self._fields, strict=True):
            if step.each and (step.agent or step.loop):
                self._each(step)
            agent = self._known.agents.get(step.agent) if step.agent else None
            for name in agent.inputs if agent else ():
                assert agent is not None
                root = name.split(".")[0]
                if root == names.ITEM:
                    if not step.each and not self._inside_each:
                        fields.fault("agent", "agent_item", agent=agent.name)
                elif root not in (*names.PROVIDERS, *self._names):
                    known = (*names.PROVIDERS, names.ITEM, *self._names)
                    words = {"agent": agent.name, "found": name, "known": listed(known)}
                    fields.fault("agent", "agent_input", **words, hint=did_you_mean(root, known))
                elif root in self._names:
                    self._output(step, name, "agent")

    def _each(self, step: StepSpec) -> None:
        fields = self._fields[self._steps.index(step)]
        root = step.each.split(".")[0]
        if step.each in names.LIST_PROVIDERS:
            return
        if root == names.ITEM and self._inside_each:
            return
        if root not in self._names:
            fields.unknown(fields.at("each"), step.each, (*names.LIST_PROVIDERS, *self._names), "each_source")
            return
        schema, agent = self._output(step, step.each, "each")
        if agent is not None and schema and schema.get("type", "array") != "array":
            fields.fault("each", "each_no_list", found=step.each, agent=agent.name)

    def _output(self, step: StepSpec, name: str, key: str) -> tuple[dict[str, Json], AgentSpec | None]:
        """The schema that `name` has in a step's output, and that step's agent; faults what it can't have."""
        fields = self._fields[self._steps.index(step)]
        root, *path = name.split(".")
        source = self._steps[self._names.index(root)]
        if all(self._names) and not self._precedes(root, step.name):
            fields.fault(key, "input_too_late", found=name, step=root)
            return {}, None
        agent = self._known.agents.get(source.agent) if source.agent else None
        if agent is None or source.each:
            return {}, None
        schema = agent.output or {}
        for field in path:
            found = field_of(schema, field) if agent.output else ()
            if isinstance(found, tuple):
                words = {"found": name, "agent": agent.name, "field": field, "known": listed(found)}
                fields.fault(key, "input_field", **words, hint=did_you_mean(field, found))
                return {}, None
            schema = found
        return schema, agent

    def _precedes(self, earlier: str, later: str) -> bool:
        seen: set[str] = set()
        todo = [earlier]
        while todo:
            for target in self._edges[todo.pop()]:
                if target == later:
                    return True
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return False
