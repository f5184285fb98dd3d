"""A held run: the gate says what is about to happen, and its keys answer only while nobody types."""

from tui_samples import ANSWERS, commands, talking
from tui_sitting import events, sit, traces

from samples import APART, DONE, MENDS, mending, treadle_dir
from treadle.protocol import events as e


async def test_shift_tab_walks_the_modes_and_a_stepped_run_goes_on_by_n_and_c(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    async with sit(root) as sat:
        for mode in ("step", "into", "plan", "auto", "step"):
            await sat.press("shift+tab")
            await sat.sees(f"mode: {mode}")
        await sat.types("/loop go Mend add")
        await sat.held("before_step")
        await sat.sees("next: t", "about", "held before t", "● 1  t")
        assert sat.shows("next   step into   continue   skip   abort   ? help")()
        assert sat.app.focused is sat.app.gate
        await sat.press("n")
        await sat.until(lambda: sat.view.question is not None and sat.view.question.place == "mend@1")
        await sat.held("before_step")
        await sat.sees("next: mend", "small", "parses → tests", "✘ 1  t", "● 2  mend")
        await sat.press("n")
        await sat.until(lambda: sat.view.question is not None and sat.view.question.place == "mend@1[0]")
        await sat.sees("test_calc.Calc.test_add", "(1 failing first)")
        await sat.press("c")
        await sat.held("before_write")
        await sat.sees("mode: auto")
        await sat.press("a")
        await sat.ended()
    answers = [(a.answer, a.by) for a in events(traces(root)[0], e.GateAnswered)]
    assert answers == [("next", "person"), ("next", "person"), ("continue", "person"), ("abort", "person")]


async def test_stepping_into_shows_what_fills_the_window_and_each_tool_call(make_repo):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    async with sit(root, mode="into") as sat:
        await sat.types("/loop go Mend add")
        for _ in range(3):
            await sat.held("before_step")
            await sat.press("s")
        await sat.held("before_turn")
        await sat.sees(
            "next request: mend", "window", "tokens", "prompt ", "item ", "cost", "held before a request"
        )
        await sat.press("ctrl+right", "ctrl+right")
        await sat.sees("about to be sent", "Mend: ", "── system")
        await sat.press("ctrl+right")
        await sat.sees("about to be sent", "tools     ")
        await sat.press("s")
        await sat.held("before_tool")
        await sat.sees("next tool call: mend", "edit", "path: calc.py", "deny")
        await sat.press("d")
        await sat.held("before_turn")
        await sat.press("k")
        assert sat.view.question is not None, "a turn can't be skipped"
        await sat.press("c")
        await sat.ended()
    trace = traces(root)[0]
    assert events(trace, e.ToolFinished)[0].is_error
    assert [a.answer for a in events(trace, e.GateAnswered)][-2:] == ["no", "continue"]


async def test_a_letter_is_an_answer_only_while_nobody_types(make_repo):
    root = make_repo(commands("true", "true", "true"))
    async with sit(root, mode="step") as sat:
        await sat.types("/loop go now")
        await sat.held("before_step")
        await sat.press("escape")
        assert sat.app.focused is sat.app.line
        await sat.types("nice and scan", enter=False)
        assert sat.app.line.text == "nice and scan"
        assert sat.view.question is not None and sat.view.question.question == "q1"
        await sat.press("ctrl+c")
        assert sat.app.line.text == ""
        sat.app.gate.focus()
        await sat.press("n")
        await sat.until(lambda: len(sat.view.steps) >= 1)
        await sat.held("before_step")
        sat.app.gate.focus()
        await sat.press("1")
        assert sat.view.question is not None and sat.app.line.text == ""
        await sat.press("x")
        await sat.until(lambda: sat.app.line.text == "x" and sat.app.focused is sat.app.line)
        await sat.press("ctrl+c", "escape", "c")
        await sat.ended()


async def test_a_text_typed_at_the_gate_is_no_answer_by_its_first_letter(make_repo):
    root = make_repo(commands("true", "true", "true"))
    async with sit(root, mode="step") as sat:
        await sat.types("/loop go now")
        await sat.held("before_step")
        sat.app.gate.focus()
        await sat.pilot.pause()
        sat.press_at_once("ad")
        await sat.until(lambda: sat.app.line.text == "ad" and sat.app.focused is sat.app.line)
        await sat.types("d a test", enter=False)
        assert sat.app.line.text == "add a test"
        await sat.sees("enter", "runs it after this run", "esc", "back to the question")
        assert sat.view.question is not None and sat.view.question.question == "q1"
        await sat.press("ctrl+c", "escape", "c")
        await sat.ended()
        assert sat.view.outcome == "done"


async def test_what_is_typed_while_a_question_opens_stays_text(make_repo):
    root = make_repo(commands("true", "sleep 0.3", "true"))
    async with sit(root, mode="step") as sat:
        await sat.types("/loop go now")
        await sat.held("before_step")
        await sat.press("n")
        await sat.held("before_step")
        await sat.press("n")
        await sat.types("a note", enter=False)
        await sat.held("before_step")
        await sat.press("c", "a")
        assert sat.app.line.text == "a noteca" and sat.view.question is not None
        await sat.press("enter")
        await sat.sees("queued  a noteca")
        sat.app.sitting.queued.clear()
        await sat.press("escape", "c")
        await sat.ended()
        assert sat.view.outcome == "done"


async def test_a_key_pressed_twice_answers_one_question(make_repo):
    root = make_repo(commands("true", "true", "true"))
    async with sit(root, mode="step") as sat:
        await sat.types("/loop go now")
        await sat.held("before_step")
        sat.press_at_once("nnn")
        await sat.until(lambda: sat.view.question is not None and sat.view.question.question == "q2")
        await sat.held("before_step")
        await sat.settle()
        assert sat.view.question is not None and sat.view.question.question == "q2"
        await sat.press("c")
        await sat.ended()


async def test_keys_in_the_help_over_a_held_run_answer_nothing(make_repo):
    root = make_repo(commands("true", "true"))
    async with sit(root, mode="step") as sat:
        await sat.types("/loop go now")
        await sat.held("before_step")
        await sat.press("question_mark")
        await sat.sees("While a run is held")
        await sat.press("n", "c", "a")
        await sat.press("escape")
        assert sat.view.question is not None and sat.view.question.question == "q1"
        assert len(sat.app.screen_stack) == 1
        sat.app.gate.focus()
        await sat.press("k")
        await sat.until(lambda: bool(sat.view.steps))
        await sat.held("before_step")
        assert sat.view.steps[0].summary == "skipped"
        await sat.press("c")
        await sat.ended()


async def test_a_question_of_the_loops_own_has_a_key_for_each_answer(make_repo):
    root = make_repo(
        treadle_dir(
            loops__go="name: go\ndescription: d\nsteps:\n"
            "  - {name: which, ask: 'This [bold]way[/]?', on: {yes: done, no: stop}}\n"
        )
        | {"a.txt": "a\n"}
    )
    async with sit(root, loop="go", task="choose") as sat:
        await sat.held()
        await sat.sees("This [bold]way[/]?", "yes", "deny", "held before which")
        await sat.press("d")
        await sat.ended()
    assert [a.answer for a in events(traces(root)[0], e.GateAnswered)] == ["no"]


async def test_a_run_goes_on_while_help_lies_over_it_and_a_question_rings(make_repo):
    root = make_repo(talking(ANSWERS))
    rung = []
    async with sit(root) as sat:
        sat.app.bell = lambda: rung.append(1)
        await sat.types("/loop talk hello")
        await sat.press("f1")
        await sat.until(lambda: sat.view is not None and bool(sat.view.outcome))
        await sat.press("escape")
        await sat.sees("forty-two")
        assert not rung
        await sat.press("shift+tab")
        await sat.types("/loop talk again")
        await sat.held("before_step")
        assert rung == [1]
        await sat.press("c")
        await sat.ended(2)
