"""Request in, response out.

request   {runner: "unittest" | "pytest", target: [id], passing: [id], denied: [path], wall_s,
          mode: "repair" | "localise"}
response  {found, path, source, description, mended, tried, suspects: [{path, line, score, text, function, start, end}],
          near: [text], exhausted, note}; written anew as the work goes on, so that what is known outlives a kill
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from .files import Files
from .localise import Place, places
from .runners import Tests, enter
from .search import Limits, Request, Search, mend, observe, quiet_exit

_SUSPECTS = 25
_EACH_S = 3.0
_FUNCTION_KINDS = ("FunctionDef", "AsyncFunctionDef")


class Response:
    """The response file, replaced whole at each `write`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.values: dict[str, Any] = {
            "found": False,
            "path": "",
            "source": "",
            "was": "",
            "description": "",
            "mended": 0,
            "tried": 0,
            "suspects": [],
            "near": [],
            "exhausted": False,
            "note": "",
        }

    def write(self, **values: Any) -> None:
        """Write it with `values` changed."""
        self.values.update(values)
        with open(self._path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.values, file)
        os.replace(self._path + ".part", self._path)


def suspects(files: Files, found: list[Place]) -> list[dict[str, Any]]:
    """The places as the response tells them: headers of functions left out, one entry a line."""
    out: dict[tuple[str, int], dict[str, Any]] = {}
    for place in found:
        source = files.source(place.path)
        if source is None or type(place.node).__name__ in _FUNCTION_KINDS:
            continue
        text = source.line(place.node.lineno).strip()
        whole = {"path": place.path, "line": place.node.lineno, "score": round(place.score, 4), "text": text}
        out.setdefault(
            (place.path, place.node.lineno),
            {**whole, "function": place.function, "start": place.start, "end": place.end},
        )
    return list(out.values())[:_SUSPECTS]


def _work(request: Request, response: Response, tests: Tests, deadline: float, begun: float) -> None:
    import_s = time.process_time() - begun
    files = Files(request.root, request.denied)
    files.tests = {p for p in map(files.inside, tests.files) if p is not None}
    target = tests.known(request.target)
    if not target or target[0] != request.target[0]:
        response.write(note="the failing test was not found when its file was loaded")
        return
    first = target[0]
    share = max(0.5, (deadline - time.monotonic()) * 0.2)
    each_s = min(_EACH_S, share)
    seen = observe(tests, target[:1], files, each_s, share, traced=True)
    hung = not seen or seen[0].seconds >= each_s
    plain = [] if hung else observe(tests, target[:1], files, each_s, share, traced=False)
    if any(s.passed for s in seen + plain):
        response.write(note="the failing test passes when it runs by itself")
        return
    seen += [
        s for s in observe(tests, target[1:], files, min(1.0, share), share, traced=True) if not s.passed
    ]
    passing = [i for i in tests.known(request.passing) if i not in target]
    passing.sort(key=lambda i: _file_of(i, request.runner) != _file_of(first, request.runner))
    seen += [s for s in observe(tests, passing, files, each_s, share, traced=True) if s.passed]
    found = places(files, seen, first, tests.names(first))
    response.write(suspects=suspects(files, found))
    if not found:
        response.write(note="the failing test runs no code of the project that may be changed")
    if request.mode != "repair" or not found:
        return
    cpu_s = plain[0].seconds * 2 if plain else 0.0
    search = Search(request, tests, files, seen, Limits(deadline, cpu_s, import_s))
    finding = search.run(found, lambda: response.write(tried=search.tried, near=search.near))
    ended = {"tried": search.tried, "near": search.near, "exhausted": search.exhausted}
    response.write(**ended, **(mend(files, finding) if finding else {}))


def _file_of(test_id: str, runner: str) -> str:
    return test_id.split("::")[0] if runner == "pytest" else test_id.rsplit(".", 2)[0]


def main(request_path: str, response_path: str) -> int:
    """0 when a response was written, whatever it says."""
    begun, clock = time.monotonic(), time.process_time()
    with open(request_path, encoding="utf-8") as file:
        # A sandbox may have put the repository elsewhere; the command begins in its root wherever that is.
        request = Request(**{**json.load(file), "root": os.path.realpath(os.getcwd())})
    response = Response(response_path)
    response.write()
    try:
        enter(
            request.runner,
            request.root,
            list(dict.fromkeys([*request.target, *request.passing])),
            lambda tests: _work(request, response, tests, begun + request.wall_s, clock),
        )
    except LookupError as error:
        response.write(note=str(error.args[0]))
    quiet_exit()
    return 0
