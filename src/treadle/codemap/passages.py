"""Passages: the pieces of a repository that a question's words point to, for a model that can't look by itself.

Okapi BM25 with its usual constants (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009), first over
files, then over the pieces of the best of them: definitions where a grammar tells them, else runs of lines. The same
question over the same files gives the same passages.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from treadle.codemap.map import BYTES_PER_TOKEN
from treadle.codemap.parse import parse
from treadle.codemap.symbols import symbols
from treadle.protocol.errors import PathError
from treadle.protocol.text import valid
from treadle.spec.paths import is_test_path

K1, B = 1.2, 0.75
FILES_SPLIT = 40
"""How many of the best files are taken apart."""

LINES = 40
"""The most lines of one passage."""

_LARGEST = 200_000
_MOST_BYTES = 16 << 20
_BYTES_A_TERM = 8
_NAME_WEIGHT = 3
_ASIDE = 0.4
"""What a test, a changelog, a licence or generated text counts beside the code and its documentation."""

_WORD = re.compile(r"[^\W\d_][\w]*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[^\W_a-zA-Z0-9]+")
_NOISE = re.compile(
    r"(^|/)(changelog|changes|history|news|licen[cs]e|copying|notice|authors)[^/]*$|\.(lock|min\.js|svg|po|pot)$",
    re.IGNORECASE,
)
_TEST_WORD = re.compile(r"\btest", re.IGNORECASE)
_STOP = frozenset(
    re.findall(
        r"\w+",
        """a about all an and any are as at be been between by can code could did do does doing each file files
        find for from function get give given happen happens has have how i if in into is it its me method
        module my no not of on one or our out project repository should show so some tell than that the
        their them then there these they this to up use used uses using was we were what when where which
        who whose why will with would you your""",
    )
)


class _Piece(Struct, frozen=True):
    path: str
    start: int
    end: int
    head: str = ""


class _File(Struct, frozen=True):
    path: str
    content: bytes
    counts: Counter[str]
    length: int


def passages(read: Callable[[str], bytes], files: Iterable[str], question: str, budget_tokens: int) -> str:
    """The best passages, the best first, each under `path:first-last`, every line with its number.

    At most `budget_tokens` (4 bytes a token). The last line says how many files were too large to look at; ""
    where no word of the question is found.
    """
    wanted = sorted(set(_terms(question)) - {""})
    if not wanted:
        return ""
    asks_tests = bool(_TEST_WORD.search(question))
    # What counts less comes last, so that it is what a limit leaves out.
    held, left = _held(read, sorted(files, key=lambda path: (-_aside(path, asks_tests), path)), wanted)
    if not held:
        return ""
    weights = {term: _idf(sum(term in file.counts for file in held), len(held)) for term in wanted}
    mean = sum(file.length for file in held) / len(held)
    scored = [(_score(f.counts, f.length, mean, weights) * _aside(f.path, asks_tests), f) for f in held]
    best = sorted(((s, f) for s, f in scored if s > 0), key=lambda x: (-x[0], x[1].path))[:FILES_SPLIT]
    ranked = _ranked(best, wanted, asks_tests)
    note = f"({left} files were too large or too many to look at)\n" if left else ""
    return _written(ranked, {file.path: file for _, file in best}, budget_tokens * BYTES_PER_TOKEN, note)


def _held(read: Callable[[str], bytes], files: list[str], wanted: list[str]) -> tuple[list[_File], int]:
    """The text files with how often a wanted term stands in them, and how many were left out for their size."""
    held: list[_File] = []
    left, room = 0, _MOST_BYTES
    for index, path in enumerate(files):
        if room <= 0:
            left += len(files) - index
            break
        try:
            content = read(path)
        except PathError:
            continue
        if b"\0" in content[:8192]:
            continue
        if len(content) > _LARGEST:
            left += 1
            continue
        room -= len(content)
        # Without a look at where words begin: this is to find the files, and the pieces are counted by whole words.
        text = content.lower() + path.lower().encode("utf-8", "surrogateescape")
        counts = Counter({term: count for term in wanted if (count := text.count(term.encode()))})
        held.append(_File(path, content if counts else b"", counts, 1 + len(content) // _BYTES_A_TERM))
    return held, left


def _ranked(best: list[tuple[float, _File]], wanted: list[str], asks_tests: bool) -> list[_Piece]:
    """The pieces of the best files, the best first."""
    counted: list[tuple[_Piece, Counter[str]]] = []
    for _, file in best:
        lines = file.content.decode("utf-8", "replace").splitlines()
        named = Counter(_terms(file.path.rsplit(".", 1)[0]))
        for piece in _pieces(file, len(lines), lines):
            counts = Counter(_terms("\n".join(lines[piece.start - 1 : piece.end])))
            for term in _terms(piece.head):
                counts[term] += _NAME_WEIGHT
            counts.update(named)
            counted.append((piece, counts))
    weights = {t: _idf(sum(t in counts for _, counts in counted), len(counted)) for t in wanted}
    mean = sum(counts.total() for _, counts in counted) / max(1, len(counted))
    scores = [
        (_score(counts, counts.total(), mean, weights) * _aside(piece.path, asks_tests), piece)
        for piece, counts in counted
    ]
    ordered = sorted(scores, key=lambda x: (-x[0], x[1].path, x[1].start))
    return [piece for score, piece in ordered if score > 0]


def _pieces(file: _File, count: int, lines: list[str]) -> list[_Piece]:
    """The file's definitions and what stands between them, none longer than `LINES`."""
    parsed = parse(file.path, file.content)
    found = symbols(parsed) if parsed is not None else []
    cuts: dict[int, str] = {1: ""}
    for symbol in found:
        cuts[symbol.start] = symbol.name
        cuts.setdefault(symbol.end + 1, "")
    if not found:
        cuts |= {n: "" for n, line in enumerate(lines, 1) if line.startswith("#") or _underlined(lines, n)}
    starts = sorted(start for start in cuts if start <= count)
    pieces = []
    for start, after in zip(starts, [*starts[1:], count + 1], strict=True):
        for first in range(start, after, LINES):
            last = min(after - 1, first + LINES - 1)
            if any(line.strip() for line in lines[first - 1 : last]):
                pieces.append(_Piece(file.path, first, last, cuts[start]))
    return pieces


def _underlined(lines: list[str], number: int) -> bool:
    """Whether the line is a heading by the line under it, as in reStructuredText."""
    under = lines[number].strip() if number < len(lines) else ""
    return len(under) > 2 and len(set(under)) == 1 and under[0] in "=-~^" and bool(lines[number - 1].strip())


def _written(ranked: list[_Piece], files: dict[str, _File], room: int, note: str) -> str:
    room -= len(note)
    parts: list[str] = []
    for piece in ranked:
        lines = files[piece.path].content.decode("utf-8", "replace").splitlines()[piece.start - 1 : piece.end]
        while lines and not lines[-1].strip():
            lines.pop()
        blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
        first, last = piece.start + blank, piece.start + len(lines) - 1
        shown = [f"{n:>4}  {line[:200]}" for n, line in enumerate(lines[blank:], first)]
        head = f"{piece.path}:{first}-{last}"
        text = str(valid("\n".join([head, *shown]) + "\n"))
        if len(text.encode()) > room:
            if parts:
                continue
            text = text.encode()[: max(0, room)].decode("utf-8", "ignore").rsplit("\n", 1)[0] + "\n"
        parts.append(text)
        room -= len(text.encode())
        if room < 200:
            break
    return "\n".join(parts) + note if parts else note


def _score(counts: Counter[str], length: int, mean: float, weights: dict[str, float]) -> float:
    norm = K1 * (1 - B + B * length / mean)
    return sum(w * counts[t] * (K1 + 1) / (counts[t] + norm) for t, w in weights.items() if counts[t])


def _idf(holding: int, all_: int) -> float:
    return math.log(1 + (all_ - holding + 0.5) / (holding + 0.5))


def _aside(path: str, asks_tests: bool) -> float:
    return _ASIDE if _NOISE.search(path) or (is_test_path(path) and not asks_tests) else 1.0


def _terms(text: str) -> list[str]:
    """The text's words without the commonest, each as its stem; a compound name is there whole and in parts."""
    found: list[str] = []
    for word in _WORD.findall(text):
        known = _KNOWN.get(word)
        if known is None:
            known = _KNOWN[word] = _of_word(word)
            if len(_KNOWN) > 200_000:
                _KNOWN.clear()
        found += known
    return found


_KNOWN: dict[str, list[str]] = {}


def _of_word(word: str) -> list[str]:
    parts = [part.lower() for part in _PART.findall(word)]
    terms = [_stem(part) for part in parts if part not in _STOP and len(part) > 1]
    return [word.lower(), *terms] if len(parts) > 1 else terms


def _stem(word: str) -> str:
    """The word's first six letters, less a plural or verb ending: enough for `plural` and `pluralize` to meet."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:6]
