"""Setting single keys in a file of the user's: every other byte stays, and what treadle wrote is known from what it didn't."""

import pytest

from treadle.spec.edit import CannotEdit, data_of, dumped, is_own, put

ORDER = ("code", "small", "medium", "large")
BY_HAND = """\
# my tiers
tiers:
  # the dear one
  large:
    models: # in turn
      - anthropic/claude  # dear
      - {model: openai/x, endpoint: "http://gpu:8000/v1"}
# what they cost
prices:
  a/*: {input: 1, output: 2}"""


def test_a_new_key_stands_in_its_order_and_all_else_stays():
    text = put(BY_HAND, ("tiers", "medium"), {"models": ["ollama/b:30b"]}, order=ORDER, mark=True)
    text = put(text, ("tiers", "small"), {"models": []}, order=ORDER)
    lines = text.splitlines()
    assert lines[1:3] == ["tiers:", "  small: {models: []}"]
    assert lines[3].startswith("  medium: {models: [ollama/b:30b]} # setup ")
    assert lines[4] == "  # the dear one"
    assert [line for line in lines if line in BY_HAND.splitlines()] == BY_HAND.splitlines()
    assert list(data_of(text)["tiers"]) == ["small", "medium", "large"]


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "other: 1", "other: 1\n", "tiers: # none yet\n  code: {}\n"]
)
def test_a_key_is_added_to_any_beginning(text):
    new = put(text, ("tiers", "small"), {"models": ["ollama/a:1b", "local/b"]}, order=ORDER, mark=True)
    assert new.startswith(text.rstrip("\n"))
    assert data_of(new)["tiers"]["small"] == {"models": ["ollama/a:1b", "local/b"]}
    assert is_own(new, ("tiers", "small"))


def test_a_line_of_treadles_is_renewed_until_somebody_changes_it():
    text = put(BY_HAND, ("tiers", "small"), {"models": ["ollama/a:1b"]}, order=ORDER, mark=True)
    again = put(text, ("tiers", "small"), {"models": ["ollama/b:1b"]}, order=ORDER, mark=True)
    assert data_of(again)["tiers"]["small"] == {"models": ["ollama/b:1b"]}
    assert is_own(again, ("tiers", "small")) and not is_own(again, ("tiers", "large"))
    changed = again.replace("ollama/b:1b", "ollama/mine:1b")
    assert not is_own(changed, ("tiers", "small"))
    with pytest.raises(CannotEdit, match="by hand"):
        put(changed, ("tiers", "small"), {"models": ["ollama/a:1b"]}, order=ORDER, mark=True)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("cloud: all   # mine\nmode: auto\n", "cloud: large only   # mine\nmode: auto\n"),
        ("mode: auto\ncloud: 'never'", "mode: auto\ncloud: large only"),
        ("mode: auto\r\ncloud: never\r\n", "mode: auto\r\ncloud: large only\r\n"),
        ("mode: auto\r\n", "mode: auto\r\ncloud: large only\r\n"),
        ("mode: auto", "mode: auto\ncloud: large only\n"),
    ],
)  # fmt: skip
def test_a_scalar_is_replaced_and_nothing_beside_it(text, new):
    assert put(text, ("cloud",), "large only") == new


@pytest.mark.parametrize(
    "value", ["true", "no", "12", "a: b", "# x", "ünï", "", "x y", "1.5e3", "*a", "a #b", "-"]
)
def test_text_is_read_back_as_the_text_it_was(value):
    assert data_of(put("", ("tiers", value or "k"), {"models": [value]}))["tiers"][value or "k"][
        "models"
    ] == [value]


@pytest.mark.parametrize(
    "text", ["tiers: {small: {models: []}}\n", "{tiers: {}}", "tiers: {}", "tiers: [a]\n", "[a]", "a: b: c", "tiers: |\n  x\n"]
)  # fmt: skip
def test_where_a_line_has_no_place_that_is_said_and_nothing_guessed(text):
    with pytest.raises(CannotEdit):
        put(text, ("tiers", "medium"), {"models": []}, order=ORDER)


def test_a_file_written_anew_holds_the_same():
    data = data_of(BY_HAND)
    assert data_of(dumped(data)) == data
