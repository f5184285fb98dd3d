"""Which model of a tier is asked; that an offline user's requests stay here, and a cloud is asked by leave only."""

import pytest

from treadle.engine.budget import Meter
from treadle.engine.gate import Gate
from treadle.engine.models import Models
from treadle.models.base import Timers
from treadle.protocol.errors import NoSuchModel
from treadle.spec.loop import Budget
from treadle.spec.settings import Settings
from treadle.spec.tiers import ModelEntry, Tier, Tiers

HERE = ["http://127.0.0.1:8080/v1", "http://localhost:8080/v1", "http://[::1]:8080/v1"]
AWAY = [
    "http://192.0.2.7:8080/v1",
    "http://127.example.invalid/v1",
    "http://127.0.0.1.example.invalid/v1",
    "http://localhost.example.invalid/v1",
]


def models(*entries: ModelEntry, **settings) -> Models:
    """Those models on each of the tiers `small` and `large`."""
    tiers = Tiers((Tier("small", entries), Tier("large", entries)))
    kept = Settings(**settings)
    return Models(
        tiers, kept, Meter(Budget()), lambda *_: None, lambda _: "", Timers(), Gate(lambda *_: None)
    )


@pytest.mark.parametrize("endpoint", HERE)
def test_offline_a_server_on_this_machine_is_asked(endpoint):
    entry = ModelEntry("local/x", endpoint)
    assert entry.stays_here and models(entry, offline=True).pick("small") == entry


@pytest.mark.parametrize("endpoint", AWAY)
def test_offline_nothing_is_sent_to_another_machine_whatever_its_name_begins_with(endpoint):
    entry = ModelEntry("local/x", endpoint)
    assert models(entry, cloud="all").pick("small") == entry
    with pytest.raises(NoSuchModel, match="offline: true"):
        models(entry, offline=True, cloud="all").pick("small")


CLOUD = ModelEntry("openai/x", "https://models.example.com/v1")
OWN = ModelEntry("openai/x", "http://gpu:8000/v1")


@pytest.mark.parametrize(
    ("cloud", "tier", "allowed"),
    [
        ("never", "small", False),
        ("never", "large", False),
        ("large only", "small", False),
        ("large only", "large", True),
        ("all", "small", True),
        ("all", "large", True),
    ],
)
def test_a_cloud_is_asked_by_the_tiers_that_the_setting_names(cloud, tier, allowed):
    if allowed:
        assert models(CLOUD, cloud=cloud).pick(tier) == CLOUD
        return
    with pytest.raises(NoSuchModel, match=f"the settings say `cloud: {cloud}`") as caught:
        models(CLOUD, cloud=cloud).pick(tier)
    assert "--cloud all" in caught.value.hint and "treadle setup" in caught.value.hint


def test_a_server_of_the_users_own_network_is_no_cloud_and_is_asked_instead():
    assert models(CLOUD, OWN, cloud="never").pick("small") == OWN


def test_a_model_with_a_makers_name_needs_leave_before_its_key_is_looked_for(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NoSuchModel, match="cloud: never") as caught:
        models(ModelEntry("openai/gpt-5")).pick("large")
    assert "OPENAI_API_KEY" not in caught.value.message
