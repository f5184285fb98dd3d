"""Which model of a tier is asked, and that an offline user's requests stay on the machine."""

import pytest

from treadle.engine.budget import Meter
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


def models(entry: ModelEntry, **settings) -> Models:
    tiers = Tiers((Tier("small", (entry,)),))
    return Models(tiers, Settings(**settings), Meter(Budget()), lambda *_: None, lambda _: "", Timers())


@pytest.mark.parametrize("endpoint", HERE)
def test_offline_a_server_on_this_machine_is_asked(endpoint):
    entry = ModelEntry("local/x", endpoint)
    assert entry.stays_here and models(entry, offline=True).pick("small") == entry


@pytest.mark.parametrize("endpoint", AWAY)
def test_offline_nothing_is_sent_to_another_machine_whatever_its_name_begins_with(endpoint):
    entry = ModelEntry("local/x", endpoint)
    assert models(entry).pick("small") == entry
    with pytest.raises(NoSuchModel, match="offline: true"):
        models(entry, offline=True).pick("small")
