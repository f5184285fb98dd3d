"""The one question of a run: its changes taken whole, in part, or not at all."""

import msgspec
import pytest

from samples import APART, DONE, MENDS, MENDS_AND_MORE, mending, treadle_dir
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.protocol.pending import Pending
from treadle.session.afterwards import apply_run, rewind_run
from treadle.session.review import LineReview, review_of
from treadle.session.session import Flags
from treadle.session.trace import read_blob

FIRST = APART["calc.py"].replace("a - b", "a + b")
SECOND = APART["calc.py"].replace("x // 2", "x // 2  # whole")
BOTH = FIRST.replace("x // 2", "x // 2  # whole")


def pending(ran, question):
    return msgspec.json.decode(read_blob(ran.session.folder, question.pending), type=Pending)


def asked(ran):
    return [q for q in ran.events(e.GateAsked) if q.point == "before_write"]


async def test_a_yes_writes_all_and_the_question_shows_what_would_be_written(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Approve()])
    assert (ran.code, (root / "calc.py").read_text()) == (0, BOTH)
    [question] = asked(ran)
    assert question.options == ("yes", "part", "no", "abort")
    about = pending(ran, question)
    assert (about.unproven, about.checks) == (False, ("parses", "tests"))

    [file] = review_of(ran.session.folder, about.changes)
    assert (file.path, file.status, [h.name for h in file.hunks]) == (
        "calc.py",
        "modified",
        ["calc.py#1", "calc.py#2"],
    )
    assert file.hunks[0].header == "@@ -1,5 +1,5 @@"
    assert file.hunks[0].lines[1:3] == (
        LineReview("-", "    return a - b", 2, 0),
        LineReview("+", "    return a + b", 0, 2),
    )
    assert ran.view.proven and not ran.view.refused


async def test_a_part_is_proven_again_and_only_that_is_written(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Take(("calc.py#1",))])
    assert (ran.code, (root / "calc.py").read_text()) == (0, FIRST)
    assert len(asked(ran)) == 1
    runs = [c for c in ran.events(e.CheckFinished) if c.check == "tests" and c.on == "candidate"]
    assert [(c.verdict, c.cached) for c in runs] == [("pass", False), ("pass", False)]
    [written] = ran.events(e.ChangesWritten)
    assert not written.unproven
    refused = read_blob(ran.session.folder, ran.view.refused).decode()
    assert "# whole" in refused and "a + b" not in refused
    assert "a part was refused" in ran.view.reason

    assert apply_run(root, ran.session.folder) == ("calc.py",)
    assert (root / "calc.py").read_text() == BOTH
    rewind_run(root, ran.session.folder)
    assert (root / "calc.py").read_text() == APART["calc.py"]


@pytest.mark.parametrize("again", [commands.Take(("calc.py#2",)), commands.Approve()], ids=["take", "yes"])
async def test_a_part_that_does_not_hold_is_asked_about_again_and_then_a_persons_decision(
    make_repo, drive, again
):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Take(("calc.py#2",)), again])
    assert (root / "calc.py").read_text() == SECOND
    first, second = asked(ran)
    assert "test_add" in second.subject and second.options == first.options
    assert pending(ran, second).taken == ("calc.py#2",) and pending(ran, second).unproven
    assert pending(ran, second).changes == pending(ran, first).changes
    assert [w.unproven for w in ran.events(e.ChangesWritten)] == [True]
    assert (ran.code, ran.view.proven, ran.view.written_unproven) == (0, False, True)
    assert "unproven" in ran.view.reason


async def test_after_a_part_that_does_not_hold_another_can_be_taken(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    answers = [commands.Take(("calc.py#2",)), commands.Take(("calc.py#1",))]
    ran = await drive(root, "go", review=True, answers=answers)
    assert (root / "calc.py").read_text() == FIRST
    assert [w.unproven for w in ran.events(e.ChangesWritten)] == [False]


@pytest.mark.parametrize(
    ("hunks", "said"), [((), "no hunk was named"), (("calc.py#9",), "no hunk is called calc.py#9")]
)
async def test_a_part_that_names_nothing_is_asked_again(make_repo, drive, hunks, said):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Take(hunks), commands.Approve()])
    assert said in asked(ran)[1].subject
    assert (root / "calc.py").read_text() == FIRST and not ran.view.written_unproven


async def test_a_no_writes_nothing_and_says_why(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Deny("not my style")])
    assert (ran.code, ran.view.outcome, ran.view.written) == (3, "stopped", ())
    assert "refused" in ran.view.reason and "not my style" in ran.view.reason
    assert (root / "calc.py").read_text() == APART["calc.py"]
    assert "a + b" in read_blob(ran.session.folder, ran.view.refused).decode()
    apply_run(root, ran.session.folder)
    assert (root / "calc.py").read_text() == FIRST


UNJUDGED = treadle_dir(
    loops__go="name: go\ndescription: d\nsteps: [{name: put, command: \"sed -i 's/x . 2/x/' calc.py; echo 1 > new.txt\"}]\n"
)


async def test_what_nothing_judged_is_offered_to_the_person_and_says_so(make_repo, drive):
    root = make_repo({**APART, **UNJUDGED})
    ran = await drive(root, "go", review=True, answers=[commands.Take(("new.txt#1",))])
    [question] = asked(ran)
    assert "nothing judged" in question.subject and pending(ran, question).unproven
    assert (ran.code, ran.view.proven) == (0, False)
    assert (root / "new.txt").read_text() == "1\n"
    assert (root / "calc.py").read_text() == APART["calc.py"]


async def test_where_nobody_can_answer_policy_writes_as_before(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    ran = await drive(root, "go", review=True)
    assert (ran.code, asked(ran), (root / "calc.py").read_text()) == (0, [], BOTH)


@pytest.mark.parametrize(
    "options", [{"mode": "plan"}, {"flags": Flags(write=False)}], ids=["plan", "dry run"]
)
async def test_a_run_that_may_not_write_asks_nothing_and_keeps_what_was_proven(make_repo, drive, options):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", review=True, answers=[commands.Approve()], **options)
    assert (ran.code, asked(ran), (root / "calc.py").read_text()) == (0, [], APART["calc.py"])
    assert ("mode plan" in ran.view.reason) == ("mode" in options)
    assert ("runs apply" in ran.view.hint) == ("mode" in options)
    apply_run(root, ran.session.folder)
    assert (root / "calc.py").read_text() == FIRST


async def test_a_loop_that_writes_after_each_step_asks_once_for_what_was_left_out(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE, loop="apply: step\n")})
    ran = await drive(root, "go", review=True, answers=[commands.Take(("calc.py#1",))])
    assert (ran.code, len(asked(ran)), (root / "calc.py").read_text()) == (0, 1, FIRST)


async def test_what_the_user_typed_while_being_asked_is_kept(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, DONE)})
    import asyncio

    from treadle.session.session import Options, Session
    from treadle.spec.load import load_catalog

    session = Session(root, load_catalog(root), Options(loop="go", attended=True, review=True))
    running = asyncio.create_task(session.run())
    async for envelope in session.events():
        if isinstance(envelope.event, e.GateAsked):
            (root / "calc.py").write_text("# mine\n" + APART["calc.py"])
            session.submit(commands.Approve())
    view = await running
    assert (view.exit_code, view.written) == (0, ("calc.py",))
    text = (root / "calc.py").read_text()
    assert text.startswith("# mine\n") and "a + b" in text


KINDS = {
    "gone.txt": "bye\n",
    "old.bin": "a\0b",
    "run.sh": "echo\n",
    "plain.txt": "no end",
    **treadle_dir(
        loops__go="name: go\ndescription: d\nsteps:\n  - name: put\n    command: >-\n"
        "      rm gone.txt; printf 'a\\0c' > old.bin; chmod +x run.sh; printf 'now an end\\n' > plain.txt; : > empty.txt\n"
    ),
}


async def test_each_kind_of_change_is_shown_as_what_it_is(make_repo, drive):
    root = make_repo(KINDS)
    ran = await drive(root, "go", review=True, answers=[commands.Deny()])
    files = review_of(ran.session.folder, pending(ran, asked(ran)[0]).changes)
    assert {f.path: f.status for f in files} == {
        "empty.txt": "added",
        "gone.txt": "deleted",
        "old.bin": "binary",
        "plain.txt": "modified",
        "run.sh": "mode",
    }
    by = {f.path: f.hunks for f in files}
    assert by["plain.txt"][0].lines == (
        LineReview("-", "no end", 1, 0, ends=False),
        LineReview("+", "now an end", 0, 1),
    )
    assert by["plain.txt"][0].header == "@@ -1 +1 @@"
    assert by["gone.txt"][0].header == "@@ -1 +0,0 @@"
    assert by["old.bin"][0].header == "binary, 3 → 3 bytes"
    assert by["run.sh"][0].header == "mode 100644 → 100755"
    assert all(len(hunks) == 1 for hunks in by.values())
