"""Runs of one sitting: a follow-up knows the last, /new does not, and what is typed meanwhile waits its turn."""

from tui_samples import ANSWERS, commands, talking
from tui_sitting import events, sit, traces

from samples import APART, DONE, MENDS, mending
from treadle.protocol import events as e


def starts(root):
    return [events(trace, e.RunStarted)[0] for trace in traces(root)]


async def test_a_follow_up_is_of_the_same_thread_and_new_begins_another(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root, loop="talk", task="one") as sat:
        await sat.ended()
        await sat.types("/loop talk two")
        await sat.ended(2)
        await sat.types("/new")
        await sat.sees("a new thread")
        await sat.types("/loop talk four")
        await sat.ended(3)
    first, second, *_, last = starts(root)
    assert [first.task, second.task, last.task] == ["one", "two", "four"]
    assert (first.thread, second.thread, last.thread) == ("", first.run, "")


async def test_a_task_typed_while_a_run_goes_on_waits_and_runs_after_it(make_repo):
    root = make_repo(commands("true", loop="chosen_by: {starts: [go]}\n"))
    async with sit(root, loop="go", task="first", mode="step") as sat:
        await sat.held("before_step")
        await sat.types("go on with the second")
        await sat.sees("queued  go on with the second")
        await sat.types("go on with the third")
        assert sat.app.sitting.queued == ["go on with the second", "go on with the third"]
        sat.app.gate.focus()
        await sat.press("c")
        await sat.ended(3)
    assert [s.task for s in starts(root)] == ["first", "go on with the second", "go on with the third"]
    assert [s.loop for s in starts(root)] == ["go"] * 3
    assert starts(root)[1].thread == starts(root)[0].run


async def test_an_empty_line_starts_what_needs_no_task_and_is_never_queued(make_repo):
    root = make_repo(commands("sleep 30", loop="chosen_by: {default: no_task, state: [failing_tests]}\n"))
    async with sit(root, loop="go") as sat:
        await sat.press("enter")
        await sat.sees("running s1")
        assert sat.view.task == ""
        await sat.press("enter", "enter")
        assert sat.app.sitting.queued == []
        await sat.press("ctrl+c")
        await sat.ended()
    assert len(traces(root)) == 1


async def test_an_abort_gives_up_what_was_queued(make_repo):
    root = make_repo(commands("sleep 30"))
    async with sit(root, loop="go", task="first") as sat:
        await sat.sees("running s1")
        await sat.types("second")
        await sat.sees("queued  second")
        await sat.press("ctrl+c")
        await sat.ended()
        await sat.sees("given up  second")
        await sat.settle()
        assert not sat.app.sitting.busy and sat.app.sitting.queued == []
    assert len(traces(root)) == 1


async def test_what_was_denied_can_be_applied_and_undone(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    mended = APART["calc.py"].replace("a - b", "a + b")
    async with sit(root, loop="go", task="Mend add") as sat:
        await sat.reviewing()
        await sat.press("d")
        await sat.ended()
        await sat.types("/apply")
        await sat.sees("wrote  calc.py")
        assert (root / "calc.py").read_text() == mended
        await sat.types("/undo")
        await sat.sees("put back  calc.py")
        assert (root / "calc.py").read_text() == APART["calc.py"]
        await sat.types("/undo")
        await sat.sees("✘ ", "nothing of run")
        (root / "calc.py").write_text("# mine\n" + APART["calc.py"])
        await sat.types("/apply")
        await sat.sees("calc.py", "changed")
        assert (root / "calc.py").read_text().startswith("# mine")


async def test_apply_and_undo_without_a_run_or_during_one_are_one_line(make_repo):
    root = make_repo(commands("sleep 30"))
    async with sit(root) as sat:
        for command in ("/apply", "/undo"):
            await sat.types(command)
        await sat.until(lambda: sat.text.count("✘ ") == 2)
        await sat.types("/next")
        await sat.sees("no run is under way")
        await sat.types("/loop go x")
        await sat.sees("running s1")
        await sat.types("/apply")
        await sat.sees("a run is under way")
        await sat.types("/next")
        await sat.sees("no question is open")
        await sat.press("ctrl+c")
        await sat.ended()


async def test_the_transcript_of_a_step_is_of_the_run_that_is_shown(make_repo):
    root = make_repo(talking('{json: {answer: "one hundred"}}', '{json: {answer: "two hundred"}}'))
    async with sit(root, loop="talk", task="a") as sat:
        await sat.ended()
        await sat.types("/loop talk b")
        await sat.ended(2)
        await sat.sees("one hundred", "two hundred")
        sat.app.query_one("#rail").focus()
        await sat.press("down")
        await sat.until(lambda: "one hundred" not in sat.text)
        assert "two hundred" in sat.text


async def test_what_was_queued_runs_also_after_a_run_that_could_not_begin(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root) as sat:
        sat.app.sitting.loop = "nosuch"
        sat.app.sitting.start("one")
        sat.app.sitting.loop = ""
        sat.app.sitting.start("two")
        await sat.sees("there is no loop `nosuch`")
        await sat.until(lambda: not sat.app.sitting.busy and sat.app.sitting.queued == [])
    assert [s.task for s in starts(root)] == ["two"]


async def test_a_run_named_on_the_command_line_is_followed(make_repo):
    root = make_repo(talking(ANSWERS))
    async with sit(root, loop="talk", task="one") as sat:
        await sat.ended()
        first = sat.app.board.view.run
    async with sit(root, loop="talk", task="two", thread=first) as sat:
        await sat.ended()
        second = sat.app.board.view
        assert second.thread == first
