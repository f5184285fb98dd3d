"""A conversation: turns of one model reply and the tool calls in it, until the agent says it is done."""

import time

import msgspec
from msgspec import structs

from treadle.engine.context import closed, filled, tokens_in
from treadle.engine.job import Attempt
from treadle.engine.judge import Candidate, Judgement
from treadle.engine.pending import of_attempt
from treadle.engine.replies import json_of, text_field
from treadle.engine.run import Run
from treadle.models.base import ModelRequest, ToolSchema
from treadle.protocol.errors import ContextTooLong, Malformed
from treadle.protocol.events import Place, ToolFinished, ToolStarted
from treadle.protocol.messages import FAIL, Message, ToolCall
from treadle.protocol.pending import ContextPart, Pending
from treadle.protocol.text import encode_json
from treadle.tools.base import ToolContext, ToolOutcome
from treadle.tools.registry import get_tool
from treadle.workspace.changes import ChangeSet

OUTPUT_TOKENS = 4096
TURNS = 30
SUBJECT_CHARS = 200
SAME_CALL_LIMIT = 3
"""The same call with the same result this often in a row ends the conversation."""


async def converse(run: Run, attempt: Attempt) -> None:
    """Lets the model work with its rung's tools; each time it says it is done, the checks answer.

    A result that fails goes back into the conversation while turns are left. After one that is not of the form asked
    for, the next request is for that form alone, without tools. Raises `Malformed` when it ends without any result,
    `ContextTooLong` when the conversation outgrows the rung's window.
    """
    rung, agent = attempt.rung, attempt.job.agent
    tools = tuple(get_tool(name) for name in rung.tools)
    schemas = tuple(ToolSchema(t.name, t.description, t.parameters) for t in tools)
    begin = await filled(run, attempt, _closing(attempt))
    messages = list(begin.messages)
    told = ContextPart("tools", tokens_in(msgspec.json.encode(schemas).decode()))
    talk = _Talk(run, attempt)
    judged: tuple[ChangeSet, str] | None = None
    formless = False
    for turn in range(1, (rung.limits.turns or TURNS) + 1):
        _fits(messages, rung.limits.context_tokens)
        place = Place(attempt.place.step, attempt.place.attempt, turn)
        request = ModelRequest(
            tuple(messages),
            rung.limits.output_tokens or OUTPUT_TOKENS,
            schema=agent.output if formless else None,
            tools=() if formless else schemas,
            temperature=agent.temperature,
            context_tokens=rung.limits.context_tokens or 0,
        )
        about = of_attempt(attempt, (*begin.parts, told, *_turns_so_far(messages[len(begin.messages) :])))
        reply = await run.models.ask(place, rung.tier, request, attempt.meters, f"turn {turn}", about)
        messages.append(Message("assistant", reply.text, reply.tool_calls))
        if reply.tool_calls:
            for call in reply.tool_calls:
                outcome = await talk.call(place, call, about)
                messages.append(Message("tool", outcome.text, tool_call_id=call.id))
            if talk.stuck:
                raise Malformed(
                    f"the same call of `{reply.tool_calls[0].name}` had the same result three times"
                )
            continue
        # Who can't write may still mend its answer; a writer that changed nothing since has nothing new to judge.
        result = (talk.changes, "" if agent.writes else reply.text)
        if result == judged:
            return
        judgement = await _done(attempt, reply.text, talk.changes)
        if judgement is None and formless:
            raise Malformed("two replies in a row were not the JSON that was asked for", text=reply.text)
        formless = judgement is None
        judged = result if judgement is not None else judged
        if judgement is not None and judgement.verdict != FAIL:
            return
        what = "Your reply is not the JSON that was asked for." if judgement is None else judgement.receipt
        messages.append(
            Message("user", f"Not yet: treadle checked it.\n<data>\n{closed(what)}\n</data>\nGo on.")
        )
    if talk.changes not in (attempt.job.base, judged[0] if judged else None):
        await attempt.offer(Candidate(talk.changes, None, "the turns ran out"))


def _turns_so_far(messages: list[Message]) -> tuple[ContextPart, ...]:
    """What the turns before this one take of the window."""
    size = sum(tokens_in(m.text) for m in messages)
    return (ContextPart("turns so far", size),) if messages else ()


def _closing(attempt: Attempt) -> str:
    agent = attempt.job.agent
    if agent.output is None:
        return "When you are done, reply without a tool call and say in one sentence what you did."
    schema = msgspec.json.encode(agent.output).decode()
    return f"When you are done, reply without a tool call, with nothing but JSON of this schema: {schema}"


def _fits(messages: list[Message], limit: int | None) -> None:
    size = sum(tokens_in(m.text) for m in messages)
    if limit and size > limit:
        raise ContextTooLong(f"the conversation needs about {size} tokens, the rung allows {limit}")


async def _done(attempt: Attempt, text: str, changes: ChangeSet) -> Judgement | None:
    """The judgement of the result that the model gave, None when it is not of the form asked for."""
    if attempt.job.agent.output is None:
        return await attempt.offer(Candidate(changes, {"summary": text.strip()[:400]}, text.strip()[:200]))
    try:
        output = json_of(text)
    except Malformed:
        return None
    return await attempt.offer(Candidate(changes, output, text_field(output, "summary")))


class _Talk:
    """The change set that a conversation's tool calls build up, and how often they repeat themselves."""

    def __init__(self, run: Run, attempt: Attempt) -> None:
        self._run, self._attempt = run, attempt
        self._last: tuple[str, str] | None = None
        self._same = 1
        self.changes = attempt.job.base

    @property
    def stuck(self) -> bool:
        """Whether the last calls were the same, with the same result, too often."""
        return self._same >= SAME_CALL_LIMIT

    async def call(self, place: Place, call: ToolCall, about: Pending) -> ToolOutcome:
        """Runs one tool call, held at the gate first, with its pair of events. `about` is the turn that asked for it.

        A tool the rung does not have, and a call that a person denies, is an error to the model.
        """
        run = self._run
        answer = await run.gate.hold(
            place,
            "before_tool",
            f"{call.name} {encode_json(call.arguments).decode()}"[:SUBJECT_CHARS],
            lambda: structs.replace(about, tool=call.name, arguments=call.arguments),
        )
        run.emit(place, ToolStarted(call.id, call.name, call.arguments))
        started = time.monotonic()
        if not answer.allowed:
            outcome = ToolOutcome(
                f"a person denied this call{': ' + answer.word if answer.word else ''}", True
            )
        elif call.name in self._attempt.rung.tools:
            context = ToolContext(run.view(self.changes), run.runner, self._attempt.job.agent.deny)
            outcome = await get_tool(call.name).run(call.arguments, context)
        else:
            outcome = ToolOutcome(
                f"there is no tool `{call.name}`; there are: {', '.join(self._attempt.rung.tools)}", True
            )
        self.changes = outcome.changes if outcome.changes is not None else self.changes
        same = (f"{call.name} {call.arguments!r}", outcome.text)
        self._same = self._same + 1 if same == self._last else 1
        self._last = same
        run.emit(
            place,
            ToolFinished(
                call.id,
                call.name,
                outcome.is_error,
                run.keep(outcome.text.encode("utf-8", "replace")),
                run.keep_changes(outcome.changes) if outcome.changes is not None else "",
                time.monotonic() - started,
            ),
        )
        return outcome
