"""What set-up is about, as frozen values: what answers here, what it would bind, and rows for a face."""

from typing import Literal

from msgspec import Struct

from treadle.spec.tiers import ModelEntry, Price

Cloud = Literal["all", "large only", "never"]
"""Which tiers may use the cloud, as the setting `cloud` words it."""

ENGINE = "xllamacpp"
LITELLM = "litellm"
PULL = "qwen2.5-coder-1.5b"
"""The weights that are offered: what treadle's own benchmarks measured on tier `small`."""
PULL_OLLAMA = "qwen2.5-coder:1.5b"
"""The same model as Ollama's library names it."""


class Served(Struct, frozen=True):
    """A model that is here: `name` as a tier binds it (`ollama/…`, `local/…`), `bytes` on the disk.

    `parameters` in billions, 0 where nothing tells; `capabilities` as Ollama words them, None where unknown;
    `context` in tokens, 0 where unknown. `elsewhere`: the server sends its requests on to another host.
    """

    name: str
    bytes: int = 0
    parameters: float = 0.0
    quantization: str = ""
    capabilities: tuple[str, ...] | None = None
    context: int = 0
    elsewhere: bool = False


class Ollama(Struct, frozen=True):
    """The Ollama server at `base` (`place` is its host and port): its version and models, or why it is not there."""

    base: str
    place: str
    version: str = ""
    models: tuple[Served, ...] = ()
    fault: str = ""
    here: bool = True


class Pullable(Struct, frozen=True):
    """Weights that `models pull` knows; `here` where they are pulled already."""

    name: str
    bytes: int
    licence: str
    about: str
    here: bool


class Key(Struct, frozen=True):
    """A provider whose key is set: the variables' names, never a value, and its default model by tier."""

    provider: str
    title: str
    variables: tuple[str, ...]
    defaults: dict[str, str] = {}


class Bound(Struct, frozen=True):
    """What a file binds to a tier already. `renewable`: set-up wrote that line, and nobody changed it since."""

    tier: str
    models: tuple[ModelEntry, ...]
    renewable: bool = False


class Found(Struct, frozen=True):
    """All that answers here, and what the user's files say already. `cloud` is "" where they don't.

    `ladder` names the tiers in order, those that only a repository has after the user's; `last` is the last of the
    user's. `by_repository` is what the repository's own files bind over the user's.
    `faults` are those of the user's tiers and settings, as whole lines.
    """

    ollama: Ollama
    weights: tuple[Pullable, ...] = ()
    own_files: tuple[Served, ...] = ()
    engine: bool = False
    keys: tuple[Key, ...] = ()
    litellm: bool = False
    bound: tuple[Bound, ...] = ()
    cloud: Cloud | Literal[""] = ""
    offline: bool = False
    ladder: tuple[str, ...] = ("code", "small", "medium", "large")
    last: str = "large"
    by_repository: tuple[Bound, ...] = ()
    prices: dict[str, Price] = {}
    faults: tuple[str, ...] = ()

    @property
    def first(self) -> bool:
        """Whether nothing was set up here before."""
        return not self.cloud and not self.bound


class Choice(Struct, frozen=True):
    """One alternative of a tier, and why it stands there."""

    entry: ModelEntry
    why: str


class TierBinding(Struct, frozen=True):
    """A tier's alternatives, the first that answers is used. `kept`: as the user wrote it, and left so.

    `why` says why there are none.
    """

    tier: str
    choices: tuple[Choice, ...] = ()
    kept: bool = False
    why: str = ""


class Offer(Struct, frozen=True):
    """Something that is missing, and that a person may want: to `pull` a model, or to `install` a package.

    `command` does the same by hand. `bytes` is about what is fetched, 0 where it is not known.
    """

    kind: Literal["pull", "install"]
    name: str
    about: str
    command: str
    bytes: int = 0
    licence: str = ""


class Binding(Struct, frozen=True):
    """What set-up would write: each tier's alternatives, the choice about the cloud, and what is worth offering.

    `offers` are in the order to make them; nothing in them is done unasked.
    """

    tiers: tuple[TierBinding, ...]
    cloud: Cloud
    offers: tuple[Offer, ...] = ()
    prices: dict[str, Price] = {}


class Row(Struct, frozen=True):
    """One line of the table: the tier, the model that answers for it, where it runs and why it stands there.

    `missing` says what keeps the tier from answering, "" where it does. `price` is in words. `others` are the
    further alternatives.
    """

    tier: str
    model: str
    where: str
    why: str
    missing: str = ""
    price: str = ""
    others: tuple[str, ...] = ()


class Written(Struct, frozen=True):
    """What set-up wrote: the files, and copies of what was there before where a file was written anew."""

    files: tuple[str, ...]
    copies: tuple[str, ...] = ()
