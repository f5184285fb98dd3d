"""The tabs and the panes behind them; a pane is made when it is first needed."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher

from treadle.tui.bars import TABS, TabBar
from treadle.tui.diff_pane import DiffPane
from treadle.tui.lines import Lines


class TabPanes(Vertical):
    """One pane in front, named by `tab`."""

    tab = TABS[0]

    def compose(self) -> ComposeResult:
        """The bar, and the first pane."""
        yield TabBar(id="tabs")
        with ContentSwitcher(initial=_id(TABS[0]), id="panes"):
            yield Lines(follow=True, id=_id(TABS[0]), classes="pane")

    @property
    def shown(self) -> Lines:
        """The pane in front."""
        return self.query_one(f"#{_id(self.tab)}", Lines)

    @property
    def diff(self) -> DiffPane | None:
        """The diff's pane, once it was needed."""
        found = self.query(DiffPane)
        return found.first() if found else None

    async def pane(self, tab: str) -> Lines:
        """The pane of a tab, made now if it was not yet."""
        found = self.query(f"#{_id(tab)}")
        if found:
            return found.first(Lines)
        pane: Lines
        if tab == "Diff":
            pane = DiffPane(id=_id(tab), classes="pane")
        else:
            pane = Lines(follow=tab == "Trace", id=_id(tab), classes="pane")
        pane.display = False
        await self.query_one(ContentSwitcher).mount(pane)
        return pane

    async def choose(self, tab: str) -> None:
        """Brings a tab to the front."""
        await self.pane(tab)
        self.tab = tab
        self.query_one(TabBar).choose(tab)
        self.query_one(ContentSwitcher).current = _id(tab)


def _id(tab: str) -> str:
    return f"pane-{tab.lower()}"
