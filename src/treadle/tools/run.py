"""The tool `run`."""

from treadle.protocol.messages import Json
from treadle.spec.paths import denied_paths
from treadle.tools.base import Effect, ToolContext, ToolOutcome
from treadle.workspace.changes import ChangeSet
from treadle.workspace.command import Command

MOST_CHARACTERS = 12_000
_LONGEST_COMMAND = 8000

_PARAMETERS: dict[str, Json] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "minLength": 1, "maxLength": _LONGEST_COMMAND},
        "timeout_s": {"type": "number", "exclusiveMinimum": 0},
    },
    "required": ["command"],
    "additionalProperties": False,
}


class Run:
    """Runs a shell command in the sandbox; what it changes joins the change set."""

    name = "run"
    description = (
        "Run a shell command in the repository's root, in a sandbox without network. "
        "Files that it changes are kept. The reply has its output and exit code."
    )
    effect: Effect = "execute"
    parameters = _PARAMETERS

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """Output (head and tail), how it ended, what it changed; with a denied file among it, nothing is kept."""
        limit = min(float(arguments.get("timeout_s", context.timeout_s)), context.timeout_s)
        command = Command(("sh", "-c", str(arguments["command"])), timeout_s=limit)
        ended = await context.runner.run(command, context.view.changes)
        output = _cut(ended.output.rstrip(), ended.cut_bytes)
        how = f"did not end within {limit:g} s" if ended.timed_out else f"exit code {ended.returncode}"
        touched = _differing(context.view.changes, ended.changes)
        denied = denied_paths(touched, context.denied)
        lines = [output or "(no output)", f"[{how}]"]
        failed = ended.timed_out or ended.returncode != 0
        if denied:
            lines.append(
                f"[it changed {', '.join(denied)}, which may not be changed: none of its changes is kept]"
            )
            return ToolOutcome("\n".join(lines), is_error=True)
        if not touched:
            return ToolOutcome("\n".join(lines), is_error=failed)
        lines.append(f"[changed: {', '.join(touched[:30])}]")
        return ToolOutcome("\n".join(lines), is_error=failed, changes=ended.changes)


def _differing(before: ChangeSet, after: ChangeSet) -> tuple[str, ...]:
    """The paths that stand differently in the two sets, sorted."""
    return tuple(sorted(p for p in {*before.paths, *after.paths} if before.get(p) != after.get(p)))


def _cut(text: str, already: int) -> str:
    """The head and the tail of `text`, with how much is missing between them."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    missing = len(text) - 2 * half + already
    return f"{text[:half]}\n[… {missing} characters left out …]\n{text[-half:]}"
