"""Every fault has a file that shows it, with the exact text it must give."""

import re
import shutil
from pathlib import Path

import pytest

from treadle.spec.faults import TEXTS

HERE = Path(__file__).parent
CASES = sorted((HERE / "invalid").iterdir())
_PLACES = {"agent": "agents/{}", "loop": "loops/{}", "tiers": "tiers.yaml", "settings": "settings.yaml"}


def lay_out(case: Path, folder: Path) -> None:
    """Puts a case where the repository's YAML stands: a file by its name's first word, a folder as a whole."""
    if case.is_dir():
        shutil.copytree(case, folder, symlinks=True)
        return
    target = folder / _PLACES[case.stem.split("-")[0]].format(case.name)
    target.parent.mkdir(parents=True)
    data = case.read_bytes()
    pad = re.search(rb"# pad: (\d+)", data)
    target.write_bytes(data.ljust(int(pad[1]), b"#") if pad else data)


def expected(case: Path) -> list[str]:
    """The lines that a case must give, without folders; a file that is placed under another name tells that name."""
    data = (case / "EXPECT" if case.is_dir() else case).read_bytes().decode(errors="replace")
    return [line.removeprefix("# expect: ") for line in data.splitlines() if line.startswith("# expect: ")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_faults_are_told_all_at_once_in_these_words(case, repository, load):
    lay_out(case, repository / ".treadle")
    _, faults = load()
    told = [re.sub(r"^[^:]*/", "", line) for line in faults.lines()]
    assert told == expected(case)
    assert told, "a case without a fault"


def test_every_fault_has_a_case(repository, load, tmp_path):
    seen = set()
    for case in CASES:
        shutil.rmtree(repository / ".treadle", ignore_errors=True)
        lay_out(case, repository / ".treadle")
        seen |= set(load()[1].codes())
    assert set(TEXTS) - seen == set()
