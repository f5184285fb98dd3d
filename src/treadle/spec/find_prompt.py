"""Where a prompt's text stands: in a layer's `prompts/`, or beside the agent that names it."""

import re
from pathlib import Path

from treadle.spec.faults import Faults, Place, Source
from treadle.spec.layers import Folder, shown
from treadle.spec.read import read_text


class PromptFinder:
    """Finds prompts in the layers, the last one first, each file read once."""

    def __init__(self, folders: list[Folder], faults: Faults) -> None:
        self._folders = folders
        self._faults = faults
        self._read: dict[Path, tuple[str, Source] | None] = {}

    def find(self, name: str, place: Place) -> tuple[str, Source] | None:
        """The prompt's text and file: in a layer's `prompts/`, or beside the agent's own file; None after a fault."""
        agent = place[0]
        for folder in reversed(self._folders):
            beside = [agent.path.parent / name] if agent.folder == folder.path else []
            for path in (folder.path / "prompts" / name, *beside):
                if path in self._read or path.is_file():
                    return self._text(path, folder)
        places = [folder.path / "prompts" for folder in reversed(self._folders)]
        told = " or ".join(dict.fromkeys(shown(path) for path in (*places, agent.path.parent)))
        self._faults.add(place, "prompt_not_found", found=name, folders=told)
        return None

    def all(self) -> dict[str, str]:
        """Every prompt in the layers' `prompts/`, the last layer's winning, by its file's name without `.md`."""
        found: dict[str, str] = {}
        for folder in self._folders:
            for path in sorted((folder.path / "prompts").glob("[!.]*.md")):
                prompt = self._text(path, folder)
                if prompt is not None:
                    found[path.stem] = prompt[0]
        return found

    def _text(self, path: Path, folder: Folder) -> tuple[str, Source] | None:
        if path not in self._read:
            rank = 1_000_000 + len(self._read)
            source = Source(path, shown(path), folder.layer, folder.path, rank, folder.inside)
            text = read_text(source, self._faults)
            if text is not None and not text.strip():
                self._faults.add((source, 1), "empty", wanted="a prompt")
            self._read[path] = None if text is None else (re.sub(r"\r\n?", "\n", text).strip() + "\n", source)
        return self._read[path]
