"""The models behind the tiers: the first alternative that answers, asked under the budget, on the record."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from treadle.engine.budget import Meter, Worst
from treadle.engine.gate import Gate
from treadle.models.base import ModelReply, ModelRequest, Timers
from treadle.models.judge import estimated_tokens
from treadle.models.open import check_available, kind_of
from treadle.models.opened import OpenModels
from treadle.models.prices import price_of
from treadle.protocol.errors import (
    NoSuchModel,
    NothingBound,
    ProviderError,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.events import (
    Emit,
    ModelFailed,
    ModelReplied,
    ModelRequested,
    Noted,
    Place,
    TextDelta,
)
from treadle.protocol.messages import Usage
from treadle.protocol.pending import UNKNOWN, Pending
from treadle.protocol.text import encode_json, valid
from treadle.spec.settings import Settings
from treadle.spec.tiers import ModelEntry, Tier, Tiers

LONGEST_WAIT_S = 20.0
"""A rate limit is waited out once when the provider says it ends within this many seconds."""

TWO_WAYS = "`treadle setup` shows what answers here, and binds a model to a tier or brings one"


class Models:
    """Opens each model once, on first use, and keeps it for the run, or in `opened` beyond it."""

    def __init__(
        self,
        tiers: Tiers,
        settings: Settings,
        meter: Meter,
        emit: Emit,
        keep: Callable[[bytes], str],
        timers: Timers,
        gate: Gate | None = None,
        opened: OpenModels | None = None,
    ) -> None:
        self._tiers = {tier.name: tier for tier in tiers.tiers}
        self._all = tiers
        self._prices = tiers.prices
        self._settings = settings
        self._meter = meter
        self._emit = emit
        self._keep = keep
        self._timers = timers
        self._gate = gate or Gate(emit)
        self._opened = opened or OpenModels()
        self._owns = opened is None
        self._down: dict[bytes, ProviderError] = {}

    def pick(self, tier: str, refused: dict[bytes, ProviderError] | None = None) -> ModelEntry:
        """The first of the tier's models that can be had, those of `refused` left out.

        Raises: `NoSuchModel` with the way to get one, `RateLimited` when that is what stands in the way.
        """
        known = self._tiers.get(tier) or Tier(tier)
        if not known.models:
            raise NothingBound(f"tier `{tier}` has no model bound", hint=TWO_WAYS)
        faults: list[ProviderError] = []
        for entry in known.models:
            try:
                down = self._down.get(_key(entry)) or (refused or {}).get(_key(entry))
                if down is not None:
                    raise down
                self._must_be_allowed(entry, tier)
                check_available(entry)
            except ProviderError as fault:
                faults.append(fault)
            else:
                return entry
        limited = next((f for f in faults if isinstance(f, RateLimited)), None)
        if limited is not None:
            raise limited
        why = "; ".join(_named(e.name, f.message) for e, f in zip(known.models, faults, strict=True))
        hints = [f.hint for e, f in zip(known.models, faults, strict=True) if f.hint and not _is_embedded(e)]
        hint = "; ".join(dict.fromkeys(hints)) or TWO_WAYS
        raise NoSuchModel(f"no model of tier `{tier}` answers ({why})", hint=hint)

    def _must_be_allowed(self, entry: ModelEntry, tier: str) -> None:
        """Raises: `Refused` for a model that the settings `offline` or `cloud` keep that tier from asking."""
        if self._settings.offline and not entry.stays_here:
            raise Refused(f"{entry.name} is not on this machine, and the settings say `offline: true`")
        cloud = self._settings.cloud
        if not self._all.may_ask(entry, tier, cloud):
            only = "; that is the last tier alone" if cloud == "large only" else ""
            raise Refused(
                f"{entry.name} is in the cloud, and the settings say `cloud: {cloud}`{only}",
                hint="allow it for one run with `--cloud all`, or from now on with `treadle setup`",
            )

    async def ask(
        self,
        place: Place,
        tier: str,
        request: ModelRequest,
        meters: tuple[Meter, ...] = (),
        question: str = "",
        about: Pending = UNKNOWN,
    ) -> ModelReply:
        """The reply of the first model of the tier that answers, held at the gate before the request leaves.

        `about` is what the caller knows of the call.
        Raises: `BudgetError` before the call when a meter is used up; a `ProviderError` that `climbs` when the
        answer was no use, any other when no model of the tier can answer.
        """
        plain = tuple(msgspec.structs.replace(m, text=valid(m.text)) for m in request.messages)
        request = msgspec.structs.replace(request, messages=plain)
        kept = self._keep(encode_json(request))
        asked = ModelRequested(
            "",
            kept,
            estimated_tokens(request),
            question,
            about.parts,
            request.context_tokens,
            request.max_tokens,
            tier,
        )
        held: set[bytes] = set()
        waited: set[bytes] = set()
        refused: dict[bytes, ProviderError] = {}
        while True:
            entry = self.pick(tier, refused)
            key = _key(entry)
            asked = msgspec.structs.replace(asked, model=entry.name)
            if key not in held:
                held.add(key)
                await self._before_turn(place, entry, request, asked, about)
            try:
                async with AsyncExitStack() as places:
                    for meter in (self._meter, *meters):
                        await places.enter_async_context(
                            meter.call(f"tier {tier}", self._worst(entry, request))
                        )
                    return await self._ask_one(place, entry, request, meters, asked)
            except RateLimited as limit:
                wait = limit.retry_after_s
                if key in waited or wait is None or wait > LONGEST_WAIT_S:
                    self._down[key] = limit
                else:
                    waited.add(key)
                    self._emit(place, Noted(f"{entry.name} says to wait; it is asked again in {wait:.0f} s"))
                    await asyncio.sleep(wait)
            except Refused as fault:
                refused[key] = fault
            except (Unreachable, NoSuchModel) as fault:
                self._down[key] = fault

    async def _before_turn(
        self, place: Place, entry: ModelEntry, request: ModelRequest, asked: ModelRequested, about: Pending
    ) -> None:
        """Holds the request at the gate, where the mode says so."""
        tokens = asked.input_tokens_estimate
        await self._gate.hold(
            place,
            "before_turn",
            f"{entry.name}: {asked.question}, about {tokens} tokens",
            lambda: msgspec.structs.replace(
                about,
                tier=asked.tier,
                model=entry.name,
                tokens=tokens,
                window=asked.window,
                max_tokens=asked.max_tokens,
                cost_usd=self._worst(entry, request).cost_usd,
                request=asked.request,
            ),
        )

    async def _ask_one(
        self,
        place: Place,
        entry: ModelEntry,
        request: ModelRequest,
        meters: tuple[Meter, ...],
        asked: ModelRequested,
    ) -> ModelReply:
        self._emit(place, asked)
        started = time.monotonic()
        try:
            model = self._opened.get(entry, threads=self._settings.threads, timers=self._timers)
            reply = await model.stream(request, lambda text: self._emit(place, TextDelta(text)))
        except ProviderError as fault:
            came = getattr(fault, "text", "")
            spent = self._priced(entry, fault.usage) if fault.usage else Usage()
            for meter in (self._meter, *meters):
                meter.settle(spent)
            self._emit(
                place,
                ModelFailed(
                    entry.name,
                    type(fault).__name__,
                    fault.message,
                    self._keep(came.encode("utf-8", "replace")) if came else "",
                    spent,
                    time.monotonic() - started,
                ),
            )
            raise
        usage = self._priced(entry, reply.usage)
        for meter in (self._meter, *meters):
            meter.settle(usage, reply.model)
        kept = self._keep(encode_json(reply))
        self._emit(place, ModelReplied(reply.model, kept, reply.finish, usage, time.monotonic() - started))
        return msgspec.structs.replace(reply, usage=usage)

    def _worst(self, entry: ModelEntry, request: ModelRequest) -> Worst:
        """The most that the call can use; a token has at least half a character."""
        sent = 2 * sum(len(m.text) for m in request.messages)
        match kind_of(entry):
            case "local":
                cost: float | None = 0.0
            case "ollama" if entry.stays_here:
                cost = 0.0
            case "endpoint" | "ollama" | "cloud":
                cost = price_of(entry.name, self._prices, Usage(sent, request.max_tokens))
            case _:
                cost = None
        return Worst(sent + request.max_tokens, cost)

    def _priced(self, entry: ModelEntry, usage: Usage) -> Usage:
        """`usage` with its cost: the user's price for a cloud's, else the provider's own figure, else the list's."""
        if usage.cost_usd is not None and kind_of(entry) != "cloud":
            return usage
        listed = price_of(entry.name, self._prices, usage)
        return usage if listed is None else msgspec.structs.replace(usage, cost_usd=listed)

    async def close(self) -> None:
        """Ends every model that was opened for this run; those that the face keeps stay open."""
        if self._owns:
            await self._opened.close()


def _named(name: str, message: str) -> str:
    return message if name in message else f"{name}: {message}"


def _is_embedded(entry: ModelEntry) -> bool:
    return entry.name.startswith("local/") and not entry.endpoint


def _key(entry: ModelEntry) -> bytes:
    """What makes two entries the same model."""
    return msgspec.json.encode(entry)
