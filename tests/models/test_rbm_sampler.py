"""The Gibbs sampler against enumeration: invariance, transitions, moments, independence.

Each test draws 2^20 samples. A test's docstring names the smallest fault that it can see: that
which it catches with probability one half. The emulated card draws 2^14, and sees faults from eight
times that size on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from gibbslab import _core
from on_device import core, sized
from reference import Enumerated, draw_states, index_of, states
from thresholds import assert_distribution, assert_means

BETAS = [1.0, 0.5, 1.7]


class Case(NamedTuple):
    visible: int
    hidden: int


# A square one, in which a transposed W fits, one that is no multiple of anything, a larger one.
CASES = [Case(4, 3), Case(4, 4), Case(6, 5)]
SMALL = CASES[:2]
case_id = "{0.visible}x{0.hidden}".format


def samples() -> int:
    return int(sized(2**20, 2**14))


@cache
def parameters(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(case.visible * 100 + case.hidden)
    shapes = [tuple(case), (case.visible,), (case.hidden,)]
    return tuple(rng.normal(0, d, s).astype(np.float32) for d, s in zip((0.9, 0.6, 0.6), shapes))  # type: ignore[return-value]


def model(case: Case, seed: int) -> _core.RBM:
    rbm = core.RBM(*case, seed=seed)
    rbm.W, rbm.v_bias, rbm.h_bias = parameters(case)
    return rbm


@cache
def enumerated(case: Case, beta: float = 1.0) -> Enumerated:
    return Enumerated(*parameters(case), beta)


def counts_of(x: np.ndarray) -> np.ndarray:
    return np.bincount(index_of(x), minlength=2 ** x.shape[1])


def pair_counts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How often each state of y followed or accompanied each state of x, (2^X, 2^Y)."""
    joint = index_of(x) * 2 ** y.shape[1] + index_of(y)
    return np.bincount(joint, minlength=2 ** (x.shape[1] + y.shape[1])).reshape(2 ** x.shape[1], -1)


def starts(units: int) -> np.ndarray:
    """The states to start from: all; on the emulated card a few, in which every unit changes."""
    odd_step = int(0.42 * 2**units) | 1  # so that all are different
    few = np.arange(8 if units <= 4 else 4) * odd_step % 2**units
    return np.asarray(sized(np.arange(2**units), few))


def every_start(units: int) -> np.ndarray:
    """2^20 rows that start from every state equally often, neighbours from different ones."""
    rows = states(units)[starts(units)].astype(np.float32)
    more = sized(1, 2 if units > 4 else 1)  # 64 cells must expect enough
    return np.tile(rows, (more * samples() // len(rows), 1))


def counts_by_start(start: np.ndarray, x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each state of `start` with how often it led to each state of x."""
    table = pair_counts(start, x)
    return ((int(state), table[state]) for state in starts(start.shape[1]))


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("beta", BETAS)
def test_one_sweep_leaves_the_distribution_invariant(case: Case, beta: float) -> None:
    """v stays distributed as p(v), and the (h, v) it leaves have the expected table.

    Smallest fault: probabilities of v off by 0.7% rms (16 states), 0.9% (64 states).
    """
    exact = enumerated(case, beta)
    start = draw_states(exact.p_v, samples(), seed=1)
    _, h, _, v = model(case, seed=2).gibbs(start, from_hidden=False, steps=1, beta=beta)
    assert_distribution(counts_of(v), exact.p_v, "v")
    assert_distribution(counts_of(h), exact.p_h, "h")
    # p(h) p(v | h): the visible units are drawn from the hidden ones that are returned.
    assert_distribution(pair_counts(v, h), exact.joint, "(v, h)")


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_every_row_of_the_transition_matrix(case: Case, steps: int) -> None:
    """From each v, `steps` sweeps reach each v' as often as the matrix power says.

    Smallest fault: entries of one row off by 2.8% rms (16 states), 7% (64 states).
    """
    exact = enumerated(case)
    matrix = np.linalg.matrix_power(exact.sweep_v, steps)
    start = every_start(case.visible)
    *_, v = model(case, seed=3).gibbs(start, from_hidden=False, steps=steps)
    for state, row in counts_by_start(start, v):
        assert_distribution(row, matrix[state], f"{steps} sweeps from v = {state}")


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("beta", BETAS)
def test_every_row_of_the_hidden_transition_matrix(case: Case, steps: int, beta: float) -> None:
    """From each h, sweeps h -> v -> h; also the (v, h) table of the last sweep.

    Smallest fault: entries of one row off by 1.8% rms (8 states), 4.5% (32 states).
    """
    exact = enumerated(case, beta)
    start = every_start(case.hidden)
    _, h, _, v = model(case, seed=4).gibbs(start, from_hidden=True, steps=steps, beta=beta)
    before = np.linalg.matrix_power(exact.sweep_h, steps - 1) @ exact.v_given_h
    for state, row in counts_by_start(start, h):
        expected = (before @ exact.h_given_v)[state]
        assert_distribution(row, expected, f"{steps} sweeps from h = {state}")
    expected_pairs = before[starts(case.hidden)].mean(axis=0)[:, None] * exact.h_given_v
    assert_distribution(pair_counts(v, h), expected_pairs, "(v, h) of the last sweep")


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("layer", ["hidden", "visible"])
@pytest.mark.parametrize("beta", BETAS)
def test_half_steps_draw_from_the_conditionals(case: Case, layer: str, beta: float) -> None:
    """Smallest fault: as in a row of the transition matrix of that layer."""
    exact = enumerated(case, beta)
    rbm = model(case, seed=5)
    hidden = layer == "hidden"
    start = every_start(case.visible if hidden else case.hidden)
    x = rbm.sample_hidden(start, beta) if hidden else rbm.sample_visible(start, beta)
    conditionals = exact.h_given_v if hidden else exact.v_given_h
    for state, row in counts_by_start(start, x):
        assert_distribution(row, conditionals[state], f"given state {state}")


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("steps", [1, 5])
def test_moments(case: Case, steps: int) -> None:
    """Means of v, h and v h^T after exact starts, and the means that are returned with them.

    Smallest fault: a mean of 0.5 off by 0.0027 (5.5 standard errors).
    """
    exact = enumerated(case)
    start = draw_states(exact.p_v, samples(), seed=6)
    h_mean, h, v_mean, v = model(case, seed=7).gibbs(start, from_hidden=False, steps=steps)
    products = (v[:, :, None] * h[:, None, :]).reshape(samples(), -1)
    expected_products = (exact.v.T @ exact.joint @ exact.h).ravel()
    assert_means(products, expected_products, "v h")
    for name, x, p, all_states in [("v", v, exact.p_v, exact.v), ("h", h, exact.p_h, exact.h)]:
        assert_means(x, p @ all_states, name)
    assert_means(v_mean, exact.p_v @ exact.v, "probabilities of v")
    assert_means(h_mean, exact.p_h @ exact.h, "probabilities of h")


@pytest.mark.parametrize("case", SMALL, ids=case_id)
@pytest.mark.parametrize("distance", [1, 2, 4, 8])
def test_neighbouring_chains_are_independent(case: Case, distance: int) -> None:
    """Chains from one state: the pair of a chain and its neighbour has the product table.

    Smallest fault: 1.7% rms in the 256 probabilities of pairs.
    """
    exact = enumerated(case)
    start = np.broadcast_to(exact.v[5].astype(np.float32), (samples(), case.visible))
    *_, v = model(case, seed=8).gibbs(start, from_hidden=False, steps=1)
    row = exact.sweep_v[5]
    # Every chain is in one pair only: rows 0 ... d-1 of each 2 d with rows d ... 2d-1.
    blocks = v.reshape(-1, 2, distance, case.visible)
    first, second = (blocks[:, i].reshape(-1, case.visible) for i in (0, 1))
    assert_distribution(pair_counts(first, second), np.outer(row, row), "pairs of neighbours")


def test_draws_of_one_chain_are_independent() -> None:
    """With W = 0 the states of a chain are independent coins: so are those 1 ... 40 draws apart.

    Smallest fault: a correlation of 0.0066 between a unit and itself `lag` draws later.
    """
    steps, chains = 128, sized(2**13, 2**6)
    rbm = core.RBM(4, 3, seed=9)
    history = np.empty((steps, chains, 7), dtype=np.float32)
    v = np.zeros((chains, 4), dtype=np.float32)
    for t in range(steps):
        _, h, _, v = rbm.gibbs(v, from_hidden=False, steps=1)
        history[t] = np.hstack([h, v])
    signs = 2 * history - 1
    for lag in range(1, 41):
        products = signs[lag:] * signs[:-lag]
        z = products.sum(axis=(0, 1)) / np.sqrt(products.shape[0] * chains)
        assert np.abs(z).max() < 5.5, f"lag {lag}: {np.abs(z).max():.1f} standard errors"


def test_hidden_and_visible_units_use_different_words() -> None:
    """With W = 0 the seven units of a sweep are independent: all pairs, within a row.

    Smallest fault: a correlation of 0.0054.
    """
    rbm = core.RBM(4, 3, seed=10)
    _, h, _, v = rbm.gibbs(np.zeros((samples(), 4), dtype=np.float32), False, 1)
    signs = 2 * np.hstack([h, v]) - 1
    z = signs.T @ signs / np.sqrt(samples())
    off_diagonal = np.abs(z - np.diag(np.diag(z)))
    assert off_diagonal.max() < 5.5, f"{off_diagonal.max():.1f} standard errors"


@pytest.mark.parametrize("p", [1 / 512, 1 / 3000, 1 - 1 / 700])
def test_rare_events(p: float) -> None:
    """Probabilities far below a 256th. Smallest fault: 18% of 1/3000, and 7.6% of 1/512."""
    units = sized(8, 32)  # 2^20 samples everywhere: fewer hold too few events
    rbm = core.RBM(1, units, seed=11)
    rbm.h_bias = np.full(units, np.log(p / (1 - p)), dtype=np.float32)
    h = rbm.sample_hidden(np.zeros((2**20 // units, 1), dtype=np.float32))
    assert_means(h.reshape(-1, 1), np.array([p]), "rate of a rare event")


MASKS = {"ends": [1, 0, 0, 1], "one": [0, 1, 0, 0], "all but one": [1, 1, 0, 1]}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("case", SMALL, ids=case_id)
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_clamped_sampling(mask: list[int], case: Case, beta: float) -> None:
    """Known units stay; the rest follow the clamped transition and keep p(rest | known).

    Smallest fault: 0.6% rms in the probabilities of the conditional (4 states).
    """
    exact = enumerated(case, beta)
    clamp, known = np.array(mask), np.array([1.0, 0.0, 1.0, 0.0])
    conditional = exact.conditional(clamp, known)
    start = draw_states(conditional, samples(), seed=12)
    rows = np.broadcast_to(known.astype(np.float32), start.shape)
    arguments = {"beta": beta, "mask": np.float32([mask]), "known": rows}
    rbm = model(case, seed=13)
    *_, v = rbm.gibbs(start, False, 1, **arguments)
    assert (v[:, clamp == 1] == known[clamp == 1]).all()
    assert_distribution(counts_of(v), conditional, "the clamped conditional")
    matrix = np.linalg.matrix_power(exact.clamped_sweep(clamp, known), 2)
    *_, v = rbm.gibbs(every_start(case.visible), False, 2, **arguments)
    for state, row in counts_by_start(every_start(case.visible), v):
        assert_distribution(row, matrix[state], f"two clamped sweeps from {state}")


def test_clamping_to_grey_values() -> None:
    """Known units may be real: the hidden units see them at every step, the rest is drawn.

    Smallest fault: as for the clamped conditional.
    """
    case = CASES[0]
    exact = enumerated(case)
    clamp, known = np.array([1, 0, 0, 1]), np.array([0.3, 0.0, 0.0, 0.8])
    free = np.where(clamp == 1, known, exact.v)  # every state with the grey units in place
    sweep = exact.h_given(free) @ exact.v_given_h
    rows = np.broadcast_to(known.astype(np.float32), (samples(), 4))
    start = np.where(clamp == 1, known, every_start(4)).astype(np.float32)
    *_, v = model(case, seed=14).gibbs(start, False, 2, mask=np.float32([clamp]), known=rows)
    assert (v[:, clamp == 1] == known[clamp == 1].astype(np.float32)).all()
    # Units 1 and 2 are free: unit i of state s is bit i of s.
    expected = (sweep @ sweep)[starts(4)].mean(axis=0).reshape(2, 2, 2, 2).sum(axis=(0, 3)).T
    assert_distribution(pair_counts(v[:, 1:2], v[:, 2:3]), expected, "free units")


def test_chains_from_grey_hidden_states() -> None:
    """reconstruct() starts from probabilities: the first visible draw sees them as they are.

    Smallest fault: 0.7% rms in the 16 probabilities of v.
    """
    case = CASES[1]
    hidden = np.array([0.2, 0.9, 0.5, 0.0], dtype=np.float32)
    w, a, _ = parameters(case)
    score = enumerated(case).v @ (w.astype(float) @ hidden + a)
    p_v = np.exp(score - np.logaddexp.reduce(score))
    start = np.broadcast_to(hidden, (samples(), 4))
    *_, v = model(case, seed=15).gibbs(start, from_hidden=True, steps=1)
    assert_distribution(counts_of(v), p_v, "v given grey h")


@pytest.mark.parametrize("k", [1, 2, 3])
def test_cd_pass_is_k_sweeps_from_the_data(k: int) -> None:
    """The tuple of a pass: h0 from v, then k sweeps; the joint table of (v1, h1) for one v.

    Smallest fault: 1% rms in the 128 probabilities of pairs.
    """
    case = CASES[0]
    exact = enumerated(case)
    start = np.broadcast_to(exact.v[9].astype(np.float32), (samples(), case.visible))
    h0_prob, h0, h1_prob, h1, v1_prob, v1 = model(case, seed=16).cd_pass(start, k)
    np.testing.assert_allclose(h0_prob[0], exact.h_given_v[9] @ exact.h, rtol=1e-6)
    np.testing.assert_allclose(h1_prob, (exact.h_given_v @ exact.h)[index_of(v1)], rtol=1e-6)
    assert_distribution(counts_of(h0), exact.h_given_v[9], "h0")
    p_v = np.linalg.matrix_power(exact.sweep_v, k)[9]
    assert_distribution(pair_counts(v1, h1), p_v[:, None] * exact.h_given_v, "(v1, h1)")
    assert_means(v1_prob, p_v @ exact.v, "probabilities of v1")
