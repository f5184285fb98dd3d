"""A target is run alone first where the rest takes long."""

from msgspec import structs

from samples import CALC

ADD = "test_calc.Calc.test_add"


async def test_a_target_that_fails_keeps_a_long_suite_from_running(project):
    calc = project(CALC)
    base = (await calc.run()).tests
    long = structs.replace(base, duration_s=5.0)
    still = await calc.run({"calc.py": CALC["calc.py"] + "\n"}, target=(ADD,), baseline=long)
    assert (still.verdict, still.tests.collected) == ("fail", (ADD,))

    mended = await calc.run(
        {"calc.py": CALC["calc.py"].replace("a - b", "a + b")}, target=(ADD,), baseline=long
    )
    assert (mended.verdict, len(mended.tests.collected)) == ("pass", 2)
