"""The screen over hostile repositories: opened, looked around in, asked to run, denied, left."""

import pytest
from tui_sitting import sit, traces

from hostile_trees import ALL, WATCHED, lay_out

SOME = ("treadle: the python", "git: core.fsmonitor", "file: conftest.py", "pipes")


async def _opened(root, canary):
    async with sit(root) as sat:
        await sat.sees("not trusted yet")
        await sat.press("ctrl+right", "ctrl+left")
        await sat.types("mend it")
        await sat.sees("not now")
        await sat.press("n")
        await sat.until(lambda: not sat.app.sitting.busy)
    assert not canary.exists() and traces(root) == []


@pytest.mark.parametrize("name", SOME)
async def test_nothing_of_it_runs(name, tmp_path, monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")
    lay_out(tmp_path / "repo", ALL[name], tmp_path / "canary")
    await _opened(tmp_path / "repo", tmp_path / "canary")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WATCHED if name not in SOME])
async def test_nothing_of_any_runs(name, tmp_path, monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")
    lay_out(tmp_path / "repo", ALL[name], tmp_path / "canary")
    await _opened(tmp_path / "repo", tmp_path / "canary")
