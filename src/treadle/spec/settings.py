"""Settings, resolved: the user's, narrowed by the repository's."""

from typing import Literal

from msgspec import Struct


class TestSettings(Struct, frozen=True):
    """How the project is tested where detection is not right: a runner's name, or a whole command."""

    runner: str = ""
    command: str = ""
    timeout_s: float = 300.0


class CommandLimits(Struct, frozen=True):
    """What one command may use, 0 for as much as treadle itself; `memory_mb` is of addresses."""

    processes: int = 4096
    file_mb: int = 16_384
    open_files: int = 65_536
    memory_mb: int = 0


class Settings(Struct, frozen=True):
    """Everything a user may set outside agents, loops and tiers."""

    unproven: Literal["ask", "allow"] = "ask"
    cloud: Literal["all", "large only", "never"] = "never"
    offline: bool = False
    mode: Literal["auto", "step"] = "auto"
    sandbox: Literal["auto", "overlay", "clone", "container", "off"] = "auto"
    network: Literal["none", "loopback", "all"] = "loopback"
    git: Literal["ask", "allow"] = "ask"
    python: str = ""
    threads: int = 0
    tests: TestSettings = TestSettings()
    commands: CommandLimits = CommandLimits()
