"""What a person, flag or file may tell a run. Imperative, answered by events, never returning a value."""

from msgspec import Struct, structs


class Command(Struct, frozen=True, tag_field="command", omit_defaults=True):
    """The base of all commands; `by` is who gave it: `person` or `flag`.

    One that answers a question may name it (`question`, as in `GateAsked`): then it answers that one and no other.
    """


class Next(Command, frozen=True, tag="next"):
    """Go on to the next gate point of a step, then wait again."""

    by: str = "person"
    question: str = ""


class Into(Command, frozen=True, tag="into"):
    """Go on to the next gate point of any kind (step, turn, tool call): mode `into` from here."""

    by: str = "person"
    question: str = ""


class Continue(Command, frozen=True, tag="continue"):
    """Go on without asking: mode `auto` from here."""

    by: str = "person"
    question: str = ""


class Pause(Command, frozen=True, tag="pause"):
    """Wait at the next gate point: mode `step` from here."""

    by: str = "person"


class SetMode(Command, frozen=True, tag="set_mode"):
    """Change when the run waits: `auto`, `step`, `into` or `plan`. An open question stays open."""

    mode: str
    by: str = "person"


class Approve(Command, frozen=True, tag="approve"):
    """Yes to the open question; `answer` is one of its options where it has more than yes."""

    answer: str = "yes"
    by: str = "person"
    question: str = ""


class Deny(Command, frozen=True, tag="deny"):
    """No to the open question, with a word on why."""

    word: str = ""
    by: str = "person"
    question: str = ""


class Take(Command, frozen=True, tag="take"):
    """Yes to a part of the changes asked about: `hunks` are the names of those to write."""

    hunks: tuple[str, ...]
    by: str = "person"
    question: str = ""


class Skip(Command, frozen=True, tag="skip"):
    """Do not run the held step; it ends `pass` with `output` as its stand-in output."""

    output: str = ""
    by: str = "person"
    question: str = ""


class Abort(Command, frozen=True, tag="abort"):
    """End the run at once, whatever it does just then; what was proven stays in the run."""

    by: str = "person"


AnyCommand = Next | Into | Continue | Pause | SetMode | Approve | Take | Deny | Skip | Abort

Answering = Next | Into | Continue | Approve | Take | Deny | Skip


def command_for(option: str, word: str = "") -> AnyCommand:
    """The command that an option of a question stands for; `word` is what came with it."""
    match option:
        case "next":
            return Next()
        case "into":
            return Into()
        case "continue":
            return Continue()
        case "skip":
            return Skip(word)
        case "abort":
            return Abort()
        case "no":
            return Deny(word)
        case "part":
            return Take(tuple(word.split()))
        case _:
            return Approve(option)


def answering(command: AnyCommand, question: str) -> AnyCommand:
    """The command, where it answers at all, as an answer to that question and no other."""
    return structs.replace(command, question=question) if isinstance(command, Answering) else command
