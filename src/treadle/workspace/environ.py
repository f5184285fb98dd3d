"""The environment that a command gets: an allow-list, so that no key goes along."""

import os
from collections.abc import Mapping

_ALLOWED = frozenset(
    {
        "PATH", "HOME", "LANG", "LANGUAGE", "TERM", "COLORTERM", "USER", "LOGNAME", "SHELL", "TZ", "VIRTUAL_ENV",
        "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "GOROOT", "GOPATH", "GOTOOLCHAIN", "CARGO_HOME", "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN", "JAVA_HOME", "NVM_DIR", "PYENV_ROOT", "PYENV_VERSION", "SOURCE_DATE_EPOCH", "CI",
        "LD_LIBRARY_PATH", "SSL_CERT_FILE", "NIX_PATH", "LOCALE_ARCHIVE", "GOMODCACHE", "CC", "CXX",
        "PKG_CONFIG_PATH", "NODE_ENV", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES",
        "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "LC_PAPER",
        "LC_NAME", "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION",
        # Of Python's own: none that runs or redirects what treadle did not choose, or moves where caches lie.
        "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONWARNINGS",
        "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONOPTIMIZE", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONSAFEPATH",
        "PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHONFAULTHANDLER", "PYTHONTRACEMALLOC", "PYTHONMALLOC",
        "PYTHONCOERCECLOCALE", "PYTHON_GIL", "PYTHON_CPU_COUNT", "PYTHONINTMAXSTRDIGITS", "PYTHONPROFILEIMPORTTIME",
    }
)  # fmt: skip


def command_environment(extra: Mapping[str, str], source: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: what the allow-list lets through of `source` (treadle's own), then `extra`."""
    source = os.environ if source is None else source
    kept = {name: value for name, value in source.items() if name in _ALLOWED}
    kept.setdefault("PATH", os.defpath)
    return {**kept, **extra}
