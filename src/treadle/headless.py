"""The face without a screen: progress on stderr, the result on stdout, as text, JSON or JSON lines."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.protocol.errors import TreadleError, Unprinted
from treadle.protocol.messages import Json
from treadle.protocol.text import clean, encode_json, put
from treadle.session.records import with_end
from treadle.session.result import Result, result_of
from treadle.session.session import Session
from treadle.session.trace import read_blob, read_trace
from treadle.session.view import View, reduce

Output = Literal["text", "json", "jsonl"]

_MARKS = {"pass": "✓", "fail": "✗", "error": "!", "none": "?"}


def run_headless(start: Callable[[], Session], output: Output) -> int:
    """The exit code of one run. `start` composes it; its errors are told like the run's own.

    stdout gets the result and nothing else; the last JSON line is `{"type": "result", …}`.
    """
    try:
        return asyncio.run(_run(start(), output))
    except TreadleError as fault:
        return tell_error(fault, output)


def tell_error(fault: TreadleError, output: Output = "text") -> int:
    """The exit code of an error that came before any run: told on stderr, and as a result where JSON is asked for."""
    _say(f"treadle: {fault.message}")
    if fault.hint:
        _say(f"  next: {fault.hint}")
    if output != "text":
        try:
            _put_line(Result(exit_code=fault.exit_code, reason=fault.message, hint=fault.hint))
        except Unprinted as refused:
            _say(f"treadle: {refused.message}")
    return fault.exit_code


def _say(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    """Tells a person, on stderr if no other is named; a run goes on where that can't be done."""
    with contextlib.suppress(OSError):
        print(clean(text), end=end, file=stream or sys.stderr, flush=True)


async def _run(session: Session, output: Output) -> int:
    stopped: list[int] = []
    driving = asyncio.create_task(session.run())

    def stop(number: int) -> None:
        stopped.append(number)
        session.stop(128 + number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    progress = _Progress(sys.stderr, session.folder, session)
    if session.options.attended:
        loop.add_reader(sys.stdin.fileno(), progress.answer)
    unprinted: Unprinted | None = None
    async for envelope in session.events():
        if output != "jsonl":
            progress.show(envelope)
        elif unprinted is None:
            try:
                _put_line({"type": "event", **msgspec.to_builtins(envelope)})
            except Unprinted as refused:
                unprinted = refused
    view = await driving
    code = 128 + stopped[0] if stopped else view.exit_code
    return _print_result(result_of(session.folder, view, code), output, unprinted)


def _put_line(value: Json | Result) -> None:
    put(encode_json(value) + b"\n")


def _print_result(result: Result, output: Output, unprinted: Unprinted | None = None) -> int:
    """Puts the diff, the answer or the JSON on stdout, the last words for a person on stderr; the exit code.

    Where stdout does not take it, or earlier did not (`unprinted`), stderr says so, and the code is not 0.
    """
    if unprinted is None:
        try:
            _put_result(result, output)
        except Unprinted as refused:
            unprinted = refused
    for line in result.lines():
        _say(line)
    if unprinted is None:
        return result.exit_code
    _say(f"treadle: {unprinted.message}; it is on record: treadle runs show {result.run}")
    return result.exit_code or 1


def _put_result(result: Result, output: Output) -> None:
    if output != "text":
        _put_line(result)
    elif sys.stdout.isatty():
        put(clean(result.diff or result.answer))
    else:
        # Another program gets the diff or the answer as it is, line ends and all.
        put((result.diff or result.answer).encode("utf-8", "surrogateescape"))


class _Progress:
    """One line an event on stderr; questions are asked there and answered from stdin."""

    def __init__(self, stream: TextIO, folder: Path, session: Session | None = None) -> None:
        self._stream = stream
        self._folder = folder
        self._session = session
        self._left_out: set[str] = set()
        self._held = ""
        self._pass_already = 0
        self._question: e.GateAsked | None = None

    def show(self, envelope: e.Envelope) -> None:
        """Prints what the envelope says, if it is worth a line."""
        event = envelope.event
        if isinstance(event, e.GateAsked):
            if self._session and self._session.options.attended:
                self._question = event
                place = f"{envelope.step}  " if envelope.step else ""
                self._say(f"? {place}{event.subject}  [{'/'.join(event.options)}]", end=" ")
            return
        if isinstance(event, e.RungUnavailable):
            # Once a run is enough: it is the same for every item.
            if event.reason in self._left_out:
                return
            self._left_out.add(event.reason)
        if isinstance(event, e.GateAnswered):
            self._question = None
        text = _line(event, envelope.step) or _line_within(event, envelope.attempt)
        if text and not self._folded(event, text):
            self._say("  " * envelope.step.count("/") + text)
        if isinstance(event, e.RunStarted) and event.chosen:
            self._say(f"  loop {event.loop}: {event.chosen} (--loop picks another)")
        if (
            isinstance(event, e.CheckFinished)
            and event.detail
            and event.verdict == "fail"
            and not envelope.attempt
        ):
            self._show_first_failure(event.detail)

    def _folded(self, event: e.AnyEvent, text: str) -> bool:
        """Whether the line is kept back: an item's first, and the last of one that an earlier item has settled."""
        if isinstance(event, e.StepStarted) and event.item and not self._held:
            self._held = text
            return True
        if isinstance(event, e.StepFinished) and event.summary == e.PASSES_ALREADY and self._held:
            self._held = ""
            self._pass_already += 1
            return True
        if self._pass_already:
            self._say(f"  {self._pass_already} more pass already")
            self._pass_already = 0
        if self._held:
            self._say(self._held)
            self._held = ""
        return False

    def _show_first_failure(self, blob: str) -> None:
        """Where the first test of a check failed and why, from the check's detail."""
        try:
            lines = read_blob(self._folder, blob).decode("utf-8", "replace").splitlines()
        except TreadleError:
            return
        for line in [text for text in lines if text.strip()][:2]:
            self._say(f"    {line[:200]}")

    def answer(self) -> None:
        """Reads one line of stdin as the answer to the open question; its first letters are enough."""
        line = sys.stdin.readline()
        if self._session is None:
            return
        if not line:
            self._session.submit(commands.Abort())
            return
        word, _, rest = line.strip().partition(" ")
        if self._question is None:
            return
        options = self._question.options
        chosen = next((o for o in options if word and o.startswith(word)), options[0] if not word else "")
        if not chosen:
            self._say(f"  one of {', '.join(options)}")
            return
        command = commands.command_for(chosen, rest)
        self._session.submit(commands.answering(command, self._question.question))

    def _say(self, text: str, end: str = "\n") -> None:
        _say(text.splitlines()[0] if text else "", self._stream, end)


def _line(event: e.AnyEvent, place: str) -> str:
    """The line of an event of the run or of a step, "" for any other."""
    match event:
        case e.RunStarted():
            return f"treadle · {event.loop} · {event.sandbox} sandbox · run {event.run}"
        case e.RunResumed():
            return f"treadle · resumed; {event.kept} finished steps are not run again"
        case e.StepStarted():
            return f"▸ {place}  {event.what}" + (f"  {event.item}" if event.item else "")
        case e.StepFinished():
            return f"{_MARKS.get(event.verdict, '·')} {place}  {event.verdict}: {event.summary}"
        case e.Noted():
            return f"  note: {event.text}"
        case e.ChangesWritten():
            return f"{'wrote' if event.changes else 'put back'} {', '.join(event.paths)}"
        case _:
            return ""


def _line_within(event: e.AnyEvent, attempt: int) -> str:
    """The line of an event inside a step, "" for any other."""
    match event:
        case e.AttemptStarted():
            return f"  {event.tier} · {event.how}{' · ' + event.model if event.model else ''}"
        case e.AttemptFinished():
            return f"  {event.tier} {event.verdict} in {event.duration_s:.1f} s: {event.summary}"
        case e.RungUnavailable():
            return f"  {event.tier} left out: {event.reason}"
        case e.SolverFinished():
            return f"    {event.solver}: {event.summary} ({event.tried} candidates)"
        case e.ModelReplied():
            used = f"{event.usage.input_tokens} + {event.usage.output_tokens} tokens"
            return f"    {event.model} answered: {used}, {event.duration_s:.1f} s"
        case e.ModelFailed():
            return f"    {event.model}: {event.error}: {event.reason}"
        case e.CheckFinished() if attempt:
            return f"    check {event.check}: {event.verdict}: {event.summary}"
        case e.ToolFinished():
            return f"    tool {event.name}{' (error)' if event.is_error else ''}"
        case _:
            return ""


def show_run(view: View, folder: Path, output: Output) -> int:
    """Prints a recorded run as its result would have been; the exit code, the run's own."""
    return _print_result(result_of(folder, view, view.exit_code), output)


def replay(folder: Path, output: Output) -> int:
    """Shows a recorded run's events once more, as they came, then its result; the exit code, the run's own."""
    progress = _Progress(sys.stderr, folder)
    view = View()
    for envelope in read_trace(folder):
        view = reduce(view, envelope)
        if output == "jsonl":
            _put_line({"type": "event", **msgspec.to_builtins(envelope)})
        else:
            progress.show(envelope)
    return show_run(with_end(folder, view), folder, output)
