"""Annealed importance sampling in one launch against its plain twin, launch by launch.

The plain path runs the same temperatures as half-steps, one kernel each. Weights are multiples of
2^-6, so that float32 sums are exact in any order: then every decision is the same, and log-weights
differ by the order of float64 sums alone.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from gibbslab import _core
from reference import Enumerated, draw_states
from thresholds import Z_LIMIT, assert_z

FORM = "GIBBSLAB_CUDA_CHAINS"
# Which weights are resident, blocks to a cluster, chains to a group.
FORMS = [
    "resident:1:4",
    "resident:2:8",
    "resident:4:16",
    "resident:8:64",
    "resident:16:32",
    "stream:1:32",
    "stream:2:4",
    "stream:8:16",
]
SIZES = [(1, 1), (1, 17), (17, 1), (17, 33), (65, 33), (33, 130), (130, 65)]
BETAS = (0.0, 0.125, 0.3, 0.45, 0.45, 0.7, 0.85, 1.0)


def parameters(visible: int, hidden: int, exact: bool) -> list[np.ndarray]:
    """W, a, b and the base's biases; multiples of 2^-6 where sums are to be exact."""
    rng = np.random.default_rng(1000 * visible + hidden)
    shapes = [(visible, hidden), visible, hidden, visible]
    found = [rng.normal(0, 0.5, shape) for shape in shapes]
    return [(np.round(x * 64) / 64 if exact else x).astype(np.float32) for x in found]


def begun(
    size: tuple[int, int], chains: int, reverse: bool, exact: bool, device: str = "cuda"
) -> _core.AIS:
    w, a, b, base = parameters(*size, exact)
    rbm = _core.RBM(*size, device=device)
    rbm.W, rbm.v_bias, rbm.h_bias = w, a, b
    start = np.random.default_rng(chains).integers(0, 2, (chains, size[0])).astype(np.float32)
    return _core.AIS(rbm, base, list(BETAS), chains, start if reverse else None, seed=9)


@functools.cache
def plain_run(size: tuple[int, int], chains: int, reverse: bool) -> np.ndarray:
    """The log-weights after each temperature, from half-steps."""
    return run("plain", size, chains, reverse)


def run(
    form: str,
    size: tuple[int, int],
    chains: int,
    reverse: bool,
    exact: bool = True,
    pieces: int = 1,
) -> np.ndarray:
    """The log-weights after every `pieces` temperatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORM, form)
        job, told, left = begun(size, chains, reverse, exact), [], len(BETAS) - 1
        while left:
            left = job.advance(pieces)
            told.append(job.log_weights)
    return np.array(told)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_equals_half_steps(form: str, reverse: bool) -> None:
    """Sees chains, units or terms that are left out, and states that are read too early."""
    found = run(form, (65, 33), 33, reverse)
    assert_same(found, plain_run((65, 33), 33, reverse))


@pytest.mark.parametrize("form", ["resident:2:8", "stream:4:16"])
@pytest.mark.parametrize("chains", [1, 5, 33])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_equals_half_steps(size: tuple[int, int], chains: int, form: str) -> None:
    assert_same(run(form, size, chains, False), plain_run(size, chains, False))


@pytest.mark.parametrize("form", [*FORMS, ""])
@pytest.mark.parametrize("reverse", [False, True])
def test_results_do_not_depend_on_the_form(form: str, reverse: bool) -> None:
    """Bit for bit, with weights whose sums depend on their order; "" is the form that is chosen."""
    expected = run("resident:1:16", (17, 130), 21, reverse, exact=False, pieces=7)
    found = run(form, (17, 130), 21, reverse, exact=False, pieces=7)
    np.testing.assert_array_equal(found, expected)


def test_results_do_not_depend_on_the_pieces() -> None:
    at_once, by_threes, singly = (
        run("resident:2:16", (33, 17), 19, False, exact=False, pieces=n)[-1] for n in (7, 3, 1)
    )
    np.testing.assert_array_equal(by_threes, at_once)
    np.testing.assert_array_equal(singly, at_once)


@pytest.mark.parametrize("reverse", [False, True])
def test_log_weights_equal_those_of_the_cpu(reverse: bool) -> None:
    """Equal draws: a chain that decided otherwise once would be far away."""
    cpu = begun((33, 17), 33, reverse, True, device="cpu")
    cpu.advance(len(BETAS))
    found = run("resident:4:8", (33, 17), 33, reverse)[-1]
    np.testing.assert_allclose(found, cpu.log_weights, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("reverse", "sign"), [(False, 1.0), (True, -1.0)])
def test_the_exact_log_z_lies_between_both_directions(
    reverse: bool, sign: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each direction is biased to its side, 5.5-fold, and its estimate of Z unbiased within 6 %."""
    monkeypatch.setenv(FORM, "resident:1:64")
    size, chains = (9, 6), 4096
    w, a, b, base = parameters(*size, False)
    exact = Enumerated(w, a, b)
    start = draw_states(exact.p_v, chains, 2)
    rbm = _core.RBM(*size, device="cuda")
    rbm.W, rbm.v_bias, rbm.h_bias = w, a, b
    path = np.linspace(0.0, 1.0, 9).tolist()
    job = _core.AIS(rbm, base, path, chains, start if reverse else None, seed=3)
    job.advance(len(path))
    bounds = job.log_weights + sign * (job.log_partition_base - exact.log_z)
    error = bounds.std(ddof=1) / np.sqrt(chains)
    assert bounds.mean() < -Z_LIMIT * error
    ratio = np.exp(bounds)
    assert ratio.std(ddof=1) / np.sqrt(chains) < 0.06 / Z_LIMIT
    assert_z(ratio.mean(), 1.0, ratio.std(ddof=1) / np.sqrt(chains), "Z")


@pytest.mark.parametrize("text", ["fast", "resident:3", "stream:0:8", "stream:2:6", "stream:2:8:1"])
def test_an_unknown_form_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORM, text)
    with pytest.raises(RuntimeError, match=r"GIBBSLAB_CUDA_CHAINS must be .*, got '"):
        begun((3, 2), 4, False, True).advance(7)
