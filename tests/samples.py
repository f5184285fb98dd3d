"""Small files that tests lay out as a user's repository."""

CALC = {
    "calc.py": (
        "def add(a, b):\n    return a - b\n\n\n"
        'def half(x):\n    """Half of x; of an odd number the larger half."""\n    return x // 2\n'
    ),
    "test_calc.py": (
        "import unittest\n\nfrom calc import add, half\n\n\n"
        "class Calc(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n"
        "    def test_half(self):\n        self.assertEqual(half(4), 2)\n"
    ),
}
"""A project with one bug, in `add`, that one test shows."""


def treadle_dir(**files: str) -> dict[str, str]:
    """A `.treadle` folder's files from names with `__` for `/`, e.g. `loops__go`."""
    return {f".treadle/{name.replace('__', '/')}.yaml": text for name, text in files.items()}


APART = {
    **CALC,
    "calc.py": CALC["calc.py"].replace("\n\n\ndef half", "\n\n\n" + "# far\n" * 12 + "\n\ndef half"),
}
"""The same with its two functions so far apart that a change of each is a hunk of its own."""


def mending(*calls: str, tier: str = "small", loop: str = "", **more: str) -> dict[str, str]:
    """What mends by a scripted model, as a repository's own configuration, prompt included.

    `calls` are YAML entries of `replies`; `loop` is added to the loop's keys, `more` to `treadle_dir`.
    """
    return {
        **treadle_dir(
            agents__hand="name: hand\ndescription: d\nprompt: hand.md\ninputs: [item, task, thread]\n"
            "checks: [parses, tests]\npermissions: {deny: [tests]}\n"
            f"ladder: [{{tier: {tier}, tools: [read, edit], limits: {{turns: 6}}}}]\n",
            loops__go=f"name: go\ndescription: d\n{loop}steps:\n"
            "  - {name: t, check: tests, on: {pass: done, fail: mend}}\n"
            "  - {name: mend, agent: hand, each: failing_tests}\n",
            tiers=f"tiers:\n  {tier}: {{models: [scripted/replies/{tier}.yaml]}}\n",
            **{f"replies__{tier}": "replies:\n" + "".join(f"  - {call}\n" for call in calls)},
            **more,
        ),
        ".treadle/prompts/hand.md": "Mend: ${item}\n",
    }


def edits(*pairs: tuple[str, str], path: str = "calc.py") -> str:
    """A scripted reply that edits `path`, each pair from one text to another."""
    calls = [
        {"name": "edit", "arguments": {"path": path, "search": old, "replace": new}} for old, new in pairs
    ]
    return f"tool_calls: {calls!r}"


MENDS = edits(("return a - b", "return a + b"))
MENDS_AND_MORE = edits(("return a - b", "return a + b"), ("return x // 2", "return x // 2  # whole"))
DONE = "text: done"
