"""What commands reach is the user's to say: by a flag, else by their settings."""

import pytest

from protection import level_here

FILES = {
    "test_a.py": """
import socket, unittest

class T(unittest.TestCase):
    def test_a(self):
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()).close()
"""
}


@pytest.mark.skipif(level_here() != "overlay", reason="no namespaces here: no interface of one's own")
@pytest.mark.parametrize(
    ("settings", "flags", "code"),
    [
        ("mode: auto\n", [], 0),
        ("mode: auto\n", ["--network", "none"], 3),
        ("network: none\n", [], 3),
        ("network: none\n", ["--network", "loopback"], 0),
        ("network: none\n", ["--allow-network"], 0),
    ],
)
def test_a_test_with_a_server_of_its_own(treadle, make_repo, tmp_path, monkeypatch, settings, flags, code):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "treadle").mkdir(parents=True)
    (tmp_path / "config" / "treadle" / "settings.yaml").write_text(settings)
    done = treadle(make_repo(FILES), "fix", *flags, "-o", "json")
    assert done.result["exit_code"] == code, done.err
    if code:
        assert "needs the network" in done.result["reason"] and "--allow-network" in done.result["hint"]
