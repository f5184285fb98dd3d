"""The board: paints the widgets from the view and the story, only those whose content changed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from textual.content import Content
from textual.dom import DOMNode

from treadle.protocol import events as e
from treadle.protocol.pending import Pending
from treadle.session.view import View
from treadle.tui import panes
from treadle.tui.bars import TabBar, TopBar, keys
from treadle.tui.diff_pane import DiffPane, counts_of
from treadle.tui.gate_bar import GateBar
from treadle.tui.ledger import ledger_of
from treadle.tui.lines import Lines
from treadle.tui.paint import Part, line, mark
from treadle.tui.rail import Rail, Row, rows_of
from treadle.tui.story import Focus, Story
from treadle.tui.theme import Palette
from treadle.tui.welcome import earlier, welcome

if TYPE_CHECKING:
    from treadle.session.records import Recent
    from treadle.session.review import FileReview
    from treadle.session.setup import Row as Bound
    from treadle.session.trust import Standing as Trust
    from treadle.spec.catalog import Catalog
    from treadle.tui.desk import Standing

from textual.widgets import Static


class Board:
    """What the screen shows beside the task line. `view` None: nothing ran yet."""

    def __init__(self, root: Path, node: Callable[[], DOMNode]) -> None:
        self._find = node
        self.root = root
        self.palette = Palette()
        self.story = Story(self.palette)
        self.view: View | None = None
        self.focus: Focus | None = None
        self.tab = "Transcript"
        self.branch = ""
        self.mode = "auto"
        self.recent: tuple[Recent, ...] = ()
        self.bound: tuple[Bound, ...] = ()
        self.catalog: Catalog | None = None
        self.trust: Trust | None = None
        self._painted: object = None
        self._ledger_rows = -1

    def configure(self, catalog: "Catalog | None", standing: "Standing") -> None:
        """Takes in what is configured here; tier colours go by its order."""
        self.catalog, self.branch, self.trust = catalog, standing.branch, standing.trust
        if catalog is not None:
            self.palette = Palette([tier.name for tier in catalog.tiers.tiers])
            self.story.palette = self.palette

    @property
    def _node(self) -> DOMNode:
        return self._find()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.view is not None and not self.view.outcome

    def paint(self) -> None:
        """Brings everything up to date; while nothing but text streams, that is the pane alone."""
        view = self.view
        painted = (view.run, view.seq, view.outcome) if view is not None else None, self.mode, self.branch
        if painted != self._painted or view is None:
            self._painted = painted
            self.paint_top()
            self.paint_rail()
            self.paint_keys()
        self.paint_pane()

    def paint_top(self) -> None:
        """The bar at the top."""
        left: list[Part] = [(" treadle ", "$background on $accent bold"), "  ", (self.root.name, "bold")]
        if self.branch:
            left.append((f" on {self.branch}", "$dim"))
        view = self.view
        if view is not None and view.loop:
            left += [("   loop ", "$dim"), (view.loop, "bold"), "   ", *_state(view)]
        self._node.query_one(TopBar).show(left, self._protection())

    def _protection(self) -> list[str]:
        """What protects the person, the most telling last: the sandbox's level, and what may leave this machine."""
        said = [f"sandbox {self.view.sandbox}"] if self.view is not None and self.view.sandbox else []
        if self.catalog is not None:
            settings = self.catalog.settings
            said.append("offline" if settings.offline else f"cloud {settings.cloud}")
        if self.trust is not None:
            said.append("not trusted yet")
        if self.view is not None and not self.view.write:
            said.append("writes nothing")
        return said

    def paint_rail(self) -> None:
        """The rail and the ledger under it."""
        rail = self._node.query_one(Rail)
        ledger = self._node.query_one("#ledger", Static)
        if self.view is None:
            width = max(30, rail.scrollable_content_region.width)
            rail.show_rows([Row(block, None) for block in earlier(self.recent, width)])
            return
        width = max(30, rail.scrollable_content_region.width)
        rail.show_rows(rows_of(self.view, self.palette, width))
        top = None
        if self.view.calls and self.catalog is not None:
            from treadle.session.ledger import on_top

            top = on_top(self.catalog, self.view.usage)
        shown = ledger_of(self.view, self.palette, width, top)
        rows = shown.plain.count("\n")
        ledger.update(shown, layout=rows != self._ledger_rows)
        self._ledger_rows = rows

    def paint_pane(self) -> None:
        """The tab in front; the diff has its own painter, for it is read elsewhere."""
        if self.tab == "Diff":
            return
        pane = self._node.query_one(f"#pane-{self.tab.lower()}", Lines)
        if self.tab == "Transcript":
            # What explains the screen is read from its top; what happens, at its end.
            pane.follow = self.view is not None or bool(self.story.blocks)
        pane.show(self._blocks())

    def _blocks(self) -> list[Content]:
        story, focus = self.story, self.focus
        if self.tab == "Transcript":
            first: list[Content] = []
            if self.view is None:
                first = welcome(self.root, self.catalog, self.palette, self.trust, self.bound)
            return [*first, *story.transcript(focus)]
        if self.tab == "Prompt":
            return panes.prompt_of(story, focus, self._coming())
        if self.tab == "Context":
            return panes.context_of(story, focus, self._coming())
        if self.tab == "Checks":
            return panes.checks_of(story, focus)
        return list(story.trace) or [line(("No event yet.", "$dim"))]

    def paint_keys(self) -> None:
        """The keys at the bottom, those that do something now."""
        pairs = [("shift+tab", f"mode: {self.mode}")]
        pairs += [("esc", "pause"), ("ctrl+c", "abort")] if self.running else [("ctrl+o", "other loop")]
        pairs += [("tab", "panes"), ("ctrl+p", "commands"), ("F1", "help"), ("ctrl+q", "quit")]
        self._node.query_one("#keys", Static).update(keys(pairs), layout=False)

    def diff_source(self) -> tuple[str, list[Content]]:
        """The blob of the change set that the Diff tab shows, and what is said over it."""
        view = self.view
        if view is None:
            return "", []
        if view.question is not None and view.question.point == "before_write":
            return self.pending().changes, self._proof(view)
        step = next(
            (s for s in reversed(view.steps) if self.focus is None or self.focus.holds(s.place, 0)), None
        )
        wanted = self.focus
        for candidate in reversed(view.steps):
            if wanted is not None and candidate.place != wanted.step:
                continue
            for nth, attempt in reversed(list(enumerate(candidate.attempts, 1))):
                if attempt.changes and (
                    wanted is None or not wanted.attempt or wanted.attempt == attempt.number
                ):
                    sign, style = mark(attempt.verdict)
                    checks = [
                        part
                        for check in attempt.checks
                        for part in (
                            f"{check.check} ",
                            (mark(check.verdict)[0] + "  ", mark(check.verdict)[1]),
                        )
                    ]
                    head = line((f"attempt {nth} ", "$dim"), (f"{sign}  ", style), *checks)
                    return attempt.changes, [head, line("")]
        changes = (step.changes if self.focus is not None and step is not None else "") or view.changes
        return changes, []

    def _proof(self, view: View) -> list[Content]:
        """What vouches for the changes that are about to be written."""
        last: dict[str, str] = {}
        for step in view.steps:
            for check in (*step.checks, *(c for a in step.attempts for c in a.checks)):
                if check.on != "base" and check.verdict == "pass":
                    last[check.check] = check.summary
        parts: list[Part] = [("proven by  ", "$dim")] if last else [("nothing judged this", "$held")]
        for name, summary in last.items():
            parts += [(f"{name} ✔ ", "$ok"), (f"{summary}   ", "$dim")]
        return [line(*parts), line("")]

    def pending(self) -> Pending:
        """What the open question is about, as far as it is on record."""
        view = self.view
        if view is None or view.question is None or not view.question.pending:
            return Pending()
        try:
            return msgspec.json.decode(self.story.blob(view.question.pending), type=Pending)
        except msgspec.DecodeError:
            return Pending()

    def _coming(self) -> e.Envelope | None:
        """The request that the open question is about, as the event that will tell of it."""
        pending = self.pending()
        if self.view is None or self.view.question is None or not pending.request:
            return None
        event = e.ModelRequested(
            pending.model,
            pending.request,
            pending.tokens,
            parts=pending.parts,
            window=pending.window,
            max_tokens=pending.max_tokens,
            tier=pending.tier,
        )
        return e.Envelope(0, 0.0, self.view.run, event, self.view.question.place, pending.attempt)

    def show_diff(
        self, pane: DiffPane, files: "tuple[FileReview, ...]", head: list[Content], choosing: bool
    ) -> None:
        """Fills the Diff tab."""
        if not files:
            head = [line(("No change to show here.", "$dim"))]
        pane.review(files, head, choosing=choosing)
        added, removed = counts_of(files)
        self._node.query_one(TabBar).note("Diff", f"+{added} −{removed}" if files else "")

    def show_gate(self) -> None:
        """The open question, if there is one."""
        gate = self._node.query_one(GateBar)
        view = self.view
        if view is None or view.question is None:
            gate.clear()
            gate.display = False
            return
        place = view.question.place.partition("@")[0]
        gate.ask(view.question, self.pending(), self.palette, place)
        gate.display = True


def _state(view: View) -> list[Part]:
    """How the run stands, in a few words."""
    if view.question is not None:
        place = view.question.place.partition("@")[0]
        what = {"before_write": "before writing", "before_turn": "before a request of"}
        said = f"{what.get(view.question.point, 'before')} {place}" if place else "before writing"
        return [("● ", "$held"), (f"held {said}", "$held")]
    if view.outcome:
        style = "$ok" if view.outcome == "done" else "$held" if view.exit_code in (0, 3, 130) else "$bad"
        return [(f"{mark('pass' if view.outcome == 'done' else 'fail')[0]} {view.outcome}", style)]
    step = next((s for s in reversed(view.steps) if not s.verdict), None)
    since = f" {time.time() - view.started_at:.0f}s" if view.started_at else ""
    return [("▶ ", "$accent"), (f"running {step.place.partition('@')[0] if step else ''}{since}", "$accent")]
