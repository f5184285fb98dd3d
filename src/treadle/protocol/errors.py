"""Every error treadle raises on purpose.

TreadleError                    .exit_code, .hint: what a face prints and how it ends
├── UsageError                  2   the command line is wrong
├── SpecError                   2   a file that the user wrote is wrong; .faults, all at once
├── PathError                   2   a path that leaves the repository, or is no file
├── NothingToTest               2   no way to test was found
├── ProviderError               4   a model could not answer; .retryable, .retry_after_s
│   ├── Unreachable                 nobody listens there, or it fell silent
│   ├── NoSuchModel                 the provider does not have it, or its weights are not here
│   │   └── NothingBound            the tier names no model
│   ├── Refused                     key missing or refused, or the request refused
│   ├── RateLimited             75  later; .retry_after_s says when
│   ├── ContextTooLong              the prompt does not fit the model's window
│   ├── CutOff                      the reply ended at the token limit
│   └── Malformed                   the reply is not what the protocol promises
├── BudgetError                 5   a budget or limit was reached
├── NeedsPerson                 3   a question, and nobody there to answer
├── Declined                    3   a person said no to what would have been written; .word
├── NotTrusted                  6   nobody trusts what the repository would have run
├── ProtectionMissing           7   no sandbox level holds here
├── Busy                        75  another process holds the repository
├── TraceError                  2   a trace that can't be read, or does not exist
├── WriteConflict               3   a file changed since the change was made from it
├── NotWritable                 3   a place in the user's tree that this user may not write to
├── Unprinted                   1   stdout does not take the result
└── Aborted                     130 a person ended the run
"""

from treadle.protocol.messages import Usage


class TreadleError(Exception):
    """An error with an exit code and, where there is one, the next thing to do (`hint`)."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TreadleError):
    """The command line is wrong."""

    exit_code = 2


class SpecError(TreadleError):
    """Files the user wrote are wrong; `faults` are whole lines `file:line: text`, in file order."""

    exit_code = 2

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class PathError(TreadleError):
    """A path that leaves the repository, or names no file."""

    exit_code = 2


class NothingToTest(TreadleError):
    """No way to test was found."""

    exit_code = 2


class ProviderError(TreadleError):
    """A model could not answer. `climbs`: a wrong answer, which a stronger rung may do better.

    `usage` is what the call used all the same, where the provider said so.
    """

    exit_code = 4
    retryable = False
    climbs = False
    usage: Usage | None = None

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Unreachable(ProviderError):
    """Nobody listens there, or the stream fell silent past its timer."""

    retryable = True


class NoSuchModel(ProviderError):
    """The provider does not have the model, or its weights are not on this machine."""


class NothingBound(NoSuchModel):
    """The tier names no model."""


class Refused(ProviderError):
    """The key is missing or refused, or the provider refuses the request."""


class RateLimited(ProviderError):
    """Too many requests; `retry_after_s` says when, if the provider did."""

    exit_code = 75
    retryable = True


class ContextTooLong(ProviderError):
    """The prompt does not fit the model's window; it was refused, never cut."""

    climbs = True


class CutOff(ProviderError):
    """The reply ended at its token limit; `text` is what came."""

    exit_code = 1
    climbs = True

    def __init__(self, message: str, *, text: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class Malformed(ProviderError):
    """The reply is not what was asked for: no JSON, half of it, not of the schema; `text` is what came."""

    exit_code = 1
    climbs = True

    def __init__(self, message: str, *, text: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class BudgetError(TreadleError):
    """A budget or limit was reached; `limit` names it as the YAML does, `meter` is whose it was."""

    exit_code = 5
    meter: object = None

    def __init__(self, message: str, *, limit: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.limit = limit


class NeedsPerson(TreadleError):
    """A question is open and nobody is there to answer."""

    exit_code = 3


class Declined(TreadleError):
    """A person said no to what would have been written; `word` is why."""

    exit_code = 3

    def __init__(self, word: str = "", *, hint: str = "") -> None:
        super().__init__(f"a person refused the changes{': ' + word if word else ''}", hint=hint)
        self.word = word


class NotTrusted(TreadleError):
    """The repository is not trusted, or changed since, and nobody was there to ask, or said no."""

    exit_code = 6


class ProtectionMissing(TreadleError):
    """No sandbox level holds on this machine, and none was waived."""

    exit_code = 7


class Busy(TreadleError):
    """Another process holds the repository; worth retrying."""

    exit_code = 75


class TraceError(TreadleError):
    """A trace that can't be read, or does not exist."""

    exit_code = 2


class WriteConflict(TreadleError):
    """Files changed since the change set was made from them; nothing was written. `paths` names them."""

    exit_code = 3

    def __init__(self, message: str, *, paths: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.paths = paths


class NotWritable(TreadleError):
    """A place in the user's tree that this user may not write to; nothing was written. `path` is the place."""

    exit_code = 3

    def __init__(self, message: str, *, path: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class Unprinted(TreadleError):
    """Stdout does not take what was to be printed."""

    exit_code = 1


class Aborted(TreadleError):
    """A person ended the run."""

    exit_code = 130
