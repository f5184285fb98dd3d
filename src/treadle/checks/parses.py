"""The check `parses`: every changed file is still what its language takes for a file."""

from treadle.checks.base import CheckResult, Subject
from treadle.codemap.parse import Broken, errors, language_of, parse
from treadle.protocol.errors import PathError
from treadle.protocol.messages import FAIL, NONE, PASS


class ParsesCheck:
    """Fails for a changed file with a syntax error that the base has not."""

    name = "parses"

    async def run(self, subject: Subject) -> CheckResult:
        """The verdict, by tree-sitter's grammars; `none` where no changed file is of a known language."""
        parsed: list[str] = []
        faults: list[str] = []
        left: list[str] = []
        for path, change in sorted(subject.changes.changes.items()):
            if change.content is None:
                continue
            tree = parse(path, change.content) if language_of(path) else None
            if tree is None:
                left.append(path)
                continue
            parsed.append(path)
            now = errors(tree)
            if now and not _broken_before(subject, path):
                faults += [f"{path}:{error.line}:{error.column}: {_word(error)}" for error in now[:5]]
        if faults:
            return CheckResult("parses", FAIL, faults[0], "\n".join(faults))
        if not parsed:
            if not subject.changes:
                return CheckResult("parses", PASS, "no file was changed")
            why = f"no grammar for {', '.join(left)}" if left else "files were only deleted: nothing to parse"
            return CheckResult("parses", NONE, why)
        aside = f" ({len(left)} of no known language)" if left else ""
        return CheckResult("parses", PASS, f"{len(parsed)} changed files parse{aside}", "\n".join(parsed))


def _broken_before(subject: Subject, path: str) -> bool:
    """Whether the file on the base has errors already, so that an error now is not the attempt's."""
    try:
        before = subject.view.base.read(path)
    except PathError:
        return False
    tree = parse(path, before) if before is not None else None
    return tree is not None and bool(errors(tree))


def _word(error: Broken) -> str:
    return f"{error.missing} is missing" if error.missing else f"syntax error near `{error.text}`"
