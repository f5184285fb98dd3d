"""`python -m worklog LOG`: the table of a log."""

import sys
from pathlib import Path

from worklog.entries import LogError, parse_log
from worklog.report import by_project, table


def main(arguments):
    """The exit code."""
    if len(arguments) != 1:
        print("usage: python -m worklog LOG", file=sys.stderr)
        return 2
    try:
        entries = parse_log(Path(arguments[0]).read_text(encoding="utf-8"))
    except (OSError, LogError) as error:
        print(f"worklog: {error}", file=sys.stderr)
        return 1
    print(table(by_project(entries)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
