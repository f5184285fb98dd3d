"""What is there without git: every file but version control's, and the caches that tools leave."""

import os
from pathlib import Path

CACHE_FOLDERS = frozenset(
    {
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".venv",
        "venv",
        "node_modules",
        ".eggs",
        ".gradle",
        ".next",
        ".parcel-cache",
    }
)
CACHE_FILES = frozenset({".coverage", ".DS_Store"})


def is_cache(path: str) -> bool:
    """Whether `path` is one that tools make anew: the rule for what is ignored where git does not say."""
    parts = path.split("/")
    return (
        any(part in CACHE_FOLDERS or part.endswith(".egg-info") for part in parts)
        or parts[-1] in CACHE_FILES
        or parts[-1].endswith((".pyc", ".pyo"))
    )


def walk(root: Path) -> list[str]:
    """All files and links under `root`, relative to it, but git's and caches'. Links are not followed."""
    found: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            path = folder + entry.name
            if entry.name == ".git" or is_cache(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path + "/")
            else:
                found.append(path)
    return found
