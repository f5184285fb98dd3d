# `just` alone lists this page; `.venv/bin/just` comes with the `dev` extra.
bin := ".venv/bin"

# What there is
default:
    @just --justfile {{ justfile() }} --list --unsorted

# A development environment in .venv, from nothing but python3
setup:
    python3 -m venv .venv
    {{ bin }}/pip install -q -e '.[dev]'

# All that must hold before a commit; what CI runs
check: fmt-check lint types floors schema test

# The format is ruff's
fmt-check:
    {{ bin }}/ruff format --check .

# Rules on the code, in pyproject.toml
lint:
    {{ bin }}/ruff check .

# mypy, strict on src
types:
    {{ bin }}/mypy

# Imports go down only
floors:
    {{ bin }}/lint-imports --no-cache

# The JSON Schemas for editors are the ones that the code writes
schema:
    {{ bin }}/python -m treadle.spec.schema --check docs/schema

# The tests that take seconds, or those named
test *args:
    {{ bin }}/pytest {{ args }}

# Real models where their weights are here, crash injection, corpora
slow *args:
    {{ bin }}/pytest -m slow {{ args }}

# Crash points, disk faults, crash states, hostile paths, racers, escapes, honest commands: all of them, not the sample that `just test` takes
torture *args:
    TREADLE_TORTURE=1 {{ bin }}/pytest -m 'slow or not slow' --timeout=1800 tests/workspace/test_workspace_torture.py \
        tests/workspace/test_workspace_power_loss.py tests/workspace/test_workspace_transaction.py \
        tests/workspace/test_workspace_beneath.py tests/workspace/test_workspace_quiet_git.py \
        tests/workspace/test_workspace_several.py tests/workspace/test_workspace_escapes.py \
        tests/workspace/test_workspace_bounds.py tests/workspace/test_workspace_honest.py tests/workspace/test_workspace_racing_saves.py {{ args }}

# Format, and mend what a rule can mend by itself; writes the schemas anew
tidy:
    {{ bin }}/ruff format .
    {{ bin }}/ruff check --fix .
    {{ bin }}/python -m treadle.spec.schema docs/schema

# Start-up, first step, first request, own time a step, memory, against bare Python
bench *args:
    {{ bin }}/python benchmarks/startup.py {{ args }}

# A real Ollama server: built, started, measured, stopped; or only `build`, `start`, `stop`, `run COMMAND`
ollama *args:
    {{ bin }}/python benchmarks/ollama_server.py {{ args }}

# The screen's own costs: a typed word, memory, Enter to request, streaming
bench-screen *args:
    {{ bin }}/python benchmarks/screen.py {{ args }}

# Draws docs/screen.svg anew
picture:
    {{ bin }}/python benchmarks/picture.py

# The main job on a sample project: a failing test repaired
demo *args:
    {{ bin }}/treadle demo {{ args }}

# Versions and hashes of all that a developer installs, nothing younger than a week, no address
lock:
    python3 -m venv build/lock
    build/lock/bin/pip install -q uv
    build/lock/bin/uv pip compile pyproject.toml --extra local --extra dev --universal --python-version 3.11 \
        --exclude-newer "7 days" --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet \
        --upgrade --output-file requirements.lock

# The wheel and the source archive, in dist/
build:
    {{ bin }}/python -m build

# What CI runs, in this checkout
ci:
    bash .ci/run
