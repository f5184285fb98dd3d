"""What every event is, where it belongs, and the one way up."""

from collections.abc import Callable

from msgspec import Struct


class Event(Struct, frozen=True, tag_field="kind", omit_defaults=True):
    """The base of all events; `kind` on the wire is the class's name in snake_case."""


class Place(Struct, frozen=True):
    """Where in the run an event belongs: the part of the envelope that the engine knows."""

    step: str = ""
    attempt: int = 0
    turn: int = 0


Emit = Callable[[Place, Event], None]
"""The one way up. Never blocks for long, never raises but when the trace can't be written."""
