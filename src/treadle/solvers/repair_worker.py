"""Entry of the repair worker: `python repair_worker.py REQUEST.json RESPONSE.json`, in the repository's root.

Loads the package beside it under a private name, so that neither this folder nor its modules stand on the
import path of the project that is being repaired.
"""

import importlib.util
import os
import sys
from typing import Any


def _load() -> Any:
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker")
    spec = importlib.util.spec_from_file_location(
        "_treadle_repair", os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_treadle_repair"] = module
    spec.loader.exec_module(module)
    return importlib.import_module("_treadle_repair.main")


if __name__ == "__main__":
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != own]
    sys.exit(_load().main(sys.argv[1], sys.argv[2]))
