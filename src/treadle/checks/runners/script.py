"""A command of the project's own: `make test`, `just test`, or what the settings say."""

import re

import msgspec

from treadle.checks.records import fold_records, read_records
from treadle.checks.runners.base import Job, Seen
from treadle.checks.runners.node import node_env
from treadle.checks.runners.python import lay_reporters
from treadle.checks.runners.texts import read_text
from treadle.workspace.command import Command, CommandResult


class Script:
    """A shell command. pytest and node's runner below it are made to report; of others, their text is read."""

    targets = False

    def __init__(self, name: str, how: str) -> None:
        self.name = name
        self.how = how

    def command(self, job: Job) -> Command:
        """The command by `sh -c`, whole."""
        whole = msgspec.structs.replace(job, target=())
        env = {
            **lay_reporters(whole),
            **node_env(job.scratch),
            "PYTEST_ADDOPTS": "-p treadle_pytest --color=no",
            "CI": "1",
        }
        return Command(
            ("sh", "-c", self.how), env=env, timeout_s=job.timeout_s, scratch=job.room, network=job.network
        )

    def read(self, result: CommandResult, job: Job) -> Seen:
        """The reporters' records, else what the text says, else what the shell says is missing."""
        seen = fold_records(read_records(job.scratch), self.name, result.duration_s)
        if not seen.report.collected and not seen.broken:
            seen = read_text(result.output, result.duration_s, result.returncode is not None, self.name)
        if seen.report.collected:
            return seen
        absent = re.search(r"(?:^|\s)(?:\d+: |line \d+: )?([\w./-]+): (?:command )?not found", result.output)
        absent = absent or re.search(r"make: ([\w./-]+): No such file or directory", result.output)
        module = re.search(r"No module named '?(pytest|nose2?|tox|nox)'?\b", result.output)
        missing = (module or absent)[1] if module or absent else ""  # type: ignore[index]
        return msgspec.structs.replace(seen, missing=f"{missing} is not installed" if missing else "")

    def group(self, test_id: str) -> str:
        """The test's file, as far as its id names one."""
        return test_id.split("::")[0]
