"""requirements.lock: versions and hashes that satisfy pyproject.toml, and no word on where they come from."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;\\]+)[^\\\n]*((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)


def _pins() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(LOCK)}


def test_every_line_is_a_pin_or_its_hash() -> None:
    assert PIN.sub("", LOCK).strip() == ""
    assert len(_pins()) > 20


def test_no_address_and_no_path() -> None:
    assert not re.search(r"://| @ |--(?!hash=)|(?<![\w-])[./~]\S*/", LOCK)


def test_what_pyproject_asks_for_is_pinned_within_its_range() -> None:
    extras = PROJECT["optional-dependencies"]
    asked = [
        Requirement(text)
        for text in [*PROJECT["dependencies"], *extras["local"], *extras["test"], *extras["dev"]]
    ]
    pins = _pins()
    wrong = [
        f"{need}: locked {pins.get(canonicalize_name(need.name))}"
        for need in asked
        if need.name != "treadle"
        if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"), prereleases=True)
    ]
    assert not wrong, "run `just lock`:\n" + "\n".join(wrong)


def test_extras_only_name_what_exists() -> None:
    extras = PROJECT["optional-dependencies"]
    own = [Requirement(text) for texts in extras.values() for text in texts if text.startswith("treadle")]
    assert own
    assert all(need.extras <= set(extras) for need in own)
