"""Keeps a real run as a golden trace: `python tests/session/golden.py RUN_FOLDER NAME [--records]`.

Paths of the machine become /repository, /treadle and /python; blobs get the names of their new content.
`--records` leaves the blobs out and each piece of quoted code in the records with them: for runs in a project
whose code is not ours to keep.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
TRACES = Path(__file__).parent / "traces"
QUOTED = re.compile(r"(line \d+: )?`[^`]*` becomes `[^`]*`")


def keep(run: Path, name: str, *, records: bool) -> Path:
    """The folder of the golden trace."""
    text = (run / "trace.jsonl").read_text()
    root = json.loads(text.splitlines()[0])["event"]["root"]
    swaps = [(root, "/repository"), (str(TOP), "/treadle"), (sys.base_prefix, "/python")]
    into = TRACES / name
    (into / "blobs").mkdir(parents=True, exist_ok=True)
    for blob in sorted((run / "blobs").iterdir()):
        data = blob.read_bytes()
        for old, new in swaps:
            data = data.replace(old.encode(), new.encode())
        fresh = hashlib.sha256(data).hexdigest()
        text = text.replace(blob.name, fresh)
        if not records:
            (into / "blobs" / fresh).write_bytes(data)
    for old, new in swaps:
        text = text.replace(old, new)
    if records:
        (into / "blobs").rmdir()
        text = QUOTED.sub(r"\1[code left out]", text)
    (into / "trace.jsonl").write_text(text)
    return into


if __name__ == "__main__":
    folder, name, *flags = sys.argv[1:]
    print(keep(Path(folder), name, records="--records" in flags))
