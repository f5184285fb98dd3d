import os
import subprocess
from pathlib import Path


def git(folder, *args):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "protocol.file.allow=always")
    return subprocess.run(["git", *who, *args], cwd=folder, env=env, check=True, capture_output=True).stdout


def tree(folder):
    """Every path under `folder` (git's folder included) with its mode and content."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        mode = os.lstat(path).st_mode
        if path.is_symlink():
            found[str(path)] = (mode, os.readlink(path))
        elif path.is_file():
            found[str(path)] = (mode, path.read_bytes())
        else:
            found[str(path)] = (mode, None)
    return found
