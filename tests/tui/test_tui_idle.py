"""The screen before the first run: it explains itself, and a fault in the user's files is told there."""

import os
from pathlib import Path

from tui_samples import ANSWERS, talking
from tui_sitting import sit, traces

from samples import treadle_dir
from treadle.tui.setup_screen import SetupScreen


async def test_it_says_what_it_is_what_is_bound_and_what_can_be_done(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        await sat.sees("tiers, cheapest first", "says.yaml")
        assert sat.shows("treadle does each step with the cheapest thing that can", "small local model")()
        assert sat.shows("a task", "/setup", "F1 help", "shift+tab mode: auto")()
        assert sat.shows("solvers, no model needed")()
        loops = sat.text.partition("loops")[2]
        assert "talk    Says something and changes nothing." in loops
        top = sat.lines[0]
        assert "treadle" in top and "repo on main" in top and "cloud never" in top
        assert not sat.app.board.running and traces(sat.app.board.root) == []


async def test_a_fault_in_a_file_is_told_with_its_line_and_the_screen_goes_on(make_repo):
    files = talking(ANSWERS) | treadle_dir(
        loops__bad="name: bad\ndescription: d\nsteps: [{name: s, chek: tests}]\n"
    )
    root = make_repo(files)
    async with sit(root) as sat:
        await sat.sees("bad.yaml:3:", "chek")
        assert "Traceback" not in sat.text
        await sat.types("/loop talk hello")
        await sat.sees("❯ hello")
        await sat.until(lambda: not sat.app.sitting.busy)
        assert "bad.yaml:3:" in sat.text.partition("❯ hello")[2] and traces(root) == []

        (root / ".treadle" / "loops" / "bad.yaml").unlink()
        await sat.types("/loop talk hello again")
        await sat.ended()
        assert sat.view.outcome == "done"


async def test_a_loop_that_there_is_not_is_one_line_with_those_there_are(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        await sat.types("/loop tallk now")
        await sat.sees("there is no loop `tallk`", "talk")
        assert not sat.app.sitting.busy


async def test_a_task_given_on_the_command_line_runs_at_once(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root, task="what is it", loop="talk") as sat:
        await sat.ended()
        assert sat.shows("❯ what is it", "forty-two", "done")()
        assert sat.view.task == "what is it"


async def test_outside_a_repository_it_stands_too(tmp_path):
    async with sit(tmp_path) as sat:
        await sat.sees("tiers, cheapest first")


async def test_a_state_folder_that_cannot_be_written_is_one_line(make_repo, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    async with sit(make_repo(talking(ANSWERS)), task="x", loop="talk") as sat:
        await sat.sees("✘ ")
        assert "Traceback" not in sat.text


async def test_the_first_start_offers_the_set_up_and_a_second_one_does_not(make_repo):
    settings = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle" / "settings.yaml"
    settings.write_text(settings.read_text().replace("cloud: never", "mode: auto"))
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.until(lambda: isinstance(sat.app.screen, SetupScreen))
        await sat.sees("which tier gets what", "enter", "write this to your settings")
        await sat.press("enter")
        await sat.until(lambda: not isinstance(sat.app.screen, SetupScreen))
    assert "small" in (settings.parent / "tiers.yaml").read_text()
    async with sit(root) as sat:
        await sat.sees("tiers, cheapest first")
        await sat.until(lambda: bool(sat.app.sitting.desk.standing.files))
        assert not isinstance(sat.app.screen, SetupScreen)


async def test_the_set_up_can_be_left_without_a_word_written(make_repo):
    settings = Path(os.environ["XDG_CONFIG_HOME"]) / "treadle" / "settings.yaml"
    before = settings.read_text()
    async with sit(make_repo(talking(ANSWERS))) as sat:
        for key in ("escape", "q", "ctrl+c"):
            await sat.types("/setup")
            await sat.sees("which tier gets what", "not now")
            await sat.press(key)
            await sat.until(lambda: not isinstance(sat.app.screen, SetupScreen), key)
        await sat.sees("tiers, cheapest first")
    assert settings.read_text() == before


async def test_help_opens_over_the_screen_and_each_usual_key_closes_it(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        for key in ("escape", "q", "f1", "ctrl+c"):
            await sat.press("f1")
            await sat.sees("While a run is held", "step into")
            await sat.press(key)
            await sat.until(lambda: len(sat.app.screen_stack) == 1, key)
            assert sat.app.focused is sat.app.line and sat.app.line.text == ""
