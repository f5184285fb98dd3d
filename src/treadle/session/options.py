"""What a face says of one run, before it starts."""

from typing import Literal

from msgspec import Struct

from treadle.engine.run import Flags
from treadle.spec.settings import Settings
from treadle.workspace.command import Grants, Limits


class Options(Struct, frozen=True):
    """What a face says of one run. `base`, `mode`, `sandbox`, `network`, `cloud` "" leave the loop's or settings' own.

    `silence_s` is how long a model may stay silent, 0 for the default. `review`: the face can show a diff and ask
    the one question. `thread` is the id of the run that this one follows. `chosen` is why the dispatcher took `loop`,
    "" where a person named it. `trusted`: the face made sure of it (`session.trust`); else the session does.
    """

    task: str = ""
    loop: str = ""
    base: str = ""
    mode: str = ""
    sandbox: Literal["", "auto", "overlay", "clone", "container", "off"] = ""
    flags: Flags = Flags()
    attended: bool = False
    silence_s: float = 0.0
    review: bool = False
    thread: str = ""
    chosen: str = ""
    trusted: bool = False
    cloud: Literal["", "all", "large only", "never"] = ""
    network: Literal["", "none", "loopback", "all"] = ""


def granted(settings: Settings, options: Options) -> Grants:
    """What the user gives every command of the run: what the face says of this one, else the settings."""
    asked = "all" if options.flags.network else options.network
    own = settings.commands
    limits = Limits(own.processes, own.file_mb, own.open_files, own.memory_mb)
    return Grants(asked or settings.network, limits)
