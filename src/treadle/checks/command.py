"""The check `command`: a command that the user declared as a judge."""

from treadle.checks.base import CheckResult, Subject
from treadle.checks.describe import cut_middle
from treadle.checks.network import network_refusal
from treadle.protocol.messages import ERROR, FAIL, PASS
from treadle.workspace.command import Command

_MISSING = 127
_NOT_EXECUTABLE = 126


class CommandCheck:
    """Judges by the exit code, since the user declared the command as the check; the evidence says so."""

    name = "command"

    def __init__(self, command: str) -> None:
        self.text = command

    async def run(self, subject: Subject) -> CheckResult:
        """`pass` for exit code 0, else `fail`; files that it changed are dropped."""
        limit = subject.settings.tests.timeout_s
        command = Command(("sh", "-c", self.text), timeout_s=limit, network=subject.network)
        ended = await subject.runner.run(command, subject.view.changes)
        detail = cut_middle(ended.output.strip(), 4000)
        last = ended.output.strip().splitlines()[-1:] or ["no output"]
        refusal = "" if subject.network or ended.returncode == 0 else network_refusal(ended.output)

        def said(verdict: str, summary: str, cause: str = "", hint: str = "") -> CheckResult:
            return CheckResult("command", verdict, summary, detail, None, cause, hint, ended.duration_s)

        if ended.timed_out:
            return said(ERROR, f"`{self.text}` did not end within {limit:g} s", "timeout")
        if ended.returncode in (_MISSING, _NOT_EXECUTABLE):
            return said(ERROR, f"`{self.text}` could not run: {last[0][:200]}", "missing_runner")
        if refusal:
            hint = "--allow-network"
            return said(
                ERROR,
                f"`{self.text}` needs the network, which the sandbox has not: {refusal}",
                "network",
                hint,
            )
        verdict = PASS if ended.returncode == 0 else FAIL
        return said(verdict, f"`{self.text}` ended with exit code {ended.returncode}: {last[0][:200]}")
