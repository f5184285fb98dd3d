"""Set-up behind the faces: what answers (scripted servers on loopback, fake keys), what is proposed, what is written."""

import os
import stat
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from ollama_shaped import CODER, EMBEDS, MIDDLE, SENT_ON, TALKER, OllamaShaped
from treadle.protocol.errors import NotWritable, ProviderError, SpecError
from treadle.session.setup import (
    Bound,
    Found,
    Key,
    Ollama,
    Pullable,
    Served,
    accept,
    clouds,
    needs_setup,
    next_thing,
    probe,
    propose,
    rows,
    standing,
    with_prices,
    write,
)
from treadle.session.setup import ask_ollama as asking
from treadle.session.setup.sizes import billions, parameters_of
from treadle.spec.layers import user_folder
from treadle.spec.load import load_catalog
from treadle.spec.tiers import ModelEntry, Price

SECRET = "sk-ant-fake-0123456789"
NOBODY = "127.0.0.1:9"
ANTHROPIC = Key(
    "anthropic",
    "Anthropic",
    ("ANTHROPIC_API_KEY",),
    {"small": "anthropic/s", "medium": "anthropic/m", "large": "anthropic/l"},
)
WEIGHTS = Pullable("qwen2.5-coder-1.5b", 1_117_320_768, "Apache-2.0", "a code model", here=False)
SILENT = Ollama("http://127.0.0.1:11434", "127.0.0.1:11434", fault="nobody listens at 127.0.0.1:11434")
NOTHING = Found(SILENT, weights=(WEIGHTS,))


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine where nothing answers: no Ollama, no weights, no key, no settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OLLAMA_HOST", NOBODY)
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN")) or name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def users(tmp_path):
    """Writes a file of the user's and returns its path."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / "config" / "treadle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def served(*models: Served, **more) -> Found:
    """An Ollama server with those models, and what else is said."""
    ollama = Ollama("http://127.0.0.1:11434", "127.0.0.1:11434", "0.12.3", models)
    return msgspec.structs.replace(NOTHING, ollama=ollama, **more)


def bound(found: Found, cloud="never") -> dict[str, list[str]]:
    """What would be bound to each tier that gets a model."""
    return {t.tier: [c.entry.name for c in t.choices] for t in propose(found, cloud).tiers if t.choices}


# ---------------------------------------------------------------- what answers


async def test_where_nothing_answers_that_is_told_and_nothing_is_raised():
    found = await probe(None, environ={})
    assert found.ollama.fault == f"nobody listens at {NOBODY}"
    assert not any(w.here for w in found.weights) and found.keys == () and found.first
    assert found.ladder == ("code", "small", "medium", "large")
    binding = propose(found, "never")
    assert not any(row.model and not row.missing for row in rows(found, binding))
    pulling = next(offer for offer in binding.offers if offer.kind == "pull")
    assert (pulling.command, pulling.licence) == ("treadle models pull qwen2.5-coder-1.5b", "Apache-2.0")
    assert pulling.bytes == 1_117_320_768


async def test_what_an_ollama_server_has_is_told(monkeypatch):
    with OllamaShaped(CODER, EMBEDS, SENT_ON) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        found = await probe(None, environ={})
    assert (found.ollama.version, found.ollama.fault, found.ollama.here) == ("0.12.3", "", True)
    coder, embeds, sent_on = found.ollama.models
    assert (coder.name, coder.parameters, coder.context) == ("ollama/qwen2.5-coder:1.5b", 1.5, 32768)
    assert coder.capabilities == ("completion", "tools", "insert")
    assert (embeds.capabilities, sent_on.elsewhere) == (("embedding",), True)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("hangs", "{host} does not answer"),
        ("no json", "what listens at {host} is no Ollama server"),
        ("refuses", "{host}: the Ollama server: out of order"),
        ("odd", "what listens at {host} is no Ollama server"),
    ],
)
async def test_a_server_that_does_not_behave_is_told_in_words(monkeypatch, broken, said):
    monkeypatch.setattr(asking, "ALL_S", 0.3)
    with OllamaShaped(CODER, broken=broken) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        found = await probe(None, environ={})
        assert found.ollama.fault.startswith(said.format(host=server.host))
    assert found.ollama.models == ()


async def test_a_server_that_is_slow_to_describe_its_models_still_has_them(monkeypatch):
    monkeypatch.setattr(asking, "ALL_S", 0.5)
    with OllamaShaped(CODER, EMBEDS, broken="show hangs") as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        found = await probe(None, environ={})
    assert [m.capabilities for m in found.ollama.models] == [None, None]
    assert bound(found)["small"][0] == "ollama/qwen2.5-coder:1.5b"  # the other one only embeds, by its name


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "127.0.0.1:notaport:x", "[::1", "http://", "\x1b[2J"]
)
async def test_an_address_that_leads_nowhere_is_no_trouble(monkeypatch, host):
    monkeypatch.setattr(asking, "ALL_S", 0.5)
    monkeypatch.setenv("OLLAMA_HOST", host)
    found = await probe(None, environ={})
    assert found.ollama.fault and "\x1b" not in found.ollama.fault


async def test_keys_are_known_by_name_and_never_by_value():
    found = await probe(
        None, environ={"ANTHROPIC_API_KEY": SECRET, "OPENAI_API_KEY": " ", "GOOGLE_API_KEY": SECRET}
    )
    assert [(k.provider, k.variables) for k in found.keys] == [
        ("anthropic", ("ANTHROPIC_API_KEY",)),
        ("gemini", ("GOOGLE_API_KEY",)),
    ]
    binding = propose(found, "all")
    assert SECRET not in repr((found, binding, rows(found, binding)))


async def test_what_the_files_bind_is_told_with_what_the_repository_says_over_it(users, make_repo):
    users("tiers.yaml", "tiers:\n  small: {models: [ollama/mine:1b]}\n")
    users("settings.yaml", "cloud: large only\n")
    root = make_repo({".treadle/tiers.yaml": "tiers:\n  medium: {models: [local/theirs]}\n"})
    found = await probe(root, environ={})
    assert [(b.tier, b.models, b.renewable) for b in found.bound] == [
        ("small", (ModelEntry("ollama/mine:1b"),), False)
    ]
    assert [b.tier for b in found.by_repository] == ["medium"]
    assert (found.cloud, found.first) == ("large only", False)


# ---------------------------------------------------------------- what is proposed


def test_each_model_goes_to_the_tier_of_its_size():
    found = served(
        Served("ollama/gemma3:4b", parameters=4.3),
        Served("ollama/qwen2.5-coder:1.5b", parameters=1.5, capabilities=("completion", "tools")),
        Served("ollama/qwen3-coder:30b", parameters=30.5, capabilities=("completion", "tools")),
        Served("ollama/llama3.3:70b", parameters=70.6, capabilities=("completion", "tools")),
        Served("ollama/nomic-embed-text:latest", parameters=0.137, capabilities=("embedding",)),
        Served("ollama/smollm2:135m", parameters=0.135, capabilities=("completion",)),
    )
    assert bound(found) == {
        "small": ["ollama/qwen2.5-coder:1.5b", "ollama/gemma3:4b", "local/qwen2.5-coder-1.5b"],
        "medium": ["ollama/qwen3-coder:30b"],
        "large": ["ollama/llama3.3:70b"],
    }


def test_models_made_for_code_and_those_that_take_tools_come_first():
    able = ("completion", "tools")
    found = served(
        Served("ollama/mistral-small:24b", parameters=24, capabilities=able),
        Served("ollama/codestral:22b", parameters=22.2, capabilities=("completion",)),
        Served("ollama/qwen2.5-coder:14b", parameters=14.8, capabilities=able),
        Served("ollama/starcoder2:15b-base", parameters=16, capabilities=able),
    )
    assert bound(found)["medium"] == ["ollama/qwen2.5-coder:14b", "ollama/codestral:22b"]


def test_a_model_never_seen_before_is_placed_by_what_its_server_tells():
    name = "hf.co/somebody/Quaint-9B-GGUF:Q4_K_M"
    assert bound(served(Served(f"ollama/{name}", parameters=parameters_of(name))))["medium"] == [
        f"ollama/{name}"
    ]
    nameless = parameters_of("fine-tune:latest", 5_000_000_000, quantization="Q4_0")
    assert bound(served(Served("ollama/fine-tune:latest", parameters=nameless)))["medium"]


@pytest.mark.parametrize(
    ("text", "count"),
    [("1.5B", 1.5), ("137M", 0.137), ("8x7b", 56), ("qwen2.5-coder:1.5b", 1.5), ("qwen3:30b-a3b", 30), ("x", 0),
     ("llama3.2:3b-instruct-q4_K_M", 3), ("phi3:14b-medium-128k", 14)],
)  # fmt: skip
def test_sizes_are_read_from_names(text, count):
    assert billions(text) == count


def test_a_key_alone_makes_a_working_ladder_as_far_as_the_cloud_may_go():
    found = msgspec.structs.replace(NOTHING, keys=(ANTHROPIC,), litellm=True)
    assert bound(found, "all") == {
        "small": ["local/qwen2.5-coder-1.5b", "anthropic/s"],
        "medium": ["anthropic/m"],
        "large": ["anthropic/l"],
    }
    assert bound(found, "large only") == {"small": ["local/qwen2.5-coder-1.5b"], "large": ["anthropic/l"]}
    assert bound(found, "never") == {"small": ["local/qwen2.5-coder-1.5b"]}
    answering = {row.tier: (row.model, row.missing) for row in rows(found, propose(found, "all"))}
    assert answering["small"] == ("anthropic/s", "") and answering["large"] == ("anthropic/l", "")


def test_where_a_local_model_answers_the_cloud_is_no_quiet_second_choice():
    found = served(Served("ollama/qwen3-coder:30b", parameters=30.5), keys=(ANTHROPIC,), litellm=True)
    assert bound(found, "all")["medium"] == ["ollama/qwen3-coder:30b"]
    assert bound(found, "all")["large"] == ["anthropic/l"]


def test_a_model_that_ollama_passes_on_counts_as_cloud():
    found = served(Served("ollama/qwen3-coder:480b-cloud", parameters=480, elsewhere=True))
    assert "large" not in bound(found, "never")
    assert bound(found, "large only")["large"] == ["ollama/qwen3-coder:480b-cloud"]
    assert clouds(found) == ("Ollama's qwen3-coder:480b-cloud",)


def test_without_litellm_a_key_is_not_enough_and_that_is_offered():
    found = msgspec.structs.replace(NOTHING, keys=(ANTHROPIC,), engine=True)
    binding = propose(found, "all")
    assert "litellm" in next(row.missing for row in rows(found, binding) if row.tier == "large")
    assert [(o.kind, o.name) for o in binding.offers] == [
        ("install", "litellm"),
        ("pull", "local/qwen2.5-coder-1.5b"),
    ]
    assert "'litellm>=" in binding.offers[0].command


def test_what_is_offered_for_tier_small_is_what_is_missing():
    engine = ("install", "xllamacpp")
    weights = ("pull", "local/qwen2.5-coder-1.5b")
    ollama = ("pull", "ollama/qwen2.5-coder:1.5b")
    here = (msgspec.structs.replace(WEIGHTS, here=True),)
    for found, offers in (
        (NOTHING, [engine, weights]),
        (msgspec.structs.replace(NOTHING, engine=True), [weights]),
        (msgspec.structs.replace(NOTHING, weights=here), [engine]),
        (msgspec.structs.replace(NOTHING, weights=here, engine=True), []),
        (served(), [ollama]),
        (served(Served("ollama/qwen2.5-coder:1.5b", parameters=1.5)), []),
    ):
        assert [(o.kind, o.name) for o in propose(found, "never").offers] == offers


def test_what_the_user_bound_stays_and_is_shown_so():
    mine = Bound("small", (ModelEntry("ollama/mine:1b"),))
    found = served(Served("ollama/qwen2.5-coder:1.5b", parameters=1.5), bound=(mine,))
    small = propose(found, "never").tiers[1]
    assert small.kept and [c.entry.name for c in small.choices] == ["ollama/mine:1b"]
    row = rows(found, propose(found, "never"))[1]
    assert row.why == "as you wrote it" and row.missing == "Ollama does not have it: ollama pull mine:1b"


def test_offline_holds_over_what_the_cloud_may():
    found = msgspec.structs.replace(NOTHING, keys=(ANTHROPIC,), litellm=True, offline=True)
    assert "offline" in rows(found, propose(found, "all"))[3].missing


def test_what_is_installed_is_what_the_extras_name():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    from treadle.session.setup.propose import _RANGES

    assert _RANGES["xllamacpp"] in extras["local"]
    assert _RANGES["litellm"] in extras["cloud"]
    assert _RANGES["textual"] in project["dependencies"]


# ---------------------------------------------------------------- the next thing


@pytest.mark.parametrize(
    ("found", "cloud", "begins"),
    [
        (NOTHING, "never", "treadle setup   (no model answers yet"),
        (served(Served("ollama/a:1b", parameters=1)), "never", "treadle setup   (it binds"),
        (msgspec.structs.replace(NOTHING, keys=(ANTHROPIC,)), "never", "treadle setup   (it asks"),
        (msgspec.structs.replace(NOTHING, cloud="never", engine=True), "never", "treadle models pull"),
    ],
)
def test_the_next_thing_fits_what_was_found(found, cloud, begins):
    tiers = load_catalog(None).tiers
    assert next_thing(found, standing(found, tiers, cloud)).startswith(begins)


async def test_the_next_thing_once_it_is_set_up(users, monkeypatch):
    users("settings.yaml", "cloud: never\n")
    path = users("tiers.yaml", "tiers:\n  small: {models: [ollama/qwen2.5-coder:1.5b]}\n")

    async def next_now() -> str:
        found = await probe(None, environ={})
        return next_thing(found, standing(found, load_catalog(None).tiers, found.cloud or "never"))

    assert (await next_now()).startswith("start Ollama: ollama serve")
    with OllamaShaped(TALKER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        assert (await next_now()).startswith("ollama pull qwen2.5-coder:1.5b")
        server.models.append(CODER)
        assert await next_now() == ""
    users("settings.yaml", "cloud: all\n")
    path.write_text("tiers:\n  small: {models: []}\n  large: {models: [openai/gpt-x]}\n")
    assert (await next_now()).startswith("export OPENAI_API_KEY=…")


# ---------------------------------------------------------------- what is written


def test_first_start_lasts_until_something_is_said(users):
    assert needs_setup()
    path = users("settings.yaml", "mode: auto\n")
    assert needs_setup()
    path.write_text("cloud: never\n")
    assert not needs_setup()
    path.unlink()
    users("tiers.yaml", "tiers:\n  small: {models: []}\n")
    assert not needs_setup()


def test_what_is_written_holds_and_is_for_the_user_alone():
    found = served(Served("ollama/qwen2.5-coder:1.5b", parameters=1.5), keys=(ANTHROPIC,), litellm=True)
    binding = msgspec.structs.replace(propose(found, "large only"), prices={"anthropic/l": Price(4, 20, 0.2)})
    written = write(binding, "large only")
    assert [Path(f).name for f in written.files] == ["tiers.yaml", "settings.yaml"] and written.copies == ()
    assert {stat.S_IMODE(os.stat(f).st_mode) for f in written.files} == {0o600}
    assert stat.S_IMODE(user_folder().path.stat().st_mode) == 0o700
    catalog = load_catalog(None)
    assert catalog.settings.cloud == "large only"
    assert {t.name: [m.name for m in t.models] for t in catalog.tiers.tiers} == {
        "code": [],
        "small": ["ollama/qwen2.5-coder:1.5b", "local/qwen2.5-coder-1.5b"],
        "medium": [],
        "large": ["anthropic/l"],
    }
    assert catalog.tiers.prices["anthropic/l"] == Price(4, 20, 0.2) and "ollama/*" in catalog.tiers.prices
    assert write(binding, "large only").files == ()


async def test_a_second_setup_changes_what_the_first_one_wrote(monkeypatch):
    environ = {"ANTHROPIC_API_KEY": SECRET}
    found = await probe(None, environ=environ)
    write(propose(found, "all"), "all")
    again = await probe(None, environ=environ)
    assert (again.cloud, {b.tier: b.renewable for b in again.bound}) == (
        "all",
        dict.fromkeys(("small", "medium", "large"), True),
    )
    with OllamaShaped(MIDDLE) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        last = await probe(None, environ=environ)
        write(propose(last, "never"), "never")
    catalog = load_catalog(None)
    assert catalog.settings.cloud == "never"
    models = {t.name: [m.name for m in t.models] for t in catalog.tiers.tiers}
    assert models["medium"] == ["ollama/qwen3-coder:30b"] and models["large"] == []
    assert SECRET not in "".join(p.read_text() for p in user_folder().path.iterdir())


async def test_nothing_that_a_person_wrote_is_lost(users, monkeypatch):
    tiers = users(
        "tiers.yaml",
        "# what I like\ntiers:\n  medium: # by hand\n    models:\n      - ollama/mine:12b # good\n"
        "prices:\n  anthropic/*: {input: 9, output: 99} # as billed\ntime_value_usd_per_hour: 7\n",
    )
    settings = users("settings.yaml", "mode: step # slowly\ncloud: never # for now\n")
    before = tiers.read_text().splitlines()
    found = await probe(None, environ={"ANTHROPIC_API_KEY": SECRET})
    binding = msgspec.structs.replace(
        propose(found, "all"), prices={"anthropic/claude-opus-5-5": Price(4, 20)}
    )
    assert write(binding, "all").copies == ()
    after = tiers.read_text().splitlines()
    assert [line for line in after if line in before] == before
    assert all("# setup " in line for line in after if line not in before)
    assert settings.read_text() == "mode: step # slowly\ncloud: all # for now\n"
    catalog = load_catalog(None)
    assert (catalog.settings.mode, catalog.tiers.time_value_usd_per_hour) == ("step", 7)
    assert catalog.tiers.prices == {**catalog.tiers.prices, "anthropic/*": Price(9, 99)}
    assert "anthropic/claude-opus-5-5" not in catalog.tiers.prices
    assert [m.name for m in catalog.tiers.tiers[2].models] == ["ollama/mine:12b"]


async def test_a_line_of_setup_that_a_person_changed_is_theirs(users):
    found = await probe(None, environ={})
    write(propose(found, "never"), "never")
    path = user_folder().path / "tiers.yaml"
    path.write_text(path.read_text().replace("[local/qwen2.5-coder-1.5b]", "[local/mine]"))
    text = path.read_text()
    again = await probe(None, environ={})
    assert propose(again, "never").tiers[1].kept
    assert write(propose(again, "never"), "never").files == () and path.read_text() == text
    # Also where it changed after the proposal was made.
    assert write(propose(found, "never"), "never").files == () and path.read_text() == text


async def test_a_file_that_lines_cannot_be_set_in_is_kept_as_a_copy(users):
    text = "{tiers: {medium: {models: [ollama/mine:12b]}}, prices: {}} # all on one line\n"
    path = users("tiers.yaml", text)
    found = await probe(None, environ={})
    written = write(propose(found, "never"), "never")
    assert [Path(c).read_text() for c in written.copies] == [text]
    assert Path(written.copies[0]).name.startswith("tiers.yaml.bak-")
    models = {t.name: [m.name for m in t.models] for t in load_catalog(None).tiers.tiers}
    assert models["medium"] == ["ollama/mine:12b"] and models["small"] == ["local/qwen2.5-coder-1.5b"]
    assert path.read_text() != text


async def test_a_link_to_the_file_stays_a_link(users, tmp_path):
    kept = tmp_path / "dotfiles" / "tiers.yaml"
    kept.parent.mkdir()
    kept.write_text("# mine\n")
    path = users("tiers.yaml", "")
    path.unlink()
    path.symlink_to(kept)
    write(propose(await probe(None, environ={}), "never"), "never")
    assert path.is_symlink() and kept.read_text().startswith("# mine\ntiers:\n")


@pytest.mark.parametrize("text", ["tiers: [\n", "- a list\n", "tiers:\n  small: {modles: []}\n"])
async def test_a_file_with_faults_is_not_written_to(users, text):
    path = users("tiers.yaml", text)
    found = await probe(None, environ={})
    assert found.faults and "tiers.yaml:" in found.faults[0]
    with pytest.raises(SpecError, match=r"tiers\.yaml:\d"):
        write(propose(found, "never"), "never")
    assert path.read_text() == text and [p.name for p in path.parent.iterdir()] == ["tiers.yaml"]


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file" / "below"))
    assert needs_setup()
    with pytest.raises(NotWritable, match="can't be written") as raised:
        write(propose(NOTHING, "never"), "never")
    assert "XDG_CONFIG_HOME" in raised.value.hint and raised.value.exit_code == 3


# ---------------------------------------------------------------- what a person said yes to


async def test_ollama_pulls_what_was_offered(monkeypatch):
    import asyncio

    with OllamaShaped() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        found = await probe(None, environ={})
        offer = propose(found, "never").offers[0]
        seen, said = [], []
        await asyncio.to_thread(
            accept, offer, found, lambda done, total: seen.append((done, total)), said.append
        )
        assert seen[-1] == (CODER["size"], CODER["size"]) and said[0] == "pulling manifest"
        after = await probe(None, environ={})
    assert bound(after)["small"][0] == "ollama/qwen2.5-coder:1.5b"


@pytest.mark.parametrize(
    ("code", "outcome"), [("print('fetched')", "done"), ("import sys; sys.exit('no index')", "failed")]
)
def test_a_package_is_installed_by_the_command_that_was_shown(monkeypatch, code, outcome):
    from treadle.session.setup import act

    monkeypatch.setattr(act, "install_argv", lambda package: (sys.executable, "-c", code))
    offer = propose(NOTHING, "never").offers[0]
    said = []
    if outcome == "done":
        accept(offer, NOTHING, lambda done, total: None, said.append)
        assert said == ["fetched"]
    else:
        with pytest.raises(ProviderError, match="was not installed") as raised:
            accept(offer, NOTHING, lambda done, total: None, said.append)
        assert said == ["no index"] and "pip install 'xllamacpp" in raised.value.hint


async def test_prices_are_left_out_where_there_is_no_library_to_tell_them():
    found = msgspec.structs.replace(NOTHING, keys=(ANTHROPIC,))
    binding = propose(found, "all")
    assert (await with_prices(found, binding)).prices == {}


def test_a_model_larger_than_large_is_still_large():
    assert bound(served(Served("ollama/x:1000b", parameters=1000)))["large"] == ["ollama/x:1000b"]
