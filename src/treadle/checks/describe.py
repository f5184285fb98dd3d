"""Failed tests in words, for prompts, receipts and people."""

from treadle.checks.base import FailedTest, TestReport


def failing_tests(report: TestReport) -> list[FailedTest]:
    """The failed tests in the order they ran."""
    return list(report.failed)


def expectation(test: FailedTest) -> str:
    """`CALL should be EXPECTED, but it is GOT.` or `…, but it raises X: message.`; "" where that is not known."""
    if not test.call or not test.expected:
        return ""
    if test.got.startswith("raises "):
        return f"{test.call} should be {test.expected}, but it {test.got}."
    return f"{test.call} should be {test.expected}, but it is {test.got}." if test.got else ""


def describe_failure(test: FailedTest, limit: int = 2000) -> str:
    """A failed test as text: its id, where, what was expected and what came, its source; at most `limit` characters.

    The plain expectation comes first, the traceback last and only as far as there is room.
    """
    place = f" ({test.path}{f':{test.line}' if test.line else ''})" if test.path else ""
    parts = [f"{test.id}{place}", expectation(test) or test.message]
    if test.source:
        parts.append(test.source.rstrip())
    text = "\n".join(part for part in parts if part)
    room = limit - len(text) - 1
    if test.traceback and room > 200:
        text += "\n" + cut_middle(test.traceback.rstrip(), room)
    return cut_middle(text, limit)


def cut_middle(text: str, limit: int) -> str:
    """`text`, its middle replaced by a note of how much is left out when it has more than `limit` characters."""
    if len(text) <= limit:
        return text
    note = f"\n[… {len(text) - limit} characters left out …]\n"
    half = max(0, limit - len(note)) // 2
    return text[:half] + note + text[len(text) - half :]


def name_some(names: tuple[str, ...], most: int = 5) -> str:
    """The names joined by commas, the first few of them, with how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
