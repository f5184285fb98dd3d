"""litellm's process is started ahead where a tier may ask a cloud, and only there."""

import msgspec
import pytest

from treadle.models import cloud
from treadle.session.warm import warm_models
from treadle.spec.load import load_catalog
from treadle.spec.tiers import ModelEntry, Tier, Tiers


@pytest.mark.parametrize(
    ("model", "settings", "started"),
    [
        ("openai/gpt-5", {"cloud": "all"}, 1),
        ("openai/gpt-5", {"cloud": "large only"}, 1),
        ("openai/gpt-5", {}, 0),
        ("openai/gpt-5", {"cloud": "all", "offline": True}, 0),
        ("anthropic/claude-opus-5", {"cloud": "all"}, 0),
        ("local/mine", {"cloud": "all"}, 0),
        ("whatever", {"cloud": "all"}, 0),
    ],
)
def test_it_is_started_where_a_tier_may_ask_a_cloud_and_has_its_key(
    make_repo, monkeypatch, model, settings, started
):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    calls = []
    monkeypatch.setattr(cloud, "find_spec", lambda name: name)
    monkeypatch.setattr(cloud, "warm", lambda: calls.append(1))
    catalog = load_catalog(make_repo({"a.py": ""}))
    tiers = Tiers((Tier("small", (ModelEntry("local/none"),)), Tier("large", (ModelEntry(model),))))
    catalog = msgspec.structs.replace(
        catalog, tiers=tiers, settings=msgspec.structs.replace(catalog.settings, **settings)
    )
    assert warm_models(catalog) is bool(started)
    assert len(calls) == started
