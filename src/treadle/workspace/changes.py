"""A change set: the edits of an attempt as a frozen value over a base."""

import base64
import hashlib
import os
from collections.abc import Iterator

import msgspec
from msgspec import Struct

REGULAR = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
_CODED = "base64:"


def digest(content: bytes) -> str:
    """The SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


class Change(Struct, frozen=True):
    """A path's new state. `content` None is deleted; a link's content is its target.

    `before` is the digest of the bytes it was made from, None where there was no file; `mode_before` is the git
    mode of that file, None also where it is not known.
    """

    content: bytes | None
    mode: int = REGULAR
    before: str | None = None
    mode_before: int | None = None

    @property
    def keeps_mode(self) -> bool:
        """Whether only the content changed: the file keeps the mode that it has by then."""
        return self.mode == self.mode_before and self.mode in (REGULAR, EXECUTABLE)


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
        """This set with `path` changed; what it was made from first stays so."""
        earlier = self.changes.get(path)
        if earlier is not None:
            change = Change(change.content, change.mode, earlier.before, earlier.mode_before)
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
        """The set as JSON bytes, exact; the inverse of `from_json`. A path that is no UTF-8 stands there coded."""
        return msgspec.json.encode(
            {
                _coded(path): [
                    None if c.content is None else base64.b64encode(c.content).decode(),
                    c.mode,
                    c.before,
                    *(() if c.mode_before is None else (c.mode_before,)),
                ]
                for path, c in sorted(self.changes.items())
            }
        )

    @staticmethod
    def from_json(data: bytes) -> "ChangeSet":
        """The set that `to_json` wrote. Raises `msgspec.DecodeError` or `ValueError` for other bytes."""
        raw = msgspec.json.decode(data, type=dict[str, _Row])
        return ChangeSet(
            {
                _decoded(path): Change(
                    None if row.content is None else base64.b64decode(row.content),
                    row.mode,
                    row.before,
                    row.mode_before,
                )
                for path, row in raw.items()
            }
        )


class _Row(Struct, array_like=True):
    """A change as JSON holds it."""

    content: str | None
    mode: int
    before: str | None
    mode_before: int | None = None


def _coded(path: str) -> str:
    """The path as a JSON key: as it is, but for one that is no UTF-8, or looks like a coded one."""
    try:
        path.encode()
    except UnicodeEncodeError:
        coded = True
    else:
        coded = path.startswith(_CODED)
    return _CODED + base64.b64encode(os.fsencode(path)).decode() if coded else path


def _decoded(key: str) -> str:
    return os.fsdecode(base64.b64decode(key.removeprefix(_CODED))) if key.startswith(_CODED) else key


EMPTY = ChangeSet()
