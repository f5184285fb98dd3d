"""What a held run would do next, as far as the point knows it."""

from msgspec import structs

from treadle.checks.runners.find import find_runner
from treadle.engine.job import Attempt
from treadle.engine.judge import checks_of
from treadle.engine.run import Run
from treadle.engine.state import Item, LoopState
from treadle.protocol.errors import ProviderError, TreadleError
from treadle.protocol.pending import ContextPart, Pending
from treadle.spec.agent import AgentSpec, CheckSpec, Rung
from treadle.spec.loop import StepSpec


def before_step(run: Run, step: StepSpec, state: LoopState, item: Item | None = None) -> Pending:
    """The step: for an agent its first rung that can be had, for a check or a command what will run."""
    title = item.title if item else ""
    if step.agent:
        item = item or state.item
        target = (item.test.id,) if item and item.test else ()
        return _agent(run, run.catalog.agents[step.agent], Pending(step.what, title, target=target))
    if step.check is not None:
        how = _tests(run, state) if step.check.name == "tests" else step.check.command
        return Pending(step.what, title, how=how, checks=(named(step.check),))
    return Pending(step.what, title, how=step.command)


def of_attempt(attempt: Attempt, parts: tuple[ContextPart, ...] = ()) -> Pending:
    """An attempt's call in the making; who answers it and the request itself are not known yet."""
    job, rung = attempt.job, attempt.rung
    return Pending(
        f"agent {job.agent.name}",
        job.item.title if job.item else "",
        rung.tier,
        attempt.index,
        attempt.place.attempt,
        how=how(rung),
        parts=parts,
        checks=tuple(named(spec) for spec in checks_of(job.agent)),
        target=job.target,
    )


def how(rung: Rung) -> str:
    """The way a rung works: `solver NAME`, `protocol NAME` or `tools`."""
    if rung.solver:
        return f"solver {rung.solver}"
    return f"protocol {rung.protocol}" if rung.protocol else "tools"


def named(spec: CheckSpec) -> str:
    """A check as it is told: its name, with its command, and `: fail` where that is what is asked of it."""
    name = f"{spec.name} `{spec.command}`" if spec.command else spec.name
    return name if spec.expect == "pass" else f"{name}: {spec.expect}"


def _agent(run: Run, agent: AgentSpec, known: Pending) -> Pending:
    checks = tuple(named(spec) for spec in checks_of(agent))
    found: list[Pending] = []
    for index, rung in enumerate(agent.ladder):
        limits = rung.limits
        here = Pending(
            known.what,
            known.item,
            rung.tier,
            index,
            1,
            how=how(rung),
            window=limits.context_tokens or 0,
            max_tokens=limits.output_tokens or 0,
            cost_usd=0.0 if rung.solver else limits.cost_usd,
            checks=checks,
            target=known.target,
        )
        if rung.solver:
            return here
        try:
            return structs.replace(here, model=run.models.pick(rung.tier).name)
        except ProviderError:
            found.append(here)
    return found[0] if found else known


def _tests(run: Run, state: LoopState) -> str:
    """The command that runs the tests, as a person would type it; "" where it can't be told yet."""
    from treadle.workspace.interpreter import project_python

    try:
        python = str(project_python(run.base.root, run.catalog.settings.python).path)
        return find_runner(run.view(state.changes), run.catalog.settings, python).how
    except TreadleError:
        return ""
