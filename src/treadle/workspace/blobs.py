"""Git's stored contents, read through one quiet `cat-file --batch`."""

import hashlib
import subprocess
import threading
import weakref
from pathlib import Path

from treadle.workspace.git import GitFailed, argv, environment


def blob_id(content: bytes, like: str) -> str:
    """The object id git gives `content` unfiltered; SHA-256 where `like` is one, else SHA-1."""
    data = b"blob %d\0" % len(content) + content
    if len(like) == 64:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class Blobs:
    """Reads blobs by object id. The process starts with the first read and ends with this object."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, oid: str) -> bytes:
        """The blob's bytes, no filter applied. Raises: `GitFailed` where the object is missing."""
        with self._lock:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(oid.encode() + b"\n")
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3:
                raise GitFailed(f"git has no object {oid}")
            content = process.stdout.read(int(head[2]))
            process.stdout.read(1)
            return content

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                argv(self._root, "cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
            weakref.finalize(self, _end, self._process)
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
