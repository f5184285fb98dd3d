"""From an agent's ladder to its rungs: each with its tier, its one way of working, and its limits."""

from typing import Any, Literal, cast

from treadle.spec import names
from treadle.spec.agent import Limits, Rung
from treadle.spec.faults import kind_of, listed
from treadle.spec.fields import Fields
from treadle.spec.read import Map

LIMIT_KEYS = ("turns", "context_tokens", "output_tokens", "wall_s", "cost_usd")
WAYS = ("solver", "protocol", "tools")
DEFAULT_KEYS = (*WAYS, "limits", "attempts", "from")
RUNG_KEYS = ("tier", "race", "pick", *DEFAULT_KEYS)


def read_ladder(fields: Fields, tiers: tuple[str, ...], has_output: bool) -> tuple[Rung, ...]:
    """The rungs, cheapest first as written; `tier` on the agent is a ladder of one."""
    if "tier" in fields.map and "ladder" in fields.map:
        fields.faults.add(fields.key_at("tier"), "both_keys", one="tier", other="ladder")
    if "tier" in fields.map:
        rung = _Rungs(fields, None, tiers, has_output).read(fields)
        return (rung,) if rung else ()
    if "solver" in fields.map:
        fields.faults.add(fields.key_at("solver"), "needs_key", key="solver", other="tier")
    if not fields.require("ladder"):
        return ()
    rungs = _Rungs(fields, fields, tiers, has_output)
    found = []
    items = fields.items("ladder")
    if items == []:
        fields.fault("ladder", "empty_value", what="`ladder`")
    for value, place in items or ():
        if not isinstance(value, Map):
            found_kind = kind_of(value)
            fields.faults.add(place, "wrong_type", what="a rung", wanted="a mapping", found=found_kind)
            continue
        rung = rungs.read(Fields(value, fields.faults, RUNG_KEYS))
        if rung:
            found.append(rung)
    return tuple(found)


class _Rungs:
    """Reads rungs; `defaults` are the agent's own fields, None where the agent itself is the rung."""

    def __init__(
        self, agent: Fields, defaults: Fields | None, tiers: tuple[str, ...], has_output: bool
    ) -> None:
        self._tiers = tiers
        self._has_output = has_output
        self._attempts, self._best, self._limits = 1, False, Limits()
        self._protocol = ""
        self._tools: tuple[str, ...] = ()
        if defaults is not None:
            self._attempts, self._best = self._attempts_of(agent, 1), self._best_of(agent, False)
            self._limits = self._limits_of(agent, Limits())
            self._protocol, self._tools = self._model_way(agent)

    def read(self, rung: Fields) -> Rung | None:
        """The rung; None where its tier is missing or unknown."""
        race = self._race(rung)
        if race is None:
            tier = self._tier(rung)
            if "pick" in rung.map:
                rung.faults.add(rung.key_at("pick"), "needs_key", key="pick", other="race")
        else:
            tier = race[0] if race else ""
        solver, protocol, tools = self._way(rung, tier) if tier else ("", "", ())
        limits = self._limits_of(rung, self._limits)
        attempts = self._attempts_of(rung, self._attempts)
        pick = rung.choice("pick", names.PICKS, "first")
        best = self._best_of(rung, self._best)
        if not tier:
            return None
        return Rung(
            tier=tier,
            solver=solver,
            protocol=protocol,
            tools=tools,
            limits=Limits(attempts, *(getattr(limits, key) for key in LIMIT_KEYS)),
            from_best=best,
            race=race or (),
            pick=cast(Literal["first", "cheapest", "ask"], pick),
        )

    def _tier(self, rung: Fields) -> str:
        if not rung.require("tier"):
            return ""
        tier = rung.text("tier")
        if tier and tier not in self._tiers:
            rung.unknown(rung.at("tier"), tier, self._tiers, "unknown_tier")
            return ""
        return tier

    def _race(self, rung: Fields) -> tuple[str, ...] | None:
        """The tiers that race, empty after a fault; None where the rung is no race."""
        if "race" not in rung.map:
            return None
        if "tier" in rung.map:
            rung.faults.add(rung.key_at("tier"), "both_keys", one="tier", other="race")
        if not isinstance(rung.map["race"], list):
            rung.items("race")
            return ()
        tiers = rung.names("race", self._tiers, "unknown_tier")
        if names.CODE in tiers:
            rung.fault("race", "race_code")
            return ()
        if len(rung.map["race"]) < 2:
            rung.fault("race", "race_too_small")
        return tiers

    def _way(self, rung: Fields, tier: str) -> tuple[str, str, tuple[str, ...]]:
        """Solver, protocol and tools: exactly one of them is set, none after a fault."""
        if tier == names.CODE:
            for key in ("protocol", "tools"):
                if key in rung.map:
                    rung.faults.add(rung.key_at(key), "model_on_code", key=key)
            if "solver" not in rung.map:
                rung.faults.add(rung.map.place, "no_solver", known=listed(names.SOLVERS))
            return rung.choice("solver", names.SOLVERS, "", "unknown_solver"), "", ()
        if "solver" in rung.map:
            rung.faults.add(rung.key_at("solver"), "solver_off_code", tier=tier)
            return "", "", ()
        protocol, tools = self._model_way(rung)
        if "protocol" not in rung.map and "tools" not in rung.map:
            protocol, tools = self._protocol, self._tools
            if not protocol and not tools:
                if not self._has_output:
                    rung.faults.add(rung.map.place, "no_way", tier=tier)
                    return "", "", ()
                protocol = "fill"
        if protocol == "fill" and not self._has_output:
            rung.faults.add(rung.at("protocol"), "protocol_needs_output")
        return "", protocol, tools

    def _model_way(self, fields: Fields) -> tuple[str, tuple[str, ...]]:
        if "protocol" in fields.map and "tools" in fields.map:
            fields.faults.add(fields.key_at("tools"), "both_keys", one="tools", other="protocol")
        protocol = fields.choice("protocol", names.PROTOCOLS, "", "unknown_protocol")
        if fields.map.get("tools") == []:
            fields.fault("tools", "empty_value", what="`tools`")
        return protocol, fields.names("tools", names.TOOLS, "unknown_tool")

    @staticmethod
    def _attempts_of(fields: Fields, default: int) -> int:
        return int(fields.number("attempts", 1, 100, whole=True) or default)

    @staticmethod
    def _best_of(fields: Fields, default: bool) -> bool:
        if "from" not in fields.map:
            return default
        return fields.choice("from", ("base", names.BEST), "base") == names.BEST

    @staticmethod
    def _limits_of(fields: Fields, default: Limits) -> Limits:
        raw = fields.mapping("limits")
        if raw is None:
            return default
        limits = Fields(raw, fields.faults, LIMIT_KEYS)

        def read(key: str, least: float, most: float, whole: bool = True) -> Any:
            value = limits.number(key, least, most, whole=whole)
            return getattr(default, key) if value is None else value

        return Limits(
            turns=read("turns", 1, 10_000),
            context_tokens=read("context_tokens", 256, 10_000_000),
            output_tokens=read("output_tokens", 1, 1_000_000),
            wall_s=read("wall_s", 0.1, 86_400, whole=False),
            cost_usd=read("cost_usd", 0, 100_000, whole=False),
        )
