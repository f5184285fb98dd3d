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
