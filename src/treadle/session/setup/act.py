"""What a person said yes to: a model pulled, a package installed."""

from collections.abc import Callable

from treadle.protocol.errors import ProviderError
from treadle.session.setup.propose import install_argv, install_command
from treadle.session.setup.values import Found, Offer

Progress = Callable[[int, int], None]
"""Told of bytes that are here and of bytes in all (0: not known yet), some times a second."""


def accept(offer: Offer, found: Found, progress: Progress, say: Callable[[str], None]) -> None:
    """Does what is offered; blocks until it is done. To stop a pull, raise from `progress`: it goes on later.

    `say` gets lines for a person: what a server or pip says. Raises: a `ProviderError` with the next thing to do.
    """
    if offer.kind == "install":
        _install(offer, say)
    elif offer.name.startswith("ollama/"):
        _pull_by_ollama(offer, found, progress, say)
    else:
        from treadle.models.pull import pull
        from treadle.models.weights import must_know

        pull(must_know(offer.name), progress=progress)


def _pull_by_ollama(offer: Offer, found: Found, progress: Progress, say: Callable[[str], None]) -> None:
    import asyncio

    from treadle.models import ollama_api

    said = ""

    def tell(word: str, done: int, total: int) -> None:
        nonlocal said
        # The word names each layer by its digest; a person wants what is done, once.
        plain = word.partition(" ")[0]
        if plain != said and not total:
            say(word)
        said = plain
        progress(done, total)

    asyncio.run(ollama_api.pull(found.ollama.base, offer.name.partition("/")[2], tell))


def _install(offer: Offer, say: Callable[[str], None]) -> None:
    """Runs the installer, outside the repository: the folder that a person stands in is no source of packages."""
    import subprocess
    import tempfile

    argv = install_argv(offer.name)
    if not argv:
        raise ProviderError("neither pip nor uv is here", hint=install_command(offer.name))
    with tempfile.TemporaryDirectory(prefix="treadle-install-") as place:
        try:
            with subprocess.Popen(
                argv,
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as running:
                for line in running.stdout or ():
                    say(line.rstrip())
        except OSError as error:
            raise ProviderError(f"{argv[0]}: {(error.strerror or 'no access').lower()}") from None
    if running.returncode:
        raise ProviderError(
            f"{offer.name} was not installed (exit code {running.returncode})",
            hint=install_command(offer.name),
        )
