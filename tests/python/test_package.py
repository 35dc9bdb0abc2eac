"""What is installed: files, versions, entry point, licence, and what importing it costs."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import gibbslab
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gibbslab.__file__).parent


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return child.stdout.strip()


@pytest.fixture(scope="module")
def distribution() -> importlib.metadata.Distribution:
    """The installed distribution: these tests are for ``pip install .``, not for a checkout."""
    return importlib.metadata.distribution("gibbslab")


def test_the_wheel_holds_the_package_and_nothing_else(
    distribution: importlib.metadata.Distribution,
) -> None:
    files = {str(f) for f in distribution.files or [] if "__pycache__" not in f.parts}
    inside = {f for f in files if f.startswith("gibbslab/")}
    sources = {
        f"gibbslab/{path.relative_to(ROOT / 'python/gibbslab').as_posix()}"
        for path in (ROOT / "python/gibbslab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    extension = {f for f in inside if re.fullmatch(r"gibbslab/_core\.[\w.-]+", f)}
    assert len(extension) == 1
    assert inside - extension == sources
    outside = {f.split("/")[0] for f in files - inside if not f.startswith("..")}
    assert outside == {f"gibbslab-{gibbslab.__version__}.dist-info"}


def test_the_wheel_carries_its_licences(
    distribution: importlib.metadata.Distribution,
) -> None:
    licences = {Path(f).name for f in distribution.files or [] if "licenses" in Path(f).parts}
    assert licences == {"LICENSE", "LICENSE-MNIST.txt"}
    assert distribution.metadata["License-Expression"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]


def test_the_data_sample_is_inside() -> None:
    sample = sorted(path.name for path in (PACKAGE / "datasets/data/mnist-sample").iterdir())
    assert [name.split("-")[0] for name in sample] == ["t10k", "t10k", "train", "train"]


def test_versions_agree(distribution: importlib.metadata.Distribution) -> None:
    written = [
        re.search(pattern, (ROOT / name).read_text())
        for name, pattern in (
            ("pyproject.toml", r'(?m)^version = "([\d.]+)"'),
            ("CMakeLists.txt", r"project\(gibbslab VERSION ([\d.]+)"),
        )
    ]
    assert [found[1] for found in written if found] == [gibbslab.__version__] * 2
    assert distribution.version == gibbslab.__version__


def test_the_command_is_installed(distribution: importlib.metadata.Distribution) -> None:
    (command,) = distribution.entry_points.select(group="console_scripts")
    assert command.name == "gibbslab"
    assert callable(command.load())


def test_import_leaves_the_extras_alone() -> None:
    loaded = python("import sys, gibbslab; print(*sys.modules)").split()
    assert "gibbslab._core" in loaded
    unwanted = {"matplotlib", "pooch", "PIL", "torch", "requests", "IPython", "tensorboardX"}
    assert {name.split(".")[0] for name in loaded} & unwanted == set()


def test_import_costs_little_more_than_that_of_scikit_learn() -> None:
    """At most 1.2 times, in processor time; the least of alternating runs, as noise only adds."""
    code = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
    runs: dict[str, list[float]] = {"sklearn": [], "gibbslab": []}
    for _ in range(5):
        for module, seconds in runs.items():
            seconds.append(float(python(code.format(module))))
    assert min(runs["gibbslab"]) <= 1.2 * min(runs["sklearn"]), runs
