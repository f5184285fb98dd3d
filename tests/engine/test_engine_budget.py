"""A cap is passed by one call at most, also where calls go out side by side."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.engine.budget import Meter, Worst
from treadle.protocol.errors import BudgetError
from treadle.protocol.messages import Usage
from treadle.spec.loop import Budget


async def spend(meter: Meter, worst: Worst, usage: Usage, log: list) -> None:
    try:
        async with meter.call("x", worst):
            log.append("out")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            meter.settle(usage)
    except BudgetError:
        log.append("held")


async def test_calls_of_unknown_price_go_one_after_another_under_a_cap():
    meter, log = Meter(Budget(cost_usd=0.1)), []
    await asyncio.gather(*(spend(meter, Worst(), Usage(cost_usd=0.5), log) for _ in range(4)))
    assert (log, meter.used.cost_usd) == (["out", "held", "held", "held"], 0.5)


async def test_without_a_cap_and_where_the_worst_fits_they_go_side_by_side():
    for budget, worst in ((Budget(), Worst()), (Budget(cost_usd=1), Worst(cost_usd=0.2))):
        meter = Meter(budget)
        inside, most = 0, 0

        async def one(meter=meter, worst=worst):
            nonlocal inside, most
            async with meter.call("x", worst):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(4)))
        assert most == 4


async def test_a_used_up_cap_is_told_with_its_name_and_its_meter():
    meter = Meter(Budget(turns=1))
    async with meter.call("x", Worst()):
        pass
    with pytest.raises(BudgetError, match="budget turns: 1 is used up") as told:
        async with meter.call("y", Worst()):
            pass
    assert told.value.meter is meter and told.value.limit == "turns"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1))), min_size=1, max_size=12),
    st.floats(0.1, 2),
)
def test_no_run_of_calls_passes_a_cap_by_more_than_one(calls, cap):
    """Each call costs what it does, or its worst where that is known and more."""

    async def run() -> None:
        meter, log = Meter(Budget(cost_usd=cap)), []
        costs = [cost if worst is None else min(cost, worst) for cost, worst in calls]
        await asyncio.gather(
            *(
                spend(meter, Worst(cost_usd=w), Usage(cost_usd=c), log)
                for c, (_, w) in zip(costs, calls, strict=True)
            )
        )
        assert (meter.used.cost_usd or 0) <= cap + max(costs)

    asyncio.run(run())
