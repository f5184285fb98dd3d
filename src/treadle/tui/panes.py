"""What the tabs beside transcript and diff show: the prompt as sent, what fills the window, checks, the trace."""

import msgspec
from textual.content import Content

from treadle.protocol import events as e
from treadle.tui.paint import bar, count, cut, line, mark, seconds
from treadle.tui.story import Focus, Story

_BAR = 30
_DETAIL_LINES = 60


def prompt_of(story: Story, focus: Focus | None, coming: e.Envelope | None = None) -> list[Content]:
    """The last request in focus, whole: each message under its role, then schema and tools. `coming` is the one that
    a held run is about to send."""
    envelope, event = _last_request(story, focus, coming)
    if envelope is None or event is None:
        return [line(("Nothing was sent to a model here yet.", "$dim"))]
    where = f"{envelope.step}" + (f"  attempt {envelope.attempt}" if envelope.attempt else "")
    about = "  about to be sent" if envelope is coming else ""
    shown = [line((event.model, "bold"), (f"  {where}", "$dim"), (about, "$held")), line("")]
    try:
        request = msgspec.json.decode(story.blob(event.request))
    except msgspec.DecodeError:
        return [*shown, line(("The request is not on record.", "$dim"))]
    for message in request.get("messages", []):
        shown.append(line((f"── {message.get('role', '')} ", "$accent"), ("─" * 20, "$faint")))
        shown += [line(text) for text in str(message.get("text", "")).splitlines()]
        for call in message.get("tool_calls", []):
            shown.append(
                line(("⚒ ", "$primary"), f"{call.get('name')}  {cut(str(call.get('arguments')), 200)}")
            )
        shown.append(line(""))
    for name in ("schema", "tools"):
        if request.get(name):
            shown.append(line((f"── {name} ", "$accent"), ("─" * 20, "$faint")))
            text = msgspec.json.format(msgspec.json.encode(request[name]), indent=2).decode()
            shown += [line((row, "$dim")) for row in text.splitlines()]
    return shown


def context_of(story: Story, focus: Focus | None, coming: e.Envelope | None = None) -> list[Content]:
    """What fills the window of the last request in focus, the largest part a full bar; `coming` as in `prompt_of`."""
    envelope, event = _last_request(story, focus, coming)
    if event is None:
        return [line(("Nothing was sent to a model here yet.", "$dim"))]
    window = f" of a window of {count(event.window)}" if event.window else ""
    reply = f", at most {count(event.max_tokens)} for the reply" if event.max_tokens else ""
    about = "  about to be sent" if envelope is coming else ""
    said = f"  about {count(event.input_tokens_estimate)} tokens{window}{reply}"
    shown = [
        line((event.model, "bold"), said, (about, "$held")),
        line(""),
    ]
    most = max((part.tokens for part in event.parts), default=0)
    for part in event.parts:
        full, empty = bar(part.tokens, most, _BAR)
        cut_off = ("  its end was left out", "$held") if part.cut else ""
        shown.append(
            line(
                f"{cut(part.name, 16):<16} {count(part.tokens):>7}  ",
                (full, "$primary"),
                (empty, "$faint"),
                cut_off,
            )
        )
    if not event.parts:
        shown.append(line(("The parts of this request are not on record.", "$dim")))
    return shown


def checks_of(story: Story, focus: Focus | None) -> list[Content]:
    """Every check in focus with its evidence, the newest first."""
    shown: list[Content] = []
    for envelope, event in reversed(story.checks):
        if focus is not None and not focus.holds(envelope.step, envelope.attempt):
            continue
        shown += _check(story, envelope, event)
    return shown or [line(("No check ran here yet.", "$dim"))]


def _check(story: Story, envelope: e.Envelope, event: e.CheckFinished) -> list[Content]:
    sign, style = mark(event.verdict)
    where = f"{envelope.step}" + (f" attempt {envelope.attempt}" if envelope.attempt else "")
    told = "on the base" if event.on == "base" else "on the change"
    took = "seen before" if event.cached else seconds(event.duration_s)
    shown = [
        line((f"{sign} ", style), (event.check, "bold"), f"  {event.summary}"),
        line((f"  {where} · {told} · {took}", "$dim")),
    ]
    if event.tests is not None:
        tests = event.tests
        counts = f"  collected {tests.collected}, passed {tests.passed}, failed {tests.failed}, skipped {tests.skipped}"
        shown.append(line((counts, "$dim")))
    detail = story.blob(event.detail).splitlines() if event.detail else []
    shown += [line(("    " + text, "$dim")) for text in detail[:_DETAIL_LINES]]
    if len(detail) > _DETAIL_LINES:
        shown.append(line((f"    … {len(detail) - _DETAIL_LINES} more lines", "$faint")))
    return [*shown, line("")]


def _last_request(
    story: Story, focus: Focus | None, coming: e.Envelope | None
) -> tuple[e.Envelope | None, e.ModelRequested | None]:
    if coming is not None and isinstance(coming.event, e.ModelRequested):
        if focus is None or focus.holds(coming.step, coming.attempt):
            return coming, coming.event
    for envelope, event in reversed(story.requests):
        if focus is None or focus.holds(envelope.step, envelope.attempt):
            return envelope, event
    return None, None
