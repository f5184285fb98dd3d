"""Models of cloud providers, by litellm in a worker process: `anthropic/…`, `openai/…`, any name litellm knows.

litellm is never imported here. The worker (`cloud_link`) serves all cloud models of this process and stays until it
ends, so that its two seconds of start are paid once; keys are read here and go to it with each request.
"""

import asyncio
from importlib.util import find_spec

import msgspec
from msgspec import Struct

from treadle.models import cloud_faults, cloud_link, judge
from treadle.models.assembly import Assembly
from treadle.models.base import ModelReply, ModelRequest, OnDelta, Timers
from treadle.models.cloud_secret import Secret, secret_of
from treadle.models.wire import message_json, tool_json
from treadle.protocol.errors import ContextTooLong, Malformed, NoSuchModel, Refused, Unreachable
from treadle.protocol.messages import Json, Message
from treadle.spec.tiers import ModelEntry, Price

REPLY_CAP = 10 * 1024 * 1024
_OWN_OPTIONS = ("context_tokens",)
# Of litellm's arguments, those that would send a request elsewhere, twice, or with another key than treadle shows.
_NO_OPTIONS = frozenset(
    {"api_base", "base_url", "api_key", "custom_llm_provider", "fallbacks", "context_window_fallback_dict",
     "model_list", "num_retries", "max_retries", "stream", "stream_options", "messages", "model", "tools", "functions",
     "callbacks", "client", "mock_response", "timeout", "deployment_id"}
)  # fmt: skip
_NEEDS_A_BROWSER = ("github_copilot", "chatgpt")
# A conversation's beginning is read again each turn; Anthropic bills that at a tenth where a request asks for it.
_CACHED = [{"location": "message", "role": "system"}, {"location": "message", "index": -1}]
# What a strict schema may hold by OpenAI's guide to structured outputs.
_STRICT = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title",
     "anyOf", "pattern", "format", "minimum", "maximum", "multipleOf", "minItems", "maxItems"}
)  # fmt: skip


class About(Struct, frozen=True):
    """What litellm's own table says of a model. `window` and `output` are tokens, 0 unknown; prices USD per million."""

    known: bool = False
    window: int = 0
    output: int = 0
    input_usd: float | None = None
    output_usd: float | None = None
    cached_usd: float | None = None
    schema: bool = False

    @property
    def price(self) -> Price | None:
        """The price, None where the table has none."""
        if self.input_usd is None or self.output_usd is None:
            return None
        return Price(self.input_usd, self.output_usd, self.cached_usd)


class _End(Struct):
    cost_usd: float | None = None
    whole: bool = True


class CloudModel:
    """A model that litellm reaches; an `endpoint` is the address it is asked at instead of the maker's own."""

    def __init__(self, entry: ModelEntry, *, timers: Timers | None = None) -> None:
        self.name = entry.name
        self._entry = entry
        self._timers = timers or Timers()
        _must_pass(entry)

    async def stream(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The whole reply. The first one after the worker's start has the time of that in `usage.load_s`."""
        if request.schema is not None and request.tools:
            raise ValueError("a request has a schema or tools, never both")
        secret = secret_of(self._entry)
        worker = cloud_link.shared()
        await worker.ready()
        known = await _about(worker, self.name)
        self._must_fit(request, known)
        order: dict[str, Json] = {
            "do": "chat",
            "request": self._body(request, known),
            "secret": secret.parameters,
            "direct": _own_host(self._entry),
        }
        load_s = worker.take_load_s()
        return await self._exchange(worker, order, secret, request, on_delta, load_s)

    async def close(self) -> None:
        """Nothing is held: the worker is the process's, and ends with it."""

    async def _exchange(
        self,
        worker: cloud_link.Worker,
        order: dict[str, Json],
        secret: Secret,
        request: ModelRequest,
        on_delta: OnDelta,
        load_s: float,
    ) -> ModelReply:
        got = Assembly(self.name, on_delta)
        clock = asyncio.get_running_loop().time
        began, first, size = clock(), 0.0, 0
        try:
            async with asyncio.timeout(self._timers.first_byte_s) as timer:
                with worker.exchange(order, secrets=secret.values) as exchange:
                    while (said := await exchange.next()).kind == "chunk":
                        size += len(bytes(said.value))
                        if size > REPLY_CAP:
                            raise Malformed("the reply is longer than treadle takes from a model (10 MB)")
                        got.take(bytes(said.value).decode())
                        first = first or (clock() if got.began else 0.0)
                        wait = self._timers.idle_s if got.began else self._timers.first_byte_s
                        timer.reschedule(clock() + wait)
        except TimeoutError as error:
            raise Unreachable(self._silent(got.began)) from error
        if said.kind == "fault":
            fault = msgspec.json.decode(said.value, type=cloud_faults.Fault)
            raise cloud_faults.error_of(
                fault, self.name, variable=secret.variable, secrets=secret.values, text=got.text
            )
        end = msgspec.json.decode(said.value, type=_End)
        if not end.whole:
            raise Malformed(f"{self.name}: the stream ended before the reply was whole", text=got.text)
        reply = got.reply(self.name)
        if request.schema is not None:
            reply = msgspec.structs.replace(reply, text=_bare(reply.text))
        usage = reply.usage if reply.usage.input_tokens else judge.estimated(request, reply.text)
        first = first or clock()
        usage = msgspec.structs.replace(
            usage, cost_usd=end.cost_usd, load_s=load_s, prompt_s=first - began, decode_s=clock() - first
        )
        return judge.accepted(request, msgspec.structs.replace(reply, usage=usage))

    def _must_fit(self, request: ModelRequest, known: About) -> None:
        """Raises: `ContextTooLong` for a prompt that is surely longer than the model's window."""
        given = self._entry.options.get("context_tokens", 0)
        window = given if isinstance(given, int) and given > 0 else known.window
        tokens = judge.estimated_tokens(request)
        if 0 < window < tokens:
            raise ContextTooLong(
                f"{self.name}: about {tokens} tokens of prompt, and its window has {window}",
                hint="give this rung a smaller `context_tokens`",
            )

    def _body(self, request: ModelRequest, known: About) -> dict[str, Json]:
        """litellm's arguments, but for the key."""
        messages = request.messages
        body: dict[str, Json] = {"model": self.name, "max_tokens": request.max_tokens}
        if self._entry.endpoint:
            body["api_base"] = _base(self._entry)
        if known.known or self._entry.endpoint:
            # What a model takes is in the table; one that is newer may refuse what it no longer has.
            body |= {"temperature": request.temperature, "seed": request.seed}
        if request.stop:
            body["stop"] = list(request.stop)
        if request.tools:
            body["tools"] = [tool_json(t) for t in request.tools]
            if _is_anthropic(self.name):
                body["cache_control_injection_points"] = _CACHED
        if request.schema is not None and known.schema:
            form = {"name": "reply", "strict": _is_strict(request.schema), "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif request.schema is not None:
            messages = _with_schema(messages, request.schema)
        body["messages"] = [_message(m) for m in messages]
        return body | {k: v for k, v in self._entry.options.items() if k not in _OWN_OPTIONS}

    def _silent(self, began: bool) -> str:
        if began:
            return f"{self.name} fell silent in the middle of its reply for {self._timers.idle_s:g} s"
        return f"{self.name} did not begin to answer within {self._timers.first_byte_s:g} s"


def check(entry: ModelEntry) -> None:
    """Raises a `ProviderError` with what is missing: the package, a key, or an option that can't be. Sends nothing."""
    if find_spec("litellm") is None:
        from treadle.models.open import CLOUD_PACKAGE

        raise NoSuchModel(
            f"{entry.name} needs the package litellm, which is not installed", hint=CLOUD_PACKAGE
        )
    _must_pass(entry)
    secret_of(entry)


async def about(model_name: str) -> About:
    """What litellm's table says of the model; nothing is sent to anybody. Raises: `Unreachable` without a worker."""
    worker = cloud_link.shared()
    await worker.ready()
    return await _about(worker, model_name)


async def known_price(model_name: str) -> Price | None:
    """The model's price by litellm's table, None where it has none. Raises: `Unreachable` without a worker."""
    return (await about(model_name)).price


def warm() -> None:
    """Starts the worker where it is not up, without waiting for it, so that a first request finds it ready."""
    if find_spec("litellm") is not None:
        cloud_link.shared()


async def _about(worker: cloud_link.Worker, name: str) -> About:
    if name not in worker.known:
        with worker.exchange({"do": "about", "model": name}) as exchange:
            said = await exchange.next()
        worker.known[name] = said.value if said.kind == "end" else msgspec.Raw(b"{}")
    return msgspec.json.decode(worker.known[name], type=About)


def _must_pass(entry: ModelEntry) -> None:
    """Raises: `Refused` for an option that is treadle's, `NoSuchModel` for a provider that logs in by a browser."""
    wrong = sorted(_NO_OPTIONS & entry.options.keys())
    if wrong:
        raise Refused(
            f"{entry.name}: the option {wrong[0]} is not for tiers.yaml",
            hint="`endpoint` says where a model is asked, `key_env` with which key",
        )
    if entry.name.partition("/")[0] in _NEEDS_A_BROWSER:
        raise NoSuchModel(f"{entry.name} needs a login in a browser, which treadle does not do")


def _base(entry: ModelEntry) -> str:
    """The address as litellm wants it: for Anthropic's API it adds the version itself."""
    base = entry.endpoint.rstrip("/")
    return base.removesuffix("/v1") if _is_anthropic(entry.name) else base


def _own_host(entry: ModelEntry) -> str:
    """The host of an endpoint in the user's own network, "" for any other: a proxy is on the way to a cloud alone."""
    from urllib.parse import urlsplit

    return "" if entry.is_cloud or not entry.endpoint else urlsplit(entry.endpoint).hostname or ""


def _is_anthropic(model_name: str) -> bool:
    return model_name.startswith(("anthropic/", "claude-"))


def _message(message: Message) -> dict[str, Json]:
    """The message; one of calls alone has no text, for litellm puts words of its own where an empty one stands."""
    value = message_json(message)
    return value | {"content": None} if message.tool_calls and not message.text else value


def _with_schema(messages: tuple[Message, ...], schema: dict[str, Json]) -> tuple[Message, ...]:
    """The messages with the schema told in words, for a model that is not held to one."""
    text = "Answer with one JSON value of this JSON Schema and nothing else:\n"
    text += msgspec.json.encode(schema).decode()
    if messages and messages[0].role == "system":
        return (Message("system", f"{messages[0].text}\n\n{text}"), *messages[1:])
    return (Message("system", text), *messages)


def _bare(text: str) -> str:
    """The JSON without a fence around it; models that are only told of a schema write one."""
    lines = text.strip().splitlines()
    if len(lines) > 2 and lines[0].startswith("```") and lines[-1] == "```":
        return "\n".join(lines[1:-1])
    return text


def _is_strict(schema: Json) -> bool:
    """Whether OpenAI's strict mode takes the schema: else it is asked for without, and checked here all the same."""
    if not isinstance(schema, dict):
        return False
    if not schema.keys() <= _STRICT:
        return False
    below = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    below += [schema["items"]] if "items" in schema else []
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(schema.get("properties", {})):
            return False
    return all(_is_strict(part) for part in below)
