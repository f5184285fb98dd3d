"""What the system refuses in the user's tree, in words that say what to do."""

import errno
import os
from pathlib import Path

from treadle.protocol.errors import NotWritable

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def not_writable(root: Path, error: OSError, again: str) -> NotWritable | None:
    """The error that says where below `root` this user may not write, None for any other.

    `again` is the command that does it once that place is writable.
    """
    if error.errno not in _REFUSED or not isinstance(error.filename, str | bytes):
        return None
    place = Path(os.fsdecode(error.filename)).parent
    if not place.is_relative_to(root):
        return None
    while not place.is_dir():
        place = place.parent
    path = str(place.relative_to(root))
    name = "the repository's folder" if path == "." else f"the folder {path}"
    said = os.strerror(error.errno).lower()
    return NotWritable(
        f"{name} can't be written: {said}; the files are as they were",
        path=path,
        hint=f"make {name} writable for you (chmod u+w {path}), then: {again}",
    )
