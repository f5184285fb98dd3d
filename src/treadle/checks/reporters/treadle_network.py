"""Tells from an exception itself whether the network's absence is why it was raised.

Runs in the project's interpreter: standard library only, Python 3.8 or later, nothing of treadle's.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator

_ERRNO = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}
# Names of exceptions that clients of networks raise, where the standard library's own is not at hand.
_CLIENT = re.compile(r"Connect|Network|Operational|Resol|Transport|URL|Url|Proxy|DNS|Timeout|Endpoint")
_SAID = re.compile(
    r"Network is unreachable|No route to host|Temporary failure in name resolution"
    r"|Name or service not known|nodename nor servname|Could not resolve (?:host|proxy)"
)


def refused(error: BaseException | None) -> str:
    """`Kind: message` of the innermost error that shows the network refused; "" where none does.

    What a test asserts is never one, whatever its message quotes.
    """
    if error is None or isinstance(error, AssertionError) or type(error).__module__.startswith("_pytest."):
        return ""
    found = ""
    for each in _causes(error):
        if _shows(each):
            found = " ".join(("%s: %s" % (type(each).__name__, each)).split())[:300]
    return found


def _shows(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror) or (isinstance(error, OSError) and error.errno in _ERRNO):
        return True
    return _is_clients(error) and _SAID.search(str(error)) is not None


def _is_clients(error: BaseException) -> bool:
    return isinstance(error, OSError) or _CLIENT.search(type(error).__name__) is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it names as its causes, outermost first. What it was merely raised while handling
    counts for a client's errors only: any other may come from a fallback that is wrong by itself."""
    waiting, known = [error], set()
    while waiting:
        now = waiting.pop(0)
        if id(now) in known:
            continue
        known.add(id(now))
        yield now
        held = [now.__cause__, getattr(now, "reason", None), *now.args, *getattr(now, "exceptions", ())]
        if _is_clients(now) and not now.__suppress_context__:
            held.append(now.__context__)
        waiting += [each for each in held if isinstance(each, BaseException)]
