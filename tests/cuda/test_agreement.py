"""The same seed trains on the CPU and on the card to the same weights, and draws the same words.

In the modes that lose no bit of a weight the two differ by the order of float32 sums alone. A
decision flips only where a uniform lies within that of its probability, once in about 10^6 draws;
the seeds are such that none does in the runs here, as in the tests against the NumPy twin.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import reference
from gibbslab import _core
from on_device import Core

SIZES = [(33, 17), (70, 40)]
BATCH, BATCHES, EPOCHS = 20, 5, 20
# What probabilities may lose in each mode: the normalised mean squared error against float64.
# bf16x2 is the fast mode, with weights within 2^-18 of themselves; the others lose what the order
# and the rounding of float32 sums do, int8x3 up to 1.2e-7 of the largest weight.
NMSE = {"fp32": 1e-12, "bf16x3": 1e-12, "int8x3": 1e-12, "bf16x2": 1e-9}
EXACT = [mode for mode in NMSE if mode != "bf16x2"]
PARAMETERS = ("W", "v_bias", "h_bias")
OPTIONS: dict[str, dict[str, Any]] = {
    "CD-1": {"persistent": False},
    "PCD-2": {"persistent": True, "n_chains": 13, "k": 2},
    "momentum": {"persistent": False, "momentum": 0.8, "l2": 1e-3},
    "centred": {"persistent": True, "n_chains": BATCH, "centered": True},
    "sparse": {"persistent": False, "sparsity_target": 0.1, "sparsity_cost": 0.2},
    "all": {
        "persistent": True, "n_chains": BATCH, "momentum": 0.5, "l1": 1e-4, "l2": 1e-3,
        "centered": True, "sparsity_target": 0.2, "sparsity_cost": 0.1, "hidden_samples": True,
    },
}  # fmt: skip


def on(device: str) -> Core:
    core = Core()
    core.device = device
    return core


def rows(visible: int) -> np.ndarray:
    """Binary rows around three patterns, so that there is something to learn."""
    rng = np.random.default_rng(visible)
    patterns = rng.random((3, visible)) < 0.4
    x = patterns[rng.integers(3, size=BATCH * BATCHES)]
    return (x ^ (rng.random(x.shape) < 0.1)).astype(np.float32)


def model(device: str, size: tuple[int, int]) -> _core.RBM:
    rbm = on(device).RBM(*size, seed=7)
    rbm.W = np.random.default_rng(size[1]).normal(0, 0.1, size).astype(np.float32)
    return rbm


def trained(device: str, size: tuple[int, int], name: str) -> tuple[_core.RBM, dict[str, Any]]:
    """After 100 steps, in a new order every epoch."""
    rbm, data, chosen = model(device, size), on(device).Dataset(rows(size[0])), _core.TrainOptions()
    for option, value in OPTIONS[name].items():
        setattr(chosen, option, value)
    trainer = _core.Trainer(rbm, chosen)
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(BATCH * BATCHES)
        assert trainer.train(data, order, BATCH, 0, BATCHES, 0.1) == (BATCHES, "")
    return rbm, trainer.state()


def assert_agree(a: np.ndarray, b: np.ndarray, what: str) -> None:
    """Within 1e-5 of the largest."""
    difference = float(np.abs(a.astype(np.float64) - b).max(initial=0))
    assert difference <= 1e-5 * float(np.abs(b).max(initial=0)), f"{what}: {difference}"


def check_training(size: tuple[int, int], name: str) -> None:
    card, state = trained("cuda", size, name)
    cpu, expected = trained("cpu", size, name)
    assert card.draws == cpu.draws
    for parameter in PARAMETERS:
        assert_agree(getattr(card, parameter), getattr(cpu, parameter), parameter)
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        if key == "chains":
            np.testing.assert_array_equal(state[key], value)
        else:
            assert_agree(state[key], value, key)
    largest = float(np.abs(cpu.W - model("cpu", size).W).max())
    assert largest > 0.1  # the training has gone somewhere


def check_samples(size: tuple[int, int]) -> None:
    """CD passes and chains: the same draws, the same states, probabilities to the last places."""
    card, cpu = (model(device, size) for device in ("cuda", "cpu"))
    v = rows(size[0])
    for _ in range(3):
        one, other = card.cd_pass(v, 2), cpu.cd_pass(v, 2)
        for place, (a, b) in enumerate(zip(one, other)):
            if place % 2:
                np.testing.assert_array_equal(a, b)
            else:
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
        assert card.draws == cpu.draws
        v = other[-1]


def check_decisions(size: tuple[int, int]) -> None:
    """A unit fires where its uniform is below the probability that the card itself found."""
    rng = np.random.default_rng(3)
    w = rng.normal(0, 0.3, size).astype(np.float32)
    for up, (inputs, outputs) in ((True, size), (False, size[::-1])):
        x = (rng.random((37, inputs)) < 0.5).astype(np.float32)
        bias = rng.normal(0, 0.5, outputs).astype(np.float32)
        found = on("cuda").ops.half_step(x, w, bias, up, seed=11, stream=0x301, first_row=5)
        _, mean, sample = found
        words = _core.ops.bernoulli(mean, seed=11, stream=0x301, first_row=5)
        np.testing.assert_array_equal(sample, words)


def check_probabilities(mode: str) -> None:
    """Of large layers, both ways."""
    rng = np.random.default_rng(8)
    w = rng.normal(0, 0.3, (257, 129)).astype(np.float32)
    for up in (True, False):
        x = (rng.random((21, w.shape[1 - up])) < 0.4).astype(np.float32)
        bias = rng.normal(0, 0.5, w.shape[up]).astype(np.float32)
        _, found, _ = on("cuda").ops.half_step(x, w, bias, up)
        expected = reference.sigmoid(reference.pre_activation(x, w, bias, up, 1.0))
        error = float(((found - expected) ** 2).sum() / (expected**2).sum())
        assert error <= NMSE[mode], f"{mode}: {error}"


def in_mode(mode: str, *checks: str) -> None:
    """Run some of the checks in a process of its own: the mode is that of the whole process."""
    code = "from gibbslab._devices import cuda_absent; cuda_absent(); import test_agreement as test"
    code += "".join(f"; test.{check}" for check in checks)
    paths = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__)), *sys.path]
    settings = {"GIBBSLAB_CUDA_MODE": mode, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{mode}: {done.stderr[-3000:]}"


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", OPTIONS)
def test_weights_after_100_steps_are_those_of_the_cpu(size: tuple[int, int], name: str) -> None:
    check_training(size, name)


@pytest.mark.parametrize("mode", EXACT)
def test_every_exact_mode_trains_and_draws_like_the_cpu(mode: str) -> None:
    training = [f"check_training({SIZES[0]}, {name!r})" for name in ("CD-1", "all")]
    in_mode(mode, *training, *(f"check_samples({size})" for size in SIZES))


@pytest.mark.parametrize("mode", NMSE)
def test_probabilities_lose_no_more_than_the_mode_may(mode: str) -> None:
    in_mode(mode, f"check_probabilities({mode!r})")


@pytest.mark.parametrize("mode", NMSE)
def test_decisions_are_those_of_the_addressed_words(mode: str) -> None:
    in_mode(mode, *(f"check_decisions({size})" for size in SIZES))


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(AssertionError, match="GIBBSLAB_CUDA_MODE must be fp32, bf16x2, bf16x3"):
        in_mode("fp16", f"check_decisions({SIZES[0]})")
