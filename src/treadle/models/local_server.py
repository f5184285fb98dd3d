"""The process that holds a local model: llama.cpp's own server, by xllamacpp, on a loopback port.

Run as `python -P -m treadle.models.local_server`. Takes one JSON line on stdin (`model`, `name`, `key`,
`context_tokens`, `threads`), answers with one JSON line on stdout (`base`, its address) and serves until
stdin ends, so that it never outlives the one who started it. What llama.cpp says goes to stderr.
"""

import json
import os
import sys
from typing import Any

# Prompt tokens between two signs of life, and the longest that a dropped request still computes: 2.7
# core-seconds on a 1.5B model, where larger batches were no faster (551 tokens: 47 t/s at 128 and at 2048).
_BATCH = 128
_CPU = 0


def main() -> None:
    """Serves until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    server = _serve(order)
    answers.write(json.dumps({"base": server.listening_address}) + "\n")
    answers.close()
    sys.stdin.read()
    os._exit(0)


def _serve(order: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]
    params.port = 0
    params.n_ctx = order["context_tokens"]
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = _BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.warmup = False
    params.verbosity = 0
    params.cache_ram_mib = 0
    params.ui = False
    params.offline = True
    # Fitting to a device's memory loads the model twice; on a CPU there is nothing to fit (0.2 to 0.5 s saved).
    params.fit_params = any(device["type"] != _CPU for device in xllamacpp.get_device_info())
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
