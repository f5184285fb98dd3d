"""Tells a failure that the network's absence caused from one of the code."""

import re

_REFUSED = re.compile(
    r"""Network\ is\ unreachable | ENETUNREACH | EHOSTUNREACH | No\ route\ to\ host
    | Temporary\ failure\ in\ name\ resolution | Name\ or\ service\ not\ known | EAI_AGAIN
    | nodename\ nor\ servname | getaddrinfo\ ENOTFOUND | gaierror | NameResolutionError
    | Could\ not\ resolve\ (?:host|hostname|proxy) | no\ such\ host | dial\ (?:tcp|udp):?\ lookup
    | failed\ to\ lookup\ address\ information | dns\ error | server\ misbehaving
    | Can't\ assign\ requested\ address | spurious\ network\ error
    | ECONNREFUSED\ (?!127\.|::1|localhost|\[::1\])[\w:\[]
    | dial\ tcp\ (?!127\.|\[::1\])[\w.:\[\]]+:\ connect:\ connection\ refused
    """,
    re.VERBOSE | re.IGNORECASE,
)


def network_refusal(text: str) -> str:
    """The line of `text` that shows the network refused, stripped and cut; "" where none does."""
    found = _REFUSED.search(text)
    if found is None:
        return ""
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)].strip()[:300]
