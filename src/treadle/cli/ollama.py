"""What `treadle models` does with the user's Ollama server: its models listed, one of them pulled."""

import argparse
import asyncio
import sys

from treadle.cli.arguments import tell
from treadle.cli.progress import progress
from treadle.models import ollama_api
from treadle.models.ollama_api import OllamaModel
from treadle.protocol.errors import ProviderError, SpecError, UsageError
from treadle.protocol.text import clean
from treadle.spec.tiers import ModelEntry

PREFIX = "ollama/"


def listed() -> tuple[OllamaModel, ...]:
    """The server's models; none where it does not answer, or where the settings keep it from being asked."""
    if not _may_ask(ollama_api.host()):
        return ()
    try:
        return asyncio.run(ollama_api.tags(ollama_api.host()))
    except ProviderError:
        return ()


def about(model: OllamaModel) -> str:
    """The model in a few words."""
    if model.elsewhere:
        return "Ollama sends it on to another host"
    return clean(" ".join(filter(None, ("in Ollama,", model.parameter_size, model.quantization))).rstrip(","))


def pull(args: argparse.Namespace) -> int:
    """Has the server pull `args.name`; the exit code. Stopped by Ctrl-C, the next try goes on from there."""
    name = args.name.removeprefix(PREFIX)
    if not name:
        raise UsageError(f"{PREFIX} names no model", hint="treadle models pull ollama/qwen2.5-coder:1.5b")
    if args.source:
        raise UsageError("--from is for treadle's own weights; Ollama keeps its models itself")
    asyncio.run(ollama_api.pull(ollama_api.host(), name, _Told()))
    sys.stderr.write(f"ollama/{clean(name)} is ready\n")
    return tell(args, f"ollama/{clean(name)}\n", model=f"ollama/{name}", path="")


class _Told:
    """Draws a pull's progress; one that grew, as a layer was found, begins anew."""

    def __init__(self) -> None:
        self._status, self._total, self._drawing = "", 0, False
        self._draw = progress()

    def __call__(self, status: str, done: int, total: int) -> None:
        if total != self._total:
            self._draw, self._total = progress(), total
        if total and status.startswith("pulling"):
            self._draw(done, total)
            self._drawing = sys.stderr.isatty()
        elif status != self._status:
            sys.stderr.write(("\n" if self._drawing else "") + clean(status) + "\n")
            self._drawing = False
        self._status = status


def _may_ask(base: str) -> bool:
    """Whether the settings let a question go to that server; settings that can't be read do not."""
    if ModelEntry("ollama/any", endpoint=base).stays_here:
        return True
    from treadle.spec.load import load_catalog

    try:
        return not load_catalog(None).settings.offline
    except SpecError:
        return False
