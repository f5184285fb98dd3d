"""What a face may have started before the first request needs it."""

from treadle.protocol.errors import ProviderError
from treadle.spec.catalog import Catalog


def warm_models(catalog: Catalog) -> bool:
    """Starts litellm's process where some tier may ask a cloud and could, without waiting for it: two seconds less
    for the first who does. Whether it did."""
    from treadle.models import cloud
    from treadle.models.open import check_available, kind_of

    settings = catalog.settings
    for tier in catalog.tiers.tiers:
        for entry in tier.models:
            if settings.offline and not entry.stays_here:
                continue
            try:
                if kind_of(entry) != "cloud" or not catalog.tiers.may_ask(entry, tier.name, settings.cloud):
                    continue
                check_available(entry)
            except ProviderError:
                continue
            cloud.warm()
            return True
    return False
