"""Built-in, user, repository: later wins key by key, and a repository only narrows."""

from pathlib import Path

import pytest

from treadle.protocol.errors import SpecError
from treadle.spec.layers import Folder, builtin_folder, user_folder
from treadle.spec.load import load_catalog, load_folders

ROOT = Path(__file__).parents[2]


def test_later_layers_win_key_by_key(load, write):
    user = write(
        "user/agents/mine.yaml", "name: worker\ndescription: The user's.\nlimits: {turns: 3, cost_usd: 1}\n"
    )
    write(".treadle/worker.yaml", "name: worker\ninputs: [task]\nprompt: mine.md\nlimits: {turns: 5}\n")
    write(".treadle/prompts/mine.md", "Do ${task}.")
    catalog, faults = load(user.parent.parent)
    assert faults.lines() == ()
    worker = catalog.agents["worker"]
    assert (worker.description, worker.inputs, worker.prompt) == ("The user's.", ("task",), "Do ${task}.\n")
    assert [(r.tier, r.tools, r.limits.turns, r.limits.cost_usd) for r in worker.ladder] == [
        ("small", ("read", "edit"), 3, 1.0),
        ("large", ("read", "edit"), 3, 1.0),
    ]
    assert catalog.origins["agent worker"].endswith(".treadle/worker.yaml")
    assert catalog.origins["agent lister"].endswith("base/agents/lister.yaml")


def test_a_ladder_displaces_a_tier_and_the_other_way_round(load, write):
    write(".treadle/agents/a.yaml", "name: lister\nladder: [{tier: large}]\n")
    write(".treadle/agents/b.yaml", "name: worker\ntier: large\n")
    catalog, faults = load()
    assert faults.lines() == ()
    assert [[r.tier for r in catalog.agents[name].ladder] for name in ("lister", "worker")] == [
        ["large"],
        ["large"],
    ]


def test_tiers_are_merged_and_a_new_one_keeps_its_place(load, write):
    write(
        ".treadle/tiers.yaml",
        "tiers:\n  tiny: {models: [local/t]}\n  small: {models: [local/s]}\n  huge: {}\n",
    )
    tiers = load()[0].tiers.tiers
    assert [(t.name, [m.name for m in t.models]) for t in tiers] == [
        ("code", []),
        ("tiny", ["local/t"]),
        ("small", ["local/s"]),
        ("large", []),
        ("huge", []),
    ]


def test_a_layer_may_reorder_the_tiers(load, write):
    write(".treadle/tiers.yaml", "tiers:\n  large: {}\n  small: {}\n")
    assert [t.name for t in load()[0].tiers.tiers] == ["code", "large", "small"]


def test_tier_code_is_there_undeclared(tmp_path):
    (tmp_path / "tiers.yaml").write_text("tiers: {mine: {}}\n")
    catalog, faults = load_folders([Folder("user", tmp_path)])
    assert ([t.name for t in catalog.tiers.tiers], faults.lines()) == (["code", "mine"], ())


def test_a_prompt_is_taken_from_the_last_layer_that_has_it(load, write, repository):
    user = repository / "user"
    write("user/prompts/worker.md", "The user's ${item}.")
    assert load(user)[0].agents["worker"].prompt == "The user's ${item}.\n"
    write(".treadle/prompts/worker.md", "The repository's ${item}.")
    catalog, faults = load(user)
    assert faults.lines() == ()
    assert catalog.agents["worker"].prompt == catalog.prompts["worker"] == "The repository's ${item}.\n"


def test_a_prompt_may_stand_beside_its_agent(load, write):
    text = "name: mine\ndescription: Mine.\nprompt: mine.md\ninputs: [task]\ntier: small\ntools: [read]\n"
    write(".treadle/agents/mine.yaml", text)
    write(".treadle/agents/mine.md", "Do ${task}.")
    catalog, faults = load()
    assert (catalog.agents["mine"].prompt, faults.lines()) == ("Do ${task}.\n", ())


def test_extends_starts_from_the_other_agent(load, write):
    write(".treadle/agents/a.yaml", "name: near\nextends: far\ndescription: Near.\nlimits: {wall_s: 9}\n")
    write(".treadle/agents/b.yaml", "name: far\nextends: worker\nlimits: {turns: 7}\nchecks: [tests]\n")
    catalog, faults = load()
    assert faults.lines() == ()
    near, far, worker = (catalog.agents[name] for name in ("near", "far", "worker"))
    assert (near.name, near.description, far.description) == ("near", "Near.", worker.description)
    assert near.checks == far.checks != worker.checks
    assert [(r.limits.turns, r.limits.wall_s) for r in near.ladder] == [(7, 9.0), (7, 9.0)]
    assert near.prompt == worker.prompt


def test_a_repository_adds_to_what_is_denied_and_takes_nothing_away(load, write, repository):
    write("user/agents/mine.yaml", "name: worker\npermissions: {deny: [secrets, tests]}\n")
    write(".treadle/agents/worker.yaml", "name: worker\npermissions: {deny: [docs]}\n")
    assert load(repository / "user")[0].agents["worker"].deny == ("secrets", "tests", "docs")


def test_the_users_own_later_file_may_replace_what_the_built_in_one_denies(load, write, repository):
    write("base/agents/strict.yaml", "name: strict\nextends: worker\npermissions: {deny: [docs]}\n")
    write("user/agents/strict.yaml", "name: strict\npermissions: {deny: [src]}\n")
    assert load(repository / "user")[0].agents["strict"].deny == ("src",)


NARROWED = [
    ("cloud: never", "cloud: large only", "cloud", "never"),
    ("cloud: all", "cloud: large only", "cloud", "large only"),
    ("cloud: large only", "cloud: never", "cloud", "never"),
    ("mode: step", "mode: auto", "mode", "step"),
    ("mode: auto", "mode: step", "mode", "step"),
    ("sandbox: overlay", "sandbox: auto", "sandbox", "overlay"),
    ("sandbox: clone", "sandbox: auto", "sandbox", "auto"),
    ("sandbox: off", "sandbox: overlay", "sandbox", "overlay"),
    ("sandbox: container", "sandbox: auto", "sandbox", "auto"),
    ("network: none", "network: loopback", "network", "none"),
    ("network: all", "network: loopback", "network", "loopback"),
    ("network: all", "network: none", "network", "none"),
    ("threads: 2", "sandbox: overlay", "sandbox", "overlay"),
    ("python: /usr/bin/python3", "python: .venv", "python", ".venv"),
    ("unproven: allow", "unproven: ask", "unproven", "ask"),
    ("git: allow", "git: ask", "git", "ask"),
    ("unproven: allow", "offline: true", "unproven", "allow"),
]


@pytest.mark.parametrize(("users", "repositorys", "key", "holds"), NARROWED)
def test_a_repository_only_narrows_settings(load, write, repository, users, repositorys, key, holds):
    write("user/settings.yaml", users)
    write(".treadle/settings.yaml", repositorys)
    catalog, faults = load(repository / "user")
    assert (getattr(catalog.settings, key), faults.lines()) == (holds, ())


def test_a_user_may_set_what_a_repository_may_not(load, write, repository):
    write(
        "user/settings.yaml",
        "unproven: allow\ncloud: all\noffline: false\nsandbox: off\ngit: allow\npython: py\n",
    )
    write(
        "user/tiers.yaml",
        "tiers: {large: {models: [{model: o/m, endpoint: 'http://gpu:80/v1', key_env: K}]}}\n",
    )
    catalog, faults = load(repository / "user")
    assert faults.lines() == ()
    settings = catalog.settings
    assert (settings.unproven, settings.cloud, settings.sandbox, settings.git) == (
        "allow",
        "all",
        "off",
        "allow",
    )
    assert catalog.tiers.tiers[-1].models[0].endpoint == "http://gpu:80/v1"


def test_settings_of_tests_are_merged(load, write, repository):
    write(
        "user/settings.yaml", "tests: {runner: pytest, timeout_s: 20}\npython: .venv/bin/python\nthreads: 2\n"
    )
    write(".treadle/settings.yaml", "tests: {command: make check}\n")
    settings = load(repository / "user")[0].settings
    assert (settings.tests.runner, settings.tests.command, settings.tests.timeout_s) == (
        "",
        "make check",
        20.0,
    )
    assert (settings.python, settings.threads) == (".venv/bin/python", 2)


def test_scripted_models_are_named_by_their_absolute_file(load, write, repository):
    write(".treadle/replies/a.yaml", "replies: []\n")
    write(".treadle/tiers.yaml", "tiers: {small: {models: [scripted/replies/a.yaml]}}\n")
    catalog, faults = load()
    assert faults.lines() == ()
    assert catalog.tiers.tiers[1].models[0].name == f"scripted/{repository}/.treadle/replies/a.yaml"


def test_a_prompt_that_is_a_link_to_the_outside_is_not_read(load, write, repository, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "secret.md"
    secret.write_text("the secret")
    write(
        ".treadle/agents/mine.yaml",
        "name: mine\ndescription: M.\nprompt: mine.md\ntier: small\ntools: [read]\n",
    )
    (repository / ".treadle/prompts").mkdir()
    (repository / ".treadle/prompts/mine.md").symlink_to(secret)
    catalog, faults = load()
    assert faults.codes() == ("outside",)
    assert "the secret" not in repr(catalog)


def test_a_faulty_file_does_not_make_others_faulty(load, write):
    write(".treadle/agents/broken.yaml", "name: broken\ninputs: [\n")
    write(".treadle/loops/go.yaml", "name: go\ndescription: Go.\nsteps: [{name: work, agent: broken}]\n")
    assert load()[1].codes() == ("syntax",)


def test_faults_stand_in_file_order_the_lower_layers_first(load, write, repository):
    write("user/agents/z.yaml", "name: z\ntool: 1\n")
    write(".treadle/agents/a.yaml", "nome: a\nprompt: 3\n")
    write(".treadle/settings.yaml", "cloud: x\n")
    lines = [line.split(": ")[0] for line in load(repository / "user")[1].lines()]
    assert lines == sorted(lines, key=lambda at: ("user/" not in at, "settings" not in at, at))
    assert len(set(lines)) == 5


def test_a_file_name_cannot_reach_the_terminal(load, write):
    write(".treadle/agents/\x1b[2J.yaml", "name: 3\n")
    assert load()[1].lines()[0].startswith(".treadle/agents/<U+001B>[2J.yaml:1: ")


def test_hidden_and_editors_files_are_left_alone(load, write, repository):
    write(".treadle/agents/.#x.yaml", "broken: [")
    write(".treadle/agents/x.yaml~", "broken: [")
    (repository / ".treadle/agents/sub.yaml").mkdir()
    assert load()[1].lines() == ()


def test_the_built_in_layer_is_sound_and_found(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    catalog = load_catalog(None)
    assert builtin_folder().path == ROOT
    assert all(origin.startswith(str(ROOT)) for origin in catalog.origins.values())
    assert catalog.agents and catalog.loops
    assert catalog.tiers.tiers[0].name == "code"


def test_load_catalog_raises_all_faults_of_user_and_repository(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/treadle").mkdir(parents=True)
    (tmp_path / "config/treadle/settings.yaml").write_text("cloud: some\n")
    (tmp_path / ".treadle").mkdir()
    (tmp_path / ".treadle/settings.yaml").write_text("git: allow\n")
    with pytest.raises(SpecError) as raised:
        load_catalog(tmp_path)
    files = [fault.split(":")[0] for fault in raised.value.faults]
    assert files == ["config/treadle/settings.yaml", ".treadle/settings.yaml"]
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(("said", "folder"), [("/cfg", "/cfg/treadle"), ("relative", None), ("", None)])
def test_the_users_folder(monkeypatch, said, folder):
    monkeypatch.setenv("XDG_CONFIG_HOME", said)
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(user_folder().path) == (folder or "/home/someone/.config/treadle")
