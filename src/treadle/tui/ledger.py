"""The ledger under the rail: what was spent, by whom, and how long answers took."""

from collections import Counter

from textual.content import Content

from treadle.session.view import View
from treadle.tui.paint import Part, count, cut, line, lines, money, quantile, seconds, spark
from treadle.tui.theme import Palette

_NAME = 9


def ledger_of(view: View, palette: Palette, width: int, on_top: tuple[str, float] | None = None) -> Content:
    """Spent of the budget, tokens, attempts by tier, latency with its bars; as far as there is something to say.

    `on_top` is the last tier and what the same tokens would have cost there.
    """
    spent = view.usage.cost_usd
    cap = f" of ${view.cost_cap_usd:.2f}" if view.cost_cap_usd is not None else ""
    rows = [line((f"{'spent':<{_NAME}} ", "$dim"), (money(spent), "$ok bold"), (cap, "$dim"))]
    if on_top is not None:
        name = cut(f"all {on_top[0]}", _NAME)
        rows.append(
            line(
                (f"{name:<{_NAME}} ", "$dim"), (money(on_top[1]), palette.tier(on_top[0])), (" est.", "$dim")
            )
        )
    if view.calls:
        tokens = f"{count(view.usage.input_tokens)} in, {count(view.usage.output_tokens)} out"
        rows.append(line((f"{'tokens':<{_NAME}} ", "$dim"), tokens))
    tiers = Counter(a.tier for step in view.steps for a in step.attempts if a.verdict == "pass")
    if tiers:
        whole = sum(tiers.values())
        parts: list[Part] = [(f"{'settled':<{_NAME}} ", "$dim")]
        for tier, times in tiers.most_common():
            parts.append((f"{tier} {100 * times // whole}%  ", palette.tier(tier)))
        rows.append(line(*parts))
    if view.latencies:
        took = [value for _, value in view.latencies]
        p50, p95 = quantile(took, 0.5), quantile(took, 0.95)
        rows.append(line((f"{'latency':<{_NAME}} ", "$dim"), f"p50 {seconds(p50)}  p95 {seconds(p95)}"))
        shown = view.latencies[-max(8, width - 2) :]
        bars = spark([value for _, value in shown], len(shown))
        rows.append(line(*[(bar, palette.tier(tier)) for bar, (tier, _) in zip(bars, shown, strict=False)]))
    return lines(rows)
