"""Phrases of a loop's `chosen_by`, looked for in a task: whole words in their order, few others between."""

import re

from msgspec import Struct

GAP = 3
"""The most words that may stand between two words of a phrase."""

_WORD = re.compile(r"\w+(?:['-]\w+)*")
_SENTENCE = re.compile(r"(?<=[\w)\"'`\]][.!?;])\s+|\n+")
_CLAUSE = re.compile(r"(?<=[\w)\"'`\]][.!?;:,])\s+|\n+|\s+[-\u2013\u2014]+\s+")

Words = tuple[str, ...]


class Task(Struct, frozen=True):
    """A task taken apart. `sentences` are its words, `heads` the words from the start of the task, and from the start
    of each later clause that an opening begins, that opening cut off; `asks` is its text, "" where its last clause
    is a request by an opening.
    """

    sentences: tuple[Words, ...]
    heads: tuple[Words, ...]
    asks: str


def words_of(text: str) -> Words:
    """The words of a text in lower case; `a.b_c` is two, `don't` and `off-by-one` are one."""
    return tuple(_WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


def take_apart(text: str, openings: tuple[str, ...]) -> Task:
    """The task's parts, as far as phrases are looked for in them."""
    sentences = tuple(words for part in _SENTENCE.split(text) if (words := words_of(part)))
    clauses = [words for part in _CLAUSE.split(text) if (words := words_of(part))]
    heads: list[Words] = []
    opened = False
    for index, clause in enumerate(clauses):
        rest = _without(clause, openings)
        opened = rest != clause
        if index == 0 or opened:
            heads.append(rest)
    return Task(sentences, tuple(heads), "" if opened else text.rstrip())


def found_at_start(phrases: tuple[str, ...], heads: tuple[Words, ...]) -> Words:
    """The words by which the longest of the phrases begins one of the heads, () for none; no gap is allowed."""
    found = [
        head[: len(parts)] for head in heads for parts in map(str.split, phrases) if _begins(head, parts)
    ]
    return max(found, key=len, default=())


def found_in(phrases: tuple[str, ...], sentences: tuple[Words, ...]) -> Words:
    """The words in which the longest of the phrases is found, the first of several; () for none."""
    found = [
        hit for sentence in sentences for phrase in phrases if (hit := _within(sentence, phrase.split()))
    ]
    return max(found, key=len, default=())


def _without(clause: Words, openings: tuple[str, ...]) -> Words:
    """The clause without the openings that it begins with."""
    while opening := found_at_start(openings, (clause,)):
        clause = clause[len(opening) :]
    return clause


def _begins(words: Words, parts: list[str]) -> bool:
    return len(words) >= len(parts) and all(map(_is, parts, words))


def _within(words: Words, parts: list[str]) -> Words:
    """The words that the parts take, in order and at most `GAP` others between two; () where they don't."""
    for start, word in enumerate(words):
        if not _is(parts[0], word):
            continue
        hit, at = [word], start
        for part in parts[1:]:
            ahead = range(at + 1, min(len(words), at + 2 + GAP))
            at = next((i for i in ahead if _is(part, words[i])), -1)
            if at < 0:
                break
            hit.append(words[at])
        else:
            return tuple(hit)
    return ()


def _is(part: str, word: str) -> bool:
    """Whether a word of a task is one of the part's alternatives."""
    return any(word.startswith(one[:-1]) if one.endswith("*") else word == one for one in part.split("|"))
