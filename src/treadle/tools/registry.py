"""Tools by name, their arguments checked before they run."""

from msgspec import structs

from treadle.protocol.errors import PathError, UsageError
from treadle.protocol.messages import Json
from treadle.protocol.text import valid
from treadle.spec.jsonschema import validate
from treadle.tools.base import Effect, Tool, ToolContext, ToolOutcome

NAMES = ("read", "search", "edit", "run")


def get_tool(name: str) -> Tool:
    """The tool of that name, which takes any arguments and says what is wrong with them.

    Raises: `UsageError` for a name that is none of `NAMES`.
    """
    tool: Tool
    if name == "read":
        from treadle.tools.read import Read

        tool = Read()
    elif name == "search":
        from treadle.tools.search import Search

        tool = Search()
    elif name == "edit":
        from treadle.tools.edit import Edit

        tool = Edit()
    elif name == "run":
        from treadle.tools.run import Run

        tool = Run()
    else:
        raise UsageError(f"no tool is called {name!r}", hint=f"use one of {', '.join(NAMES)}")
    return Checked(tool)


class Checked:
    """A tool behind a check of its arguments; a path that leaves the repository is an outcome, too."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.name = tool.name
        self.description = tool.description
        self.effect: Effect = tool.effect
        self.parameters = tool.parameters

    async def run(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        """The tool's outcome, or what is wrong with the call; its text is valid, whatever the files hold."""
        outcome = await self._outcome(arguments, context)
        return structs.replace(outcome, text=valid(outcome.text))

    async def _outcome(self, arguments: dict[str, Json], context: ToolContext) -> ToolOutcome:
        faults = validate(arguments, self.parameters)
        if faults:
            told = "; ".join(fault.replace("$.", "", 1).replace("$: ", "") for fault in faults)
            return ToolOutcome(f"The call of {self.name} is wrong: {told}", is_error=True)
        try:
            return await self._tool.run(arguments, context)
        except PathError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return ToolOutcome(f"{error.message}{hint}", is_error=True)
