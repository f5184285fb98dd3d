"""A thread: what the next run is told of those before it."""

import msgspec
import pytest

from samples import APART, DONE, MENDS, MENDS_AND_MORE, edits, mending
from treadle.protocol import commands
from treadle.protocol import events as e
from treadle.protocol.errors import TraceError
from treadle.session.afterwards import apply_run, rewind_run
from treadle.session.session import Flags
from treadle.session.thread import thread_of, thread_text
from treadle.session.trace import read_blob

SAID = "text: 'the sign was wrong'"


async def test_a_follow_up_is_told_what_was_written_and_what_was_refused(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS_AND_MORE, SAID)})
    first = await drive(root, "go", task="Mend add", review=True, answers=[commands.Take(("calc.py#1",))])
    [earlier] = thread_of(root, first.session.id)
    assert (earlier.task, earlier.loop, earlier.outcome) == ("Mend add", "go", "done")
    assert "the sign was wrong" in earlier.summary
    assert "+    return a + b" in earlier.diff and "whole" not in earlier.diff
    assert "+    return x // 2  # whole" in earlier.refused
    assert "a - b" not in earlier.refused and earlier.kept == ""

    (root / "calc.py").write_text(APART["calc.py"])
    second = await drive(root, "go", task="Once more", thread=first.session.id)
    request = second.events(e.ModelRequested)[0]
    sent = read_blob(second.session.folder, request.request).decode()
    assert 'data name=\\"thread\\"' in sent and "Mend add" in sent
    assert "refused by the person" in sent and "do not propose it again" in sent
    assert {p.name: p.tokens for p in request.parts}["thread"] > 50
    assert second.events(e.RunStarted)[0].thread == first.session.id == second.view.thread

    runs = thread_of(root, second.session.id)
    assert [r.task for r in runs] == ["Once more", "Mend add"]
    text = thread_text(root, second.session.id)
    assert text.index("Once more") < text.index("Mend add")


async def test_a_run_without_a_thread_sends_nothing_of_one(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    ran = await drive(root, "go", task="Mend")
    assert b'name=\\"thread' not in read_blob(ran.session.folder, ran.events(e.ModelRequested)[0].request)


async def test_a_refusal_is_told_with_its_word(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, SAID)})
    ran = await drive(root, "go", task="Mend add", review=True, answers=[commands.Deny("use sum()")])
    [earlier] = thread_of(root, ran.session.id)
    assert (earlier.outcome, earlier.word, earlier.diff, earlier.kept) == ("stopped", "use sum()", "", "")
    assert "a + b" in earlier.refused
    assert "(their word: use sum())" in thread_text(root, ran.session.id)


async def test_what_was_neither_written_nor_refused_is_told_as_that(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, SAID)})
    ran = await drive(root, "go", task="Mend add", flags=Flags(write=False))
    [earlier] = thread_of(root, ran.session.id)
    assert (earlier.diff, earlier.refused) == ("", "") and "a + b" in earlier.kept
    assert "not written" in thread_text(root, ran.session.id)


async def test_what_a_person_did_with_a_run_afterwards_counts(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, SAID)})
    ran = await drive(root, "go", review=True, answers=[commands.Deny()])
    apply_run(root, ran.session.folder)
    [earlier] = thread_of(root, ran.session.id)
    assert "a + b" in earlier.diff and (earlier.refused, earlier.kept) == ("", "")
    rewind_run(root, ran.session.folder)
    [earlier] = thread_of(root, ran.session.id)
    assert earlier.diff == "" and "a + b" in earlier.kept


async def test_the_text_keeps_to_its_budget_and_leaves_out_the_oldest(make_repo, drive):
    big = edits(("return a - b", "return a + b  # " + "long " * 400))
    root = make_repo({**APART, **mending(big, SAID)})
    first = await drive(root, "go", task="The first task", review=True, answers=[commands.Deny()])
    second = await drive(
        root, "go", task="The second task", thread=first.session.id, flags=Flags(write=False)
    )
    whole = thread_text(root, second.session.id)
    assert "The first task" in whole and "The second task" in whole
    short = thread_text(root, second.session.id, 80)
    assert len(short) <= 280 and short.startswith("Earlier task: The second task")
    assert "The first task" not in short


async def test_a_thread_that_is_not_on_record_is_one_clear_line(make_repo, drive):
    root = make_repo({**APART, **mending(MENDS, DONE)})
    await drive(root, "go")
    with pytest.raises(TraceError, match="no run match `20000101-000000-dead`"):
        await drive(root, "go", thread="20000101-000000-dead")


async def test_a_thread_ends_where_an_earlier_run_is_gone_and_never_goes_round(make_repo, drive):
    import shutil

    root = make_repo({**APART, **mending(MENDS, DONE)})
    first = await drive(root, "go", task="one", flags=Flags(write=False))
    second = await drive(root, "go", task="two", thread=first.session.id)
    shutil.rmtree(first.session.folder)
    assert [r.task for r in thread_of(root, second.session.id)] == ["two"]

    trace = second.session.folder / "trace.jsonl"
    lines = trace.read_bytes().splitlines(keepends=True)
    begin = msgspec.json.decode(lines[0])
    begin["event"]["thread"] = second.session.id
    trace.write_bytes(msgspec.json.encode(begin) + b"\n" + b"".join(lines[1:]))
    assert len(thread_of(root, second.session.id)) == 1
