"""What a run that changes nothing has to say: the output of its last step, as text for a person."""

from treadle.protocol.messages import PASS, Json
from treadle.session.view import StepView, View


def answering(view: View) -> StepView | None:
    """The run's last step where that gave an output and passed, in a run that changed nothing; else None."""
    outer = [step for step in view.steps if "/" not in step.place and "[" not in step.place]
    last = outer[-1] if outer else None
    if last is None or last.output is None or last.verdict != PASS or view.changes or view.diff:
        return None
    return last


def as_text(output: Json) -> str:
    """The output as a person reads it: texts as paragraphs, places as `path:line`, lists of things numbered."""
    return "\n\n".join(_blocks(output)) + "\n" if output not in (None, "", {}, []) else ""


def _blocks(value: Json) -> list[str]:
    if isinstance(value, dict):
        if len(texts := [v for v in value.values() if isinstance(v, str)]) == len(value) == 1:
            return texts
        # What is said comes before what it rests on, in whichever order the model was made to give them.
        ordered = sorted(value.items(), key=lambda field: not isinstance(field[1], str))
        return [block for key, inner in ordered for block in _field(key, inner)]
    if isinstance(value, list):
        return ["\n".join(_entry(n, item) for n, item in enumerate(value, 1))] if value else []
    return [str(value).strip()]


def _field(key: str, value: Json) -> list[str]:
    """A field's text: a long text by itself, all else under its name."""
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    if isinstance(value, list) and value and all(_place(item) for item in value):
        return [f"{key}:\n" + "\n".join(f"  {_place(item)}" for item in value)]
    if isinstance(value, list | dict):
        return _blocks(value)
    return [f"{key}: {_plain(value)}"]


def _entry(number: int, item: Json) -> str:
    """One numbered entry: a mapping's first text as its head, the rest under it."""
    if not isinstance(item, dict):
        return f"{number}. {_plain(item)}"
    pairs = [(key, value) for key, value in item.items() if value not in (None, "", [], {})]
    first = next((key for key, value in pairs if isinstance(value, str)), "")
    lines = [f"{number}. {str(item.get(first, '')).strip()}"]
    for key, value in pairs:
        if key != first:
            text = _plain(value)
            lines += [
                f"   {line}" for line in (text if isinstance(value, str) else f"{key}: {text}").splitlines()
            ]
    return "\n".join(lines)


def _plain(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return _place(value) or ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value).strip()
    )


def _place(value: Json) -> str:
    """`path:line` of a mapping that is a place, "" for any other."""
    if not isinstance(value, dict) or not isinstance(path := value.get("path"), str):
        return ""
    if set(value) - {"path", "line", "quote"}:
        return ""
    line, quote = value.get("line"), value.get("quote")
    where = f"{path}:{line}" if isinstance(line, int) else path
    return f"{where}: {quote.strip()}" if isinstance(quote, str) and quote.strip() else where
