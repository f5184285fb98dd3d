"""A run told from its events: the blocks of the transcript, each with the place it belongs to."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from textual.content import Content

from treadle.protocol import events as e
from treadle.protocol.errors import TreadleError
from treadle.session.answer import as_text
from treadle.session.trace import read_blob
from treadle.tui.paint import Part, count, cut, line, mark, money, seconds
from treadle.tui.prose import Prose
from treadle.tui.theme import Palette

_TOOL_LINES = 6
_DETAIL_LINES = 8


class Focus(Struct, frozen=True):
    """What the tabs show: one step, or one attempt of it (`attempt` 0: the whole step)."""

    step: str
    attempt: int = 0

    def holds(self, place: str, attempt: int) -> bool:
        """Whether something at that place belongs to it."""
        if place != self.step and not place.startswith((f"{self.step}/", f"{self.step}[")):
            return False
        return not self.attempt or attempt == self.attempt


class Block(Struct):
    """A painted piece of the transcript and where it belongs; `run` counts the runs of the sitting."""

    place: str
    attempt: int
    content: Content
    run: int = 0


class Story:
    """Takes a run's envelopes in their order; `blocks` grows, `live` is what streams at the moment."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.folder: Path | None = None
        self.blocks: list[Block] = []
        self.trace: list[Content] = []
        self.requests: list[tuple[e.Envelope, e.ModelRequested]] = []
        self.checks: list[tuple[e.Envelope, e.CheckFinished]] = []
        self._live: dict[tuple[str, int], Prose] = {}
        self._run = 0

    def clear(self) -> None:
        """An empty transcript."""
        self.blocks.clear()

    def say(self, *parts: Part, place: str = "", attempt: int = 0) -> None:
        """Adds a line of the face's own."""
        self.blocks.append(Block(place, attempt, line(*parts), self._run))

    def begin(self, folder: Path) -> None:
        """A run recorded in `folder` begins: the transcript goes on, all else is about that run from here."""
        self.folder = folder
        self._run += 1
        self.trace.clear()
        self.requests.clear()
        self.checks.clear()

    def add(self, envelope: e.Envelope) -> None:
        """Takes one more event in."""
        event = envelope.event
        key = (envelope.step, envelope.attempt)
        if isinstance(event, e.TextDelta):
            self._live.setdefault(key, Prose()).feed(event.text)
            return
        self.trace.append(_record(envelope))
        if isinstance(event, e.ModelRequested):
            self.requests.append((envelope, event))
            self._live.pop(key, None)
        elif isinstance(event, e.CheckFinished):
            self.checks.append((envelope, event))
        elif isinstance(event, e.ModelReplied | e.ModelFailed | e.AttemptFinished):
            self._settle(key, event)
        elif isinstance(event, e.RunFinished):
            for left in list(self._live):
                self._settle(left, event)
        teller = _TELLERS.get(type(event))
        if teller is not None:
            for content in teller(self, envelope, event):
                self.blocks.append(Block(*key, content, self._run))

    def transcript(self, focus: Focus | None = None) -> list[Content]:
        """The blocks of what is in focus, all without one; what streams now comes last."""
        shown = [
            b.content
            for b in self.blocks
            if focus is None or (b.run == self._run and focus.holds(b.place, b.attempt))
        ]
        for (place, attempt), prose in self._live.items():
            if focus is None or focus.holds(place, attempt):
                shown.extend(prose.lines)
        return shown

    def blob(self, name: str) -> str:
        """A blob of the run as text, "" where there is none."""
        if not name or self.folder is None:
            return ""
        try:
            return read_blob(self.folder, name).decode("utf-8", "replace")
        except TreadleError:
            return ""

    def _settle(self, key: tuple[str, int], event: e.AnyEvent) -> None:
        """What streamed becomes part of the story; a reply that was not seen streaming is read from its blob."""
        prose = self._live.pop(key, None)
        if prose is None and isinstance(event, e.ModelReplied):
            prose = Prose()
            prose.feed(_text_of(self.blob(event.reply)))
        if prose is not None:
            self.blocks.extend(Block(*key, content, self._run) for content in prose.lines)


def _text_of(reply: str) -> str:
    """The text in a kept reply."""
    import msgspec

    try:
        value = msgspec.json.decode(reply)
    except msgspec.DecodeError:
        return ""
    return str(value.get("text", "")) if isinstance(value, dict) else ""


def _record(envelope: e.Envelope) -> Content:
    """One line of the trace."""
    import time

    import msgspec

    fields = msgspec.to_builtins(envelope.event)
    kind = fields.pop("kind")
    said = ", ".join(f"{k}={cut(str(v), 40)}" for k, v in fields.items() if v not in ("", None, [], {}))
    at = time.strftime("%H:%M:%S", time.localtime(envelope.at))
    place = f"{envelope.step}" + (f" #{envelope.attempt}" if envelope.attempt else "")
    return line(
        (f"{envelope.seq:4} {at} ", "$faint"), (f"{kind:<18} ", "$primary"), (f"{place}  ", "$dim"), said
    )


def _run_started(_story: Story, _: e.Envelope, event: e.RunStarted) -> list[Content]:
    task = event.task or event.loop
    why = (f"  {event.chosen}", "$dim") if event.chosen else ""
    return [line(("❯ ", "$accent bold"), (task, "bold")), line(("  loop ", "$dim"), event.loop, why)]


def _step_started(_story: Story, envelope: e.Envelope, event: e.StepStarted) -> list[Content]:
    item = ("  " + event.item, "$foreground") if event.item else ""
    name = envelope.step.rpartition("/")[2].partition("@")[0]
    return [line(""), line(("▸ ", "$accent"), (name, "bold"), (f"  {event.what}", "$dim"), item)]


def _step_finished(story: Story, _: e.Envelope, event: e.StepFinished) -> list[Content]:
    sign, style = mark(event.verdict)
    seen = story.checks[-1][1].summary if story.checks else ""
    said = "" if event.summary == seen else f"  {event.summary}"
    told = [line((f"{sign} {event.verdict}", style), said, (f"  {seconds(event.duration_s)}", "$faint"))]
    if isinstance(event.output, dict) and set(event.output) - {"summary", "verdict"}:
        answer = Prose("  ")
        answer.feed(as_text(event.output).rstrip())
        told = [line(""), *answer.lines, line(""), *told]
    return told


def _attempt_started(story: Story, _: e.Envelope, event: e.AttemptStarted) -> list[Content]:
    tier = (event.tier, story.palette.tier(event.tier) + " bold")
    how = (f"  {event.how}", "$dim") if event.model else ""
    return [line("  ", tier, f"  {event.model or event.how}", how)]


def _attempt_finished(story: Story, _: e.Envelope, event: e.AttemptFinished) -> list[Content]:
    sign, style = mark(event.verdict)
    cost = f"  {money(event.usage.cost_usd)}" if event.usage.cost_usd or event.usage.cost_usd is None else ""
    tail = (f"  {seconds(event.duration_s)}{cost}", "$faint")
    return [
        line((f"  {sign} ", style), (event.tier, story.palette.tier(event.tier)), f"  {event.summary}", tail)
    ]


def _unavailable(story: Story, _: e.Envelope, event: e.RungUnavailable) -> list[Content]:
    tier = (event.tier, story.palette.tier(event.tier))
    return [line(("  – ", "$dim"), tier, (f"  left out: {event.reason}", "$dim"))]


def _requested(_story: Story, _: e.Envelope, event: e.ModelRequested) -> list[Content]:
    what = f"  {event.question}" if event.question else ""
    tokens = f"  about {count(event.input_tokens_estimate)} tokens"
    return [line(("    → ", "$dim"), event.model, (what, "$dim"), (tokens, "$faint"))]


def _replied(_story: Story, _: e.Envelope, event: e.ModelReplied) -> list[Content]:
    used = f"{count(event.usage.input_tokens)} + {count(event.usage.output_tokens)} tokens"
    return [line(("    ← ", "$dim"), (f"{used}, {seconds(event.duration_s)}", "$faint"))]


def _failed(_story: Story, _: e.Envelope, event: e.ModelFailed) -> list[Content]:
    reason = event.reason.removeprefix(f"{event.model}: ")
    return [line(("    ✘ ", "$bad"), (f"{event.model}: ", "$dim"), reason)]


def _tool_started(_story: Story, _: e.Envelope, event: e.ToolStarted) -> list[Content]:
    said = ", ".join(f"{k}: {cut(str(v), 60)}" for k, v in event.arguments.items())
    return [line(("    ⚒ ", "$primary"), (event.name, "bold"), (f"  {said}", "$dim"))]


def _tool_finished(story: Story, _: e.Envelope, event: e.ToolFinished) -> list[Content]:
    shown = story.blob(event.result).splitlines()
    style = "$bad" if event.is_error else "$dim"
    told = [line(("      " + cut(text, 160), style)) for text in shown[:_TOOL_LINES]]
    left = len(shown) - _TOOL_LINES
    return told + ([line((f"      … {left} more lines", "$faint"))] if left > 0 else [])


def _solver(_story: Story, _: e.Envelope, event: e.SolverFinished) -> list[Content]:
    return [line(("    search  ", "$dim"), event.summary, (f"  {count(event.tried)} candidates", "$faint"))]


def _check(story: Story, envelope: e.Envelope, event: e.CheckFinished) -> list[Content]:
    sign, style = mark(event.verdict)
    on = "  on the base" if event.on == "base" else ""
    told = [line((f"    {sign} ", style), (event.check, "$dim"), f"  {event.summary}", (on, "$faint"))]
    if event.verdict in ("fail", "error"):
        detail = [text for text in story.blob(event.detail).splitlines() if text.strip()]
        most = _DETAIL_LINES if not envelope.attempt else _DETAIL_LINES // 3
        told += [line(("      " + _indented(text), "$dim")) for text in detail[:most]]
    return told


def _indented(text: str) -> str:
    """A line of code or of a traceback, its indentation kept as far as there is room for it."""
    deep = min(len(text) - len(text.lstrip(" ")), 12)
    return " " * deep + cut(text, 160)


def _noted(_story: Story, _: e.Envelope, event: e.Noted) -> list[Content]:
    return [line(("  note  ", "$held"), event.text)]


def _answered(_story: Story, _: e.Envelope, event: e.GateAnswered) -> list[Content]:
    if event.by == "policy" or event.answer in ("next", "into", "continue"):
        return []
    who = "you" if event.by == "person" else event.by
    return [line((f"  {who}: ", "$accent"), event.answer, (f"  {event.word}" if event.word else "", "$dim"))]


def _written(_story: Story, _: e.Envelope, event: e.ChangesWritten) -> list[Content]:
    return [line(("  wrote  " if event.changes else "  put back  ", "$ok"), ", ".join(event.paths))]


def _finished(_story: Story, _: e.Envelope, event: e.RunFinished) -> list[Content]:
    done = event.outcome == "done"
    style = "$ok bold" if done else "$held bold" if event.exit_code in (0, 3, 130) else "$bad bold"
    told = [
        line(""),
        line((event.outcome, style), f"  {event.reason}", (f"  {seconds(event.duration_s)}", "$faint")),
    ]
    return told + ([line(("  next: ", "$accent"), _from_here(event.hint))] if event.hint else [])


def _from_here(hint: str) -> str:
    """A hint that names commands of the shell, with those of the screen where there is one of the same use."""
    for shell, here in (("runs diff", "/diff"), ("runs apply", "/apply"), ("setup", "/setup")):
        hint = hint.replace(f"`treadle {shell}`", here)
    return hint


_TELLERS: dict[type, Callable[..., list[Content]]] = {
    e.RunStarted: _run_started,
    e.StepStarted: _step_started,
    e.StepFinished: _step_finished,
    e.AttemptStarted: _attempt_started,
    e.AttemptFinished: _attempt_finished,
    e.RungUnavailable: _unavailable,
    e.ModelRequested: _requested,
    e.ModelReplied: _replied,
    e.ModelFailed: _failed,
    e.ToolStarted: _tool_started,
    e.ToolFinished: _tool_finished,
    e.SolverFinished: _solver,
    e.CheckFinished: _check,
    e.Noted: _noted,
    e.GateAnswered: _answered,
    e.ChangesWritten: _written,
    e.RunFinished: _finished,
}
