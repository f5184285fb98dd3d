"""Text from files, models, commands and people is drawn as text: never markup, never a terminal's sequence."""

from standin import StandIn
from textual.events import Paste
from tui_samples import ANSWERS, commands, speaking, talking
from tui_sitting import sit

from samples import APART, edits, mending, treadle_dir

EVIL = "[bold]b[/] [/] [@click=app.quit]q[/] \x1b[2J\x1b]52;c;eA==\x07 \x9b31m \u202eabc \u200bz \r\x08"
SHOWN = ("[bold]b[/]", "[/]", "[@click=app.quit]q[/]", "␛[2J␛]52;c;eA==␇")
BAD = "\x1b\x07\x08\r\x9b\u202e\u200b"


def check(sat):
    """Nothing of what is drawn is a control, bidirectional or zero-width character."""
    found = {character for character in BAD if character in sat.text}
    assert not found, found


async def test_what_a_model_says_streams_and_is_kept_as_text(make_repo):
    with StandIn([EVIL + "\nsecond [red]line[/] " + "and more " * 4000], pace=200) as server:
        root = make_repo(speaking(server.endpoint))
        async with sit(root, loop="talk", task="x") as sat:
            await sat.sees(*SHOWN, "second [red]line[/]")
            assert sat.app.board.running
            check(sat)
            await sat.press("ctrl+c")
            await sat.ended()
            await sat.sees("aborted", *SHOWN)
            check(sat)


async def test_a_reply_a_task_and_a_command_of_the_persons_own(make_repo):
    with StandIn([("read", {"path": EVIL}), EVIL]) as server:
        root = make_repo(speaking(server.endpoint))
        async with sit(root, loop="talk", task=EVIL) as sat:
            await sat.ended()
            await sat.sees(*SHOWN)
            for tab in ("Diff", "Prompt", "Context", "Checks", "Trace", "Transcript"):
                await sat.tab(tab)
                check(sat)
            assert sat.text.count("[bold]b[/]") >= 3
            await sat.types("/clear")
            sat.app.line.put("![@click=app.quit]x[/] \x1b[2J")
            await sat.press("enter")
            await sat.sees("! [@click=app.quit]x[/] ␛[2J", "exit ")
            check(sat)


async def test_a_file_by_such_a_name_in_the_diff_and_in_completion(make_repo):
    name = "a[bold]b\x1b]52;c;eA==\x07\u202e.txt"
    write = "for f in a\\[*; do printf 'x\\033[2J[/]\\n' > \"$f\"; done; printf 'c' > '[@click=app.quit]'"
    root = make_repo({name: "old\n", **commands(write)})
    async with sit(root, loop="go", task="write") as sat:
        await sat.reviewing()
        await sat.sees("a[bold]b␛]52;c;eA==␇", "[@click=app.quit]", "+ x␛[2J[/]")
        check(sat)
        await sat.press("y")
        await sat.ended()
        await sat.until(lambda: bool(sat.app.sitting.desk.standing.files))
        await sat.types("look at @a[b", enter=False)
        await sat.sees("@a[bold]b␛]52")
        await sat.press("tab")
        assert sat.app.line.text == f"look at @{name} "
        check(sat)
    assert (root / name).read_text() == "x\x1b[2J[/]\n"


async def test_what_tests_and_commands_print(make_repo):
    broken = 'raise AssertionError("[bold]b[/] [@click=app.quit]q[/] \\x1b[2J\\u202e")'
    files = APART | mending(edits(("return a - b", "return a * b")), "text: done")
    test = APART["test_calc.py"].replace("self.assertEqual(add(2, 3), 5)", f"add(2, 3)\n        {broken}")
    root = make_repo({**files, "test_calc.py": test})
    async with sit(root, loop="go", task="x") as sat:
        await sat.ended()
        await sat.sees("[bold]b[/] [@click=app.quit]q[/]")
        check(sat)
        await sat.tab("Checks")
        await sat.sees("[bold]b[/] [@click=app.quit]q[/]")
        check(sat)


async def test_descriptions_names_and_faults_in_yaml(make_repo):
    odd = 'name: odd\ndescription: "[/] [@click=app.quit]d[/]"\nsteps: [{name: s, command: "true"}]\n'
    root = make_repo({"a.txt": "", **treadle_dir(loops__odd=odd)}, "[bold]repo")
    async with sit(root) as sat:
        await sat.sees("[/] [@click=app.quit]d[/]", "[bold]repo")
        await sat.types("/loop [@click=app.quit]")
        await sat.sees("there is no loop `[@click=app.quit]`")
        await sat.types("/[/]")
        await sat.sees("there is no command /[/]")
        (root / ".treadle" / "loops" / "odd.yaml").write_text(odd.replace("command", '"[@click=app.quit]"'))
        await sat.types("/loop odd")
        await sat.sees("unknown key `[@click=app.quit]`")


async def test_what_the_gate_says_is_about_to_happen(make_repo):
    call = "tool_calls: [{name: read, arguments: {path: '[/][@click=app.quit]x'}}]"
    root = make_repo({**APART, **mending(call, "text: done")})
    async with sit(root, loop="go", task=EVIL, mode="into") as sat:
        for number in range(1, 6):
            await sat.until(lambda number=number: (q := sat.app.gate.question) and q.question == f"q{number}")
            check(sat)
            if sat.view.question.point == "before_tool":
                break
            sat.app.gate.focus()
            await sat.press("s")
        await sat.sees("[/][@click=app.quit]x", "next tool call")
        await sat.tab("Prompt")
        await sat.sees("Mend: ")
        check(sat)


async def test_a_click_on_such_a_text_does_nothing(make_repo):
    root = make_repo(talking('{json: {answer: "[@click=app.quit]press here[/]"}}'))
    async with sit(root, loop="talk", task="x") as sat:
        await sat.ended()
        await sat.sees("press here")
        row = next(n for n, text in enumerate(sat.lines) if "press here" in text)
        await sat.pilot.click(offset=(sat.lines[row].index("press here") + 2, row))
        await sat.settle()
        assert sat.app.is_running and not sat.app._exit


async def test_a_paste_with_a_sequence_in_it_is_drawn_as_text(make_repo):
    async with sit(make_repo(talking(ANSWERS))) as sat:
        sat.app._driver.process_message(Paste(EVIL))
        await sat.sees(*SHOWN)
        check(sat)
