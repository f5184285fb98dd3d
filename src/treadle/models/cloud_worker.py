"""The process that litellm lives in: `python -P -m treadle.models.cloud_worker`, orders in, what came of them out.

Both are JSON, one value a line, on the pipes it was started with. An order has an `id` and a `do`:

    ping                                    → end, once litellm is there
    about   {model}                         → end {known, window, output, input_usd, output_usd, cached_usd, schema}
    chat    {request, secret, direct}       → chunk …, then end {cost_usd, whole}; no proxy for the host `direct`
    cancel                                  → closes that order's connection

Each answer is {id, kind, value}; `fault` stands for `end` where an order failed, and `over` is the last answer to
every order. Ends when stdin does, so that it never outlives the one who started it. Nothing else of treadle is
imported here, and stdout is the protocol's alone: what litellm prints goes to stderr.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HOURS = 6 * 3600.0
"""Of litellm's own timeout: the one that counts is kept by treadle, which sees each piece arrive."""
HOME_PREFIX = "treadle-cloud-"
_TEXT = 2000
_LINKS = 6


class Worker:
    """Takes orders and answers them, many at a time, on one event loop."""

    def __init__(self, litellm: Any, answers: Any) -> None:
        self._litellm = litellm
        self._answers = answers
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def take(self, line: bytes) -> None:
        """Begins one order, or cancels one that is under way."""
        order = json.loads(line)
        number = order["id"]
        if order["do"] == "cancel":
            task = self._tasks.get(number)
            if task is not None:
                task.cancel()
            return
        task = asyncio.ensure_future(self._work(number, order))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def say(self, number: int, kind: str, value: Any = None) -> None:
        """Answers one line."""
        self._answers.write(json.dumps({"id": number, "kind": kind, "value": value}).encode() + b"\n")
        self._answers.flush()

    async def _work(self, number: int, order: dict[str, Any]) -> None:
        try:
            match order["do"]:
                case "chat":
                    _past_proxies(self._litellm, order.get("direct", ""))
                    await self._chat(number, order["request"], order["secret"])
                case "about":
                    self.say(number, "end", about(self._litellm, order["model"]))
                case _:
                    self.say(number, "end")
        except Exception as fault:  # noqa: BLE001 whatever litellm raises is the other side's to sort out
            self.say(number, "fault", described(fault))
        finally:
            self.say(number, "over")

    async def _chat(self, number: int, request: dict[str, Any], secret: dict[str, str]) -> None:
        stream = await self._litellm.acompletion(
            **request,
            **secret,
            stream=True,
            stream_options={"include_usage": True},
            num_retries=0,
            max_retries=0,
            timeout=_HOURS,
            drop_params=True,
        )
        used: Any = None
        numbers = Numbers()
        try:
            async for chunk in stream:
                used = getattr(chunk, "usage", None) or used
                self.say(number, "chunk", _plain(chunk, numbers))
        finally:
            await _closed(stream)
        # litellm ends a reply that broke off with a `stop` of its own; this attribute is the provider's word.
        whole = getattr(stream, "received_finish_reason", "stop") is not None
        self.say(number, "end", {"cost_usd": _cost(self._litellm, request["model"], used), "whole": whole})


class Numbers:
    """Tool calls numbered in the order they come: some providers send each whole, and each as the first."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._at: dict[int, int] = {}

    def of(self, index: int, call_id: str | None) -> int:
        """The number of the call that a piece with that index and id belongs to."""
        known = self._at.get(index)
        if known is None or (call_id and self._ids[known] and call_id != self._ids[known]):
            self._ids.append(call_id or "")
            known = self._at[index] = len(self._ids) - 1
        self._ids[known] = self._ids[known] or call_id or ""
        return known


def about(litellm: Any, model: str) -> dict[str, Any]:
    """What litellm's own table says of a model: its window, its reply's limit, USD per million tokens."""
    info = _looked_up(litellm.get_model_info, model)
    if info is None:
        return {"known": False, "schema": bool(litellm.supports_response_schema(model))}
    prices = {
        name: _million(info.get(key))
        for name, key in (
            ("input_usd", "input_cost_per_token"),
            ("output_usd", "output_cost_per_token"),
            ("cached_usd", "cache_read_input_token_cost"),
        )
    }
    return {
        "known": True,
        "window": int(info.get("max_input_tokens") or 0),
        "output": int(info.get("max_output_tokens") or 0),
        "schema": bool(info.get("supports_response_schema")),
        **prices,
    }


def described(fault: BaseException) -> dict[str, Any]:
    """The fault and what stands behind it, outermost first, and the wait that the provider asked for."""
    links: list[dict[str, Any]] = []
    seen: set[int] = set()
    wait = ""
    at: BaseException | None = fault
    while at is not None and id(at) not in seen and len(links) < _LINKS:
        seen.add(id(at))
        status, code, body = (getattr(at, name, None) for name in ("status_code", "code", "body"))
        links.append(
            {
                "name": type(at).__name__,
                "status": status if isinstance(status, int) else code if isinstance(code, int) else 0,
                "body": body if isinstance(body, dict) else None,
                "text": str(getattr(at, "message", "") or at)[:_TEXT],
            }
        )
        wait = wait or _wait(at)
        at = getattr(at, "original_exception", None) or at.__cause__ or at.__context__
    return {"links": links, "retry_after": wait}


def _wait(fault: BaseException) -> str:
    response = getattr(fault, "response", None)
    for headers in (getattr(response, "headers", None), getattr(fault, "litellm_response_headers", None)):
        try:
            found = headers.get("retry-after") if headers is not None else None
        except AttributeError:
            continue
        if found:
            return str(found)
    return ""


def _plain(chunk: Any, numbers: Numbers) -> dict[str, Any]:
    """A chunk with no more than treadle reads."""
    value: dict[str, Any] = {}
    choices = getattr(chunk, "choices", None) or []
    if choices:
        delta = choices[0].delta
        calls = getattr(delta, "tool_calls", None)
        value["choices"] = [
            {
                "delta": {
                    "content": getattr(delta, "content", None) or None,
                    "tool_calls": [_call(call, numbers) for call in calls] if calls else None,
                },
                "finish_reason": choices[0].finish_reason,
            }
        ]
    usage = getattr(chunk, "usage", None)
    if usage:
        details = getattr(usage, "prompt_tokens_details", None)
        value["usage"] = {
            "prompt_tokens": int(usage.prompt_tokens or 0),
            "completion_tokens": int(usage.completion_tokens or 0),
            "prompt_tokens_details": {"cached_tokens": int(getattr(details, "cached_tokens", 0) or 0)},
        }
    return value


def _call(call: Any, numbers: Numbers) -> dict[str, Any]:
    function = getattr(call, "function", None)
    call_id = getattr(call, "id", None)
    return {
        "index": numbers.of(getattr(call, "index", None) or 0, call_id),
        "id": call_id,
        "function": {
            "name": getattr(function, "name", None),
            "arguments": getattr(function, "arguments", None),
        },
    }


def _cost(litellm: Any, model: str, used: Any) -> float | None:
    """USD by litellm's own table; None where it has no price, for a price of zero there means that it has none."""
    if not used:
        return None
    both = _looked_up(litellm.cost_per_token, model=model, usage_object=used)
    return float(sum(both)) or None if both else None


def _looked_up(ask: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """What litellm's table says, None where it does not know the model."""
    try:
        return ask(*args, **more)
    except Exception:  # noqa: BLE001 litellm raises no narrower one for a model that it does not know
        return None


def _million(price: Any) -> float | None:
    return round(float(price) * 1e6, 9) if price else None


async def _closed(stream: Any) -> None:
    """Closes what the stream reads from, so that the provider sees a dropped request at once."""
    inner = getattr(stream, "completion_stream", None)
    for part in (stream, inner, getattr(inner, "response", None)):
        close = getattr(part, "aclose", None) or getattr(part, "close", None)
        if close is None:
            continue
        try:
            done = close()
            if hasattr(done, "__await__"):
                await done
        except (OSError, RuntimeError):
            continue  # what can't be closed any more is closed


def _quiet(litellm: Any) -> None:
    import logging

    logging.disable(logging.CRITICAL)
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.set_verbose = False
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    # It fails a reply that says the same piece a hundred times, which a table of zeros or a deep indent does.
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = 1 << 30


def _past_proxies(litellm: Any, host: str) -> None:
    """Has requests to `host` pass by the environment's proxies; clients that are open have read that already."""
    known = next((os.environ[n] for n in ("no_proxy", "NO_PROXY") if n in os.environ), "")
    if not host or host in known.split(","):
        return
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{known},{host}".lstrip(",")
    litellm.in_memory_llm_clients_cache.flush_cache()


def _stay() -> None:
    """Has no redirect followed: it would take the key, and a request meant for this machine, to another host.

    litellm turns redirects on for each client, and httpx keeps headers such as `x-api-key` on the way.
    """
    for name in ("httpx", "httpx2"):
        if name in sys.modules:
            sys.modules[name].Response.has_redirect_location = property(lambda _: False)


async def _serve(worker: Worker, orders: Any) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in orders:
            loop.call_soon_threadsafe(worker.take, line)
        _tidy()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    await asyncio.Event().wait()


def _tidy() -> None:
    """Takes the worker's own folder away where it is still empty: who started it may have been killed."""
    home = os.environ.get("HOME", "")
    if Path(home).name.startswith(HOME_PREFIX):
        try:
            Path(home).rmdir()
        except OSError:
            return


def main() -> None:
    """Serves until stdin ends."""
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    import litellm

    _quiet(litellm)
    _stay()
    asyncio.run(_serve(Worker(litellm, answers), orders))


if __name__ == "__main__":
    main()
