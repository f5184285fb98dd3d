"""The task line: slash commands, the person's own shell, completion, history."""

from tui_samples import ANSWERS, commands, talking
from tui_sitting import sit

from treadle.tui.slash import COMMANDS


async def test_commands_of_the_screen_itself(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        await sat.types("/mode plan")
        await sat.sees("mode: plan")
        await sat.types("/mode fast")
        await sat.sees("/mode takes one of auto, step, into, plan")
        await sat.types("/theme treadle-light")
        assert sat.app.theme == "treadle-light"
        await sat.types("/theme nope")
        await sat.sees("there is no theme `nope`", "ansi-dark")
        await sat.types("/cop7")
        await sat.sees("there is no command /cop7; did you mean /copy?")
        await sat.types("/loop")
        await sat.sees("talk      Says something and changes nothing.")
        await sat.types("/clear")
        await sat.until(lambda: "cop7" not in sat.text)
        await sat.types("/diff")
        await sat.sees("No change to show here.")
        await sat.types("/he")
        await sat.sees("While a run is held")
        await sat.press("escape")
        await sat.types("/copy")
        await sat.sees("There is nothing to copy yet.")


async def test_copy_puts_the_answer_on_the_clipboard(make_repo, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("treadle.tui.clip._PROGRAMS", ())
    async with sit(make_repo(talking(ANSWERS)), loop="talk", task="x") as sat:
        await sat.ended()
        await sat.types("/copy")
        await sat.until(lambda: sat.app.clipboard.strip() == "forty-two")


async def test_the_palette_offers_every_command_and_does_it(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        names = [command.title for command in sat.app.get_system_commands(sat.app.screen)]
        assert [f"/{name}" for name in COMMANDS] == names[: len(COMMANDS)]
        await sat.press("ctrl+p")
        await sat.until(lambda: len(sat.app.screen_stack) == 2)
        await sat.pilot.press(*"/theme ans", "down", "enter")
        await sat.until(lambda: sat.app.theme.startswith("ansi"))
        assert len(sat.app.screen_stack) == 1
        await sat.press("ctrl+p")
        await sat.until(lambda: len(sat.app.screen_stack) == 2)
        await sat.press("ctrl+c")
        assert len(sat.app.screen_stack) == 1 and sat.app.is_running


async def test_a_command_of_the_persons_own_runs_in_the_repository(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.types("!echo hi; pwd; echo '[bold]x[/]' >&2; false")
        await sat.sees("! echo hi; pwd", "  hi", str(root)[-20:], "[bold]x[/]", "exit 1")
        await sat.types("!true")
        await sat.sees("exit 0")
        await sat.types("!seq 1000")
        await sat.sees("… 600 more lines")
        await sat.types("!")
        await sat.types("!cat")
        await sat.until(lambda: sat.text.count("exit 0") >= 2)


async def test_tab_completes_commands_arguments_and_files(make_repo):
    files = {"src/alpha_one.py": "", "src/alpha_two.py": "", "docs/guide.md": ""}
    async with sit(make_repo({**talking(ANSWERS), **files})) as sat:
        await sat.until(lambda: bool(sat.app.sitting.desk.standing.files))
        await sat.types("/th", enter=False)
        await sat.sees("tab  /theme")
        await sat.press("tab")
        assert sat.app.line.text == "/theme "
        await sat.press("ctrl+c")
        await sat.types("/loop ta", enter=False)
        await sat.press("tab")
        assert sat.app.line.text == "/loop talk "
        await sat.types("look at @alp", enter=False)
        await sat.sees("@src/alpha_one.py   @src/alpha_two.py")
        await sat.press("tab")
        assert sat.app.line.text == "/loop talk look at @src/alpha_"
        await sat.types("t", enter=False)
        await sat.press("tab")
        assert sat.app.line.text == "/loop talk look at @src/alpha_two.py "
        await sat.types("and\n@gui", enter=False)
        await sat.press("tab")
        assert sat.app.line.text == "/loop talk look at @src/alpha_two.py and\n@docs/guide.md "
        await sat.press("ctrl+c", "tab")
        assert sat.app.line.text == "" and sat.app.focused is not sat.app.line


async def test_up_and_down_walk_what_was_typed_and_keep_the_draft(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        for text in ("/loop", "/mode step", "/mode step", "/mode auto"):
            await sat.types(text)
        await sat.types("a draft", enter=False)
        walked = []
        for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
            await sat.press(key)
            walked.append(sat.app.line.text)
        assert walked == [
            "/mode auto",
            "/mode step",
            "/loop",
            "/loop",
            "/mode step",
            "/mode auto",
            "a draft",
            "a draft",
        ]


async def test_a_task_of_several_lines_is_one_task(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.types("/loop talk one\ntwo\nthree", enter=False)
        assert sat.app.line.text.count("\n") == 2
        await sat.press("up")
        assert "two" in sat.app.line.text
        await sat.press("enter")
        await sat.ended()
        assert sat.view.task == "one\ntwo\nthree"
        await sat.sees("❯ one")


async def test_the_loop_that_a_task_would_go_to_is_told_and_can_be_changed(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.types("what is this?", enter=False)
        await sat.sees("loop ask", "ctrl+o another")
        for _ in range(9):
            if sat.shows("loop talk", "your choice")():
                break
            await sat.press("ctrl+o")
        await sat.sees("loop talk", "your choice")
        await sat.press("enter")
        await sat.ended()
        assert (sat.view.loop, sat.view.task) == ("talk", "what is this?")


async def test_a_command_for_a_run_without_one_says_so(make_repo):
    async with sit(make_repo(commands("true"))) as sat:
        for number, name in enumerate(("next", "into", "continue", "pause"), 1):
            await sat.types(f"/{name}")
            await sat.until(lambda number=number: sat.text.count("no run is under way") == number)


async def test_ctrl_c_copies_what_is_selected_and_keeps_the_line(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        await sat.types("some words", enter=False)
        await sat.press("shift+home", "ctrl+c")
        assert (sat.app.clipboard, sat.app.line.text) == ("some words", "some words")
        await sat.press("end", "ctrl+c")
        assert sat.app.line.text == ""
