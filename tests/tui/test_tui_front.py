"""What was said just now is in sight, whatever tab was in front."""

from tui_samples import ANSWERS, talking
from tui_sitting import sit


async def test_what_is_said_comes_to_the_front_from_any_tab(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root, loop="talk", task="one") as sat:
        await sat.ended()
        await sat.press("ctrl+right", "ctrl+right")
        assert sat.app.board.tab == "Prompt"
        await sat.types("/nosuch")
        await sat.sees("there is no command /nosuch")
        await sat.press("ctrl+right")
        await sat.types("!echo here I am")
        await sat.sees("here I am", "exit 0")
        await sat.press("ctrl+right")
        await sat.types("/loop talk two")
        await sat.sees("❯ two")
        await sat.ended(2)


async def test_a_loops_own_name_runs_it_and_a_word_to_leave_is_no_task(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.settle()
        await sat.types("/talk one")
        await sat.sees("❯ one", "loop talk")
        await sat.ended()
        await sat.types("exit")
        await sat.until(lambda: not sat.app.is_running)


async def test_on_a_narrow_screen_the_sandbox_gives_way_before_what_a_run_may(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root, loop="talk", task="one") as sat:
        await sat.ended()
        await sat.sees("sandbox ", "cloud never", "writes nothing")
        await sat.pilot.resize_terminal(66, 24)
        await sat.until(lambda: "writes nothing" in sat.lines[0] and "sandbox" not in sat.lines[0])


async def test_ctrl_c_ends_a_command_of_the_persons_own_before_anything_else(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.settle()
        await sat.types("!echo begun; sleep 61.337")
        await sat.sees("  begun")
        await sat.press("ctrl+c")
        await sat.sees("  ended")
        assert not sat.shows("once more to quit")()


async def test_a_loop_that_needs_a_task_says_so_before_it_runs(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.settle()
        await sat.types("/ask")
        await sat.sees("the loop `ask` needs a task")
        assert not sat.app.sitting.busy


async def test_tab_on_a_file_that_there_is_not_stays_in_the_line(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        await sat.settle()
        await sat.types("look at @zzz", enter=False)
        await sat.press("tab")
        assert sat.app.focused is sat.app.line and sat.app.line.text == "look at @zzz"
        await sat.press("ctrl+c", "tab")
        assert sat.app.focused is not sat.app.line
