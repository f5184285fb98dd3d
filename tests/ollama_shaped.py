"""A scripted server on loopback, shaped like Ollama's /api/version, /api/tags, /api/show and /api/pull.

It holds no model: what it says is written below. `broken` and `hanging` are servers that don't behave.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CODER = {"name": "qwen2.5-coder:1.5b", "size": 986_061_892, "capabilities": ["completion", "tools", "insert"],
         "details": {"parameter_size": "1.5B", "quantization_level": "Q4_K_M"}}  # fmt: skip
MIDDLE = {"name": "qwen3-coder:30b", "size": 18_556_701_140, "capabilities": ["completion", "tools"],
          "details": {"parameter_size": "30.5B", "quantization_level": "Q4_K_M"}}  # fmt: skip
TALKER = {"name": "llama3.2:3b", "size": 2_019_393_189, "capabilities": ["completion", "tools"],
          "details": {"parameter_size": "3.2B", "quantization_level": "Q4_K_M"}}  # fmt: skip
BIG = {"name": "llama3.3:70b", "size": 42_520_413_916, "capabilities": ["completion", "tools"],
       "details": {"parameter_size": "70.6B", "quantization_level": "Q4_K_M"}}  # fmt: skip
EMBEDS = {"name": "nomic-embed-text:latest", "size": 274_302_450, "capabilities": ["embedding"],
          "details": {"parameter_size": "137M", "quantization_level": "F16"}}  # fmt: skip
SENT_ON = {"name": "qwen3-coder:480b-cloud", "size": 382, "capabilities": ["completion", "tools"],
           "remote_host": "https://ollama.com:443", "details": {"parameter_size": "480B"}}  # fmt: skip


class OllamaShaped:
    """`with OllamaShaped(CODER, MIDDLE) as server:`; `server.host` is for OLLAMA_HOST, `asked` what was asked."""

    def __init__(self, *models, version="0.12.3", broken="", pullable=(CODER,)):
        self.models = list(models)
        self.version, self.broken, self.pullable = version, broken, pullable
        self.asked = []
        self.release = threading.Event()

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.asked.append(self.path)
                self.reply(outer.answer(self.path, {}))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                outer.asked.append(self.path)
                self.reply(outer.answer(self.path, body))

            def reply(self, answer):
                status, data = answer
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that had enough

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.release.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def host(self):
        return f"127.0.0.1:{self.server.server_port}"

    def answer(self, path, body):
        """Status and body."""
        if self.broken == "hangs":
            self.release.wait(30)
        if self.broken == "show hangs" and path == "/api/show":
            self.release.wait(30)
        if self.broken == "no json":
            return 200, b"<html>a router's page</html>"
        if self.broken == "refuses":
            return 500, b'{"error": "out of order"}'
        if self.broken == "odd" and path == "/api/tags":
            return 200, json.dumps({"models": [{"name": "a", "size": "many", "details": None}]}).encode()
        if path == "/api/version":
            return 200, json.dumps({"version": self.version}).encode()
        if path == "/api/tags":
            told = [{k: v for k, v in m.items() if k != "capabilities"} for m in self.models]
            return 200, json.dumps({"models": told}).encode()
        name = body.get("model", "")
        if path == "/api/show":
            found = next((m for m in self.models if m["name"] == name), None)
            if found is None:
                return 404, json.dumps({"error": f"model '{name}' not found"}).encode()
            told = {
                "details": found.get("details"),
                "model_info": {"general.architecture": "x", "x.context_length": 32768},
            }
            if "capabilities" in found:
                told["capabilities"] = found["capabilities"]
            return 200, json.dumps(told).encode()
        if path == "/api/pull":
            return self.pulled(name)
        return 404, b'{"error": "not here"}'

    def pulled(self, name):
        found = next((m for m in self.pullable if m["name"] == name), None)
        if found is None:
            return 200, json.dumps({"error": "pull model manifest: file does not exist"}).encode() + b"\n"
        self.models.append(found)
        size = found["size"]
        lines = [{"status": "pulling manifest"}]
        lines += [
            {"status": "pulling aa", "digest": "sha256:aa", "total": size, "completed": size * i // 4}
            for i in range(5)
        ]
        lines += [{"status": "verifying sha256 digest"}, {"status": "success"}]
        return 200, b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def main():
    """Stands there for a person who drives by hand; prints the address."""
    with OllamaShaped(CODER, MIDDLE, EMBEDS) as server:
        print(server.host, flush=True)
        server.release.wait()


if __name__ == "__main__":
    main()
