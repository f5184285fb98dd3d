"""Tells a failure that the network's absence caused from one of the code."""

import re

from treadle.checks.base import FailedTest

_LOCAL = r"(?!127\.|localhost|::1|\[::1\])"
_REFUSED = re.compile(
    rf"""Network\ is\ unreachable | ENETUNREACH | EHOSTUNREACH | No\ route\ to\ host
    | Temporary\ failure\ in\ name\ resolution | Name\ or\ service\ not\ known | EAI_AGAIN
    | nodename\ nor\ servname | getaddrinfo\ ENOTFOUND | gaierror | NameResolutionError
    | Could\ not\ resolve\ (?:host|hostname|proxy) | no\ such\ host | dial\ (?:tcp|udp):?\ lookup
    | failed\ to\ lookup\ address\ information | dns\ error | server\ misbehaving
    | Can't\ assign\ requested\ address | spurious\ network\ error
    | ECONNREFUSED\ {_LOCAL}[\w:\[]
    | dial\ tcp\ {_LOCAL}[\w.:\[\]]+:\ connect:\ connection\ refused
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SEEN_BY_REPORTER = ("pytest", "unittest")
_ASSERTED = re.compile(
    r"(?:\w+: )?(?:AssertionError|AssertionFailedError|Failed|assert(?:ion)?|Expected)\b|.*\bexpect\(|.*ERR_ASSERTION"
)
# How an error of each language ends when it is printed whole: Python's, Node's, Go's, Rust's.
_ERROR = re.compile(
    rf"""^(?:E\s+)?[\w.]*(?:gaierror|OSError|URLError|Connect\w*Error|ConnectTimeout|NameResolutionError):\ .*?
        (?:Network\ is\ unreachable|No\ route\ to\ host|[Nn]ame\ resolution|Name\ or\ service\ not\ known
        |nodename\ nor\ servname).*$
    | ^\s*(?:caused\ by:\ )?(?:\w*Error(?:\ \[\w+\])?:\ )*(?:request\ to\ .*reason:\ )?
        (?:getaddrinfo\ (?:ENOTFOUND|EAI_AGAIN)|connect\ (?:ENETUNREACH|EHOSTUNREACH)
        |connect\ ECONNREFUSED\ {_LOCAL}[\w:\[]).*$
    | ^[^"'`\n]*(?:"https?://[^"\n]*":\ )?dial\ (?:tcp|udp)\d?:?\ (?:lookup\ \S+(?:\ on\ \S+)?:\ [^"'`\n]*
        |{_LOCAL}[\w.:\[\]]+:\ connect:\ (?:network\ is\ unreachable|no\ route\ to\ host|connection\ refused))$
    | ^(?:Error:|called\ `Result::\w+\(\)`\ on\ an\ `Err`\ value:)\ .*(?:failed\ to\ lookup\ address\ information
        |dns\ error|NetworkUnreachable|HostUnreachable).*$
    """,
    re.VERBOSE | re.MULTILINE,
)


def network_refusal(text: str) -> str:
    """The line of a tool's output that shows the network refused, stripped and cut; "" where none does."""
    found = _REFUSED.search(text)
    if found is None:
        return ""
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)].strip()[:300]


def refusal_of(test: FailedTest, runner: str) -> str:
    """The error by which the network refused the test, cut; "" where it failed for another reason.

    `runner` is the report's. An assertion is a failure of the code, whatever text it quotes: where a reporter
    saw the error itself that alone counts, elsewhere the error must be printed as its language prints it.
    """
    if test.refused or runner in _SEEN_BY_REPORTER:
        return test.refused[:300]
    return "" if test.expected or test.got else printed_refusal(test.message, test.traceback)


def printed_refusal(message: str, text: str) -> str:
    """The same from what a tool printed: the failure's `message`, and the whole `text` of it."""
    if _ASSERTED.match(message):
        return ""
    found = _ERROR.search(message) or _ERROR.search(text)
    return found[0].strip()[:300] if found else ""
