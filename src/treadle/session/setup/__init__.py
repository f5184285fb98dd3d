"""Set-up: what answers here, which tier gets what, and writing it. The one door for the faces.

`probe` looks, `propose` decides (pure), `with_prices` adds what cloud models cost, `rows` is the table, `write` writes;
`accept` does what a person said yes to.
"""

from treadle.session.setup.act import Progress, accept
from treadle.session.setup.answers import is_cloud, why_not
from treadle.session.setup.onward import next_thing, standing
from treadle.session.setup.prices import with_prices
from treadle.session.setup.probe import is_installed, needs_setup, probe
from treadle.session.setup.propose import clouds, install_command, propose
from treadle.session.setup.table import rows, usable
from treadle.session.setup.values import (
    Binding,
    Bound,
    Choice,
    Cloud,
    Found,
    Key,
    Offer,
    Ollama,
    Pullable,
    Row,
    Served,
    TierBinding,
    Written,
)
from treadle.session.setup.write import write

__all__ = [
    "Binding",
    "Bound",
    "Choice",
    "Cloud",
    "Found",
    "Key",
    "Offer",
    "Ollama",
    "Progress",
    "Pullable",
    "Row",
    "Served",
    "TierBinding",
    "Written",
    "accept",
    "clouds",
    "install_command",
    "is_cloud",
    "is_installed",
    "needs_setup",
    "next_thing",
    "probe",
    "propose",
    "rows",
    "standing",
    "usable",
    "why_not",
    "with_prices",
    "write",
]
