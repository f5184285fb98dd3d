"""The embedded model, for real: SmolLM2 in a child process, one thread. Skipped where it can't be."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from treadle.models.base import Model, ModelRequest, Timers
from treadle.models.local_child import default_threads
from treadle.models.open import check_available, open_model
from treadle.models.weights import installed
from treadle.protocol.errors import ContextTooLong, CutOff, Refused, Unreachable
from treadle.protocol.messages import Message
from treadle.spec.tiers import ModelEntry

SMALL, CODER = "local/smollm2-135m", "local/qwen2.5-coder-1.5b"


def needs(name: str):
    """A mark that skips without the engine or the weights, and says which."""
    if importlib.util.find_spec("xllamacpp") is None:
        return pytest.mark.skip(reason="xllamacpp is not installed: pip install 'treadle[local]'")
    pull = f"no weights here: treadle models pull {name.removeprefix('local/')}"
    return pytest.mark.skipif(installed(name) is None, reason=pull)


@pytest.fixture
async def small() -> AsyncIterator[Model]:
    model = open_model(ModelEntry(SMALL, options={"context_tokens": 512}), threads=1)
    yield model
    await model.close()


def request(text: str, max_tokens: int = 24, **kwargs) -> ModelRequest:
    return ModelRequest((Message("user", text),), max_tokens, **kwargs)


def nothing(_: str) -> None:
    pass


@needs(SMALL)
async def test_it_streams_counts_and_reuses_its_prefix(small):
    check_available(ModelEntry(SMALL))
    pieces: list[str] = []
    asked = request("Say hello.", 60)
    first = await small.stream(asked, pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces) == first.text != ""
    assert (first.finish, first.model) == ("stop", SMALL)
    usage = first.usage
    assert usage.load_s > 0 and usage.prompt_s > 0 and usage.decode_s > 0
    assert usage.input_tokens > 10
    assert abs(usage.output_tokens - len(pieces)) <= 2
    assert usage.cost_usd == 0.0

    again = await small.stream(asked, nothing)
    assert again.text == first.text
    assert again.usage.load_s == 0.0
    assert again.usage.cached_tokens > 10


@needs(SMALL)
async def test_a_schema_holds_five_times_of_five(small):
    schema = {
        "type": "object",
        "properties": {
            "tool": {"enum": ["read", "search", "edit"]},
            "why": {"type": "string", "maxLength": 60},
            "sure": {"type": "boolean"},
        },
        "required": ["tool", "why", "sure"],
        "additionalProperties": False,
    }

    class Choice(msgspec.Struct, forbid_unknown_fields=True):
        tool: str
        why: str
        sure: bool

    for seed in range(5):
        asked = request(
            "Choose a tool to find a bug in a.py, as JSON.", 150, schema=schema, temperature=0.8, seed=seed
        )
        choice = msgspec.json.decode((await small.stream(asked, nothing)).text, type=Choice)
        assert choice.tool in ("read", "search", "edit")
        assert len(choice.why) <= 60


@needs(SMALL)
async def test_what_does_not_fit_is_refused_before_it_is_computed(small):
    with pytest.raises(ContextTooLong, match=r"\d+ tokens of prompt and 24 of reply .* window of 512"):
        await small.stream(request("word " * 700), nothing)
    with pytest.raises(ContextTooLong, match="500 of reply"):
        await small.stream(request("Say hello.", 500), nothing)
    long_but_fitting = request("a b c d e f g h " * 25)
    with pytest.raises(CutOff):
        await small.stream(long_but_fitting, nothing)


@needs(SMALL)
async def test_a_limit_is_cut_off_and_an_impossible_schema_is_refused(small):
    with pytest.raises(CutOff) as caught:
        await small.stream(request("Count from one to a hundred.", 5), nothing)
    assert caught.value.text
    with pytest.raises(Refused):
        await small.stream(request("x", schema={"type": "nonsense"}), nothing)
    assert (await small.stream(request("Say hello.", 60), nothing)).text


@needs(SMALL)
async def test_cancelled_in_the_middle_it_answers_the_next_call_from_the_same_process(small):
    streaming = asyncio.Event()
    story = request("Tell a very long story about a weaver.", 400)
    task = asyncio.create_task(small.stream(story, lambda _: streaming.set()))
    await asyncio.wait_for(streaming.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = small.pid
    assert (await small.stream(request("Say hello.", 60), nothing)).text
    assert small.pid == pid


@needs(SMALL)
async def test_two_requests_at_once_both_get_answers(small):
    asked = request("Say hello.", 60)
    one, two = await asyncio.gather(small.stream(asked, nothing), small.stream(asked, nothing))
    assert one.text == two.text
    assert (one.usage.load_s > 0) != (two.usage.load_s > 0)


@needs(SMALL)
async def test_a_crash_tells_its_last_words_and_the_next_call_starts_anew(small):
    streaming = asyncio.Event()
    task = asyncio.create_task(
        small.stream(request("Tell a very long story.", 400), lambda _: streaming.set())
    )
    await asyncio.wait_for(streaming.wait(), 60)
    pid = small.pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Unreachable, match="signal 9"):
        await task
    reply = await small.stream(request("Say hello.", 60), nothing)
    assert reply.text
    assert small.pid != pid
    assert reply.usage.load_s > 0


@needs(SMALL)
async def test_a_process_that_falls_silent_is_replaced():
    entry = ModelEntry(SMALL, options={"context_tokens": 512})
    model = open_model(entry, threads=1, timers=Timers(60, 0.2))
    pids = []

    def stop_it(_: str) -> None:
        if not pids:
            pids.append(model.pid)
            os.kill(model.pid, signal.SIGSTOP)

    try:
        with pytest.raises(Unreachable, match="fell silent"):
            await model.stream(request("Tell a very long story.", 400), stop_it)
        assert not Path(f"/proc/{pids[0]}").exists()
        model._timers = Timers()
        assert (await model.stream(request("Say hello.", 60), nothing)).text
    finally:
        await model.close()


@needs(SMALL)
async def test_a_larger_window_is_opened_when_a_request_asks_for_it():
    model = open_model(ModelEntry(SMALL), threads=1)
    try:
        await model.stream(request("Say hello.", 60), nothing)
        pid = model.pid
        await model.stream(request("Say hello.", 60, context_tokens=2000), nothing)
        assert model.pid == pid
        await model.stream(request("Say hello.", 60, context_tokens=6000), nothing)
        assert model.pid != pid
        with pytest.raises(ContextTooLong, match="window of 8192"):
            await model.stream(request("word " * 9000, 60, context_tokens=20_000), nothing)
    finally:
        await model.close()


@needs(SMALL)
async def test_nothing_is_left_after_close_and_the_key_is_in_no_command_line(small):
    await small.stream(request("Say hello.", 60), nothing)
    pid = small.pid
    assert os.getpgid(pid) != os.getpgid(0)
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:4] == [b"-P", b"-m", b"treadle.models.local_server"]
    names = {line.partition(b"=")[0] for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
    assert names <= {b"", b"PATH", b"HOME", b"TMPDIR", b"LANG", b"LD_LIBRARY_PATH", b"LC_CTYPE"}
    await small.close()
    await small.close()
    assert not Path(f"/proc/{pid}").exists()


@needs(SMALL)
def test_the_child_dies_with_its_parent(tmp_path):
    code = (
        "import asyncio, os, signal\n"
        "from treadle.models.base import ModelRequest\n"
        "from treadle.models.open import open_model\n"
        "from treadle.protocol.messages import Message\n"
        "from treadle.spec.tiers import ModelEntry\n"
        "async def main():\n"
        f"    model = open_model(ModelEntry({SMALL!r}), threads=1)\n"
        "    await model.stream(ModelRequest((Message('user', 'Say hello.'),), 60), lambda _: None)\n"
        "    print(model.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    descriptor = None
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    ready, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    assert ready, "the child lives on"


@needs(SMALL)
async def test_weights_that_are_none_are_unreachable_with_what_the_engine_said(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "treadle" / "models").mkdir(parents=True)
    (tmp_path / "treadle" / "models" / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    model = open_model(ModelEntry("local/broken"), threads=1)
    with pytest.raises(Unreachable, match=r"ended with .*\n.+"):
        await model.stream(request("hi"), nothing)
    assert model.pid == 0


def test_threads_leave_a_core_free():
    assert 1 <= default_threads() <= max(1, (os.cpu_count() or 1) - 1)


BUGS = [
    (
        "def last(items):\n    if not items:\n        return None\n    return items[0]\n",
        "last([1, 2, 3]) should return 3, but returns 1.",
        "return items[0]",
        ("items[-1]", "items[len(items) - 1]", "items[len(items)-1]"),
    ),
    (
        "def total(prices):\n    result = 0\n    for price in prices:\n        result -= price\n    return result\n",
        "total([1, 2]) should return 3, but returns -3.",
        "result -= price",
        ("result += price", "result = result + price"),
    ),
]


@pytest.mark.slow
@needs(CODER)
async def test_the_coder_mends_one_line_chosen_among_stripped_lines():
    model = open_model(ModelEntry(CODER), threads=1)
    try:
        for code, complaint, faulty, good in BUGS:
            lines = [line.strip() for line in code.splitlines()]
            schema = {
                "type": "object",
                "properties": {
                    "line": {"enum": lines},
                    "replacement": {"type": "string", "maxLength": 300},
                },
                "required": ["line", "replacement"],
                "additionalProperties": False,
            }
            text = (
                f"{code}\n{complaint}\nFind the faulty line and correct it. Reply with JSON "
                '{"line": the faulty line copied from the code, "replacement": the corrected line}.'
            )
            reply = await model.stream(request(text, 200, schema=schema), nothing)
            edit = msgspec.json.decode(reply.text)
            assert edit["line"] == faulty
            assert any(g in edit["replacement"] for g in good), edit
    finally:
        await model.close()
