"""Set-up in a hostile place: a repository that moves the ladder, files of odd shapes, a server that is not to be asked."""

import asyncio
import os
from pathlib import Path

import pytest

from ollama_shaped import CODER, OllamaShaped
from treadle.protocol.errors import SpecError
from treadle.session.setup import Found, Key, Ollama, probe, propose, write
from treadle.spec.layers import user_folder
from treadle.spec.load import folders_for, load_catalog, load_folders

NOBODY = "127.0.0.1:9"
KEY = Key(
    "anthropic",
    "Anthropic",
    ("ANTHROPIC_API_KEY",),
    {t: f"anthropic/{t}" for t in ("small", "medium", "large")},
)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", NOBODY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-fake-0123456789")


def own(name: str, text: str | bytes) -> None:
    folder = user_folder().path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "tiers",
    [
        "tiers:\n  large: {}\n  medium: {}\n  small: {}\n",
        "tiers:\n  small: {}\n  last: {models: [anthropic/x]}\n",
    ],
)
async def test_a_repository_decides_neither_where_the_cloud_goes_nor_the_order_of_the_users_tiers(
    make_repo, tiers
):
    root = make_repo({".treadle/tiers.yaml": tiers})
    found = await probe(root)
    binding = propose(found, "large only")
    assert {t.tier for t in binding.tiers if any(c.entry.is_cloud for c in t.choices)} == {"large"}
    write(binding, "large only")
    catalog = load_catalog(None)
    assert [t.name for t in catalog.tiers.tiers] == ["code", "small", "medium", "large"]
    assert {t.name for t in catalog.tiers.tiers for m in t.models if m.is_cloud} == {"large"}


async def test_offline_asks_no_server_of_another_machine(monkeypatch):
    own("settings.yaml", "offline: true\n")
    asked = []
    real = asyncio.open_connection

    async def connect(host, port, **more):
        asked.append(host)
        return await real(host, port, **more)

    def look(host, *more):
        asked.append(host)
        raise OSError

    monkeypatch.setattr(asyncio, "open_connection", connect)
    monkeypatch.setattr("socket.getaddrinfo", look)
    monkeypatch.setenv("OLLAMA_HOST", "gpu.example:11434")
    found = await probe()
    assert asked == [] and "offline" in found.ollama.fault
    with OllamaShaped(CODER) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        assert not (await probe()).ollama.fault


MINE = "anthropic/mine"
SHAPES = {
    "tabs": "tiers:\n\tsmall: {models: [anthropic/mine]}\n",
    "tabs in flow": "tiers: {small:\t{models:\t[anthropic/mine]}}\n",
    "crlf": "# mine\r\ntiers:\r\n  small: {models: [anthropic/mine]} # keep\r\n",
    "bom": "\ufeff# mine\ntiers:\n  small: {models: [anthropic/mine]}\n",
    "bom and crlf": "\ufeff# mine\r\ntiers:\r\n  small: {models: [anthropic/mine]}\r\n",
    "no end": "tiers:\n  small: {models: [anthropic/mine]} # keep",
    "document marks": "---\n# mine\ntiers:\n  small: {models: [anthropic/mine]}\n...\n# after\n",
    "two documents": "tiers:\n  small: {models: [anthropic/mine]}\n---\ntiers: {}\n",
    "anchor": "tiers:\n  small: &s {models: [anthropic/mine]}\n  medium: *s\n",
    "merge": "tiers:\n  small: &s {models: [anthropic/mine]}\n  medium:\n    <<: *s\n",
    "comments": "# a\n\ntiers: # b\n  # c\n  small: # d\n    # e\n    models: # f\n      # g\n      - anthropic/mine # h\n  # i\n# j\n",
    "quoted keys": '"tiers":\n  "small": {"models": ["anthropic/mine"]}\n',
    "explicit keys": "? tiers\n: small: {models: [anthropic/mine]}\n",
    "in braces": "{tiers: {small: {models: [anthropic/mine]}}} # keep\n",
    "null tier": "tiers:\n  small: {models: [anthropic/mine]}\n  medium:\n  large: ~\n# keep\n",
    "null tiers": "tiers:\nprices:\n# anthropic/mine\n",
    "empty": "",
    "only comments": "# anthropic/mine\n\n# more\n",
    "block scalar": "tiers:\n  small:\n    models:\n      - >-\n        anthropic/mine\n# keep\n",
    "wide line": "tiers:\n  small: {models: [anthropic/mine]} # " + "x" * 100_000 + "\n",
    "many": "tiers:\n  small: {models: [" + ", ".join(["anthropic/mine"] * 5000) + "]}\n",
    "line separators": "# mine \u2028 and \u0085 more\ntiers:\n  small: {models: [anthropic/mine]}\n",
    "form feed": "# mine \x0c more\ntiers:\n  small: {models: [anthropic/mine]}\n",
    "lone returns": "# mine\rtiers:\r  small: {models: [anthropic/mine]}\r",
    "nul": "tiers:\n  small: {models: [anthropic/mine]} # \0\n",
    "latin-1": "# caf\xe9\ntiers:\n  small: {models: [anthropic/mine]}\n".encode("latin-1"),
    "utf-16": "tiers:\n  small: {models: [anthropic/mine]}\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_whatever_shape_the_users_file_has_nothing_of_it_is_lost(name):
    """Written: what it said is still said and each line stands, here or in the copy; refused: not a byte has changed."""
    text = SHAPES[name] if isinstance(SHAPES[name], bytes) else SHAPES[name].encode()
    own("tiers.yaml", text)
    path = user_folder().path / "tiers.yaml"
    found = Found(Ollama("", "", fault="none"), keys=(KEY,), litellm=True)
    catalog, faults = load_folders(folders_for(None))
    try:
        written = write(propose(found, "all"), "all")
    except SpecError:
        assert faults and path.read_bytes() == text
        assert sorted(os.listdir(path.parent)) == ["tiers.yaml"]
        return
    blank = not [line for line in text.splitlines() if line.strip() and not line.startswith(b"#")]
    assert blank or not faults, "a file with faults was written to"
    after = {tier.name: tier.models for tier in load_catalog(None).tiers.tiers}
    assert after["small"] == next(t.models for t in catalog.tiers.tiers if t.name == "small") or blank
    kept = b"".join(Path(place).read_bytes() for place in (path, *written.copies))
    assert [line for line in text.splitlines() if line not in kept] == []


def test_a_pipe_is_no_file_to_be_waited_for():
    folder = user_folder().path
    folder.mkdir(parents=True)
    os.mkfifo(folder / "tiers.yaml")
    with pytest.raises(SpecError, match="regular"):
        write(propose(Found(Ollama("", "", fault="none"), keys=(KEY,), litellm=True), "all"), "all")


def test_a_link_is_written_through(tmp_path):
    real = tmp_path / "dotfiles.yaml"
    real.write_text("# mine\ntiers:\n  small: {models: [anthropic/mine]}\n")
    folder = user_folder().path
    folder.mkdir(parents=True)
    (folder / "tiers.yaml").symlink_to(real)
    found = Found(Ollama("", "", fault="none"), keys=(KEY,), litellm=True)
    write(propose(found, "all"), "all")
    assert (folder / "tiers.yaml").is_symlink()
    assert "# mine" in real.read_text() and "anthropic/mine" in real.read_text()
