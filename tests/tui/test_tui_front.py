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
