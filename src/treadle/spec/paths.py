"""Which paths belong to the tests."""

import re
from collections.abc import Iterable

_FOLDERS = {"tests", "test", "__tests__", "e2e"}
_DATA = {"fixtures", "__fixtures__", "testdata", "test_data", "test-data", "__snapshots__", "cassettes"}
# Words that begin with `test` and say nothing of tests.
_OTHER = r"(?!(?:er|ers|ing|able|ament|imony|imonials?|ify|bed|bench|kit|net)(?:_.*)?\.)"
_FILES = re.compile(
    rf"(test{_OTHER}.*|.*_tests?)\.py$|conftest\.py$|.*[._-](test|spec)\.[cm]?[jt]sx?$|.*_test\.go$|.*Tests?\.java$"
    r"|.*_test\.(cc|cpp|c|rs)$|test_.*\.(cc|cpp|c|rs|sh)$|.*\.snap$"
)
_SETTINGS = re.compile(
    r"(\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|noxfile\.py|\.coveragerc|jest\.config\..*|vitest\.(config|workspace)\..*"
    r"|\.mocharc\..*|karma\.conf\..*|playwright\.config\..*|\.nycrc.*|sitecustomize\.py|usercustomize\.py)$"
)
_MANIFESTS = {"pyproject.toml", "package.json", "Makefile", "makefile", "GNUmakefile"}
_MANIFESTS |= {"justfile", "Justfile", ".justfile"}


def is_test_path(path: str) -> bool:
    """Whether the path holds tests or what they read: by the name of the file or of a folder above it."""
    *folders, name = path.split("/")
    return not (_FOLDERS | _DATA).isdisjoint(folders) or bool(_FILES.match(name))


def is_test_setting(path: str) -> bool:
    """Whether the file can change what the runner collects or how: its configuration, at any depth."""
    name = path.rsplit("/", 1)[-1]
    return bool(_SETTINGS.match(name)) or name in _MANIFESTS


def is_denied(path: str, denied: tuple[str, ...]) -> bool:
    """Whether a change of `path` is refused: an entry is a glob (`*` in a folder, `**` across) or `tests`.

    `tests` stands for everything that `is_test_path` and `is_test_setting` know. A glob that names a folder
    holds for all in it.
    """
    return any(
        (is_test_path(path) or is_test_setting(path)) if entry == "tests" else bool(_glob(entry).match(path))
        for entry in denied
    )


def denied_paths(paths: Iterable[str], denied: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `paths` that `denied` refuses a change of, in their order."""
    return tuple(path for path in paths if is_denied(path, denied))


def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.rstrip("/"))
    known = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts) + r"(?:/.*)?$")
