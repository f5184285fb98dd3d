"""From the layers' settings to what holds here: a repository narrows what the user allowed, and never widens it."""

from typing import Any

import msgspec

from treadle.spec import names
from treadle.spec.faults import Faults
from treadle.spec.fields import Fields
from treadle.spec.read import Map
from treadle.spec.settings import CommandLimits, Settings, TestSettings

CHOICES = {
    "unproven": ("ask", "allow"),
    "cloud": ("never", "large only", "all"),
    "mode": ("step", "auto"),
    "sandbox": ("overlay", "auto", "clone", "container", "off"),
    "network": ("none", "loopback", "all"),
    "git": ("ask", "allow"),
}
"""The values of each choice, the narrowest first."""
SETTINGS_KEYS = (
    "unproven", "cloud", "offline", "mode", "sandbox", "network", "git", "python", "threads", "tests", "commands",
)  # fmt: skip
TEST_KEYS = ("runner", "command", "timeout_s")
COMMAND_KEYS = ("processes", "file_mb", "open_files", "memory_mb")
_REFUSED = {
    ("unproven", "allow"): "unproven changes are written only where you allow it yourself",
    ("git", "allow"): "git operations go unasked only where you allow it yourself",
    ("sandbox", "container"): "commands run without a wall only where you allow it yourself",
    ("network", "all"): "what commands may reach is yours to say",
    ("sandbox", "clone"): "commands run without a wall only where you allow it yourself",
    ("sandbox", "off"): "commands run without a wall only where you allow it yourself",
    ("cloud", "all"): "what leaves this machine is yours to say",
}
_NARROWING = ("unproven", "cloud", "mode", "sandbox", "network", "git")


def resolve_settings(layers: list[Map], faults: Faults) -> Settings:
    """The settings of all layers together, the last one winning within what the ones before allow."""
    settings = Settings()
    for raw in layers:
        fields = Fields(raw, faults, SETTINGS_KEYS)
        of_repository = raw.place[0].layer == "repository"
        found = _read(fields, settings, of_repository)
        if of_repository:
            for key in _NARROWING:
                if key in found:
                    found[key] = min(found[key], getattr(settings, key), key=CHOICES[key].index)
            if "tests" in found:
                limit = min(found["tests"].timeout_s, settings.tests.timeout_s)
                found["tests"] = msgspec.structs.replace(found["tests"], timeout_s=limit)
        settings = msgspec.structs.replace(settings, **found)
    return settings


def narrowed(settings: Settings, by: Settings) -> Settings:
    """`settings`, where `by` allows less of what leaves this machine, runs or is written unasked, as that says."""
    less = {
        key: min(getattr(settings, key), getattr(by, key), key=CHOICES[key].index)
        for key in _NARROWING
        if key != "mode"
    }
    return msgspec.structs.replace(settings, offline=settings.offline or by.offline, **less)


def _read(fields: Fields, before: Settings, of_repository: bool) -> dict[str, Any]:
    """What the fields say, by the names of `Settings`; what is faulty is left out."""
    found: dict[str, Any] = {}
    for key, values in CHOICES.items():
        if key not in fields.map:
            continue
        value = fields.choice(key, values, "")
        if of_repository and (key, value) in _REFUSED:
            fields.fault(key, "repository_widens", what=key, found=value, reason=_REFUSED[key, value])
        elif value:
            found[key] = value
    if "offline" in fields.map:
        found["offline"] = fields.flag("offline")
        if of_repository and fields.map["offline"] is False:
            reason = "what leaves this machine is yours to say"
            fields.fault("offline", "repository_widens", what="offline", found="false", reason=reason)
            del found["offline"]
    if "python" in fields.map:
        found["python"] = fields.text("python")
        if of_repository and _is_outside(found["python"]):
            reason = "it names a program on the PATH, or one that lies in it"
            fields.fault(
                "python", "repository_widens", what="python", found=found.pop("python"), reason=reason
            )
    found.update(_of_machine(fields, before, of_repository))
    raw = fields.mapping("tests")
    if raw is not None:
        found["tests"] = _tests(Fields(raw, fields.faults, TEST_KEYS), before.tests)
    return found


def _of_machine(fields: Fields, before: Settings, of_repository: bool) -> dict[str, Any]:
    """What of the machine treadle and its commands may use: the user's to say."""
    found: dict[str, Any] = {}
    reason = "what this machine can spare is yours to say"
    if "threads" in fields.map:
        found["threads"] = int(fields.number("threads", 0, 1024, whole=True) or 0)
        if of_repository:
            count = found.pop("threads")
            fields.fault("threads", "repository_widens", what="threads", found=count, reason=reason)
    raw = fields.mapping("commands")
    if raw is not None and of_repository:
        fields.fault("commands", "repository_widens", what="commands", found="limits", reason=reason)
    elif raw is not None:
        found["commands"] = _limits(Fields(raw, fields.faults, COMMAND_KEYS), before.commands)
    return found


def _limits(fields: Fields, before: CommandLimits) -> CommandLimits:
    said = {key: fields.number(key, 0, 1 << 40, whole=True) for key in COMMAND_KEYS}
    given = {key: int(number) for key, number in said.items() if number is not None}
    return msgspec.structs.replace(before, **given)


def _is_outside(python: str) -> bool:
    """Whether the path leads out of the repository."""
    return python.startswith(("/", "~")) or ".." in python.split("/")


def _tests(fields: Fields, before: TestSettings) -> TestSettings:
    if "runner" in fields.map and "command" in fields.map:
        fields.faults.add(fields.key_at("command"), "both_keys", one="command", other="runner")
    runner = fields.choice("runner", names.RUNNERS, "")
    command = fields.text("command")
    if runner or command:
        before = msgspec.structs.replace(before, runner=runner, command=command)
    timeout = fields.number("timeout_s", 1, 86_400)
    return before if timeout is None else msgspec.structs.replace(before, timeout_s=float(timeout))
