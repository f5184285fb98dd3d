"""The house's rules that no type checker knows: floors, names, sizes, what may be printed or swallowed."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "treadle"
MODULES = sorted(SRC.rglob("*.py"))


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, kinds):
                yield f"{_relative(path)}:{node.lineno}", node


def _tracked(*patterns: str) -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [p for name in listed.stdout.decode().split("\0") if name and (p := ROOT / name).is_file()]


def _shipped_names() -> set[str]:
    """The names of the shipped agents and loops, as their files give them."""
    files = [p for p in (ROOT / "agents").rglob("*.yaml") if p.name != "tiers.yaml"]
    stated = (re.search(r"^name:\s*([\w-]+)", p.read_text(), re.MULTILINE) for p in files)
    return {p.stem for p in files} | {m[1] for m in stated if m}


def test_imports_go_down_only(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capfd.readouterr().out


WORDS_OF_THEIR_OWN = {"ask", "plan"}
"""Loops named by words that the house has for other things: the step kind and verdict target `ask`, the mode `plan`."""


def test_no_shipped_agent_or_loop_is_known_to_the_code() -> None:
    names = _shipped_names() - WORDS_OF_THEIR_OWN
    assert names, "nothing is shipped in agents/"
    word = re.compile(r"\b(" + "|".join(re.escape(n) for n in sorted(names)) + r")\b", re.IGNORECASE)
    found = [
        f"{_relative(path)}:{number}: {line.strip()}"
        for path in MODULES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert not found, "\n".join(found)


def test_a_file_fits_in_a_head() -> None:
    lengths = {_relative(p): len(p.read_bytes().splitlines()) for p in MODULES}
    too_long = {name: n for name, n in lengths.items() if n > 450}
    assert not too_long, f"over 450 lines: {too_long}"
    long = {name: n for name, n in lengths.items() if n > 350}
    assert len(long) * 20 <= len(lengths), f"more than one file in twenty is over 350 lines: {long}"


def test_few_places_swallow_whatever_comes() -> None:
    def broad(handler: ast.AST) -> bool:
        assert isinstance(handler, ast.ExceptHandler)
        raises = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(handler))
        caught = {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} if handler.type else {""}
        return bool(caught & {"", "Exception", "BaseException"}) and not raises

    places = [place for place, handler in _nodes(ast.ExceptHandler) if broad(handler)]
    assert len(places) <= 10, "each needs a reason, and the least it could catch instead:\n" + "\n".join(
        places
    )


def test_only_faces_print() -> None:
    printed = [
        place
        for place, call in _nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "print"  # type: ignore[attr-defined]
        if not place.startswith(("src/treadle/cli/", "src/treadle/headless.py"))
    ]
    assert not printed, printed


def test_nothing_tracked_names_this_machine_or_a_registry() -> None:
    address = (
        r"https?://[^\s\"'<>`)]*(?:pypi|pythonhosted|npmjs|registry\.|crates\.io|maven|goproxy|/simple\b)"
    )
    machine = "|".join(re.escape(str(p)) + r"(?![\w-])" for p in (ROOT, Path.home()) if len(p.parts) > 2)
    told = re.compile("|".join(filter(None, (address, machine))))
    found = []
    for path in _tracked():
        text = path.read_bytes()
        if b"\0" in text[:8000]:
            continue
        for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
            if told.search(line):
                found.append(f"{_relative(path)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)
