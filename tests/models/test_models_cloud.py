"""Cloud models through the real litellm in its worker, against a loopback server shaped like the providers' APIs."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from models_cloud_samples import (
    ASK,
    KEY,
    SCHEMA,
    TOOLS,
    anthropic,
    anthropic_begins,
    named,
    of_anthropic,
    of_openai,
)
from models_cloud_samples import openai as openai_says

from treadle.models import cloud, cloud_link
from treadle.models.base import ModelRequest, Timers
from treadle.models.cloud import CloudModel
from treadle.protocol.errors import (
    ContextTooLong,
    CutOff,
    Malformed,
    NoSuchModel,
    ProviderError,
    RateLimited,
    Refused,
    Unreachable,
)
from treadle.protocol.messages import Message, ToolCall
from treadle.spec.tiers import ModelEntry, Price

pytestmark = pytest.mark.skipif(find_spec("litellm") is None, reason="litellm is not installed")

FAR = Timers(60, 60)
OPENAI, ANTHROPIC = "openai/tiny", "anthropic/tiny"


@pytest.fixture(scope="module", autouse=True)
def one_worker():
    """One worker for all tests here; at the end no process and no folder of it is left."""
    yield
    worker = cloud_link.shared()
    cloud_link.end_shared()
    assert not Path(f"/proc/{worker.pid}").exists()
    assert not worker.home.exists()
    assert not worker.alive


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("A_KEY", KEY)


def model(server, name: str = OPENAI, *, timers: Timers = FAR, **options) -> CloudModel:
    return CloudModel(ModelEntry(name, server.base, "A_KEY", options), timers=timers)


async def ask(server, request: ModelRequest = ASK, name: str = OPENAI, **more):
    return await model(server, name, **more).stream(request, lambda _: None)


def says(*pieces, **more):
    async def behave(peer) -> None:
        await (openai_says if "completions" in peer.path else anthropic)(peer, *pieces, **more)

    return behave


def answers(status: int, body, **headers: str):
    async def behave(peer) -> None:
        await peer.answer(status, json.dumps(body), **headers)

    return behave


async def for_ever(peer) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_the_reply_streams_with_usage_and_the_start_is_told_once(server, name):
    server.behave = says("Hel", "lö")
    pieces: list[str] = []
    reply = await model(server, name).stream(ASK, pieces.append)
    assert pieces == ["Hel", "lö"]
    assert (reply.text, reply.finish, reply.model) == ("Hellö", "stop", name)
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (100, 5, 60)
    assert usage.cost_usd is None, "a model that the table does not know is unpriced"
    assert (await ask(server, name=name)).usage.load_s == 0
    assert cloud_link.shared().load_s > 0


async def test_a_known_models_cost_is_by_the_local_table_and_counts_what_was_cached(server):
    server.behave = says("Hi")
    known = await cloud.about("anthropic/claude-sonnet-4-5")
    assert (known.known, known.window) == (True, 200_000)
    price = await cloud.known_price("anthropic/claude-sonnet-4-5")
    assert price == Price(3, 15, 0.3)
    reply = await ask(server, name="anthropic/claude-sonnet-4-5")
    assert reply.usage.cost_usd == pytest.approx((40 * 3 + 60 * 0.3 + 5 * 15) / 1e6)
    assert await cloud.known_price("openai/no-such-model") is None


async def test_the_request_says_what_was_asked_with_the_key_and_the_options(server):
    server.behave = says("x")
    request = ModelRequest(ASK.messages, 77, stop=("END",))
    await ask(server, request, temperature=0.7)
    (peer,) = server.peers
    assert peer.path == "/v1/chat/completions"
    assert peer.headers["authorization"] == f"Bearer {KEY}"
    body = peer.body
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi"},
    ]
    assert (body["model"], body["max_tokens"], body["temperature"], body["stop"]) == (
        "tiny",
        77,
        0.7,
        ["END"],
    )


async def test_an_endpoint_gets_no_key_but_the_one_it_names(server, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    server.behave = says("x")
    entry = ModelEntry("anthropic/tiny", server.base)
    await CloudModel(entry, timers=FAR).stream(ASK, lambda _: None)
    (peer,) = server.peers
    assert peer.path == "/v1/messages"
    assert KEY not in json.dumps(peer.headers)


@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_tool_calls_go_out_and_come_back_with_the_providers_ids(server, name):
    server.behave = says(
        "Let me see.", calls=(("c1", "read", ['{"path": ', '"a.py"}']), ("c2", "read", ["{}"]))
    )
    asked = (
        *ASK.messages,
        Message("assistant", "", (ToolCall("c0", "read", {"path": "b.py"}),)),
        Message("tool", "print(1)", tool_call_id="c0"),
    )
    reply = await ask(server, ModelRequest(asked, 50, tools=TOOLS), name)
    assert reply.finish == "tool_calls"
    assert reply.tool_calls == (ToolCall("c1", "read", {"path": "a.py"}), ToolCall("c2", "read", {}))
    sent = server.peers[0].raw.decode()
    assert sent.count('"c0"') == 2, "the call and what it gave"
    assert "print(1)" in sent and "b.py" in sent
    assert "System:" not in sent, "nothing that nobody said stands in the conversation"


async def test_what_a_conversation_repeats_is_cached_by_anthropic_and_a_single_question_is_not(server):
    server.behave = says("x")
    await ask(server, ModelRequest(ASK.messages, 50, tools=TOOLS), ANTHROPIC)
    await ask(server, name=ANTHROPIC)
    talk, single = server.peers
    mark = {"type": "ephemeral"}
    assert talk.body["system"][-1]["cache_control"] == mark
    assert talk.body["messages"][-1]["content"][-1]["cache_control"] == mark
    assert "cache_control" not in single.raw.decode()


async def test_tool_calls_that_all_say_they_are_the_first_stay_apart(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        for call_id in ("a", "b"):
            function = {"name": "read", "arguments": json.dumps({"path": call_id})}
            calls = [{"index": 0, "id": call_id, "type": "function", "function": function}]
            await peer.event({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": calls}}]})
        await peer.text(finish="tool_calls")
        await peer.end_stream()

    server.behave = behave
    reply = await ask(server, ModelRequest(ASK.messages, 50, tools=TOOLS))
    assert reply.tool_calls == (ToolCall("a", "read", {"path": "a"}), ToolCall("b", "read", {"path": "b"}))


async def test_a_schema_is_sent_where_the_model_is_held_to_one_and_told_where_not(server):
    server.behave = says('{"a": "b"}')
    request = ModelRequest(ASK.messages, 50, schema=SCHEMA)
    await ask(server, request, "openai/gpt-4o")
    sent = server.peers[0].body["response_format"]
    assert sent["json_schema"]["schema"] == SCHEMA and sent["json_schema"]["strict"] is True

    server.behave = says("```json\n", '{"a": "b"}', "\n```")
    reply = await ask(server, request)
    assert json.loads(reply.text) == {"a": "b"}
    body = server.peers[1].body
    assert "response_format" not in body
    assert '"required":["a"]' in body["messages"][0]["content"]


async def test_a_schema_for_anthropic_is_held_to(server):
    server.behave = says('{"a": "b"}')
    request = ModelRequest(ASK.messages, 50, schema=SCHEMA)
    reply = await ask(server, request, "anthropic/claude-sonnet-4-5")
    assert json.loads(reply.text) == {"a": "b"}
    assert "additionalProperties" in server.peers[0].raw.decode()


async def test_half_a_json_is_malformed_and_keeps_its_text(server):
    server.behave = says('{"a": "b')
    with pytest.raises(Malformed) as caught:
        await ask(server, ModelRequest(ASK.messages, 50, schema=SCHEMA))
    assert caught.value.text == '{"a": "b'
    assert caught.value.usage.input_tokens == 100


O_LONG = of_openai(
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    "invalid_request_error",
    "context_length_exceeded",
)
O_KEY = of_openai(f"Incorrect API key provided: {KEY}.", "invalid_request_error", "invalid_api_key")
O_COUNTRY = of_openai(
    "Country, region, or territory not supported", "request_forbidden", "unsupported_country"
)
O_MODEL = of_openai("The model `gpt-9` does not exist.", "invalid_request_error", "model_not_found")
O_QUOTA = of_openai("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
O_RATE = of_openai("Rate limit reached for gpt-5 on tokens per min.", "tokens", "rate_limit_exceeded")
O_FILTER = of_openai("rejected by our safety system.", "invalid_request_error", "content_policy_violation")
O_BAD = of_openai("Invalid value: 'foo'.", "invalid_request_error", "invalid_value")
O_SERVER = of_openai("The server had an error.", "server_error")
A_LONG = of_anthropic("invalid_request_error", "prompt is too long: 215999 tokens > 200000 maximum")
A_KEY = of_anthropic("authentication_error", "invalid x-api-key")
A_PERMISSION = of_anthropic("permission_error", "Your API key does not have permission.")
A_MODEL = of_anthropic("not_found_error", "model: claude-9")
A_RATE = of_anthropic(
    "rate_limit_error", "would exceed your organization's rate limit of 30,000 input tokens"
)
A_SERVER = of_anthropic("api_error", "Internal server error")
A_OVER = of_anthropic("overloaded_error", "Overloaded")
A_BROKE = of_anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")


@pytest.mark.parametrize(
    ("name", "status", "body", "error", "words"),
    [
        (OPENAI, 400, O_LONG, ContextTooLong, "maximum context length is 128000"),
        (OPENAI, 401, O_KEY, Refused, "Incorrect API key"),
        (OPENAI, 403, O_COUNTRY, Refused, "not supported"),
        (OPENAI, 404, O_MODEL, NoSuchModel, "gpt-9"),
        (OPENAI, 429, O_QUOTA, Refused, "exceeded your current quota"),
        (OPENAI, 429, O_RATE, RateLimited, "Rate limit reached"),
        (OPENAI, 400, O_FILTER, Refused, "filter"),
        (OPENAI, 400, O_BAD, Refused, "Invalid value"),
        (OPENAI, 500, O_SERVER, Unreachable, "had an error"),
        (ANTHROPIC, 400, A_LONG, ContextTooLong, "215999 tokens"),
        (ANTHROPIC, 401, A_KEY, Refused, "invalid x-api-key"),
        (ANTHROPIC, 403, A_PERMISSION, Refused, "permission"),
        (ANTHROPIC, 404, A_MODEL, NoSuchModel, "claude-9"),
        (ANTHROPIC, 429, A_RATE, RateLimited, "30,000 input tokens"),
        (ANTHROPIC, 500, A_SERVER, Unreachable, "Internal server error"),
        (ANTHROPIC, 529, A_OVER, RateLimited, "Overloaded"),
        (ANTHROPIC, 400, A_BROKE, Refused, "credit balance"),
    ],
)
async def test_each_refusal_is_an_error_of_its_kind_and_sent_once(server, name, status, body, error, words):
    server.behave = answers(status, body, retry_after="7")
    with pytest.raises(ProviderError, match=words) as caught:
        await ask(server, name=name)
    assert type(caught.value) is error
    assert len(server.peers) == 1
    assert KEY not in caught.value.message
    assert "litellm" not in caught.value.message and "Exception" not in caught.value.message
    assert caught.value.retry_after_s == (7 if error in (RateLimited, Unreachable) else None)


async def test_a_refused_key_is_named_by_its_variable(server):
    server.behave = answers(401, A_KEY)
    with pytest.raises(Refused) as caught:
        await ask(server, name=ANTHROPIC)
    assert caught.value.hint == "look at the key in A_KEY"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_a_redirect_takes_neither_the_request_nor_its_key_elsewhere(server, name, status):
    server.behave = answers(status, {}, location=server.base.replace("127.0.0.1", "localhost") + "/elsewhere")
    with pytest.raises(Refused, match="does not follow redirects"):
        await ask(server, name=name)
    assert len(server.peers) == 1


async def test_overloaded_without_a_time_to_retry_is_unreachable(server):
    server.behave = answers(529, A_OVER)
    with pytest.raises(Unreachable, match="Overloaded"):
        await ask(server, name=ANTHROPIC)


async def test_an_error_in_the_middle_of_a_stream(server):
    async def limited(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel")
        await peer.event({"error": {"code": 429, "type": "rate_limit", "message": "too many"}})
        await peer.end_stream()

    async def overloaded(peer) -> None:
        await anthropic_begins(peer, "Hel")
        await named(peer, "error", error={"type": "overloaded_error", "message": "Overloaded"})
        await peer.send("0\r\n\r\n")

    server.behave = limited
    with pytest.raises(RateLimited, match="too many"):
        await ask(server)
    server.behave = overloaded
    with pytest.raises(Unreachable, match="Overloaded"):
        await ask(server, name=ANTHROPIC)


async def cut_openai(peer) -> None:
    await peer.begin_stream()
    await peer.text("Hel")
    await peer.send("ff\r\ndata: ")


async def early_openai(peer) -> None:
    await openai_says(peer, "Hel", finish="", usage=False, done=False)


async def cut_anthropic(peer) -> None:
    await anthropic_begins(peer, "Hel")
    await peer.send("ff\r\ndata: ")


async def early_anthropic(peer) -> None:
    await anthropic_begins(peer, "Hel")
    await peer.send("0\r\n\r\n")


@pytest.mark.parametrize(
    ("name", "behave", "words"),
    [
        (OPENAI, cut_openai, "broke off|before the reply was whole"),
        (OPENAI, early_openai, "before the reply was whole"),
        (ANTHROPIC, cut_anthropic, "broke off|before the reply was whole"),
        (ANTHROPIC, early_anthropic, "before the reply was whole"),
    ],
)
async def test_a_stream_that_is_cut_is_no_reply_though_litellm_ends_it_with_a_stop(
    server, name, behave, words
):
    server.behave = behave
    with pytest.raises(Malformed, match=words) as caught:
        await ask(server, name=name)
    assert caught.value.text == "Hel"


@pytest.mark.parametrize(
    ("name", "more"), [(OPENAI, {"finish": "length"}), (ANTHROPIC, {"stop": "max_tokens"})]
)
async def test_a_reply_at_its_limit_is_cut_off_and_keeps_text_and_usage(server, name, more):
    server.behave = says("abc", **more)
    with pytest.raises(CutOff, match="50 tokens") as caught:
        await ask(server, name=name)
    assert caught.value.text == "abc"
    assert caught.value.usage.output_tokens == 5


@pytest.mark.parametrize(
    ("name", "more"), [(OPENAI, {"finish": "content_filter"}), (ANTHROPIC, {"stop": "refusal"})]
)
async def test_a_filter_that_ends_the_reply_is_a_refusal(server, name, more):
    server.behave = says("abc", **more)
    with pytest.raises(Refused, match="filter"):
        await ask(server, name=name)


async def test_nobody_there_and_no_such_host_are_unreachable(unused_port):
    for base in (f"http://127.0.0.1:{unused_port}", "http://no-such-host.invalid"):
        for name in (OPENAI, ANTHROPIC):
            with pytest.raises(Unreachable, match="nobody answers"):
                await CloudModel(ModelEntry(name, base), timers=FAR).stream(ASK, lambda _: None)


async def test_a_name_that_no_provider_has_says_so(monkeypatch):
    monkeypatch.setenv("NOSUCH_API_KEY", KEY)
    with pytest.raises(NoSuchModel, match="knows no provider"):
        await CloudModel(ModelEntry("nosuch/model"), timers=FAR).stream(ASK, lambda _: None)


async def test_silence_before_the_first_byte_is_unreachable_and_hangs_up(server):
    server.behave = for_ever
    with pytest.raises(Unreachable, match=r"did not begin to answer within 0\.2 s"):
        await ask(server, timers=Timers(0.2, 60))
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_silence_in_the_middle_is_unreachable_pings_or_not(server):
    async def behave(peer) -> None:
        await anthropic_begins(peer, "Hel")
        while True:
            await named(peer, "ping")
            await asyncio.sleep(0.01)

    server.behave = behave
    with pytest.raises(Unreachable, match=r"in the middle of its reply for 0\.2 s"):
        await ask(server, name=ANTHROPIC, timers=Timers(60, 0.2))
    await asyncio.wait_for(server.gone.wait(), 5)


@pytest.mark.parametrize(("name", "begin"), [(OPENAI, "openai"), (ANTHROPIC, "anthropic")])
async def test_cancelling_hangs_up_and_the_worker_lives_on(server, name, begin):
    async def behave(peer) -> None:
        if begin == "anthropic":
            await anthropic_begins(peer, "Hel")
        else:
            await peer.begin_stream()
            await peer.text("Hel")
        await for_ever(peer)

    server.behave = behave
    streaming = asyncio.Event()
    task = asyncio.create_task(model(server, name).stream(ASK, lambda _: streaming.set()))
    await asyncio.wait_for(streaming.wait(), 10)
    pid = cloud_link.shared().pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.gone.wait(), 5)
    server.behave = says("Hello")
    assert (await ask(server, name=name)).text == "Hello"
    assert cloud_link.shared().pid == pid


async def test_a_worker_that_does_not_let_go_is_ended_and_the_others_in_flight_fail(server, monkeypatch):
    monkeypatch.setattr(cloud_link, "CANCEL_S", 0.05)
    server.behave = for_ever
    first = asyncio.create_task(ask(server))
    other = asyncio.create_task(ask(server, name=ANTHROPIC))
    while len(server.peers) < 2:
        server.reached.clear()
        await asyncio.wait_for(server.reached.wait(), 10)
    pid = cloud_link.shared().pid
    os.kill(pid, signal.SIGSTOP)
    first.cancel()
    with pytest.raises(Unreachable, match="a cancelled request did not stop"):
        await asyncio.wait_for(other, 10)
    server.behave = says("Hello")
    reply = await ask(server)
    assert (reply.text, cloud_link.shared().pid == pid) == ("Hello", False)
    assert reply.usage.load_s > 0


async def test_a_worker_that_is_killed_in_mid_stream_is_unreachable_and_started_again(server):
    async def behave(peer) -> None:
        await peer.begin_stream()
        await peer.text("Hel")
        await for_ever(peer)

    server.behave = behave
    streaming = asyncio.Event()
    task = asyncio.create_task(model(server).stream(ASK, lambda _: streaming.set()))
    await asyncio.wait_for(streaming.wait(), 10)
    os.kill(cloud_link.shared().pid, signal.SIGKILL)
    with pytest.raises(Unreachable, match="signal 9") as caught:
        await asyncio.wait_for(task, 10)
    assert KEY not in caught.value.message
    server.behave = says("Hello")
    assert (await ask(server)).text == "Hello"


async def test_requests_run_side_by_side(server):
    both = asyncio.Barrier(2)

    async def behave(peer) -> None:
        await asyncio.wait_for(both.wait(), 10)
        await openai_says(peer, "Hello")

    server.behave = behave
    replies = await asyncio.gather(ask(server), ask(server))
    assert [r.text for r in replies] == ["Hello", "Hello"]


async def test_a_prompt_surely_longer_than_the_models_window_is_not_sent(server):
    request = ModelRequest((Message("user", "x" * 900_000),), 50)
    with pytest.raises(ContextTooLong, match="its window has 200000"):
        await ask(server, request, "anthropic/claude-sonnet-4-5")
    with pytest.raises(ContextTooLong, match="its window has 1000"):
        await ask(server, ModelRequest((Message("user", "x" * 5000),), 50), context_tokens=1000)
    assert server.peers == []


async def test_a_reply_may_say_the_same_piece_over_and_over(server):
    server.behave = says(*["    "] * 300)
    assert (await ask(server)).text == "    " * 300
    server.behave = says(*["1,0,"] * 300)
    assert (await ask(server, name=ANTHROPIC)).text == "1,0," * 300


async def test_a_long_request_and_a_long_reply_come_through(server):
    text = "é" * 300_000
    server.behave = says(text)
    reply = await ask(server, ModelRequest((Message("user", text),), 50))
    assert reply.text == text
    assert server.peers[0].body["messages"][0]["content"] == text


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc here")
async def test_a_worker_sees_no_key_and_nothing_of_the_repository(tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    plant = f"import pathlib; pathlib.Path({str(seen)!r}).touch()\n"
    for name in ("queue.py", "litellm.py", "asyncio.py", "sitecustomize.py"):
        (tmp_path / name).write_text(plant)
    (tmp_path / ".env").write_text("PLANTED=1\n")
    monkeypatch.chdir(tmp_path)
    for name in (
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_BASE_URL",
        "SOMETHING",
    ):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    worker = cloud_link.Worker()
    try:
        await worker.ready()
        environ = Path(f"/proc/{worker.pid}/environ").read_bytes().decode()
        names = {line.partition("=")[0] for line in environ.split("\0") if line}
        place = Path(os.readlink(f"/proc/{worker.pid}/cwd"))
        assert (place, list(place.iterdir())) == (worker.home, [])
    finally:
        worker.close()
    assert not seen.exists()
    assert KEY not in environ
    allowed = {*cloud_link._PASSED_ON, *cloud_link._OWN, "HOME", "PYTHONUSERBASE"}
    assert {n for n in names if n not in allowed and not n.startswith("LC_")} == set()
    assert "HTTPS_PROXY" in names


@pytest.mark.skipif(sys.platform != "linux", reason="no pidfd here")
def test_a_worker_does_not_outlive_a_treadle_that_is_killed(tmp_path):
    code = (
        "import asyncio, os, signal\n"
        "from treadle.models.cloud_link import shared\n"
        "worker = shared()\n"
        "asyncio.run(worker.ready())\n"
        "print(worker.pid, flush=True)\n"
        "input()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        handle = os.pidfd_open(int(process.stdout.readline()))
        assert [p.name.startswith("treadle-cloud-") for p in tmp_path.iterdir()] == [True]
        process.communicate(b"\n")
    try:
        ended, _, _ = select.select([handle], [], [], 30)
    finally:
        os.close(handle)
    assert process.returncode == -signal.SIGKILL
    assert ended and list(tmp_path.iterdir()) == []


def test_starting_and_asking_for_a_price_asks_nobody(tmp_path):
    """litellm's import and its price list, watched by an audit hook: no name is looked up, nothing is connected."""
    code = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event in ('socket.getaddrinfo', 'socket.connect', 'socket.sendto', 'subprocess.Popen'):\n"
        "        sys.stderr.write(f'ASKED {event} {args[:2]}\\n')\n"
        "sys.addaudithook(hook)\n"
        "from treadle.models.cloud_worker import main\n"
        "main()\n"
    )
    orders = [
        {"id": 1, "do": "about", "model": "anthropic/claude-sonnet-4-5"},
        {"id": 2, "do": "about", "model": "openai/no-such-model"},
    ]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=cloud_link.environment(str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"".join(json.dumps(order).encode() + b"\n" for order in orders))
        process.stdin.flush()
        said = [json.loads(process.stdout.readline()) for _ in range(4)]
        told = process.communicate(timeout=60)[1].decode()
    assert [s["kind"] for s in said] == ["end", "over", "end", "over"]
    assert said[0]["value"]["window"] == 200_000
    assert "ASKED" not in told
    assert process.returncode == 0
