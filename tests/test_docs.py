"""What the docs show is true: each YAML block loads, each loop they name exists, each command parses."""

import re
from pathlib import Path

import pytest

from treadle.spec.layers import Folder, builtin_folder
from treadle.spec.load import load_folders

TOP = Path(__file__).parent.parent
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
BLOCK = re.compile(r"```(?:yaml|markdown)\n(?:#|<!--) (\.treadle/\S+)(?: -->)?\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text())], ids=lambda p: p.name)
def test_each_page_of_yaml_is_a_configuration_without_fault(page, tmp_path):
    for path, text in BLOCK.findall(page.read_text()):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    folder = Folder("repository", tmp_path / ".treadle", inside=tmp_path)
    catalog, faults = load_folders([builtin_folder(), folder])
    assert faults.lines() == ()
    assert "fix" in catalog.loops


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
