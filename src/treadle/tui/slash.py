"""The commands that begin with a slash, and what completes them."""

from collections.abc import Sequence

from treadle.protocol.errors import UsageError

COMMANDS = {
    "help": "all keys and commands",
    "loop": "run this loop: /loop NAME [TASK], or /NAME [TASK]; without a name, lists them",
    "mode": "when a run waits: /mode auto|step|into|plan",
    "next": "go on to the next step",
    "into": "go on to the next request or tool call",
    "continue": "go on without asking",
    "pause": "wait at the next step",
    "abort": "end the run now",
    "diff": "the diff of the last run",
    "apply": "write what the last run proved and did not write",
    "undo": "put back what the last run wrote",
    "new": "a new thread: the next task knows nothing of the earlier ones",
    "setup": "which model serves which tier, and what may use the cloud",
    "theme": "the colours: /theme NAME; without a name, the next one",
    "copy": "the last answer, or the diff, to the clipboard",
    "clear": "an empty transcript",
    "quit": "leave",
}
"""Each command and what it does, in the order in which the help shows them."""

_ALSO = {
    "exit": "quit",
    "model": "setup",
    "models": "setup",
    "rewind": "undo",
    "stop": "abort",
    "?": "help",
}
"""What other agents call some of them."""
LEAVING = ("exit", "quit", ":q")
"""Words that are no task when they stand alone."""


def parse(text: str) -> tuple[str, str]:
    """The command's name and the rest of the line. Raises: `UsageError` for one that there is not."""
    name, _, rest = text.removeprefix("/").strip().partition(" ")
    name = _ALSO.get(name, name)
    if name in COMMANDS:
        return name, rest.strip()
    near = [known for known in COMMANDS if name and known.startswith(name)]
    if len(near) == 1:
        return near[0], rest.strip()
    from difflib import get_close_matches

    meant = near or get_close_matches(name, COMMANDS, 2)
    mean = f"; did you mean {' or '.join('/' + word for word in meant)}?" if meant else ""
    raise UsageError(f"there is no command /{name}{mean}", hint="/help names them")


def first_word(text: str) -> str:
    """The word right after the slash, a command's name or a loop's."""
    return text.removeprefix("/").partition(" ")[0]


def last_word(text: str) -> tuple[str, str]:
    """The text up to its last word, and that word; both together are the text."""
    at = max(text.rfind(" "), text.rfind("\n")) + 1
    return text[:at], text[at:]


def completions(text: str, loops: Sequence[str], themes: Sequence[str], files: Sequence[str]) -> list[str]:
    """What the last word of the line may become: a command, a command's argument, a file after `@`."""
    before, last = last_word(text)
    head = before.rstrip()
    if text.startswith("/") and not before:
        return [f"/{name}" for name in (*COMMANDS, *loops) if name.startswith(text[1:])]
    if last.startswith("@"):
        part = last[1:].lower()
        begin = [f for f in files if f.lower().startswith(part)]
        inside = [f for f in files if part in f.lower() and f not in begin]
        return [f"@{f}" for f in [*begin, *inside][:50]]
    values = {"/loop": loops, "/mode": ("auto", "step", "into", "plan"), "/theme": themes}
    if head in values:
        return [value for value in values[head] if value.startswith(last)]
    return []
