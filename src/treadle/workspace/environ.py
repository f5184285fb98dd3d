"""The environment that a command gets: an allow-list, so that no key goes along."""

import os
from collections.abc import Mapping

_ALLOWED = frozenset(
    {
        "PATH", "HOME", "LANG", "LANGUAGE", "TERM", "COLORTERM", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV",
        "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "GOROOT", "GOPATH", "GOTOOLCHAIN", "CARGO_HOME", "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN", "JAVA_HOME", "NVM_DIR", "PYENV_ROOT", "PYENV_VERSION", "SOURCE_DATE_EPOCH", "CI",
        "LD_LIBRARY_PATH", "SSL_CERT_FILE", "NIX_PATH", "LOCALE_ARCHIVE",
    }
)  # fmt: skip
# Of PYTHON*, these would run or redirect what treadle did not choose, or change where caches lie.
_PYTHON_DENIED = frozenset(
    {
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONPYCACHEPREFIX",
        "PYTHONBREAKPOINT",
        "PYTHONHOME",
        "PYTHONEXECUTABLE",
    }
)


def command_environment(extra: Mapping[str, str], source: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: what the allow-list lets through of `source` (treadle's own), then `extra`."""
    source = os.environ if source is None else source
    kept = {
        name: value
        for name, value in source.items()
        if name in _ALLOWED
        or name.startswith("LC_")
        or (name.startswith("PYTHON") and name not in _PYTHON_DENIED)
    }
    kept.setdefault("PATH", os.defpath)
    return {**kept, **extra}
