"""The cloud adapter's rules that need no litellm: what is asked for, what is refused, what a fault is taken for."""

import json

import pytest

from treadle.models import cloud
from treadle.models.base import ModelRequest
from treadle.models.cloud import About, CloudModel
from treadle.models.cloud_faults import Fault, Link, error_of
from treadle.models.cloud_worker import Numbers, described
from treadle.models.open import check_available
from treadle.protocol.errors import Malformed, NoSuchModel, Refused, Unreachable
from treadle.protocol.messages import Message
from treadle.spec.tiers import ModelEntry

KEY = "sk-planted-0123456789abcdef"


@pytest.fixture
def litellm_is_there(monkeypatch):
    monkeypatch.setattr(cloud, "find_spec", lambda name: name)


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setattr(cloud, "find_spec", lambda _: None)
    with pytest.raises(NoSuchModel, match="litellm, which is not installed") as caught:
        check_available(ModelEntry("openai/gpt-5"))
    assert caught.value.hint.endswith("-m pip install 'litellm>=1.90,!=1.106.*,<2'")


def test_a_missing_key_is_named(monkeypatch, litellm_is_there):
    for name in ("AZURE_API_KEY", "AZURE_API_BASE", "AZURE_API_VERSION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refused, match="AZURE_API_KEY and AZURE_API_BASE and AZURE_API_VERSION") as caught:
        check_available(ModelEntry("azure/x"))
    assert "export AZURE_API_KEY" in caught.value.hint
    monkeypatch.setenv("OTHER", KEY)
    with pytest.raises(Refused, match="variable AZURE_API_BASE and AZURE_API_VERSION is"):
        check_available(ModelEntry("azure/x", key_env="OTHER"))
    monkeypatch.setenv("AZURE_API_BASE", "http://gpu")
    monkeypatch.setenv("AZURE_API_VERSION", "2026-01-01")
    check_available(ModelEntry("azure/x", key_env="OTHER"))
    secret = cloud.secret_of(ModelEntry("azure/x", key_env="OTHER"))
    assert secret.parameters == {"api_key": KEY, "api_base": "http://gpu", "api_version": "2026-01-01"}
    assert (secret.values, secret.variable) == ((KEY,), "OTHER")


@pytest.mark.parametrize("value", ["two\nlines", "tab\there", "ünicode"])
def test_a_key_that_is_none_is_refused_and_not_told(monkeypatch, litellm_is_there, value):
    monkeypatch.setenv("A_KEY", value)
    with pytest.raises(Refused, match="characters that no key has") as caught:
        check_available(ModelEntry("openai/x", key_env="A_KEY"))
    assert value not in caught.value.message


def test_another_name_of_a_key_serves_and_a_secret_does_not_show_itself(monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    secret = cloud.secret_of(ModelEntry("gemini/x"))
    assert (secret.parameters, secret.variable) == ({"api_key": KEY}, "GOOGLE_API_KEY")
    assert KEY not in repr(secret)


@pytest.mark.parametrize(
    "option", ["api_base", "base_url", "api_key", "fallbacks", "mock_response", "num_retries"]
)
def test_an_option_that_would_send_a_request_elsewhere_is_refused(option):
    with pytest.raises(Refused, match=option):
        CloudModel(ModelEntry("openai/x", options={option: "x"}))


def test_a_provider_that_logs_in_by_a_browser_is_refused(litellm_is_there, monkeypatch):
    monkeypatch.setenv("GITHUB_COPILOT_API_KEY", KEY)
    with pytest.raises(NoSuchModel, match="browser"):
        check_available(ModelEntry("github_copilot/gpt-5"))


OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({**OBJECT, "additionalProperties": False}, True),
        (OBJECT, False),
        ({**OBJECT, "additionalProperties": False, "required": []}, False),
        (
            {
                **OBJECT,
                "additionalProperties": False,
                "properties": {"a": {"type": "string", "maxLength": 9}},
            },
            False,
        ),
        ({"type": "array", "items": OBJECT}, False),
    ],
)
def test_a_schema_is_strict_only_where_openai_takes_it_so(schema, strict):
    request = ModelRequest((Message("user", "x"),), 5, schema=schema)
    body = CloudModel(ModelEntry("openai/x"))._body(request, About(known=True, schema=True))
    form = body["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]) == (strict, schema)


def test_a_model_that_the_table_does_not_know_is_sent_no_setting_that_it_may_have_dropped():
    request = ModelRequest((Message("user", "x"),), 5)
    known = CloudModel(ModelEntry("openai/x"))._body(request, About(known=True))
    new = CloudModel(ModelEntry("openai/x", options={"top_p": 0.5}))._body(request, About())
    assert "temperature" in known and not {"temperature", "seed"} & new.keys()
    assert new["top_p"] == 0.5


def fault(*links: Link, text: str = "", retry_after: str = ""):
    return error_of(Fault(list(links), retry_after), "openai/x", variable="A_KEY", secrets=(KEY,), text=text)


def test_a_fault_without_a_status_is_unreachable_and_tells_no_key():
    error = fault(Link("ValueError", text=f"litellm.ValueError: bad header {KEY}\x1b[31m"))
    assert type(error) is Unreachable
    assert error.message == "openai/x: bad header (key) [31m"


def test_a_connection_that_broke_is_a_broken_reply_only_where_one_had_begun():
    broken = Link("ClientPayloadError", text="payload")
    assert type(fault(broken)) is Unreachable
    begun = fault(broken, text="Hel")
    assert type(begun) is Malformed and begun.text == "Hel"


def test_a_body_as_pythons_bytes_is_read():
    inner = json.dumps({"error": {"type": "authentication_error", "message": "it's invalid"}})
    error = fault(
        Link("AuthenticationError", 401, None, f"litellm.AuthenticationError: X - {inner.encode()!r}")
    )
    assert type(error) is Refused
    assert (error.message, error.hint) == ("openai/x: it's invalid", "look at the key in A_KEY")


def test_what_stands_behind_an_exception_is_told_outermost_first():
    class Limited(Exception):
        status_code = 429
        response = type("R", (), {"headers": {"retry-after": "7"}})()

    try:
        try:
            raise Limited("slow")
        except Limited as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as outer:
        told = described(outer)
    assert [(link["name"], link["status"]) for link in told["links"]] == [
        ("RuntimeError", 0),
        ("Limited", 429),
    ]
    assert told["retry_after"] == "7"


def test_pieces_of_calls_are_put_to_their_call():
    numbers = Numbers()
    pieces = [(0, "a"), (0, None), (1, "b"), (0, None), (1, None), (0, "c"), (0, None)]
    assert [numbers.of(*piece) for piece in pieces] == [0, 0, 1, 0, 1, 2, 2]
