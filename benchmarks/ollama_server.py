"""A real Ollama server for tests: built from its Go module, with models made of the weights that are pulled.

    ollama_server.py build            builds it into the cache (a few minutes; needs go and a C++ compiler)
    ollama_server.py start | stop     a server on a free loopback port, told as a line OLLAMA_HOST=…
    ollama_server.py run COMMAND…     the command with such a server's OLLAMA_HOST, then stops it
    ollama_server.py                  all of it: builds, starts, makes the models, prints tokens a second and
                                      whether its timings agree with the wall clock, stops

Version 0.24.0 is the last whose Go module carries its own C++ runner; later ones fetch llama.cpp with CMake. A Go
module leaves out folders named `vendor`, and with them three header libraries that the C++ needs. They come
from other modules of the same proxy, checked by the same checksum database: nlohmann's json and stb_image from
an older Ollama, miniaudio from its Go binding. The binary is made for this processor, hence its folder's name.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

VERSION = "0.24.0"
MODULE = "github.com/ollama/ollama"
HEADERS = {
    "nlohmann/json.hpp": (f"{MODULE}@v0.6.5", "llama/llama.cpp/common/json.hpp"),
    "stb/stb_image.h": (f"{MODULE}@v0.6.5", "llama/llama.cpp/common/stb_image.h"),
    "miniaudio/miniaudio.h": ("github.com/gen2brain/malgo@v0.11.24", "miniaudio.h"),
}
MISSING = "no Ollama server built here"
"""Why tests on the real server are skipped."""

CHATML = """\
{{- if or .System .Tools }}<|im_start|>system
{{ .System }}
{{- if .Tools }}

These functions can be called:
<tools>
{{- range .Tools }}
{"type": "function", "function": {{ .Function }}}
{{- end }}
</tools>
A call is one JSON object between these tags:
<tool_call>
{"name": "NAME", "arguments": {…}}
</tool_call>
{{- end }}<|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ .Content }}
{{- range .ToolCalls }}
<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
</tool_call>
{{- end }}{{ if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
{{ end }}
{{- end }}"""
"""Qwen 2.5's turns and tags for tools, which its GGUF states as a Jinja template only."""

MODELS = {
    "smollm2:135m": ("smollm2-135m-instruct.gguf", ""),
    "qwen2.5-coder:1.5b": ("qwen2.5-coder-1.5b-instruct.gguf", CHATML),
}
"""By Ollama's own names: the file of weights, and a template where Ollama finds none that fits."""

STOPS = ["<|im_start|>", "<|im_end|>"]


def cache() -> Path:
    """treadle's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "treadle"


def binary() -> Path:
    """Where the server is or would be: its version and what the processor can are in the path."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        can = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        can = platform.machine()
    return cache() / f"ollama-{VERSION}-{hashlib.sha256(can.encode()).hexdigest()[:8]}" / "ollama"


def weights(file: str) -> Path:
    """Where the pulled weights of that name are or would be."""
    from treadle.models.weights import folder

    return folder() / file


def has_weights(model: str) -> bool:
    """Whether the weights of that model are here."""
    return weights(MODELS[model][0]).is_file()


def build() -> Path:
    """The server's binary, built unless it is there. Raises: `SystemExit` with what is missing."""
    target = binary()
    if target.is_file():
        return target
    for tool in ("go", "g++"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not installed; it is needed to build Ollama")
    with tempfile.TemporaryDirectory(prefix="treadle-ollama-") as name:
        work = Path(name)
        env = {
            **os.environ,
            "GOPATH": str(work / "go"),
            "GOCACHE": str(work / "cache"),
            "GOBIN": str(work / "bin"),
        }
        env |= {"GOFLAGS": "-modcacherw", "CGO_ENABLED": "1"}
        for name, (module, path) in HEADERS.items():
            got = subprocess.run(
                ["go", "mod", "download", "-json", module],
                env=env,
                cwd=work,
                capture_output=True,
                check=False,
            )
            if got.returncode:
                raise SystemExit(
                    f"{module} can't be had: {got.stdout.decode()[-300:]}{got.stderr.decode()[-300:]}"
                )
            header = work / "include" / name
            header.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(json.loads(got.stdout)["Dir"]) / path, header)
        (work / "include/nlohmann/json_fwd.hpp").write_text('#include "json.hpp"\n')
        flags = f"-O3 -march=native -I{work / 'include'}"
        env |= {"CGO_CFLAGS": flags, "CGO_CXXFLAGS": flags}
        named = f"-X {MODULE}/version.Version={VERSION}"
        command = ["go", "install", "-trimpath", "-ldflags", named, f"{MODULE}@v{VERSION}"]
        if subprocess.run(command, env=env, cwd=work, check=False).returncode:
            raise SystemExit("Ollama does not build here")
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name("ollama.half")
        shutil.copy2(work / "bin/ollama", half)
        half.replace(target)
    return target


class Server:
    """A running server: `base` its address, `host` as OLLAMA_HOST has it, `pid` its process group."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.host = f"127.0.0.1:{port}"
        self.base = f"http://{self.host}"
        self.process = process
        self.pid = process.pid

    def ask(self, path: str, value: object = None, file: Path | None = None) -> bytes:
        """The body of the answer to `value` or to the file's bytes. Raises: `HTTPError`, closed, for a refusal."""
        asked = urllib.request.Request(f"{self.base}{path}")
        with contextlib.ExitStack() as opened:
            if file:
                asked.data = opened.enter_context(file.open("rb"))
                asked.add_header("content-length", str(file.stat().st_size))
            elif value is not None:
                asked.data = json.dumps(value).encode()
            try:
                with urllib.request.urlopen(asked, timeout=600) as reply:
                    return reply.read()
            except urllib.error.HTTPError as error:
                error.close()
                raise

    def create(self, name: str) -> None:
        """Makes the model out of its weights, unless the server has it."""
        known = [m["name"] for m in json.loads(self.ask("/api/tags"))["models"]]
        if name in known:
            return
        file, template = MODELS[name]
        path = weights(file)
        with path.open("rb") as opened:
            digest = f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
        self.ask(f"/api/blobs/{digest}", file=path)
        asked: dict[str, object] = {"model": name, "files": {file: digest}, "stream": False}
        if template:
            asked |= {"template": template, "parameters": {"stop": STOPS}}
        self.ask("/api/create", asked)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends the server and its runners."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, how)


def _end_with_parent() -> None:
    """Run in the child: a server must not outlive a test that was killed."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def start(*models: str, log: Path | None = None, stays: bool = True) -> Server:
    """A server that answers, with these models. Raises: `SystemExit` when it does not start.

    One that does not stay ends with this process, however that ends.
    """
    home = cache() / "ollama-home"
    home.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {k: os.environ[k] for k in ("PATH", "LANG", "TMPDIR") if k in os.environ}
    env |= {"HOME": str(home), "OLLAMA_HOST": f"127.0.0.1:{port}", "OLLAMA_MODELS": str(home / "models")}
    env |= {"OLLAMA_NO_CLOUD": "1", "OLLAMA_NOPRUNE": "1"}
    log = log or home / "serve.log"
    bound = None if stays or sys.platform != "linux" else _end_with_parent
    with log.open("wb") as out:
        process = subprocess.Popen(
            [binary(), "serve"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=bound,
        )
    server = Server(port, process)
    for _ in range(300):
        try:
            server.ask("/api/version")
            break
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                raise SystemExit(f"the Ollama server ended with {process.returncode}: see {log}") from None
            time.sleep(0.1)
    try:
        for model in models:
            server.create(model)
    except BaseException:
        server.kill()
        raise
    return server


@contextlib.contextmanager
def running(*models: str, log: Path | None = None) -> Iterator[Server]:
    """A server for the length of the block."""
    server = start(*models, log=log, stays=False)
    try:
        yield server
    finally:
        server.kill(signal.SIGTERM)
        server.process.wait(60)
        server.kill()


def speed() -> None:
    """Prints tokens a second of both models through treadle's adapter, beside the wall clock."""
    import asyncio

    from treadle.models.base import ModelRequest
    from treadle.models.open import open_model
    from treadle.protocol.messages import Message
    from treadle.spec.tiers import ModelEntry

    async def ask(name: str, text: str, tokens: int, threads: int) -> None:
        model = open_model(ModelEntry(f"ollama/{name}"), threads=threads)
        began = time.monotonic()
        reply = await model.stream(ModelRequest((Message("user", text),), tokens), lambda _: None)
        wall, u = time.monotonic() - began, reply.usage
        print(
            f"{name:20} {threads or 'own'} threads  "
            f"{u.input_tokens:5} tokens in at {u.input_tokens / max(u.prompt_s, 1e-9):6.0f}/s  "
            f"{u.output_tokens:4} out at {u.output_tokens / max(u.decode_s, 1e-9):5.1f}/s  load {u.load_s:5.2f} s  "
            f"timings {u.load_s + u.prompt_s + u.decode_s:6.2f} s of {wall:6.2f} s wall"
        )

    models = tuple(m for m in MODELS if has_weights(m))
    with running(*models) as server:
        os.environ["OLLAMA_HOST"] = server.host
        for name in models:
            for threads in (0, 1):
                for text in ("Say hello.", "a line of words to be read\n" * 120 + "Say hello."):
                    asyncio.run(ask(name, text, 400, threads))


def main(arguments: list[str]) -> int:
    """Runs the command line; the exit code."""
    note = cache() / "ollama-server.json"
    match arguments:
        case ["build"]:
            print(build())
        case ["start"]:
            build()
            server = start(*(m for m in MODELS if has_weights(m)))
            note.write_text(json.dumps({"pid": server.pid}))
            print(f"OLLAMA_HOST={server.host}")
        case ["stop"] if note.is_file():
            pid = json.loads(note.read_text())["pid"]
            note.unlink()
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/exe").readlink() == binary():
                    os.killpg(pid, signal.SIGTERM)
        case ["run", *command] if command:
            build()
            with running(*(m for m in MODELS if has_weights(m))) as server:
                return subprocess.run(
                    command, env={**os.environ, "OLLAMA_HOST": server.host}, check=False
                ).returncode
        case []:
            build()
            speed()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
