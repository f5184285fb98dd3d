"""The check `schema`: the agent's output held against its JSON Schema."""

from treadle.checks.base import CheckResult, Subject
from treadle.protocol.messages import FAIL, NONE, PASS
from treadle.spec.jsonschema import validate


class SchemaCheck:
    """Passes when the output has the declared form."""

    name = "schema"

    async def run(self, subject: Subject) -> CheckResult:
        """`none` where no schema is declared, else what does not hold, by path."""
        if subject.schema is None:
            return CheckResult("schema", NONE, "no output schema is declared")
        faults = validate(subject.output, subject.schema)
        if not faults:
            return CheckResult("schema", PASS, "the output has the declared form")
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return CheckResult(
            "schema", FAIL, f"the output is not of the declared form: {faults[0]}{more}", "\n".join(faults)
        )
