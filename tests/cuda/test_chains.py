"""Gibbs sweeps of many chains in one launch against their plain twin, half-step by half-step.

Weights are multiples of 2^-6, so that float32 sums are exact in any order and every decision is the
same.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from gibbslab import _core
from gibbslab.models import RBM
from test_anneal import FORM, FORMS, SIZES, parameters

SWEEPS = 3
CLAMPS = ["free", "one mask", "a mask each"]
Result = tuple[np.ndarray, ...]


def chains_of(size: tuple[int, int], exact: bool) -> _core.RBM:
    w, a, b, _ = parameters(*size, exact)
    rbm = _core.RBM(*size, seed=4, device="cuda")
    rbm.W, rbm.v_bias, rbm.h_bias = w, a, b
    return rbm


def clamp_of(size: tuple[int, int], chains: int, clamp: str) -> dict[str, Any]:
    if clamp == "free":
        return {}
    rng = np.random.default_rng(chains + size[0])
    rows = 1 if clamp == "one mask" else chains
    bits = [rng.integers(0, 2, (n, size[0])).astype(np.float32) for n in (rows, chains)]
    return {"mask": bits[0], "known": bits[1]}


def run(
    form: str,
    size: tuple[int, int],
    chains: int,
    from_hidden: bool,
    clamp: str = "free",
    *,
    beta: float = 1.0,
    sweeps: int = SWEEPS,
    exact: bool = True,
) -> Result:
    """Means and states of both layers, and the number of draws made."""
    rbm = chains_of(size, exact)
    units = size[1] if from_hidden else size[0]
    start = np.random.default_rng(chains).integers(0, 2, (chains, units)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORM, form)
        out = rbm.gibbs(start, from_hidden, sweeps, beta, **clamp_of(size, chains, clamp))
    return (*out, np.array(rbm.draws))


@functools.cache
def plain_run(*args: Any) -> Result:
    return run("plain", *args)


def assert_same(found: Result, expected: Result) -> None:
    """Means to the last places, which a compiler may round otherwise; states and draws exactly."""
    h_mean, h, v_mean, v, draws = found
    np.testing.assert_allclose(h_mean, expected[0], rtol=1e-6)
    np.testing.assert_array_equal(h, expected[1])
    np.testing.assert_allclose(v_mean, expected[2], rtol=1e-6)
    np.testing.assert_array_equal(v, expected[3])
    assert draws == expected[4]


@pytest.mark.parametrize("from_hidden", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_equals_half_steps(form: str, from_hidden: bool) -> None:
    """Sees chains or units that are left out, and states that are read too early."""
    expected = plain_run((65, 33), 33, from_hidden)
    assert_same(run(form, (65, 33), 33, from_hidden), expected)


@pytest.mark.parametrize("form", ["resident:2:8", "stream:4:16"])
@pytest.mark.parametrize("chains", [1, 5, 33])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_equals_half_steps(size: tuple[int, int], chains: int, form: str) -> None:
    assert_same(run(form, size, chains, False), plain_run(size, chains, False))


@pytest.mark.parametrize("from_hidden", [False, True])
@pytest.mark.parametrize("clamp", CLAMPS[1:])
@pytest.mark.parametrize("form", ["resident:1:16", "resident:4:4", "stream:2:32"])
def test_clamped_units_keep_their_states(form: str, clamp: str, from_hidden: bool) -> None:
    found = run(form, (33, 17), 13, from_hidden, clamp)
    assert_same(found, plain_run((33, 17), 13, from_hidden, clamp))
    given = clamp_of((33, 17), 13, clamp)
    np.testing.assert_array_equal(
        np.where(given["mask"] == 1, found[3], 0), np.where(given["mask"] == 1, given["known"], 0)
    )


@pytest.mark.parametrize("from_hidden", [False, True])
def test_an_inverse_temperature(from_hidden: bool) -> None:
    args: Any = ((17, 33), 9, from_hidden)
    assert_same(run("resident:2:8", *args, beta=0.3), run("plain", *args, beta=0.3))


@pytest.mark.parametrize("from_hidden", [False, True])
@pytest.mark.parametrize("clamp", CLAMPS)
def test_many_sweeps_are_several_calls(clamp: str, from_hidden: bool) -> None:
    """The first call takes 16 sweeps, so here a second one goes on from its states."""
    args: Any = ((17, 9), 5, from_hidden, clamp)
    assert_same(run("resident:2:8", *args, sweeps=37), run("plain", *args, sweeps=37))


@pytest.mark.parametrize("form", [*FORMS, ""])
def test_results_do_not_depend_on_the_form(form: str) -> None:
    """Bit for bit, with weights whose sums depend on their order; "" is the form that is chosen."""
    args: Any = ((130, 17), 21, False)
    expected = run("resident:1:16", *args, sweeps=5, exact=False)
    for found, reference in zip(run(form, *args, sweeps=5, exact=False), expected, strict=True):
        np.testing.assert_array_equal(found, reference)


def test_real_valued_states_take_half_steps() -> None:
    rbm, twin = chains_of((9, 5), True), chains_of((9, 5), True)
    start = np.full((6, 9), 0.5, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORM, "resident:1:8")
        found = rbm.gibbs(start, False, SWEEPS)
        patch.setenv(FORM, "plain")
        expected = twin.gibbs(start, False, SWEEPS)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_with_many_sweeps_equals_half_steps() -> None:
    """CD-5, where the last hidden states are not drawn."""
    learned = []
    w, a, b, _ = parameters(17, 9, True)
    batch = np.random.default_rng(1).integers(0, 2, (21, 17)).astype(np.float32)
    for form in ("plain", "resident:2:16"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(FORM, form)
            model = RBM(17, 9, cd_k=5, random_state=1, device="cuda")
            model.W, model.v_bias, model.h_bias = w, a, b
            model.update_weights_for_batch(batch, 0.125)
            learned.append((model.W, model.v_bias, model.h_bias, model.draws))
    for found, expected in zip(*learned, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
