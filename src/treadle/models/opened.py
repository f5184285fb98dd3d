"""Models that stay open: each is opened on first use and kept until its owner closes them all."""

import msgspec

from treadle.models.base import Model, Timers
from treadle.models.open import open_model
from treadle.spec.tiers import ModelEntry


class OpenModels:
    """The open models of one owner: a run's own, or a face's that lends them to one run after another."""

    def __init__(self) -> None:
        self._open: dict[bytes, Model] = {}

    def get(self, entry: ModelEntry, *, threads: int = 0, timers: Timers | None = None) -> Model:
        """The model of that entry, opened if it is not yet. Raises what `open_model` raises."""
        key = msgspec.json.encode((entry, threads, timers))
        if key not in self._open:
            self._open[key] = open_model(entry, threads=threads, timers=timers)
        return self._open[key]

    async def close(self) -> None:
        """Ends every model that is open; later calls open them anew."""
        models, self._open = tuple(self._open.values()), {}
        for model in models:
            await model.close()
