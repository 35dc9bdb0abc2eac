"""Parallel tempering against enumeration: transitions, invariance, exchanges, mode weights.

The emulated card runs 128 times fewer chains and sees faults eleven times as large.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from gibbslab.models import RBM
from on_device import core, sized
from reference import Enumerated, draw_states, index_of, states
from reference_tempering import TemperingTable, TemperingTwin
from thresholds import Z_LIMIT, assert_distribution, assert_means, assert_z

LADDERS = {"one": [1.0], "two": [0.25, 1.0], "three": [0.0, 0.5, 1.0]}


def chains() -> int:
    return int(sized(2**18, 2**11))


@cache
def parameters(visible: int, hidden: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(visible * 10 + hidden)
    shapes = [((visible, hidden), 1.5), (visible, 0.8), (hidden, 0.8)]
    return tuple(rng.normal(0, d, s).astype(np.float32) for s, d in shapes)  # type: ignore[return-value]


def core_model(visible: int, hidden: int):
    rbm = core.RBM(visible, hidden, seed=1, n_threads=1)
    rbm.W, rbm.v_bias, rbm.h_bias = parameters(visible, hidden)
    return rbm


@cache
def table(betas: tuple[float, ...], visible: int, hidden: int) -> TemperingTable:
    return TemperingTable([Enumerated(*parameters(visible, hidden), beta) for beta in betas])


def tuple_index(run, levels: int, units: int) -> np.ndarray:
    """The tuple of hidden states of every chain, level 0 slowest."""
    index = 0
    for t in range(levels):
        index = index * 2**units + index_of(run.hidden(t))
    return index


def start_at(run, tuples: np.ndarray, levels: int, units: int) -> None:
    """Replicas of chain c at the hidden states that tuples[c] names; none was exchanged yet."""
    digits = [tuples >> units * (levels - 1 - t) & 2**units - 1 for t in range(levels)]
    run.set_hidden(states(units)[np.concatenate(digits)].astype(np.float32))


@pytest.mark.parametrize("betas", LADDERS.values(), ids=LADDERS)
@pytest.mark.parametrize("sweeps", [1, 2])
def test_every_row_of_the_transition_matrix(betas: list[float], sweeps: int) -> None:
    """From every tuple of hidden states; the second round exchanges the other pairs.

    Smallest fault: entries of one row off by 8 % rms (64 tuples), 2 % (16 tuples). The emulated
    card starts from one.
    """
    units, levels = 2, len(betas)
    all_tuples = np.arange(2 ** (units * levels))
    starts = sized(all_tuples, all_tuples[-2:-1])
    n = sized(2**20, 2 ** (units * levels + 7))
    run = core.Tempering(core_model(2, units), betas, n, seed=sweeps)
    tuples = np.resize(starts, n)
    start_at(run, tuples, levels, units)
    run.run(sweeps)
    matrix = table(tuple(betas), 2, units).matrix(sweeps)
    after = tuple_index(run, levels, units)
    for first in starts:
        counts = np.bincount(after[tuples == first], minlength=len(matrix))
        assert_distribution(counts, matrix[first], f"{sweeps} sweeps from tuple {first}")


@pytest.mark.parametrize("betas", LADDERS.values(), ids=LADDERS)
def test_the_product_of_all_temperatures_is_invariant(betas: list[float]) -> None:
    """From exact starts, two sweeps: tuples of hidden states, the visible states of each level,
    and the mean probability of the exchanges, which the report gives.

    Smallest fault: probabilities off by 1.2 % rms (64 tuples), a swap rate by 0.3 %.
    """
    units, levels = 2, len(betas)
    exact = table(tuple(betas), 2, units)
    n = sized(chains(), 2 ** (units * levels + 7))
    run = core.Tempering(core_model(2, units), betas, n, seed=3)
    tuples = index_of(draw_states(exact.p_h, n, seed=4))
    start_at(run, tuples, levels, units)
    run.run(2)
    counts = np.bincount(tuple_index(run, levels, units), minlength=len(exact.p_h))
    assert_distribution(counts, exact.p_h, "tuples of hidden states")
    for t, model in enumerate(exact.models):
        counts = np.bincount(index_of(run.visible(t)), minlength=4)
        assert_distribution(counts, model.p_v, f"v at beta = {betas[t]}")
    error = 0.5 / np.sqrt(n)  # an acceptance probability lies in [0, 1]
    if levels > 1:
        assert_z(run.swap_rates, exact.swap_rates(), error, "swap rates")


def test_moments_at_beta_one() -> None:
    """Means of v, h and v h^T at the cold end, and of the states that draw() gives.

    Smallest fault: a mean of 0.5 off by 0.0054.
    """
    exact = Enumerated(*parameters(4, 3))
    hot = Enumerated(*parameters(4, 3), 0.3)
    n = chains()
    run = core.Tempering(core_model(4, 3), [0.3, 1.0], n, seed=5)
    first = [draw_states(p, n, seed) for seed, p in enumerate((hot.p_h, exact.p_h))]
    run.set_hidden(np.concatenate(first))
    run.run(4)
    v, h = run.visible(1), run.hidden(1)
    assert_means(v, exact.p_v @ exact.v, "v")
    assert_means(h, exact.p_h @ exact.h, "h")
    products = (v[:, :, None] * h[:, None, :]).reshape(n, -1)
    assert_means(products, (exact.v.T @ exact.joint @ exact.h).ravel(), "v h")
    v_prob, drawn = run.draw()
    assert_means(v_prob, exact.p_v @ exact.v, "probabilities of v")
    assert_distribution(np.bincount(index_of(drawn), minlength=16), exact.p_v, "drawn v")


def test_neighbouring_chains_are_independent() -> None:
    """From one tuple: a chain's hidden state at beta = 1 tells nothing of its neighbour's.

    Smallest fault: 2 % rms in the 16 probabilities of pairs.
    """
    betas, units = LADDERS["two"], 2
    run = core.Tempering(core_model(2, units), betas, chains(), seed=6)
    start_at(run, np.full(chains(), 6), 2, units)
    run.run(1)
    row = table(tuple(betas), 2, units).matrix(1)[6].reshape(4, 4).sum(axis=0)
    pairs = index_of(run.hidden(1)).reshape(-1, 2)
    counts = np.bincount(pairs[:, 0] * 4 + pairs[:, 1], minlength=16)
    assert_distribution(counts, np.outer(row, row), "pairs of neighbours")


@pytest.mark.parametrize("size", [(9, 5), (33, 70)], ids=str)
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_sweeps_equal_the_twin(size: tuple[int, int], levels: int) -> None:
    """Word for word: states at every level, swap rates and round trips, with any threads."""
    rng = np.random.default_rng(levels)
    rbm = core.RBM(*size, seed=1)
    rbm.W = rng.normal(0, 0.3, size).astype(np.float32)
    rbm.v_bias = rng.normal(0, 0.5, size[0]).astype(np.float32)
    rbm.h_bias = rng.normal(0, 0.5, size[1]).astype(np.float32)
    betas = [1.0] if levels == 1 else np.linspace(0.9, 1, levels).tolist()
    sweeps = 8
    twin = TemperingTwin(rbm.W, rbm.v_bias, rbm.h_bias, betas, 7, seed=2)
    for _ in range(sweeps):
        twin.sweep()
    for threads, pieces in [(1, [sweeps]), (2, [1] * sweeps)]:
        rbm.n_threads = threads
        run = core.Tempering(rbm, betas, 7, seed=2)
        for piece in pieces:
            run.run(piece)
        for t in range(levels):
            np.testing.assert_array_equal(run.hidden(t), twin.h[twin.row[t]])
            np.testing.assert_array_equal(run.visible(t), twin.v[twin.row[t]])
        np.testing.assert_allclose(run.swap_rates, twin.accepted / twin.proposed, rtol=1e-5)
        assert (run.round_trips, run.sweeps) == (twin.trips, sweeps)
    assert levels != 2 or twin.trips > 0


def two_modes(units: int = 10) -> tuple[RBM, float]:
    """Wells at all units off and all on, with exact weight 0.3 of the second; and that weight.

    Every hidden unit is coupled to every visible one by 2 and has a field that balances the
    wells, so that a chain must pass states of probability below 1e-9 to change wells.
    """
    model = RBM(units, units, random_state=0, n_threads=1, device=core.device)
    model.W = np.full((units, units), 2.0)
    model.h_bias = np.full(units, -1.0 * units)
    model.v_bias = np.full(units, -1.0 * units + np.log(0.3 / 0.7) / units)
    exact = Enumerated(model.W, model.v_bias, model.h_bias)
    on = exact.v.sum(axis=1) > units / 2
    return model, float(exact.p_v[on].sum())


def share_on(v: np.ndarray) -> np.ndarray:
    return v.sum(axis=1) > v.shape[1] / 2


def test_mode_weights_are_recovered_where_gibbs_sampling_fails() -> None:
    """From one well: tempering finds the other's weight to 0.01, Gibbs sampling as long never
    leaves. The emulated card sees 0.35."""
    model, weight = two_modes()
    assert abs(weight - 0.3) < 0.01
    n, takings, thin, burn = sized((2000, 150, 5, 600), (80, 2, 10, 70))
    levels = sized(8, 5)
    off = np.zeros((1, 10), np.float32)
    run = model.parallel_tempering(n, levels, start=off, random_state=7)
    run.burn_in(burn)
    _, v = run.sample(n * takings, thin=thin)
    by_chain = share_on(v).reshape(takings, n).mean(axis=0)
    error = by_chain.std(ddof=1) / np.sqrt(n)
    assert Z_LIMIT * error < sized(0.01, 0.35)
    assert abs(by_chain.mean() - weight) < Z_LIMIT * error
    assert run.report.round_trips > sized(n, 10)
    sweeps = (burn + takings * thin) * levels
    _, v = model.sample(n, sweeps, start=off)
    assert not share_on(v).any()


def test_the_ladder_adapts_to_equal_swap_rates() -> None:
    """Evenly spaced temperatures leave a gap at the transition between one well and two."""
    model, _ = two_modes()
    n, burn = sized((200, 1000), (16, 60))
    run = model.parallel_tempering(n, 6, random_state=8)
    run.burn_in(burn, adapt=False)
    before = run.report
    run.sample(n, thin=burn)
    even = run.report.swap_rates
    run.burn_in(burn)
    run.sample(n, thin=burn)
    after = run.report
    np.testing.assert_array_equal(before.betas, np.float32(np.linspace(0, 1, 6)))
    assert np.isnan(before.swap_rates).all()
    assert (after.betas[0], after.betas[-1]) == (0, 1)
    assert (np.diff(after.betas) > 0).all()
    assert even.max() - even.min() > 0.3
    assert after.swap_rates.max() - after.swap_rates.min() < sized(0.1, 0.3)
    assert after.n_sweeps == burn
