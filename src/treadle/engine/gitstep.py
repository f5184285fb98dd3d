"""Git operations of a loop: stage, commit, continue. Done by treadle in the user's repository, always gated.

The user's own git runs, with the user's configuration and hooks; nothing is bypassed.
"""

import asyncio

from treadle.engine.run import Run
from treadle.engine.state import LoopState, StepResult
from treadle.engine.writing import write
from treadle.protocol.messages import ERROR, FAIL, NONE, PASS
from treadle.spec.loop import StepSpec
from treadle.workspace.history import operation_in_progress


async def git_step(run: Run, step: StepSpec, state: LoopState, place: str) -> StepResult:
    """What git said, after the proven changes so far were written. Needs an answer, a flag or a setting first."""
    if state.unproven and run.catalog.settings.unproven != "allow":
        return StepResult(
            NONE, f"git {step.git}: something in the change set is unproven", state.changes, unproven=True
        )
    if not run.may_write():
        return _left_out(step, state)
    if step.git == "stage" and not state.changes:
        return StepResult(PASS, "nothing to stage", state.changes)
    subject = f"git {step.git}"
    if run.flags.git or run.catalog.settings.git == "allow":
        run.gate.allow(place, "git", subject, by="flag" if run.flags.git else "policy")
    else:
        answer = await run.gate.ask(
            place,
            "git",
            subject,
            ("yes", "no", "abort"),
            hint="allow it with --git, or `git: allow` in your settings.yaml",
        )
        if not answer.allowed:
            return StepResult(FAIL, "denied", state.changes, cause="no")
    await write(run, state.changes, place)
    if not run.may_write():  # mode `plan` was chosen at a question
        return _left_out(step, state)
    argv = _argv(run, step, state)
    if argv is None:
        return StepResult(ERROR, "no merge, rebase or cherry-pick is in progress", state.changes)
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=run.base.root,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output = (await process.communicate())[0].decode("utf-8", "replace").strip()
    except asyncio.CancelledError:
        process.terminate()
        raise
    last = output.splitlines()[-1] if output else ""
    verdict = PASS if process.returncode == 0 else FAIL
    return StepResult(verdict, f"{subject}: {last or 'done'}"[:200], state.changes, unproven=state.unproven)


def _left_out(step: StepSpec, state: LoopState) -> StepResult:
    return StepResult(PASS, f"git {step.git}: left out, nothing is written in this run", state.changes)


def _argv(run: Run, step: StepSpec, state: LoopState) -> tuple[str, ...] | None:
    """The git command of the step; None where there is nothing to continue."""
    if step.git == "stage":
        return ("git", "add", "-A", "--", *state.changes.paths)
    if step.git == "commit":
        return ("git", "commit", "-m", _message(run, state))
    operation = operation_in_progress(run.base.root)
    return ("git", "-c", "core.editor=true", operation, "--continue") if operation else None


def _message(run: Run, state: LoopState) -> str:
    """The commit's message: the last output that gives one, else the task."""
    for result in reversed(tuple(state.results.values())):
        if isinstance(result.output, dict):
            for key in ("message", "summary"):
                if result.output.get(key):
                    return str(result.output[key])
    return run.task or "Changes proven by treadle"
