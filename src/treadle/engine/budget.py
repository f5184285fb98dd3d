"""What a run may use in all, and what it has used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from treadle.engine.clock import Clock
from treadle.protocol.errors import BudgetError
from treadle.protocol.messages import Usage
from treadle.spec.loop import Budget


class Worst(Struct, frozen=True):
    """The most that a call can use: its tokens, and its cost where its price is known (None: it is not)."""

    tokens: int = 0
    cost_usd: float | None = None


class Meter:
    """Counts a run's use against its budget.

    A cap is passed by one call at most: it is looked at before each, and a second call goes out beside others
    only when the worst of all of them still fits; where that is not known they go one after another.
    """

    def __init__(
        self, budget: Budget, used: Usage | None = None, turns: int = 0, clock: Clock | None = None
    ) -> None:
        self.budget = budget
        self.used = used or Usage()
        self.turns = turns
        self.answered = ""
        self._clock = clock or Clock()
        self._started = self._clock.now()
        self._flying: list[Worst] = []
        self._landed = asyncio.Condition()

    @asynccontextmanager
    async def call(self, what: str, worst: Worst) -> AsyncIterator[None]:
        """Holds a place for one call. Raises `BudgetError` when a cap is used up, before the call goes out."""
        async with self._landed:
            await self._landed.wait_for(lambda: self._fits(worst))
            self._admit(what)
            self._flying.append(worst)
        try:
            yield
        finally:
            async with self._landed:
                self._flying.remove(worst)
                self._landed.notify_all()

    def _fits(self, worst: Worst) -> bool:
        """Whether the call may go out beside those under way. Alone it always may: the cap is looked at next."""
        if not self._flying:
            return True
        together = [*self._flying, worst]
        cap, tokens = self.budget.cost_usd, self.budget.tokens
        if cap is not None:
            costs = [w.cost_usd for w in together if w.cost_usd is not None]
            if len(costs) < len(together) or (self.used.cost_usd or 0.0) + sum(costs) > cap:
                return False
        if tokens is None:
            return True
        return self.used.input_tokens + self.used.output_tokens + sum(w.tokens for w in together) <= tokens

    def _admit(self, what: str) -> None:
        """Raises `BudgetError` when a cap is used up; else counts one more turn for `what`."""
        caps = (
            ("cost_usd", self.used.cost_usd or 0.0, self.budget.cost_usd),
            ("tokens", self.used.input_tokens + self.used.output_tokens, self.budget.tokens),
            ("turns", self.turns, self.budget.turns),
        )
        for name, used, cap in caps:
            if cap is not None and used >= cap:
                raise self._over(f"budget {name}: {cap} is used up; {what} was not asked", name)
        if self.left_s() <= 0:
            raise self._over(f"budget wall_s: {self.budget.wall_s} s are over", "wall_s")
        self.turns += 1

    def settle(self, usage: Usage, model: str = "") -> None:
        """Books what a call used, and the model that answered it."""
        self.used = self.used + usage
        self.answered = model or self.answered

    def _over(self, text: str, limit: str) -> BudgetError:
        fault = BudgetError(text, limit=limit)
        fault.meter = self
        return fault

    def left_s(self) -> float:
        """Seconds until `wall_s` is over; a large number where there is no such limit."""
        if self.budget.wall_s is None:
            return 1e9
        return self.budget.wall_s - (self._clock.now() - self._started)
