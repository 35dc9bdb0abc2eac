"""Gibbs sampling of every pair of unit types against enumeration, in four ways.

Invariance, every row of the transition matrix, moments, independence of neighbouring chains: 2^17
samples of each of 32 pairs. On the emulated card 2^14, and layers of one unit, whose few states
these suffice for. A docstring names the smallest fault that its test can see.
"""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab import units
from gibbslab.models import RBM
from on_device import core, sized
from small_unit_rbms import BOUNDED_PAIRS, KINDS, PAIRS, Small, small
from thresholds import assert_distribution, assert_means
from unit_tables import Table, drawn, every_start, swept

every_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)


def samples() -> int:
    return int(sized(2**17, 2**14))


def case(
    visible: str,
    hidden: str,
    temperature: float = 1.0,
    beta: float = 1.0,
    most: int | None = None,
) -> Small:
    """Up to `most` units a layer, but one where it is not bounded."""
    groups = tuple((most or sized(2, 1)) if KINDS[k][0].bounded else 1 for k in (visible, hidden))
    return small(visible, hidden, groups, temperature=temperature, beta=beta)


def table_of(
    visible: str,
    hidden: str,
    temperature: float = 1.0,
    beta: float = 1.0,
    most: int | None = None,
) -> Table:
    return Table.of(case(visible, hidden, temperature, beta, most).twin)


@every_pair
@pytest.mark.parametrize(("beta", "temperature"), [(1.0, 1.0), (0.6, 1.7)])
def test_one_sweep_leaves_the_distribution_invariant(
    visible: str, hidden: str, beta: float, temperature: float
) -> None:
    """Smallest fault: probabilities of x off by 2% rms (16 states)."""
    model, table = case(visible, hidden, temperature), table_of(visible, hidden, temperature, beta)
    x, _ = swept(model, table, drawn(table, samples(), seed=1), 1, beta=beta)
    assert_distribution(table.counts(x), table.p_x, "x")


@every_pair
@pytest.mark.parametrize("steps", [1, 2])
def test_every_row_of_the_transition_matrix(visible: str, hidden: str, steps: int) -> None:
    """From each x, sweeps x -> y -> x. Smallest fault: a row off by 8% rms (16 states)."""
    model, table = case(visible, hidden), table_of(visible, hidden)
    matrix = np.linalg.matrix_power(table.sweep, steps)
    start = every_start(table, samples() * sized(1, 2))
    first, last = table.index(start), table.index(swept(model, table, start, steps)[0])
    for state in range(len(table.x)):
        row = np.bincount(last[first == state], minlength=len(table.x))
        assert_distribution(row, matrix[state] / matrix[state].sum(), f"from x = {state}")


@every_pair
@pytest.mark.parametrize("steps", [1, 3])
def test_moments(visible: str, hidden: str, steps: int) -> None:
    """Of x, of the y it was drawn from, of y^2 and of x y. Smallest fault: 0.5 off by 0.0076."""
    model, table = case(visible, hidden), table_of(visible, hidden)
    x, y = swept(model, table, drawn(table, samples(), seed=6), steps)
    assert_means(x, table.p_x @ table.x, "x")
    p_y = table.joint.sum(axis=0)
    assert_means(y, p_y @ table.y, "y")
    assert_means(y.astype(np.float64) ** 2, p_y @ table.y**2, "y^2")
    products = (x[:, :, None].astype(np.float64) * y[:, None, :]).reshape(len(x), -1)
    assert_means(products, (table.x.T @ table.joint @ table.y).ravel(), "x y")


@every_pair
@pytest.mark.parametrize("distance", [1, 2])
def test_neighbouring_chains_are_independent(visible: str, hidden: str, distance: int) -> None:
    """Smallest fault: 5% rms in the 256 probabilities of pairs."""
    model, table = case(visible, hidden), table_of(visible, hidden)
    at = len(table.x) // 2
    start = np.broadcast_to(table.x[at].astype(np.float32), (samples(), table.x.shape[1]))
    last = table.index(swept(model, table, np.ascontiguousarray(start), 1)[0])
    first, second = (last.reshape(-1, 2, distance)[:, i].ravel() for i in (0, 1))
    n = len(table.x)
    counts = np.bincount(first * n + second, minlength=n * n)
    row = table.sweep[at] / table.sweep[at].sum()
    assert_distribution(counts, np.outer(row, row), "pairs of neighbours")


@pytest.mark.parametrize(("visible", "hidden"), BOUNDED_PAIRS)
def test_half_steps_draw_from_the_conditionals(visible: str, hidden: str) -> None:
    """Of y given x, 2^17 samples on every device: some y are rare given one x.

    Of x given y this is in the rows of the transition matrix.
    """
    (model, twin), table = case(visible, hidden, most=2), table_of(visible, hidden, most=2)
    turned = Table.of(twin.transposed)
    start = every_start(table, 2**17)
    y = turned.index(model.sample_hidden(start))
    first = table.index(start)
    for state in range(len(table.x)):
        row = np.bincount(y[first == state], minlength=len(turned.x))
        assert_distribution(row, table.y_given_x[state], f"given x = {state}")


@pytest.mark.parametrize(("visible", "hidden"), [p for p in PAIRS if KINDS[p[0]][0].bounded])
def test_clamped_sampling(visible: str, hidden: str) -> None:
    """The first unit stays, the other keeps p(x | known). Smallest fault: 1.7% rms (2 states)."""
    model, table = case(visible, hidden, most=2), table_of(visible, hidden, most=2)
    k = KINDS[visible][1].columns
    known = table.x[len(table.x) - 1]
    agree = (table.x[:, :k] == known[:k]).all(axis=1)
    p = np.where(agree, table.p_x, 0.0) / table.p_x[agree].sum()
    rows = table.x[np.random.default_rng(3).choice(len(p), samples(), p=p)].astype(np.float32)
    held = np.float32([[i < k for i in range(len(known))]])
    given = np.broadcast_to(known.astype(np.float32), rows.shape)
    x, _ = swept(model, table, rows, 2, mask=held, known=np.ascontiguousarray(given))
    assert (x[:, :k] == known[:k]).all()
    assert_distribution(table.counts(x), p, "the clamped conditional")


def test_clamped_gaussian_units_keep_their_values() -> None:
    model, _ = small("gaussian", "bernoulli", (3, 2))
    v = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    out = model.gibbs(v, 4, mask=[True, False, False])
    np.testing.assert_array_equal(out[:, 0], v[:, 0])
    assert (out[:, 1:] != v[:, 1:]).all()


def test_noisy_rectified_units_cut_off_at_zero_in_chains() -> None:
    """E[h | v] of the approximate sampler, from chains that start at one v."""
    model = RBM(3, 2, visible="spin", hidden=units.ReLU(), random_state=0, device=core.device)
    v = np.tile(np.float32([[1, -1, 1]]), (samples(), 1))
    h = model.sample_hidden(v)
    assert h.min() == 0.0
    assert (h != np.floor(h)).any()
    assert_means(h, model.hidden_mean(v[:1])[0].astype(np.float64), "h")


@pytest.mark.parametrize("visible", list(KINDS))
def test_samples_start_anywhere_and_are_states(visible: str) -> None:
    model, _ = small(visible, "bernoulli", (3, 2))
    _, v = model.sample(n_samples=40, n_steps=3)
    assert model.visible.is_state(v).all()
    assert len(np.unique(v, axis=0)) > 1


@pytest.mark.parametrize(("visible", "hidden"), [("potts", "relu"), ("gaussian", "spin")])
def test_exact_samples(visible: str, hidden: str) -> None:
    """Smallest fault: 2% rms (9 states); a mean off by 5.5 errors."""
    (model, twin), n = small(visible, hidden, (2, 1)), samples()
    v = model._rbm.exact_samples(n)
    if visible == "gaussian":
        assert_means(v, twin.moments()[1], "v")
        return
    table = Table.of(twin)
    assert_distribution(table.counts(v), table.p_x, "v")


def test_threads_do_not_change_chains() -> None:
    out = []
    for threads in (1, 4):
        model, _ = small("gaussian", "binomial", (7, 5))
        model.n_threads = threads
        out.append(model.sample(n_samples=77, n_steps=3)[1])
    np.testing.assert_array_equal(*out)
