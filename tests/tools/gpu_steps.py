"""The checks that need a CUDA card, as commands, and what a machine must have for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
NOTHING_COLLECTED = 5  # pytest's exit code
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
ON_THE_CARD = ("tests/cuda", "tests/ops", "tests/models")
# Every kernel at sizes that straddle tile edges; a sanitizer takes many times as long.
SANITIZED = (
    "tests/ops/test_elementwise.py",
    "tests/ops/test_linalg.py::test_matmul",
    "tests/ops/test_optim.py::test_max_norm_limits_the_columns",
    "tests/ops/test_optim.py::test_non_finite_results_are_reported",
    "tests/ops/test_random.py::test_bernoulli_decisions_are_exact",
    "tests/ops/test_random.py::test_normal_deviates",
    "tests/ops/test_random.py::test_uniforms_are_the_addressed_words",
    "tests/ops/test_reduce.py::test_column_sums",
    "tests/ops/test_reduce.py::test_free_energy",
    "tests/ops/test_reduce.py::test_measures_of_enumerated_models",
    "tests/ops/test_sampling.py::test_half_step_of_bits",
    "tests/ops/test_sampling.py::test_half_step_of_dense_states",
    "tests/ops/test_sampling.py::test_cd_statistics_by_rows_and_by_tables",
    "tests/cuda/test_agreement.py::test_decisions_are_those_of_the_addressed_words",
    "tests/cuda/test_anneal.py::test_every_form_equals_half_steps",
    "tests/cuda/test_chains.py::test_every_form_equals_half_steps",
    "tests/cuda/test_chains.py::test_training_with_many_sweeps_equals_half_steps",
    "tests/cuda/test_conv_tensor.py::test_products_of_rounded_factors",
    "tests/cuda/test_vae_steps.py::test_replayed_steps_equal_plain_ones",
    "tests/cuda/test_device_batches.py::test_training_on_the_device_is_the_same",
)
HOURS = 3600.0


class Step(NamedTuple):
    """A command, run from the repository's root."""

    title: str
    command: list[str]
    settings: dict[str, str] = {}  # noqa: RUF012  # of the environment
    needed: bool = False  # by all that follow
    shown: bool = False  # its whole output is part of the report
    may_be_empty: bool = False  # no test at all is no failure
    limit: float = HOURS  # seconds


def compute_sanitizer() -> str | None:
    """The program: found by name, or beside nvcc, where it is not always on the path."""
    found = shutil.which("compute-sanitizer")
    nvcc = shutil.which("nvcc")
    if found is None and nvcc is not None:
        beside = Path(nvcc).resolve().parent / "compute-sanitizer"
        return str(beside) if beside.is_file() else None
    return found


def _no_card() -> str:
    if shutil.which("nvidia-smi") is None:
        return "no NVIDIA GPU (nvidia-smi was not found)"
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout.strip():
        said = (done.stdout + done.stderr).strip().splitlines()
        return f"no NVIDIA GPU (nvidia-smi says: {said[0] if said else 'nothing'})"
    return ""


def missing() -> str:
    """All that is missing here, in one line, or nothing."""
    told = [_no_card()]
    told += ["nvcc was not found"] * (shutil.which("nvcc") is None)
    told += ["compute-sanitizer was not found"] * (compute_sanitizer() is None)
    return "; ".join(filter(None, told))


def _python(folder: Path, here: bool) -> str:
    return sys.executable if here else str(folder / "env" / "bin" / "python")


def _packages(folder: Path, here: bool) -> dict[str, str]:
    """The environment in which the package that was built is imported."""
    if not here:
        return {}
    paths = [str(folder / "package"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def first_steps(folder: Path, *, here: bool) -> list[Step]:
    """Make the package for this machine's card; `here` with no download and no environment."""
    build = {"GIBBSLAB_CUDA": "ON", "CMAKE_ARGS": "-DCMAKE_CUDA_ARCHITECTURES=native"}
    pip = [_python(folder, here), "-m", "pip", "install", "--quiet"]
    if here:
        into = ["--no-index", "--no-deps", "--no-build-isolation", "--upgrade"]
        return [Step("build", [*pip, *into, "--target", str(folder / "package"), "."], build, True)]
    return [
        Step("environment", [sys.executable, "-m", "venv", str(folder / "env")], needed=True),
        # First, because the build takes the headers from it.
        Step("cuBLAS", [*pip, "nvidia-cublas==13.0.*"], needed=True),
        Step("build", [*pip, ".[test,bench,cuda13]", "cupy-cuda13x"], build, True),
    ]


def steps(folder: Path, *, here: bool) -> list[Step]:
    """The checks of the package that `first_steps` made."""
    python, settings = _python(folder, here), _packages(folder, here)
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    sanitizer = compute_sanitizer() or "compute-sanitizer"
    # Tests of failing calls make errors on purpose; other modes are tested in child processes.
    watch = [sanitizer, "--error-exitcode", "86", "--report-api-errors", "no"]
    watch += ["--target-processes", "all", "--tool"]
    tests = [*pytest, "--timeout", "3600", "-k", "cuda", *SANITIZED]
    bench = [python, "tests/bench/gpu.py", "--log", str(folder / "bench.log")]
    return [
        Step("machine", [python, "tests/bench/gpu_machine.py"], settings, shown=True),
        Step("tests marked gpu", [*pytest, "-m", "gpu", "tests/cuda"], settings, may_be_empty=True),
        Step("tests on the card", [*pytest, "-k", "cuda", *ON_THE_CARD], settings),
        *(
            Step(f"sanitizer: {tool}", [*watch, tool, *tests], settings, limit=3 * HOURS)
            for tool in SANITIZERS
        ),
        Step("benchmark", bench, settings, shown=True),
    ]
