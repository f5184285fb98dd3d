"""The editors' schemas: up to date, and of one mind with the loader about shapes."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from treadle.spec.faults import Faults, Source
from treadle.spec.read import parse, plain
from treadle.spec.resolve_agent import AGENT_KEYS
from treadle.spec.resolve_chosen import KEYS as CHOSEN_KEYS
from treadle.spec.resolve_loop import BUDGET_KEYS, LOOP_KEYS, STEP_KEYS
from treadle.spec.resolve_settings import SETTINGS_KEYS
from treadle.spec.resolve_tiers import MODEL_KEYS, TIERS_KEYS
from treadle.spec.rungs import LIMIT_KEYS, RUNG_KEYS
from treadle.spec.schema import main, schemas

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHIPPED = sorted(
    [*(ROOT / "agents").rglob("*.yaml"), *(HERE / "base").rglob("*.yaml"), *(HERE / "loops").rglob("*.yaml")]
)
SHIPPED = [path for path in SHIPPED if path.parent.name != "replies"]

REFUSED = (
    "agent-unknown-key",
    "loop-unknown-key",
    "agent-wrong-type",
    "agent-wrong-type-rung",
    "agent-not-a-mapping",
    "agent-text-only",
    "loop-wrong-type",
    "tiers-wrong-type",
    "agent-empty-value",
    "loop-empty-value",
    "agent-out-of-range",
    "loop-out-of-range",
    "agent-bad-value",
    "loop-bad-value",
    "loop-bad-phrase",
    "loop-chosen-by",
    "loop-state",
    "settings-bad-value",
    "agent-bad-name",
    "loop-bad-name",
    "tiers-bad-name",
    "agent-twice",
    "agent-both-keys",
    "agent-tier-and-ladder",
    "settings-both-keys",
    "agent-needs-key",
    "loop-needs-key",
    "agent-unknown-check",
    "loop-unknown-check",
    "agent-unknown-tool",
    "agent-unknown-solver",
    "agent-unknown-protocol",
    "agent-race-too-small",
    "agent-prompt-path",
    "agent-bad-command-check",
    "agent-schema-keyword",
    "tiers-bad-model",
    "tiers-bad-endpoint",
    "tiers-bad-key-env",
    "tiers-price",
    "loop-step-kind",
    "loop-step-without-name",
)
"""Invalid files whose fault stands in the file itself, by its shape."""


def value_of(path: Path) -> object:
    faults = Faults()
    source = Source(path, path.name, "repository", path.parent)
    value = plain(parse(path.read_text(encoding="utf-8"), source, faults))
    assert not faults.lines()
    return value


def kind_of(path: Path) -> str:
    if path.stem in ("tiers", "settings"):
        return path.stem
    return "loop" if path.parent.name == "loops" else "agent"


def accepts(kind: str, value: object) -> bool:
    return bool(jsonschema.Draft7Validator(schemas()[kind]).is_valid(value))


def test_the_files_in_docs_are_up_to_date():
    assert main(["--check", str(ROOT / "docs" / "schema")]) == 0


def test_check_tells_a_schema_that_is_out_of_date(tmp_path, capsys):
    assert main([str(tmp_path)]) == 0
    stale = tmp_path / "loop.schema.json"
    stale.write_text("{}")
    assert main(["--check", str(tmp_path)]) == 1
    assert str(stale) in capsys.readouterr().err
    assert stale.read_text() == "{}", "checking writes nothing"


def test_the_command_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "treadle.spec.schema", str(tmp_path)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {p.name for p in tmp_path.iterdir()} == {f"{kind}.schema.json" for kind in schemas()}
    assert json.loads((tmp_path / "agent.schema.json").read_text()) == schemas()["agent"]


@pytest.mark.parametrize("kind", list(schemas()))
def test_they_are_schemas(kind):
    jsonschema.Draft7Validator.check_schema(schemas()[kind])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_files_are_accepted(path):
    errors = [
        error.message
        for error in jsonschema.Draft7Validator(schemas()[kind_of(path)]).iter_errors(value_of(path))
    ]
    assert errors == []


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_shapes_are_refused(name):
    assert not accepts(name.split("-")[0], value_of(HERE / "invalid" / f"{name}.yaml"))


@pytest.mark.parametrize(
    ("properties", "keys"),
    [
        (schemas()["agent"]["properties"], AGENT_KEYS),
        (schemas()["agent"]["properties"]["ladder"]["items"]["properties"], RUNG_KEYS),
        (schemas()["agent"]["properties"]["limits"]["properties"], LIMIT_KEYS),
        (schemas()["loop"]["properties"], LOOP_KEYS),
        (schemas()["loop"]["properties"]["steps"]["items"]["properties"], STEP_KEYS),
        (schemas()["loop"]["properties"]["budget"]["properties"], BUDGET_KEYS),
        (schemas()["loop"]["properties"]["chosen_by"]["properties"], CHOSEN_KEYS),
        (schemas()["tiers"]["properties"], TIERS_KEYS),
        (schemas()["settings"]["properties"], SETTINGS_KEYS),
    ],
    ids=["agent", "rung", "limits", "loop", "step", "budget", "chosen_by", "tiers", "settings"],
)
def test_schema_and_loader_know_the_same_keys(properties, keys):
    assert sorted(properties) == sorted(keys)


def test_the_model_schema_knows_the_loaders_keys():
    model = schemas()["tiers"]["properties"]["tiers"]["additionalProperties"]["properties"]["models"][
        "items"
    ]["oneOf"][1]
    assert sorted(model["properties"]) == sorted(MODEL_KEYS)


def test_built_in_files_name_their_schema():
    for path in sorted((ROOT / "agents").rglob("*.yaml")):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert first.startswith("# yaml-language-server: $schema=")
        target = (path.parent / first.split("=", 1)[1]).resolve()
        assert target == ROOT / "docs" / "schema" / f"{kind_of(path)}.schema.json"
        assert target.is_file()
