"""All that is configured here, loaded: what a session needs to compose a run."""

from msgspec import Struct

from treadle.spec.agent import AgentSpec
from treadle.spec.loop import LoopSpec
from treadle.spec.settings import Settings
from treadle.spec.tiers import Tiers


class Catalog(Struct, frozen=True):
    """Agents and loops by name, the tiers and the settings; `origins` maps `agent NAME` to its file,
    `prompts` every prompt's text by its name.
    """

    agents: dict[str, AgentSpec]
    loops: dict[str, LoopSpec]
    tiers: Tiers
    settings: Settings
    prompts: dict[str, str] = {}
    origins: dict[str, str] = {}
