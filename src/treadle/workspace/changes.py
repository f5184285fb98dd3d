"""A change set: the edits of an attempt as a frozen value over a base."""

import base64
import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import Struct

REGULAR = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000


def digest(content: bytes) -> str:
    """The SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


class Change(Struct, frozen=True):
    """A path's new state. `content` None is deleted; a link's content is its target.

    `before` is the digest of the bytes it was made from, None where there was no file.
    """

    content: bytes | None
    mode: int = REGULAR
    before: str | None = None


class ChangeSet(Struct, frozen=True):
    """Changes by path (posix, relative to the root). Never changed in place; made anew by its methods."""

    changes: dict[str, Change] = {}

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.changes))

    def get(self, path: str) -> Change | None:
        """The change of `path`, None where it is as on the base."""
        return self.changes.get(path)

    @property
    def paths(self) -> tuple[str, ...]:
        """The changed paths, sorted."""
        return tuple(sorted(self.changes))

    def put(self, path: str, change: Change) -> "ChangeSet":
        """This set with `path` changed; `before` stays what it was made from first."""
        earlier = self.changes.get(path)
        if earlier is not None:
            change = Change(change.content, change.mode, earlier.before)
        return ChangeSet({**self.changes, path: change})

    def then(self, later: "ChangeSet") -> "ChangeSet":
        """This set followed by `later`, as one set over the same base."""
        together = self
        for path, change in later.changes.items():
            together = together.put(path, change)
        return together

    def id(self) -> str:
        """A digest of the whole set: equal sets have equal ids."""
        return digest(self.to_json())

    def to_json(self) -> bytes:
        """The set as JSON bytes, exact; the inverse of `from_json`."""
        return msgspec.json.encode(
            {
                path: [
                    None if c.content is None else base64.b64encode(c.content).decode(),
                    c.mode,
                    c.before,
                ]
                for path, c in sorted(self.changes.items())
            }
        )

    @staticmethod
    def from_json(data: bytes) -> "ChangeSet":
        """The set that `to_json` wrote. Raises `msgspec.DecodeError` for other bytes."""
        raw = msgspec.json.decode(data, type=dict[str, tuple[str | None, int, str | None]])
        return ChangeSet(
            {
                path: Change(None if text is None else base64.b64decode(text), mode, before)
                for path, (text, mode, before) in raw.items()
            }
        )


EMPTY = ChangeSet()
