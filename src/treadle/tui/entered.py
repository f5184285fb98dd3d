"""What a line typed into the task line does: a task, a slash command, a command of the person's own shell."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from treadle.protocol import commands
from treadle.protocol.errors import TreadleError, UsageError
from treadle.tui import slash
from treadle.tui.sitting import MODES

if TYPE_CHECKING:
    from treadle.spec.loop import LoopSpec
    from treadle.tui.app import TreadleApp


async def entered(app: "TreadleApp", text: str) -> None:
    """Does what the line says; what is told of it stands in the transcript, which comes to the front for it."""
    told, busy = len(app.board.story.blocks), app.sitting.busy
    shell = queued = False
    try:
        if text in slash.LEAVING:
            app.exit(0)
        elif text.startswith("/") and slash.first_word(text) in set(_loops(app)) - set(slash.COMMANDS):
            await _loop(app, text[1:])
        elif text.startswith("/"):
            name, rest = slash.parse(text)
            await _ACTIONS[name](app, rest)
        elif text.startswith("!"):
            from treadle.tui.shell import run_shell

            app.run_worker(run_shell(app.sitting, text[1:].strip()), group="shell")
            shell = True
        else:
            queued = busy
            app.sitting.start(text)
    except TreadleError as fault:
        app.sitting.tell_fault(fault)
    begins = app.sitting.busy and not busy
    if queued:
        app.notify("Runs after this one.", timeout=2)
    elif begins or shell or len(app.board.story.blocks) > told:
        await app.show_transcript()


async def _help(app: "TreadleApp", _: str) -> None:
    app.action_help()


def _loops(app: "TreadleApp") -> "Mapping[str, LoopSpec]":
    catalog = app.sitting.desk.catalog if app.sitting.desk else None
    return catalog.loops if catalog else {}


async def _loop(app: "TreadleApp", rest: str) -> None:
    loops = _loops(app)
    name, _, task = rest.partition(" ")
    if not name:
        for known, loop in loops.items():
            app.sitting.say((f"  {known:<10}", "bold"), loop.description)
        return
    asks = app.sitting.desk is not None and app.sitting.desk.standing.trust is not None
    if (
        loops and name not in loops and not asks
    ):  # it may be the repository's, which holds once that is trusted
        raise UsageError(f"there is no loop `{name}`", hint=f"loops here: {', '.join(loops) or 'none'}")
    if app.sitting.desk is not None and app.sitting.desk.catalog is not None:
        from treadle.session.choose import must_have_task

        must_have_task(app.sitting.desk.catalog, name, task)
    app.sitting.loop = name
    app.sitting.start(task.strip())


async def _mode(app: "TreadleApp", rest: str) -> None:
    if rest not in MODES:
        raise UsageError(f"/mode takes one of {', '.join(MODES)}")
    app.sitting.set_mode(rest)


def _command(make: Callable[[], commands.AnyCommand]) -> "Callable[[TreadleApp, str], Awaitable[None]]":
    async def submit(app: "TreadleApp", _: str) -> None:
        if not app.sitting.busy:
            raise UsageError("no run is under way")
        command = make()
        if not isinstance(command, commands.Answering):
            app.sitting.submit(command)
        elif (question := app.gate.question) is not None:
            app.sitting.answer(command, question.question)
        else:
            raise UsageError("no question is open")

    return submit


async def _abort(app: "TreadleApp", _: str) -> None:
    app.sitting.abort()


async def _diff(app: "TreadleApp", _: str) -> None:
    await app.action_tab("Diff")


async def _apply(app: "TreadleApp", _: str) -> None:
    await app.sitting.afterwards("apply")


async def _undo(app: "TreadleApp", _: str) -> None:
    await app.sitting.afterwards("undo")


async def _new(app: "TreadleApp", rest: str) -> None:
    app.sitting.new_thread()
    if rest:
        app.sitting.start(rest)


async def _setup(app: "TreadleApp", _: str) -> None:
    from treadle.tui.first import open_setup

    await open_setup(app)


async def _theme(app: "TreadleApp", rest: str) -> None:
    names = list(app.available_themes)
    if rest and rest not in names:
        raise UsageError(f"there is no theme `{rest}`", hint=", ".join(names))
    app.theme = rest or names[(names.index(app.theme) + 1) % len(names)]
    app.sitting.say(("  theme ", "$dim"), app.theme)


async def _copy(app: "TreadleApp", _: str) -> None:
    from treadle.tui.clip import copy

    copy(app, app.sitting.last_words())


async def _clear(app: "TreadleApp", _: str) -> None:
    app.board.story.clear()
    app.board.paint_pane()


async def _quit(app: "TreadleApp", _: str) -> None:
    app.exit(0)


_ACTIONS: "dict[str, Callable[[TreadleApp, str], Awaitable[None]]]" = {
    "help": _help,
    "loop": _loop,
    "mode": _mode,
    "next": _command(commands.Next),
    "into": _command(commands.Into),
    "continue": _command(commands.Continue),
    "pause": _command(commands.Pause),
    "abort": _abort,
    "diff": _diff,
    "apply": _apply,
    "undo": _undo,
    "new": _new,
    "setup": _setup,
    "theme": _theme,
    "copy": _copy,
    "clear": _clear,
    "quit": _quit,
}
