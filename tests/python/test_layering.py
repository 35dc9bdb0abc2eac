"""The architecture, read from the sources: arrows point one way, files and functions stay small."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# bindings -> models -> nn -> ops -> {cpu, kernels} -> core. An op family's header is the interface
# that a backend implements, and the free functions next to it are what one op may ask of another.
MAY_INCLUDE = {
    "core": {"core"},
    "ops": {"core", "ops"},
    "cpu": {"core", "ops", "cpu"},
    "nn": {"core", "ops", "nn"},
    "models": {"core", "ops", "nn", "models"},
    "bindings": {"core", "ops", "cpu", "nn", "models", "bindings"},
}
DEVICE_FREE = ("models", "nn", "ops")
DEVICE_WORDS = re.compile(r"cuda|nvidia|\bgpu\b|cublas|curand|__global__|__device__", re.IGNORECASE)
MAX_FILE, MAX_FUNCTION = 400, 60
SOURCE_SUFFIXES = {".py", ".pyi", ".h", ".cpp", ".cu", ".cuh"}
FOLDERS = ("csrc", "kernels", "python", "tests", "notebooks")


def sources(*folders: str, suffixes: set[str] = SOURCE_SUFFIXES) -> list[Path]:
    """The project's source files below the folders."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    return [p for p in paths if p.suffix in suffixes and "__pycache__" not in p.parts]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_sources_are_found() -> None:
    assert {path.parts[len(ROOT.parts) + 1] for path in sources("csrc")} <= set(MAY_INCLUDE)
    assert len(sources("csrc")) > 50


@pytest.mark.parametrize("layer", sorted(MAY_INCLUDE))
def test_includes_point_downwards(layer: str) -> None:
    for path in sources(f"csrc/{layer}"):
        included = re.findall(r'#include "csrc/(\w+)/', path.read_text())
        assert set(included) <= MAY_INCLUDE[layer], relative(path)


def test_includes_name_their_file_from_the_root() -> None:
    for path in sources("csrc", "tests/cpp"):
        for name in re.findall(r'#include "([^"]+)"', path.read_text()):
            assert (ROOT / name).is_file(), f"{relative(path)} includes {name}"


@pytest.mark.parametrize("layer", DEVICE_FREE)
def test_layers_above_the_backends_know_no_device(layer: str) -> None:
    for path in sources(f"csrc/{layer}"):
        assert not DEVICE_WORDS.search(path.read_text()), relative(path)


def test_pybind11_stays_in_the_bindings() -> None:
    outside = [p for p in sources("csrc", "kernels") if "csrc/bindings/" not in p.as_posix()]
    assert outside
    for path in outside:
        assert not re.search(r"pybind11|Python\.h", path.read_text()), relative(path)


def test_one_place_says_why_there_is_no_cuda() -> None:
    texts = {relative(p): p.read_text() for p in sources("python", "csrc")}
    assert [name for name, text in texts.items() if "built without CUDA" in text] == [
        "python/gibbslab/_devices.py"
    ]


def test_the_library_neither_exits_nor_asserts() -> None:
    for path in sources("csrc", suffixes={".h", ".cpp"}):
        assert not re.search(r"\b(exit|abort|assert|printf)\(|std::c(out|err)", path.read_text()), (
            relative(path)
        )


def test_matplotlib_and_pooch_are_imported_only_when_called() -> None:
    for path in sources("python", suffixes={".py"}):
        for node in ast.parse(path.read_text()).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not {n.split(".")[0] for n in names} & {"matplotlib", "pooch", "PIL"}, relative(
                path
            )


def test_files_stay_under_400_lines() -> None:
    # A notebook is one file to its reader.
    files = [p for p in sources(*FOLDERS) if "notebooks" not in p.relative_to(ROOT).parts]
    long = {relative(p): len(p.read_text().splitlines()) for p in files}
    assert {name: lines for name, lines in long.items() if lines > MAX_FILE} == {}


def test_python_functions_stay_under_60_lines() -> None:
    found = {}
    for path in sources(*FOLDERS, suffixes={".py"}):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                # A docstring is no code.
                doc = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
                lines -= (doc.end_lineno or 0) - doc.lineno + 1 if doc else 0
                found[f"{relative(path)}:{node.name}"] = lines
    assert {name: lines for name, lines in found.items() if lines > MAX_FUNCTION} == {}


def block_lines(text: str, start: int) -> int:
    """Lines of the block in braces that is open at `start`."""
    depth = 1
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text.count("\n", start, start + brace.start())
    raise AssertionError("unbalanced braces")


def test_cpp_functions_stay_under_60_lines() -> None:
    for path in sources("csrc", "tests/cpp", suffixes={".h", ".cpp"}):
        text = path.read_text()
        for found in re.finditer(r"\) (?:const |override |noexcept )*\{$", text, re.M):
            line = text.count("\n", 0, found.start()) + 1
            assert block_lines(text, found.end()) <= MAX_FUNCTION, f"{relative(path)}:{line}"
