"""Faults planted in the core, each of which the statistical suite must catch.

The extension is built once more with GIBBSLAB_FAULTS, which compiles in the switches that
`fault("name")` reads from the environment. Under each fault every test named here must fail, at
its first run; without a fault all of them must pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pybind11
import pytest
from gibbslab import _core

ROOT = Path(__file__).parents[2]
SAMPLER, GRADIENT = "tests/models/test_rbm_sampler.py::", "tests/models/test_cd_gradient.py::"
STEP, AIS = "tests/models/test_training_step.py::", "tests/models/test_ais.py::"
AIS_STEP, RANDOM = "tests/models/test_ais_steps.py::", "tests/ops/test_random.py::test_"
SIGMOID, OPTIM = "tests/ops/test_elementwise.py::test_", "tests/ops/test_optim.py::test_"
ONE_SWEEP = SAMPLER + "test_every_row_of_the_transition_matrix[1-{}]"


class Fault(NamedTuple):
    """What is wrong, and the tests that see it."""

    why: str
    tests: tuple[str, ...]


FAULTS = {
    "hidden_bias_left_out": Fault(
        "the hidden conditionals, what they leave invariant and the gradient are all another's",
        (
            SAMPLER + "test_half_steps_draw_from_the_conditionals[1.0-hidden-4x3]",
            SAMPLER + "test_one_sweep_leaves_the_distribution_invariant[1.0-4x3]",
            GRADIENT + "test_cd_k[False-1]",
        ),
    ),
    "mean_field_for_sample": Fault(
        "units given a mean are less correlated; the first sweep of CD starts from h0 all the same",
        (ONE_SWEEP.format("4x4"), GRADIENT + "test_cd_k[False-2]"),
    ),
    "visible_reuses_hidden_uniforms": Fault(
        "a visible unit follows the hidden unit of its place, in the transition and without W",
        (
            ONE_SWEEP.format("4x3"),
            SAMPLER + "test_hidden_and_visible_units_use_different_words",
            GRADIENT + "test_cd_k[True-1]",
        ),
    ),
    "w_transposed_in_down_pass": Fault(
        "only a square W can be, so the square model sees it",
        (
            SAMPLER + "test_half_steps_draw_from_the_conditionals[1.0-visible-4x4]",
            ONE_SWEEP.format("4x4"),
            GRADIENT + "test_cd_k[False-1]",
        ),
    ),
    "one_step_too_many": Fault(
        "the distribution stays invariant: only the transition and the biased gradient tell",
        (
            ONE_SWEEP.format("4x3"),
            SAMPLER + "test_cd_pass_is_k_sweeps_from_the_data[1]",
            GRADIENT + "test_cd_k[False-1]",
            GRADIENT + "test_persistent_chains_go_on[1]",
        ),
    ),
    "neighbours_share_stream": Fault(
        "each chain is right, pairs are not, and the gradient spreads twice as much",
        (
            SAMPLER + "test_neighbouring_chains_are_independent[1-4x3]",
            GRADIENT + "test_neighbouring_rows_make_independent_contributions",
        ),
    ),
    "counter_wraps": Fault(
        "each sweep is right, but after 16 draws the words come again",
        (SAMPLER + "test_draws_of_one_chain_are_independent",),
    ),
    "uniforms_8_bit": Fault(
        "a probability of 1/512 fires as 1/256 does; the bits below the 8th are empty",
        (SAMPLER + "test_rare_events[0.001953125]", RANDOM + "uniforms_have_24_bits"),
    ),
    "uniforms_open_at_zero": Fault(
        "2^-24 is too small to see in statistics: the extreme words tell",
        (RANDOM + "word_of_ones_is_below_one[1]", RANDOM + "word_zero_is_uniform_zero[1]"),
    ),
    "uniform_at_most_p": Fault(
        "likewise: p = 0 fires on the word 0, and ties are decided wrongly",
        (
            RANDOM + "word_zero_is_uniform_zero[1]",
            RANDOM + "bernoulli_decisions_are_exact[0-33]",
        ),
    ),
    "sigmoid_off": Fault(
        "by 1e-3: far beyond the last places, and half as much again as a rare event's rate",
        (
            SIGMOID + "sigmoid_is_accurate_everywhere",
            SIGMOID + "sigmoid_is_exact_at_the_ends",
            SAMPLER + "test_rare_events[0.001953125]",
        ),
    ),
    "momentum_times_learning_rate": Fault(
        "the velocity forgets at a speed that depends on the learning rate",
        (
            OPTIM + "momentum_is_not_multiplied_by_the_learning_rate",
            GRADIENT + "test_momentum_sums_gradients_without_the_learning_rate",
            STEP + "test_steps_equal_the_twin[scipy-bits-momentum]",
        ),
    ),
    "short_batch_divided_by_full": Fault(
        "the positive phase of the last batch shrinks by its share of a full one",
        (
            GRADIENT + "test_a_short_last_batch_is_unbiased[5-False]",
            GRADIENT + "test_a_short_last_batch_is_unbiased[5-True]",
            STEP + "test_steps_equal_the_twin[scipy-bits-CD-1]",
        ),
    ),
    "ais_last_temperature_bias": Fault(
        "the transition leaves another distribution invariant than the weights assume",
        (
            AIS + "test_estimates_are_unbiased_however_coarse_the_schedule[shape0-False-betas1]",
            AIS_STEP + "test_log_weights_equal_the_twin[False-(9, 5)-three]",
        ),
    ),
}  # fmt: skip


def on(device: str, test: str) -> str:
    """The test's full name there: the device is its first parameter."""
    name, _, parameters = test.partition("[")
    return f"{name}[{device}-{parameters}" if parameters else f"{name}[{device}]"


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=500
    )


def tool(name: str) -> str:
    """CMake and Ninja as installed beside this Python, else as found."""
    beside = shutil.which(name, path=sysconfig.get_path("scripts"))
    return beside or shutil.which(name) or name


def build(folder: Path) -> None:
    """The extension with the faults compiled in, from the sources of this checkout."""
    settings = {
        "GIBBSLAB_PYTHON": "ON",
        "GIBBSLAB_FAULTS": "ON",
        "pybind11_DIR": pybind11.get_cmake_dir(),
        "Python_EXECUTABLE": sys.executable,
        "GIBBSLAB_CUDA": "OFF",
        "CMAKE_MAKE_PROGRAM": tool("ninja"),
    }
    configure = [tool("cmake"), "-G", "Ninja", "-S", str(ROOT), "-B", str(folder)]
    configure += [f"-D{name}={value}" for name, value in settings.items()]
    for command in (configure, [tool("cmake"), "--build", str(folder), "--target", "_core"]):
        done = run(command, dict(os.environ))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="session")
def faulty_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package around the faulty extension, to be put on PYTHONPATH."""
    folder = tmp_path_factory.mktemp("faults")
    build(folder / "build")
    skip = shutil.ignore_patterns("_core*.so", "_core*.pyd", "__pycache__")
    shutil.copytree(ROOT / "python" / "gibbslab", folder / "gibbslab", ignore=skip)
    for extension in (folder / "build").glob("_core*"):
        shutil.copy(extension, folder / "gibbslab")
    show = "from gibbslab import _core; print(_core.FAULTS_COMPILED_IN)"
    done = run([sys.executable, "-c", show], environment(folder, None))
    assert done.stdout.strip() == "True", done.stderr
    return folder


def environment(package: Path, fault: str | None) -> dict[str, str]:
    out = {name: value for name, value in os.environ.items() if name != "GIBBSLAB_FAULT"}
    out["PYTHONPATH"] = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    return out if fault is None else {**out, "GIBBSLAB_FAULT": fault}


def child_pytest(
    package: Path, fault: str | None, tests: tuple[str, ...]
) -> tuple[int, set[str], str]:
    """Exit code, failed tests and output of one run of `tests` under a fault."""
    options = ["-q", "-rf", "--tb=line", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = run(command, environment(package, fault))
    failed = re.findall(r"^FAILED (.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return done.returncode, set(failed), done.stdout + done.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_caught(fault: str, faulty_package: Path) -> None:
    tests = tuple(on("cpu", test) for test in FAULTS[fault].tests)
    code, failed, output = child_pytest(faulty_package, fault, tests)
    missed = set(tests) - failed
    assert not missed, f"{missed} did not see it, though {FAULTS[fault].why}\n{output[-3000:]}"
    assert code == 1, output[-3000:]


def test_without_a_fault_the_same_tests_pass(faulty_package: Path) -> None:
    every = tuple({on("cpu", test): None for fault in FAULTS.values() for test in fault.tests})
    code, failed, output = child_pytest(faulty_package, None, every)
    assert (code, failed) == (0, set()), output[-3000:]
    assert f"{len(every)} passed" in output


def test_every_switch_in_the_sources_is_in_the_table() -> None:
    sources = [path.read_text() for path in (ROOT / "csrc").rglob("*") if path.is_file()]
    switches = {name for text in sources for name in re.findall(r'fault\("(\w+)"\)', text)}
    assert switches == set(FAULTS)


def test_the_ordinary_build_has_no_faults() -> None:
    assert _core.FAULTS_COMPILED_IN is False
    show = "from gibbslab import _core; print(_core.uniform(1, 9, 5, 3).tolist())"
    plain, planted = (
        run([sys.executable, "-c", show], {**os.environ, "GIBBSLAB_FAULT": fault})
        for fault in ("", "uniforms_8_bit")
    )
    assert plain.returncode == 0, plain.stderr
    assert planted.stdout == plain.stdout
