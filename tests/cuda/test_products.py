"""GIBBSLAB_PRODUCTS=int8x3: half-steps with the same bits on the CPU and on the card.

Sums of whole numbers are exact in any order, and the sigmoid is written in fused multiply-adds, of
which every device has the same, the CPU from AVX2 on.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import reference
from gibbslab import _core
from gibbslab.models import RBM
from on_device import Core

SIZES = [(1, 1, 1), (7, 33, 17), (33, 64, 31), (20, 300, 40), (3, 31, 257)]
FUSED = [isa for isa in _core.available_isas() if isa != "baseline"]


@pytest.fixture(autouse=True)
def _fixed_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIBBSLAB_PRODUCTS", "int8x3")


def half_step(device: str, size: tuple[int, int, int], up: bool, density: float, scale: float):
    """The operands, and what the device makes of them."""
    rows, visible, hidden = size
    rng = np.random.default_rng(rows)
    sizes = rng.choice([1, 1e-6, 30], (visible, 1))
    w = (rng.normal(0, 0.3, (visible, hidden)) * sizes).astype(np.float32)
    inputs, units = (visible, hidden) if up else (hidden, visible)
    x = (rng.random((rows, inputs)) < density).astype(np.float32)
    bias = rng.normal(0, 0.5, units).astype(np.float32)
    core = Core()
    core.device = device
    found = core.ops.half_step(x, w, bias, up, scale=scale, seed=11, stream=0x301, first_row=5)
    return (x, w if up else w.T, bias), found


def bits(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x).view(np.uint32)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("density", [0.0, 0.4, 1.0])
def test_half_steps_have_the_same_bits(
    size: tuple[int, int, int], up: bool, density: float
) -> None:
    for scale in (1.0, 0.3):
        (x, w, bias), cpu = half_step("cpu", size, up, density, scale)
        _, card = half_step("cuda", size, up, density, scale)
        for a, b in zip(cpu, card):
            np.testing.assert_array_equal(bits(a), bits(b))
        twin = reference.fixed_point_pre_activation(x, w, bias, scale)
        assert (np.abs(cpu[0] - twin) <= np.spacing(np.abs(twin))).all()


def chains(device: str) -> list[np.ndarray]:
    x = (np.random.default_rng(0).random((12, 50)) < 0.3).astype(np.float32)
    rbm = RBM(50, 20, random_state=4, device=device)
    rbm.W = np.random.default_rng(1).normal(0, 0.4, (50, 20)).astype(np.float32)
    return [*rbm(x), rbm.hidden_mean(x, beta=0.7), *rbm.gibbs(x, 5), *rbm.sample(6, 4)]


def test_chains_have_the_same_bits() -> None:
    for a, b in zip(chains("cpu"), chains("cuda"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("isa", FUSED)
def test_every_instruction_set_with_fused_products_has_the_same_bits(isa: str) -> None:
    code = "import test_products as t; print([x.tobytes().hex() for x in t.chains('cpu')])"
    paths = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__)), *sys.path]
    settings = {"GIBBSLAB_ISA": isa, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([x.tobytes().hex() for x in chains("cuda")])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_other_values_are_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIBBSLAB_PRODUCTS", "fp16")
    with pytest.raises(RuntimeError, match="GIBBSLAB_PRODUCTS must be int8x3, got"):
        half_step(device, SIZES[1], True, 0.5, 1.0)
