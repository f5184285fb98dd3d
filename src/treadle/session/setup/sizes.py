"""How large a model is, by what its server, its name or its file tells."""

import re

_SIZE = re.compile(r"(?:\b|_)(?:(\d{1,2})x)?(\d{1,4}(?:\.\d+)?)\s*([bBmM])(?=\b|_)")
_BYTES_EACH = {"Q2": 0.42, "Q3": 0.5, "Q4": 0.62, "Q5": 0.72, "Q6": 0.85, "Q8": 1.08, "F16": 2.0, "BF16": 2.0}
"""Bytes of a file for each parameter, by how its quantization begins: qwen2.5-coder's files in Ollama's library."""
_USUAL = 0.62


def billions(text: str) -> float:
    """The parameters in billions that a text such as `1.5B`, `137M` or `8x7B` tells, the most of several; else 0."""
    return max((_count(found) for found in _SIZE.finditer(text)), default=0.0)


def _count(found: re.Match[str]) -> float:
    count = float(found[2]) * int(found[1] or 1)
    return count if found[3] in "bB" else count / 1000


def parameters_of(name: str, size: int = 0, *, told: str = "", quantization: str = "") -> float:
    """The parameters in billions: as told, else by the name, else about what the file's length in bytes allows."""
    known = billions(told) or billions(name)
    if known or size <= 0:
        return known
    upper = quantization.upper().removeprefix("I")
    each = next((v for k, v in _BYTES_EACH.items() if upper.startswith(k)), _USUAL)
    return round(size / each / 1e9, 2)
