"""A repository lowers what the user allowed and never raises it: every key, by every route that it has."""

from pathlib import Path

import pytest

from treadle.protocol.errors import SpecError
from treadle.spec import names
from treadle.spec.load import load_catalog
from treadle.spec.loop import Budget
from treadle.spec.resolve_agent import AGENT_KEYS
from treadle.spec.resolve_loop import BUDGET_KEYS, LOOP_KEYS, STEP_KEYS
from treadle.spec.resolve_settings import CHOICES, SETTINGS_KEYS, TEST_KEYS
from treadle.spec.resolve_tiers import MODEL_KEYS, PRICE_KEYS, TIER_KEYS, TIERS_KEYS
from treadle.spec.rungs import LIMIT_KEYS, RUNG_KEYS
from treadle.spec.settings import Settings

USER = {
    "settings.yaml": "unproven: ask\ncloud: large only\noffline: true\nmode: step\nsandbox: overlay\ngit: ask\n"
    "threads: 2\ntests: {timeout_s: 60}\n",
    "tiers.yaml": "tiers:\n  small: {models: [ollama/a]}\n  large: {models: [openai/gpt-x]}\n"
    "prices: {openai/*: {input: 3, output: 9, cached: 1}}\ntime_value_usd_per_hour: 5\n",
    "agents/mine.yaml": "name: mine\ndescription: d\nprompt: mine.md\npermissions: {deny: [tests, secret/**]}\n"
    "tools: [read, edit]\nattempts: 2\n"
    "limits: {turns: 3, context_tokens: 900, output_tokens: 90, wall_s: 30, cost_usd: 0.1}\n"
    "ladder: [{tier: small}, {tier: large}]\n",
    "prompts/mine.md": "Do it.\n",
    "loops/own.yaml": "name: own\ndescription: d\napply: never\n"
    "budget: {cost_usd: 0.5, tokens: 1000, wall_s: 60, turns: 9}\nsteps:\n  - {name: a, agent: mine}\n",
}


def _rung(key):
    return lambda catalog: max(getattr(rung.limits, key) for rung in catalog.agents["mine"].ladder)


def _budget(key):
    return lambda catalog: getattr(catalog.loops["own"].budget, key)


def _setting(key):
    return lambda catalog: getattr(catalog.settings, key)


_LADDER = "ladder: [{tier: small, tools: [read], %s}, {tier: large, tools: [read, run], %s}]\n"
_MORE = {"turns": 99, "context_tokens": 99_000, "output_tokens": 9900, "wall_s": 9000, "cost_usd": 99}
_STEPS = "steps:\n  - {name: a, agent: mine}\n"


def _tries():
    """Each attempt to widen: its key, where it stands, the text, and what it would widen."""
    for key, order in CHOICES.items():
        for value in order:
            yield f"settings {key}", "settings.yaml", f"{key}: '{value}'\n", _setting(key)
    yield (
        "settings offline",
        "settings.yaml",
        "offline: false\n",
        lambda catalog: not catalog.settings.offline,
    )
    yield "settings threads", "settings.yaml", "threads: 64\n", _setting("threads")
    yield (
        "settings python",
        "settings.yaml",
        "python: /usr/bin/env\n",
        lambda catalog: bool(catalog.settings.python),
    )
    yield (
        "settings commands",
        "settings.yaml",
        "commands: {}\n",
        lambda catalog: catalog.settings.commands != Settings().commands,
    )
    yield "settings python", "settings.yaml", "python: ../x\n", lambda catalog: bool(catalog.settings.python)
    for value in (61, 9000):
        text = f"tests: {{timeout_s: {value}}}\n"
        yield "tests timeout_s", "settings.yaml", text, lambda catalog: catalog.settings.tests.timeout_s
    large = "tiers:\n  large: {models: [{model: openai/x, %s}]}\n"
    entry = "tiers:\n  small: {models: [{model: ollama/a, options: {%s: x}}]}\n"
    yield "model endpoint", "tiers.yaml", large % 'endpoint: "http://192.0.2.1/v1"', _leaves
    yield "model endpoint", "tiers.yaml", large % 'endpoint: "https://models.example.com"', _leaves
    yield "model key_env", "tiers.yaml", large % "key_env: HOME", _leaves
    for option in (
        "api_base",
        "base_url",
        "api_key",
        "headers",
        "extra_headers",
        "proxy",
        "extra_body",
        "timeout",
    ):
        yield "model options", "tiers.yaml", entry % option, _leaves
    for key in PRICE_KEYS:
        text = "prices: {openai/*: {" + ", ".join(f"{k}: {0 if k == key else 9}" for k in PRICE_KEYS) + "}}\n"
        yield f"price {key}", "tiers.yaml", text, lambda catalog: -catalog.tiers.prices["openai/*"].input
    yield "tiers time_value_usd_per_hour", "tiers.yaml", "time_value_usd_per_hour: 99\n", _time
    for tiers in ("more: {models: [openai/x]}", "small: {models: [openai/x]}", "small: {}, large: {}"):
        yield "tiers tiers", "tiers.yaml", f"tiers: {{{tiers}}}\n", _may_ask
    for key in LIMIT_KEYS:
        said = f"limits: {{{key}: {_MORE[key]}}}"
        yield f"limit {key}", "agents/mine.yaml", f"name: mine\n{said}\n", _rung(key)
        yield f"limit {key}", "agents/mine.yaml", "name: mine\n" + _LADDER % (said, said), _rung(key)
        yield f"limit {key}", "agents/mine.yaml", "name: mine\n" + _LADDER % ("limits: {}", said), _rung(key)
        yield (
            f"limit {key}",
            "agents/mine.yaml",
            f"name: mine\ntier: medium\ntools: [read]\n{said}\n",
            _rung(key),
        )
    for text in ("attempts: 99\n", _LADDER % ("attempts: 99", "attempts: 99")):
        yield "agent attempts", "agents/mine.yaml", f"name: mine\n{text}", _rung("attempts")
    for deny in ("[]", "[docs]", "[tests]"):
        text = f"name: mine\npermissions: {{deny: {deny}}}\n"
        yield "agent permissions", "agents/mine.yaml", text, _not_denied
    whole = f"name: mine\ndescription: d\nprompt: mine.md\n{_LADDER % ('limits: {}', 'limits: {}')}"
    yield "agent permissions", "agents/mine.yaml", whole, _not_denied
    for key in BUDGET_KEYS:
        for said in (f"budget: {{{key}: {_MORE.get(key, 99_000)}}}\n", "budget: {}\n", ""):
            yield (
                f"budget {key}",
                "loops/own.yaml",
                f"name: own\ndescription: d\n{said}{_STEPS}",
                _budget(key),
            )
    for value in names.APPLY:
        text = f"name: own\napply: {value}\n"
        yield "loop apply", "loops/own.yaml", text, lambda catalog: catalog.loops["own"].apply != "never"


def _leaves(catalog):
    entries = [entry for tier in catalog.tiers.tiers for entry in tier.models]
    return sum(bool(entry.endpoint or entry.key_env or entry.options) for entry in entries)


def _time(catalog):
    return catalog.tiers.time_value_usd_per_hour


def _may_ask(catalog):
    tiers = catalog.tiers
    return sum(
        entry.is_cloud and tiers.may_ask(entry, tier.name, catalog.settings.cloud)
        for tier in tiers.tiers
        for entry in tier.models
    )


def _not_denied(catalog):
    return len({"tests", "secret/**"} - set(catalog.agents["mine"].deny))


TRIES = list(_tries())
FREE = {
    # What a repository may say, once it is trusted, and why that allows nothing that the user did not.
    "settings": {"tests"},  # the command runs in the sandbox, and is named at the question
    "tests": {"runner", "command"},
    "model": {"model"},  # the `cloud` setting and the user's keys and caps hold for whatever is named
    "tier": {"models"},
    "tiers": {"prices"},  # of this machine's models alone; for others see `price`
    "agent": {
        "name", "description", "extends", "prompt", "inputs", "output", "checks", "verdicts", "temperature", "ladder",
        "tier", "solver", "protocol", "tools", "limits", "from",
    },  # what an agent does with its tools stays in the proving ground; limits and denials are above
    "rung": {"tier", "race", "pick", "solver", "protocol", "tools", "limits", "from", "attempts"},
    "loop": {"name", "description", "base", "chosen_by", "steps", "budget"},
    "step": set(STEP_KEYS),  # commands in the sandbox; git steps ask
}  # fmt: skip


@pytest.fixture
def user(tmp_path, monkeypatch) -> None:
    own = tmp_path / "own" / "treadle"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own.parent))
    for path, text in USER.items():
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_text(text)


def _rank(value):
    """A value that grows with what it allows."""
    for order in CHOICES.values():
        if value in order:
            return order.index(value)
    return float("inf") if value is None else value


@pytest.mark.parametrize("number", range(len(TRIES)), ids=[f"{key} {n}" for n, (key, *_) in enumerate(TRIES)])
def test_it_widens_nothing(number, user, make_repo):
    _, path, text, widens = TRIES[number]
    allowed = widens(load_catalog(None))
    root: Path = make_repo({f".treadle/{path}": text}, git=False)
    try:
        got = widens(load_catalog(root))
    except SpecError as refused:
        assert any("a repository can't" in fault for fault in refused.faults)
        return
    assert _rank(got) <= _rank(allowed)


def test_each_key_is_judged():
    """A key that is new stands in neither list, and fails here until somebody has thought of it."""
    keys = {
        "settings": SETTINGS_KEYS, "tests": TEST_KEYS, "tiers": TIERS_KEYS, "tier": TIER_KEYS, "model": MODEL_KEYS,
        "price": PRICE_KEYS, "agent": AGENT_KEYS, "rung": RUNG_KEYS, "limit": LIMIT_KEYS, "loop": LOOP_KEYS,
        "budget": BUDGET_KEYS, "step": STEP_KEYS,
    }  # fmt: skip
    tried = {key for key, *_ in TRIES}
    missing = [
        f"{kind} {key}"
        for kind, known in keys.items()
        for key in known
        if f"{kind} {key}" not in tried and key not in FREE.get(kind, set())
    ]
    assert missing == []
    assert len(TRIES) >= 80 and set(BUDGET_KEYS) == set(Budget.__struct_fields__)


@pytest.mark.parametrize(
    "narrows", ["limits: {turns: 1}", "limits: {cost_usd: 0}", "permissions: {deny: [more]}"]
)
def test_it_may_lower(narrows, user, make_repo):
    before = load_catalog(None).agents["mine"]
    after = load_catalog(
        make_repo({".treadle/agents/mine.yaml": f"name: mine\n{narrows}\n"}, git=False)
    ).agents["mine"]
    assert after != before
    assert after.ladder[0].limits.turns in (1, 3) and set(before.deny) <= set(after.deny)


def test_a_name_of_its_own_stands_as_it_is_written(user, make_repo):
    text = "name: other\ndescription: d\nbudget: {cost_usd: 9}\nsteps:\n  - {name: a, command: 'true'}\n"
    assert (
        load_catalog(make_repo({".treadle/loops/o.yaml": text}, git=False)).loops["other"].budget.cost_usd
        == 9
    )
