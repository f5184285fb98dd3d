"""The command line as a person uses it, in this process: quick, and still through its one door."""

import json
from pathlib import Path

import pytest

from treadle.cli.main import run


class Said:
    """What a command line came to: its exit code, stdout and stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        assert "Traceback" not in out + err
        self.code, self.out, self.err = code, out, err

    @property
    def result(self) -> dict:
        """The last line of stdout, which has to be a result that agrees with the exit code."""
        value = json.loads(self.out.splitlines()[-1])
        assert (value["type"], value["exit_code"], value["is_error"]) == ("result", self.code, self.code != 0)
        return value


@pytest.fixture
def treadle(monkeypatch, capsys):
    """`treadle(folder, *words)` runs a command line there."""

    def running(folder: Path, *words: str) -> Said:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        code = run(words)
        return Said(code, *capsys.readouterr())

    return running
