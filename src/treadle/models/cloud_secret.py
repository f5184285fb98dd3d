"""The key for a cloud model's requests, read from the environment at each of them and told to nobody."""

import os

from msgspec import Struct

from treadle.models import keys
from treadle.protocol.errors import Refused
from treadle.spec.tiers import ModelEntry

_PARAMETERS = {
    "AZURE_API_BASE": "api_base",
    "AZURE_API_VERSION": "api_version",
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "AWS_REGION_NAME": "aws_region_name",
    "AWS_SESSION_TOKEN": "aws_session_token",
}
"""The variables that litellm takes under another name than `api_key`."""
_ALSO = {"bedrock": ("AWS_SESSION_TOKEN",)}
_NO_KEY = "none"
_TELLABLE = ("api_base", "api_version", "aws_region_name")


class Secret(Struct, frozen=True):
    """What a request is allowed with: litellm's arguments, and the name of the key's variable."""

    parameters: dict[str, str]
    variable: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that no message may hold."""
        return tuple(v for n, v in self.parameters.items() if n not in _TELLABLE and v != _NO_KEY)

    def __repr__(self) -> str:
        return f"Secret({self.variable})"


def secret_of(entry: ModelEntry) -> Secret:
    """The key for the entry's requests. Raises: `Refused`, naming the variables that are not set.

    An entry with an endpoint gets the key that it names and no other: a maker's key is for the maker.
    """
    if entry.endpoint:
        key = _value(entry, entry.key_env) if entry.key_env else _NO_KEY
        return Secret({"api_key": key}, entry.key_env)
    provider = keys.provider_of(entry.name)
    if provider is None:
        return Secret({})
    if entry.key_env:
        ways: tuple[str, ...] = (entry.key_env,)
    else:
        ways = (provider.variables[0], *provider.instead)
    first = next((n for n in ways if os.environ.get(n, "").strip()), ways[0])
    names = (first, *provider.variables[1:])
    if absent := [n for n in names if not os.environ.get(n, "").strip()]:
        raise Refused(
            f"{entry.name}: the key's variable {' and '.join(absent)} is not set",
            hint=f"export {absent[0]}=…, or name the variable that holds it with `key_env` in tiers.yaml",
        )
    also = tuple(n for n in _ALSO.get(provider.name, ()) if os.environ.get(n, "").strip())
    parameters = {_PARAMETERS.get(n, "api_key"): _value(entry, n) for n in (*names[1:], *also)}
    return Secret(
        {_PARAMETERS.get(provider.variables[0], "api_key"): _value(entry, first), **parameters}, first
    )


def _value(entry: ModelEntry, variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise Refused(f"{entry.name}: the key's variable {variable} is not set", hint=f"export {variable}=…")
    if not value.isascii() or not value.isprintable():
        raise Refused(f"{entry.name}: the variable {variable} holds characters that no key has")
    return value
