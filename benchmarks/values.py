"""Why values are msgspec Structs: import, class creation and JSON of four ways to write them.

    .venv/bin/python benchmarks/values.py [--quick]

Each way declares the same 24 frozen classes of 6 typed fields, 4 of them with defaults: about what the
events, commands and messages of floor 0 come to. `json` encodes and decodes one value 10,000 times.
pydantic is measured where it is installed: `.venv/bin/pip install pydantic`. typing_extensions, which a core
install does not have, is hidden from the others: msgspec imports it where it is.
"""

import importlib.util
import sys

from measure import BARE, Sample, interleaved, machine, once, table

TIMES = 10_000
FIELDS = """\
    name: str
    count: int
    ok: bool = False
    note: str = ''
    at: float = 0.0
    parts: tuple[str, ...] = ()
"""
VALUE = "value = C0(name='s', count=3, ok=True, note='as long as most', at=1.5, parts=('a', 'b', 'c'))\n"
CORE = "import sys; sys.modules['typing_extensions'] = None\n"

IMPORTS = {
    "NamedTuple": CORE + "from typing import NamedTuple\n",
    "dataclasses": CORE + "from dataclasses import dataclass\n",
    "msgspec": CORE + "from msgspec import Struct\n",
    "pydantic": "from pydantic import BaseModel, ConfigDict\n",
}
CLASSES = {
    "NamedTuple": "class C{i}(NamedTuple):\n" + FIELDS,
    "dataclasses": "@dataclass(frozen=True, slots=True)\nclass C{i}:\n" + FIELDS,
    "msgspec": "class C{i}(Struct, frozen=True):\n" + FIELDS,
    "pydantic": "class C{i}(BaseModel):\n    model_config = ConfigDict(frozen=True)\n" + FIELDS,
}
LOOP = f"for _ in range({TIMES}): "
JSON = {
    "NamedTuple": "import json\n" + VALUE + LOOP + "C0(**json.loads(json.dumps(value._asdict())))\n",
    "dataclasses": "import json\nfrom dataclasses import asdict\n"
    + (VALUE + LOOP + "C0(**json.loads(json.dumps(asdict(value))))\n"),
    "msgspec": "import msgspec\ndecoder = msgspec.json.Decoder(C0)\n"
    + (VALUE + LOOP + "decoder.decode(msgspec.json.encode(value))\n"),
    "pydantic": VALUE + LOOP + "C0.model_validate_json(value.model_dump_json())\n",
}
CHECKED = {"NamedTuple": "no", "dataclasses": "no", "msgspec": "yes", "pydantic": "yes"}


def _programs(way: str) -> dict[str, str]:
    imports = IMPORTS[way]
    classes = imports + "".join(CLASSES[way].format(i=i) for i in range(24))
    return {"import": imports, "classes": classes, "json": classes + JSON[way]}


def _run(program: str) -> Sample:
    sample = once((sys.executable, "-c", program))
    if sample.code:
        raise SystemExit(f"exit {sample.code}:\n{program}")
    return sample


def main() -> int:
    """Prints one row a way: CPU milliseconds, each column what it adds to the one before."""
    rounds = 5 if "--quick" in sys.argv[1:] else 15
    ways = [way for way in IMPORTS if way == "NamedTuple" or importlib.util.find_spec(way)]
    programs = {f"{way} {part}": text for way in ways for part, text in _programs(way).items()}
    cases = {"bare": lambda: once(BARE)} | {k: (lambda p=p: _run(p)) for k, p in programs.items()}
    got = interleaved(cases, rounds)

    bare = got["bare"]
    rows = []
    for way in ways:
        imported, classes, spoken = (got[f"{way} {part}"].cpu_s for part in ("import", "classes", "json"))
        rows.append(
            [
                way,
                f"{(imported - bare.cpu_s) * 1e3:.1f}",
                f"{(classes - imported) * 1e3:.1f}",
                f"{classes / bare.cpu_s:.1f}×",
                f"{(spoken - classes) * 1e6 / TIMES:.1f}",
                f"{got[f'{way} classes'].peak_mib:.0f}",
                CHECKED[way],
            ]
        )
    print(f"{machine()}; medians of {rounds}; bare Python {bare.cpu_s * 1e3:.1f} ms CPU\n")
    head = ["way", "import ms", "24 classes ms", "start to bare", "JSON µs", "peak MiB", "types checked"]
    print(table(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
