"""Protocol `rewrite-then-edit`: one rewrite of the suspected function, then single-line edits of its lines.

The order of the questions, their wording and the limits are measured: a whole rewrite and line edits fail
differently, so each is asked once; the rewrite is not asked again when it copies the function; suspect lines
come by Ochiai, ties later line first; seven calls at most. With search before it, 62 % of what search left
was mended by a 1.5B model (26 functions; Qwen2.5-Coder-1.5B-Instruct Q4_K_M).
"""

import ast

from treadle.checks.describe import describe_failure, expectation
from treadle.codemap.logical import Line, function_lines, replace_line, rewrite, shown
from treadle.engine.context import tokens_in
from treadle.engine.inputs import suspects_of
from treadle.engine.job import Attempt
from treadle.engine.judge import Candidate
from treadle.engine.pending import of_attempt
from treadle.engine.replies import code_of, json_of
from treadle.engine.run import Run
from treadle.models.base import ModelReply, ModelRequest
from treadle.protocol.errors import ContextTooLong, CutOff, Malformed, UsageError
from treadle.protocol.messages import FAIL, Json, Message
from treadle.protocol.pending import ContextPart
from treadle.protocol.text import valid
from treadle.solvers.base import Suspect
from treadle.spec.prompt import fill
from treadle.spec.questions import questions

PROMPT = "rewrite-then-edit"
LINES_ASKED = 5
REPLACEMENT_CHARS = 300
DOCSTRING_CHARS = 900
_NOT_EDITABLE = ("def ", "async def ", "import ", "from ", "else:", "try:", "finally:", "class ", "@")


async def rewrite_then_edit(run: Run, attempt: Attempt) -> None:
    """Offers candidates in the measured order until one passes.

    It asks about the most suspicious function that fits the rung's window, and where none is under suspicion it
    asks nothing and says so. Raises: `ContextTooLong` when none fits.
    """
    suspects = await suspects_of(run, attempt)
    inside = [s for s in suspects if s.function and s.path.endswith(".py")]
    if not inside:
        attempt.say("no Python function is under suspicion, so there was nothing to ask")
        return
    asking = _first_that_fits(run, attempt, inside)
    if await asking.rewritten() or await asking.chosen_line():
        return
    await asking.given_lines()


def _first_that_fits(run: Run, attempt: Attempt, suspects: list[Suspect]) -> "_Asking":
    """The questions about the first suspected function whose prompt fits."""
    limit = attempt.rung.limits.context_tokens
    long: list[str] = []
    for key in dict.fromkeys((s.path, s.start) for s in suspects):
        asking = _Asking(run, attempt, [s for s in suspects if (s.path, s.start) == key])
        if not limit or asking.needs_tokens <= limit:
            return asking
        long.append(f"`{asking.function}` needs about {asking.needs_tokens} tokens, the rung allows {limit}")
    raise ContextTooLong("; ".join(long))


class _Asking:
    """The questions about one function: its source, the prefix they share, what was tried."""

    def __init__(self, run: Run, attempt: Attempt, suspects: list[Suspect]) -> None:
        top = suspects[0]
        self._run, self._attempt = run, attempt
        self._path = top.path
        self.function = top.function
        self._view = run.view(attempt.job.base)
        self._source = self._view.text(top.path)
        self._lines = function_lines(self._source, top.start, top.end)
        if not self._lines:
            raise Malformed(f"{top.path}:{top.start}: the suspected function can't be read as Python")
        self._ranked = self._rank(suspects)
        if PROMPT not in run.catalog.prompts:
            raise UsageError(f"the prompt `{PROMPT}.md` is missing", hint="it ships in prompts/; put it back")
        self._ask_for = questions(run.catalog.prompts[PROMPT])
        self._prefix, self._parts = self._question_prefix(top)
        self._seen = {_shape(self._source)}
        self._tried: list[Line] = []
        self.needs_tokens = tokens_in(self._prefix)

    def _rank(self, suspects: list[Suspect]) -> list[Line]:
        """The function's editable lines, most suspicious first."""
        ranked: list[Line] = []
        for suspect in suspects:
            for line in self._lines[1:]:
                if line.start <= suspect.line <= line.end and line not in ranked and _editable(line):
                    ranked.append(line)
        return ranked

    def _question_prefix(self, top: Suspect) -> tuple[str, tuple[ContextPart, ...]]:
        test = self._attempt.job.item.test if self._attempt.job.item else None
        failing = (expectation(test) or describe_failure(test)) if test else ""
        fields = {
            "function": shown(self._lines),
            "purpose": _docstring(self._source, top.start)[:DOCSTRING_CHARS],
            "test": failing,
        }
        text: str = valid(fill(self._ask_for["question"], fields))
        frame = tokens_in(self._ask_for["system"] + self._ask_for["question"])
        parts = (ContextPart(name, tokens_in(value)) for name, value in fields.items() if value)
        return text, (ContextPart("prompt", frame), *parts)

    async def rewritten(self) -> bool:
        """Whether the function written anew passes."""
        size = tokens_in(shown(self._lines))
        reply = await self._ask("rewrite", self._ask_for["rewrite"], 2 * size + 50, stop=("\n```\n",))
        if reply is None:
            return False
        try:
            new = rewrite(self._source, self._lines, code_of(reply))
        except (Malformed, SyntaxError):
            return False
        return await self._offer(new, "rewritten")

    async def chosen_line(self) -> bool:
        """Whether the line that the model itself finds faulty, corrected by it, passes."""
        texts = list(dict.fromkeys(line.text for line in self._lines[1:] if _editable(line)))
        if not texts:
            return False
        schema: dict[str, Json] = {
            "type": "object",
            "properties": {
                "line": {"type": "string", "enum": texts},
                "replacement": {"type": "string", "maxLength": REPLACEMENT_CHARS},
            },
            "required": ["line", "replacement"],
            "additionalProperties": False,
        }
        reply = await self._ask("edit", self._ask_for["edit"], 200, schema)
        answer = _object(reply)
        line = next((x for x in self._lines if x.text == answer.get("line")), None)
        return line is not None and await self._edit(line, str(answer.get("replacement", "")))

    async def given_lines(self) -> bool:
        """Whether one of the most suspicious lines, given to the model to write anew, passes."""
        schema: dict[str, Json] = {
            "type": "object",
            "properties": {"replacement": {"type": "string", "maxLength": REPLACEMENT_CHARS}},
            "required": ["replacement"],
            "additionalProperties": False,
        }
        for line in [x for x in self._ranked if x not in self._tried][:LINES_ASKED]:
            ending = fill(self._ask_for["line"], {"line": line.text})
            answer = _object(await self._ask(f"line {line.start}", ending, 160, schema))
            if await self._edit(line, str(answer.get("replacement", ""))):
                return True
        return False

    async def _edit(self, line: Line, replacement: str) -> bool:
        if not replacement.strip() or replacement.strip() == line.text:
            return False
        self._tried.append(line)
        new = replace_line(self._source, line, replacement)
        if line.text.endswith(":") and _shape(new) is None:
            head = replacement.strip().splitlines()[0]
            new = replace_line(self._source, line, head[: head.rfind(":") + 1])
        return await self._offer(new, f"line {line.start}: `{line.text}` becomes `{replacement.strip()}`")

    async def _offer(self, source: str, summary: str) -> bool:
        """Has the new source judged, unless it does not parse or is the same program as one seen before."""
        shape = _shape(source)
        if shape is None or shape in self._seen:
            return False
        self._seen.add(shape)
        view = self._view.write(self._path, source.encode("utf-8", "surrogateescape"))
        summary = f"{self._path}: {summary}"
        judgement = await self._attempt.offer(Candidate(view.changes, {"summary": summary[:400]}, summary))
        return judgement.verdict != FAIL

    async def _ask(
        self, name: str, ending: str, tokens: int, schema: Json = None, stop: tuple[str, ...] = ()
    ) -> str | None:
        """The reply's text; None where it was no use."""
        rung = self._attempt.rung
        request = ModelRequest(
            (Message("system", self._ask_for["system"]), Message("user", f"{self._prefix}\n{ending}")),
            tokens,
            schema=schema,
            stop=stop,
            context_tokens=(rung.limits.context_tokens or 0)
            and max(2048, 2 * (rung.limits.context_tokens or 0)),
        )
        try:
            about = of_attempt(self._attempt, (*self._parts, ContextPart("question", tokens_in(ending))))
            reply: ModelReply = await self._run.models.ask(
                self._attempt.place, rung.tier, request, self._attempt.meters, name, about
            )
        except CutOff as cut:
            return cut.text if schema is None and "\n```" in cut.text else None
        except Malformed:
            return None
        return reply.text


def _object(text: str | None) -> dict[str, Json]:
    try:
        value = json_of(text or "")
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}


def _editable(line: Line) -> bool:
    return not line.text.startswith(_NOT_EDITABLE) and not line.text.startswith(("'''", '"""'))


def _shape(source: str) -> str | None:
    """What makes two sources the same program: the dump of their syntax trees; None where it does not parse."""
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _docstring(source: str, start: int) -> str:
    """The docstring of the function that begins at or just after row `start`, "" where it has none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == start or node.lineno == start:
                return ast.get_docstring(node) or ""
    return ""
