"""The set-up over the screen: which tier gets what and why, and the one choice about the cloud."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from treadle.protocol.errors import TreadleError
from treadle.tui.lines import Lines
from treadle.tui.paint import bar, cut, line, lines

if TYPE_CHECKING:
    from treadle.session.setup import Binding as Bound
    from treadle.session.setup import Cloud, Found, Offer
    from treadle.tui.sitting import Sitting

_CLOUD: "tuple[tuple[str, Cloud, str], ...]" = (
    ("a", "all", "every tier may send parts of your code to it"),
    ("l", "large only", "only the last tier may, when all before it failed"),
    ("v", "never", "nothing leaves this machine"),
)


class SetupScreen(ModalScreen[bool]):
    """Dismissed with whether the user's settings were written."""

    CSS = """
    SetupScreen { align: center middle; }
    #setup { width: 108; max-width: 98%; height: auto; max-height: 96%; border: round $accent; }
    #setup { background: $surface; padding: 1 2; }
    #setup-table { height: auto; max-height: 24; background: $surface; }
    #setup-progress { height: auto; padding: 1 0 0 0; }
    #setup-keys { height: auto; padding: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "write", "write", priority=True),
        Binding("escape,q", "leave", "not now", priority=True),
        *(Binding(key, f"cloud('{choice}')", choice) for key, choice, _ in _CLOUD),
        Binding("p", "accept", "pull"),
        Binding("r", "again", "look again"),
    ]

    def __init__(self, sitting: "Sitting") -> None:
        super().__init__()
        self._sitting = sitting
        self._cloud: Cloud = "never"
        self._found: Found | None = None
        self._binding: Bound | None = None
        self._fetching: Offer | None = None
        self._left = False

    def compose(self) -> ComposeResult:
        """A table, what is going on, the keys."""
        with Vertical(id="setup"):
            yield Lines(id="setup-table")
            yield Static(id="setup-progress")
            yield Static(id="setup-keys")

    def on_mount(self) -> None:
        """Looks at what answers here."""
        self.query_one("#setup").border_title = " set-up: which tier gets what "
        self.query_one("#setup-progress", Static).update(line(("looking at what answers here …", "$dim")))
        self.run_worker(self._look())

    async def _look(self) -> None:
        from treadle.session.setup import probe

        self._found = await probe(self._sitting.root)
        self._cloud = self._found.cloud or self._cloud
        self._propose()

    def _propose(self) -> None:
        from treadle.session.setup import propose

        if self._found is not None:
            self._binding = propose(self._found, self._cloud)
            self._paint()
            self.run_worker(self._price(), group="prices", exclusive=True)

    async def _price(self) -> None:
        """Adds the prices as soon as they are known; they come from another process."""
        from treadle.session.setup import with_prices

        if self._found is not None and self._binding is not None:
            self._binding = await with_prices(self._found, self._binding)
            self._paint()

    def _paint(self) -> None:
        if self._found is None or self._binding is None:
            return
        from treadle.session.setup import rows

        palette = self._sitting.board.palette
        shown = [line(("✘ ", "$bad"), fault) for fault in self._found.faults]
        for row in rows(self._found, self._binding):
            model = row.model or ("none" if row.missing or row.tier != self._found.ladder[0] else "")
            style = "" if row.model and not row.missing else "$dim"
            shown.append(
                line(
                    (f"{row.tier:<8} ", palette.tier(row.tier) + " bold"),
                    (f"{cut(model, 44):<44} ", style),
                    (row.where, "$dim"),
                )
            )
            told = row.missing or row.why
            price = f"  ·  {row.price}" if row.price else ""
            shown.append(line((f"         {told}", "$held" if row.missing else "$dim"), (price, "$dim")))
            if row.others:
                shown.append(line((f"         then {', '.join(row.others)}", "$faint")))
        shown += [line(""), *self._cloud_lines(), *self._offer_lines()]
        self.query_one("#setup-table", Lines).show(shown)
        if not self._fetching:
            self.query_one("#setup-progress", Static).update("")
        self.query_one("#setup-keys", Static).update(self._keys())

    def _cloud_lines(self) -> list[Content]:
        assert self._found is not None
        from treadle.session.setup import clouds

        asked = clouds(self._found)
        if not asked:
            return [line(("cloud    ", "$dim"), ("no key is set, so nothing can be sent to one", "$dim"))]
        told = [
            line(("cloud    ", "$dim"), f"found: {', '.join(asked)}"),
            line(("         use the cloud for:", "$dim")),
        ]
        for key, choice, means in _CLOUD:
            on = choice == self._cloud
            sign = ("● ", "$ok") if on else ("○ ", "$dim")
            told.append(
                line(
                    "         ",
                    sign,
                    (key, "$accent bold"),
                    (f"  {choice:<11}", "bold" if on else ""),
                    (means, "$dim"),
                )
            )
        return told

    def _offer_lines(self) -> list[Content]:
        assert self._binding is not None
        offers = self._binding.offers
        if not offers:
            return []
        offer = offers[0]
        size = f", about {offer.bytes / 1e9:.1f} GB" if offer.bytes else ""
        licence = f", {offer.licence}" if offer.licence else ""
        told = [
            line(""),
            line(("offer    ", "$dim"), ("p", "$accent bold"), f"  {offer.kind} {offer.name}{size}{licence}"),
            line((f"         {offer.about}", "$dim")),
        ]
        return [*told, line((f"         the same by hand: {offer.command}", "$faint"))]

    def _keys(self) -> Content:
        if self._fetching is not None:
            stops = (
                "stop it and leave" if self._fetching.kind == "pull" else "leave; it is installed to its end"
            )
            return line(("esc", "$accent bold"), f"  {stops}")
        return lines(
            [
                line(
                    ("enter", "$accent bold"),
                    "  write this to your settings     ",
                    ("r", "$accent bold"),
                    "  look again     ",
                    ("esc", "$accent bold"),
                    "  not now",
                )
            ]
        )

    def action_cloud(self, choice: str) -> None:
        """Chooses what may use the cloud; only where there is one."""
        from treadle.session.setup import clouds

        if self._found is not None and clouds(self._found):
            self._cloud = next(c for _, c, _ in _CLOUD if c == choice)
            self._propose()

    def action_again(self) -> None:
        """Looks once more."""
        self.run_worker(self._look())

    def action_accept(self) -> None:
        """Does what is offered, after which everything is looked at again."""
        if self._binding is not None and self._binding.offers and not self._fetching:
            self._fetching = self._binding.offers[0]
            self._paint()
            self.run_worker(self._accept(self._fetching))

    async def _accept(self, offer: "Offer") -> None:
        import asyncio

        from treadle.session.setup import accept

        assert self._found is not None
        found = self._found
        progress = self.query_one("#setup-progress", Static)

        def moved(done: int, total: int) -> None:
            if self._left:
                raise TreadleError("stopped")
            full, empty = bar(done, total or 1, 40)
            said = line((full, "$ok"), (empty, "$faint"), f"  {done / 1e6:.0f} of {total / 1e6:.0f} MB")
            self.app.call_from_thread(progress.update, said)

        def say(text: str) -> None:
            self.app.call_from_thread(progress.update, line((cut(text, 100), "$dim")))

        progress.update(line((f"{offer.kind} {offer.name} …", "$dim")))
        try:
            await asyncio.to_thread(accept, offer, found, moved, say)
        except TreadleError as fault:
            progress.update(
                line(("✘ ", "$bad"), fault.message, (f"  next: {fault.hint}" if fault.hint else "", "$dim"))
            )
            return
        finally:
            self._fetching = None
            if not self._left:
                self.query_one("#setup-keys", Static).update(self._keys())
        await self._look()

    def action_write(self) -> None:
        """Writes the proposal to the user's settings."""
        if self._binding is None or self._fetching:
            return
        from treadle.session.setup import clouds, write

        assert self._found is not None
        chosen = self._cloud if clouds(self._found) or self._found.cloud else None
        try:
            written = write(self._binding, chosen)
        except TreadleError as fault:
            self.query_one("#setup-progress", Static).update(line(("✘ ", "$bad"), fault.message))
            return
        files = ", ".join(written.files) or "nothing to change"
        self._sitting.say(("  set up  ", "$ok"), files)
        self.dismiss(True)

    def action_leave(self) -> None:
        """Closes without writing; a pull under way stops, what is here of it is kept."""
        self._left = True
        if self._fetching is not None and self._fetching.kind == "pull":
            self._sitting.say(("  stopped  ", "$held"), f"pull {self._fetching.name}; /setup goes on with it")
        self.dismiss(False)
