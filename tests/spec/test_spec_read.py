"""YAML is read as the 1.2 core schema, by both of PyYAML's parsers alike."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.spec.faults import Faults, Source
from treadle.spec.read import MAX_DEPTH, parse, plain, read_yaml

HERE = Path(__file__).parent
SYNTAX = sorted((HERE / "invalid").glob("*-syntax-*.yaml"))


def read(text, *, pure=False):
    faults = Faults()
    source = Source(Path("x.yaml"), "x.yaml", "repository", Path())
    return parse(text, source, faults, pure=pure), faults


def value(text, *, pure=False):
    found, faults = read(text, pure=pure)
    assert faults.lines() == ()
    return plain(found)


SCALARS = [
    ("on", "on"),
    ("off", "off"),
    ("yes", "yes"),
    ("No", "No"),
    ("y", "y"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("false", False),
    ("", None),
    ("~", None),
    ("null", None),
    ("none", "none"),
    ("012", 12),
    ("-012", -12),
    ("+3", 3),
    ("0o14", "0o14"),
    ("0o10", "0o10"),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("12:30", "12:30"),
    ("12:30:45", "12:30:45"),
    ("2026-11-20", "2026-11-20"),
    ("1.50", 1.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("1.2.3", "1.2.3"),
    ("=", "="),
    ("'on'", "on"),
    ('"12"', "12"),
    ("'true'", "true"),
    ('""', ""),
    ("a # comment", "a"),
]


@pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])
@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_scalars(text, expected, pure):
    found = value(f"key: {text}", pure=pure)["key"]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])
def test_keys_are_text_whatever_they_look_like(pure):
    text = "on: 1\nyes: 2\nno: 3\ntrue: 4\nnull: 5\n12: 6\n1.0: 7\n"
    assert value(text, pure=pure) == {"on": 1, "yes": 2, "no": 3, "true": 4, "null": 5, "12": 6, "1.0": 7}


@pytest.mark.parametrize("pure", [False, True], ids=["c", "pure"])
def test_every_key_value_and_item_knows_its_line(pure):
    found, _ = read("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", pure=pure)
    assert {key: place[1] for key, place in found.keys_at.items()} == {"a": 1, "b": 2}
    assert {key: place[1] for key, place in found.at.items()} == {"a": 1, "b": 3}
    assert [place[1] for place in found["b"].at] == [3, 4]
    assert {key: place[1] for key, place in found["b"][1].at.items()} == {"c": 4, "d": 5}


@pytest.mark.parametrize("case", SYNTAX, ids=lambda case: case.stem)
def test_both_parsers_tell_a_syntax_fault_alike(case):
    text = case.read_text(encoding="utf-8")
    fast, slow = read(text)[1], read(text, pure=True)[1]
    assert fast.codes() == slow.codes() == ("syntax",)
    assert fast.lines() == slow.lines()


def test_the_depth_has_a_limit():
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read(deep)[1].codes() == ()
    assert read(f"[{deep}]")[1].codes() == ("too_deep",)


def test_a_bomb_of_aliases_is_told_and_not_unfolded():
    lines = ["a: &a [x, x]"] + [
        f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    found, faults = read("\n".join(lines))
    assert set(faults.codes()) == {"no_anchor", "no_alias"}
    assert len(str(plain(found))) < 1000


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    faults = Faults()
    assert read_yaml(Source(pipe, "pipe.yaml", "repository", tmp_path), faults) is None
    assert faults.lines() == ("pipe.yaml:1: can't be read: it is no regular file",)


def test_a_byte_order_mark_and_windows_lines_are_taken(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [x, 'y']\r\n")
    faults = Faults()
    assert plain(read_yaml(Source(file, "x.yaml", "user", tmp_path), faults)) == {"a": 1, "b": ["x", "y"]}
    assert not faults


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{},\"'#&*!|>%@`\n\t <0.~?\\é"), max_size=40))
def test_no_text_breaks_the_reader(text):
    for pure in (False, True):
        found, faults = read(text, pure=pure)
        if not faults:
            assert plain(found) is None or isinstance(plain(found), dict | list | str | int | float | bool)
        assert all(line.startswith("x.yaml:") for line in faults.lines())


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_reads_as_itself(data):
    text = json.dumps(data, ensure_ascii=True)
    found, faults = read(text)
    if not faults:
        assert plain(found) == data
    assert set(faults.codes()) <= {"control_character", "syntax"}


def test_numbers_that_are_none_are_faults():
    for text in (".inf", "-.INF", ".nan", "1e400"):
        assert read(f"a: {text}")[1].codes() == ("bad_number",)
    assert math.isclose(value("a: 123456789012345678901")["a"], 1.2345678901234568e20)
