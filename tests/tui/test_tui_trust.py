"""Trust at the screen: what an idle one shows, the one question, and what a no and a change come to."""

import pytest
from tui_sitting import sit, traces

from samples import CALC, edits, treadle_dir
from treadle.session.trust import grant, standing

CANARY = {
    **CALC,
    **treadle_dir(
        loops__go="name: go\ndescription: d\napply: never\nsteps:\n  - {name: a, command: 'echo ran > made.txt'}\n",
        tiers='tiers:\n  small: {models: [{model: local/x, endpoint: "http://127.0.0.1:9/v1"}]}\n',
    ),
}


@pytest.fixture(autouse=True)
def _nobody_said_so(monkeypatch):
    monkeypatch.delenv("TREADLE_TRUST")


async def test_an_idle_screen_obeys_nothing_and_says_what_it_would_ask(make_repo):
    root = make_repo(CANARY)
    async with sit(root) as sat:
        await sat.sees("not trusted yet", "python -m unittest", "`echo ran > made.txt` (loop go)")
        await sat.sees(".treadle/loops/go.yaml")
        catalog = sat.app.board.catalog
        assert "go" not in catalog.loops and "local/x" not in [
            m.name for t in catalog.tiers.tiers for m in t.models
        ]
    assert traces(root) == [] and not (root / "made.txt").exists()


async def test_a_yes_is_remembered_and_runs(make_repo):
    root = make_repo(CANARY)
    async with sit(root) as sat:
        await sat.types("/loop go now")
        await sat.sees("trust it", "not now", "`echo ran > made.txt`")
        assert traces(root) == []
        await sat.press("y")
        await sat.ended()
        assert "go" in sat.app.board.catalog.loops and "not trusted yet" not in sat.text
    assert standing(root).is_trusted
    async with sit(root) as sat:
        await sat.types("/loop go now")
        await sat.ended(runs=2)
        await sat.types("/loop none now")
        await sat.sees("there is no loop `none`")


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_a_no_runs_nothing_and_asks_again(make_repo, key):
    root = make_repo(CANARY)
    async with sit(root) as sat:
        for _ in range(2):
            await sat.types("/loop fix now")
            await sat.sees("trust it", "not now")
            await sat.press(key)
            await sat.until(lambda: not sat.app.sitting.busy)
        await sat.sees("not trusted: nothing was run")
    assert traces(root) == [] and not standing(root).is_trusted


async def test_a_change_shows_its_difference_and_asks_again(make_repo):
    root = make_repo(CANARY)
    grant(standing(root))
    async with sit(root) as sat:
        loop = root / ".treadle" / "loops" / "go.yaml"
        loop.write_text(loop.read_text().replace("made.txt", "other.txt"))
        await sat.types("/loop go now")
        await sat.sees("changed since you trusted it", "+  - {name: a, command: 'echo ran > other.txt'}")
        assert traces(root) == []
        await sat.press("y")
        await sat.ended()
    assert standing(root).is_trusted


async def test_a_flag_asks_nothing_and_remembers_nothing(make_repo):
    root = make_repo(CANARY)
    async with sit(root, trusted=True) as sat:
        await sat.types("/loop go now")
        await sat.ended()
        assert "not trusted" not in sat.text
    assert not standing(root).is_trusted


async def test_what_is_written_after_a_yes_is_trusted_as_it_is_made(make_repo):
    """A loop that changes the runner's settings, taken at the one question, asks for no trust again."""
    more = edits(("addopts =", "addopts = -q"), path="setup.cfg")
    root = make_repo(
        {
            **CALC,
            **treadle_dir(
                agents__hand="name: hand\ndescription: d\nprompt: hand.md\ninputs: [task]\n"
                "ladder: [{tier: small, tools: [read, edit], limits: {turns: 3}}]\n",
                loops__go="name: go\ndescription: d\nsteps:\n  - {name: a, agent: hand}\n",
                tiers="tiers:\n  small: {models: [scripted/replies/small.yaml]}\n",
                replies__small=f"replies:\n  - {more}\n  - text: done\n",
            ),
            ".treadle/prompts/hand.md": "Do: ${task}\n",
            "setup.cfg": "[tool:pytest]\naddopts =\n",
        }
    )
    grant(standing(root))
    async with sit(root) as sat:
        await sat.types("/loop go do it")
        await sat.reviewing()
        await sat.press("y")
        await sat.ended()
    assert "addopts = -q" in (root / "setup.cfg").read_text()
    assert standing(root).is_trusted
