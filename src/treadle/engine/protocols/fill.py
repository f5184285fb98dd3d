"""Protocol `fill`: one question, answered by JSON of the agent's output schema."""

from treadle.engine.context import filled
from treadle.engine.job import Attempt
from treadle.engine.judge import Candidate
from treadle.engine.pending import of_attempt
from treadle.engine.replies import json_of, text_field
from treadle.engine.run import Run
from treadle.models.base import ModelRequest

OUTPUT_TOKENS = 1024


async def fill(run: Run, attempt: Attempt) -> None:
    """Offers the one answer. Raises `Malformed` or `CutOff` when it is no JSON or ended too early."""
    agent, limits = attempt.job.agent, attempt.rung.limits
    begin = await filled(run, attempt, "Reply with JSON and nothing else.")
    request = ModelRequest(
        begin.messages,
        limits.output_tokens or OUTPUT_TOKENS,
        schema=agent.output,
        temperature=agent.temperature,
        context_tokens=_window(limits.context_tokens, limits.output_tokens or OUTPUT_TOKENS),
    )
    about = of_attempt(attempt, begin.parts)
    reply = await run.models.ask(attempt.place, attempt.rung.tier, request, attempt.meters, "fill", about)
    output = json_of(reply.text)
    await attempt.offer(Candidate(attempt.job.base, output, text_field(output, "summary")))


def _window(context: int | None, output: int) -> int:
    """The window to ask a server for: the prompt's budget and the reply's, 0 where the rung states none."""
    return context + output if context else 0
