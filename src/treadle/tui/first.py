"""The first start: the set-up is offered once, before anything is asked of a model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.tui.app import TreadleApp


async def offer_setup(app: "TreadleApp") -> None:
    """Opens the set-up where nothing was set up yet, unless a task was given along: that goes first."""
    from treadle.session.setup import needs_setup

    if needs_setup() and not app.sitting.busy:
        await open_setup(app)


async def open_setup(app: "TreadleApp") -> None:
    """The set-up over the screen; what it wrote holds from the next run on."""
    from treadle.tui.setup_screen import SetupScreen

    def closed(wrote: bool | None) -> None:
        if wrote:
            app.run_worker(app.sitting.reload())
            app.call_later(app.show_transcript)

    app.push_screen(SetupScreen(app.sitting), closed)
