"""What a run may use in all, and what it has used."""

import time

from treadle.protocol.errors import BudgetError
from treadle.protocol.messages import Usage
from treadle.spec.loop import Budget


class Meter:
    """Counts a run's use against its budget. A cap is passed by one call at most: it is looked at before each."""

    def __init__(self, budget: Budget, used: Usage | None = None, turns: int = 0) -> None:
        self.budget = budget
        self.used = used or Usage()
        self.turns = turns
        self.answered = ""
        self._started = time.monotonic()

    def admit(self, what: str) -> None:
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
        return self.budget.wall_s - (time.monotonic() - self._started)
