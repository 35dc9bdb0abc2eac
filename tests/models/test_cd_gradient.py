"""The gradient of contrastive divergence against its expectation by enumeration.

One step of learning rate 1 changes the parameters by the gradient of its batch; the parameters are
then put back. Many steps give the gradient's mean and its standard error. Smallest fault of each
such test: 5.5 standard errors, at most 0.006 in an entry of a gradient whose entries reach 0.3. The
emulated card takes a fortieth of the steps, and sees faults of 0.04.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gibbslab import _core
from on_device import core, sized
from reference import Enumerated, index_of
from reference_tempering import TemperingTable
from scipy import stats
from thresholds import Z_LIMIT, assert_distribution, assert_z

V, H = 4, 4
ROWS = 64
NAMES = ("W", "v_bias", "h_bias")


def steps() -> int:
    return int(sized(8000, 140))


def parameters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(44)
    sizes = [((V, H), 0.9), (V, 0.6), (H, 0.6)]
    return tuple(rng.normal(0, d, s).astype(np.float32) for s, d in sizes)  # type: ignore[return-value]


def model(seed: int = 1) -> _core.RBM:
    rbm = core.RBM(V, H, seed=seed, n_threads=1)
    rbm.W, rbm.v_bias, rbm.h_bias = parameters()
    return rbm


def trainer(rbm: _core.RBM, **options: Any) -> _core.Trainer:
    chosen = core.TrainOptions()
    for name, value in {"persistent": False, **options}.items():
        setattr(chosen, name, value)
    return core.Trainer(rbm, chosen)


def rows(n: int, seed: int, grey: bool = False) -> np.ndarray:
    x = np.random.default_rng(seed).random((n, V), dtype=np.float32)
    return x if grey else (x < 0.6).astype(np.float32)


def gradients(
    rbm: _core.RBM, train: _core.Trainer, x: np.ndarray, batch: int = 0,
    state: dict[str, np.ndarray] | None = None,
) -> np.ndarray:  # fmt: skip
    """The gradient of one batch of ROWS rows, drawn `steps()` times: (steps, V H + V + H)."""
    data, order, start = core.Dataset(x), np.arange(len(x)), parameters()
    out = []
    for _ in range(steps()):
        if state is not None:
            train.restore(state)
        assert train.train(data, order, ROWS, batch, batch + 1, 1.0) == (1, "")
        out.append(np.concatenate([getattr(rbm, name).ravel() for name in NAMES]))
        rbm.W, rbm.v_bias, rbm.h_bias = start
    before = np.concatenate([part.ravel() for part in start])
    return np.array(out, dtype=np.float64) - before


def standard_error(observed: np.ndarray) -> np.ndarray:
    """Of the mean; of the few steps of the emulated card widened to Student's quantile."""
    n = len(observed)
    widened = stats.t.isf(stats.norm.sf(Z_LIMIT), n - 1) / Z_LIMIT
    return np.asarray(observed.std(axis=0, ddof=1) / np.sqrt(n) * sized(1.0, widened))


def assert_expected(observed: np.ndarray, expected: tuple[np.ndarray, ...], what: str) -> None:
    error = standard_error(observed)
    assert 5.5 * error.max() < 0.006 * np.sqrt(sized(1.0, 1.3 * 8000 / len(observed)))
    flat = np.concatenate([np.ravel(part) for part in expected])
    assert np.abs(flat).max() > 0.05
    assert_z(observed.mean(axis=0), flat, error, what)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("hidden_samples", [False, True])
def test_cd_k(k: int, hidden_samples: bool) -> None:
    x = rows(ROWS, seed=2)
    rbm = model()
    observed = gradients(rbm, trainer(rbm, k=k, hidden_samples=hidden_samples), x)
    assert_expected(observed, Enumerated(*parameters()).expected_cd(x, k), f"CD-{k}")


@pytest.mark.parametrize("k", [1, 2])
def test_cd_of_grey_values_as_they_are(k: int) -> None:
    x = rows(ROWS, seed=3, grey=True)
    rbm = model()
    observed = gradients(rbm, trainer(rbm, k=k), x)
    assert_expected(observed, Enumerated(*parameters()).expected_cd(x, k), f"grey CD-{k}")


@pytest.mark.parametrize("hidden_samples", [False, True])
def test_cd_of_grey_values_sampled(hidden_samples: bool) -> None:
    """Grey values are probabilities: the expectation is over binary data drawn from them."""
    x = rows(ROWS, seed=4, grey=True)
    exact = Enumerated(*parameters())
    on = exact.v[None, :, :]
    p_v0 = np.prod(on * x[:, None, :] + (1 - on) * (1 - x[:, None, :]), axis=2).mean(axis=0)
    h = exact.h_given_v @ exact.h
    positive = exact.v.T @ (p_v0[:, None] * h), p_v0 @ exact.v, p_v0 @ h
    negative = exact.expected_negative(p_v0 @ exact.h_given_v, 1)
    expected = tuple(p - n for p, n in zip(positive, negative))
    rbm = model()
    train = trainer(rbm, sample_input=True, hidden_samples=hidden_samples)
    assert_expected(gradients(rbm, train, x), expected, "CD-1 of sampled grey input")


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("n_chains", [ROWS, 48, 100])
@pytest.mark.parametrize("hidden_samples", [False, True])
def test_persistent_chains_of_any_number(k: int, n_chains: int, hidden_samples: bool) -> None:
    """From known chains: the negative phase starts there, not at the data, and is divided by
    the number of chains."""
    x = rows(ROWS, seed=5)
    chains = (np.random.default_rng(6).random((n_chains, H)) < 0.3).astype(np.float32)
    options = {"persistent": True, "n_chains": n_chains, "hidden_samples": hidden_samples}
    rbm = model()
    train = trainer(rbm, k=k, **options)
    exact = Enumerated(*parameters())
    p_h = np.bincount(index_of(chains), minlength=2**H) / n_chains
    negative = exact.expected_negative(p_h, k)
    expected = tuple(p - n for p, n in zip(exact.expected_positive(x), negative))
    observed = gradients(rbm, train, x, state={"chains": chains})
    assert_expected(observed, expected, f"PCD-{k}, {n_chains} chains")


@pytest.mark.parametrize("k", [1, 2])
def test_persistent_chains_go_on(k: int) -> None:
    """After n steps of k sweeps the chains have made n k sweeps, no more and no fewer.

    Smallest fault: 0.7% rms in the 16 probabilities of a chain's state, 4% emulated. Strong
    weights keep the chains from forgetting their start: one sweep more or less changes these by 5%
    or more.
    """
    n_chains, steps = sized(2**20, 2**15), 2
    start = np.tile(np.float32([1, 0, 0, 1]), (n_chains, 1))
    w, a, b = parameters()
    rbm = model()
    rbm.W = 3 * w
    train = trainer(rbm, persistent=True, n_chains=n_chains, k=k)
    train.restore({"chains": start})
    x = rows(steps * ROWS, seed=7)
    assert train.train(core.Dataset(x), np.arange(len(x)), ROWS, 0, steps, 0.0) == (steps, "")
    exact = Enumerated(3 * w, a, b)
    p_h = np.linalg.matrix_power(exact.sweep_h, steps * k)[index_of(start[:1])[0]]
    chains = train.state()["chains"]
    assert_distribution(np.bincount(index_of(chains), minlength=2**H), p_h, "chains")


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("last", [1, 5, 63])
def test_a_short_last_batch_is_unbiased(persistent: bool, last: int) -> None:
    """The last batch of an epoch is divided by its own number of rows."""
    x = rows(ROWS + last, seed=8)
    x[ROWS:] = 1.0
    exact = Enumerated(*parameters())
    chains = np.tile(exact.h.astype(np.float32), (4, 1)) if persistent else None
    options = {"persistent": True, "n_chains": 64} if persistent else {}
    rbm = model()
    state = None if chains is None else {"chains": chains}
    observed = gradients(rbm, trainer(rbm, **options), x, batch=1, state=state)
    p_h = np.full(2**H, 2.0**-H) if persistent else exact.h_given(x[ROWS:]).mean(axis=0)
    negative = exact.expected_negative(p_h, 1)
    expected = tuple(p - n for p, n in zip(exact.expected_positive(x[ROWS:]), negative))
    error = standard_error(observed)
    flat = np.concatenate([np.ravel(part) for part in expected])
    assert_z(observed.mean(axis=0), flat, error, f"short batch of {last}")


def test_momentum_sums_gradients_without_the_learning_rate() -> None:
    """With rate 0 the weights stay, and after n batches of momentum 1/2 the velocity expects
    2 - 2^(1-n) gradients; the learning rate is not in it."""
    x = rows(ROWS, seed=9)
    train = trainer(model(), momentum=0.5)
    data, order = core.Dataset(x), np.arange(ROWS)
    for _ in range(20):  # the first velocities are still growing
        train.train(data, order, ROWS, 0, 1, 0.0)
    observed = []
    for _ in range(sized(8000, 60)):
        # Ten batches make the velocity independent of the last one, but for a 1000th; 7, a 100th.
        for _ in range(sized(10, 7)):
            train.train(data, order, ROWS, 0, 1, 0.0)
        state = train.state()
        parts = [state[f"velocity_{name}"].ravel() for name in NAMES]
        observed.append(np.concatenate(parts))
    expected = tuple(2 * part for part in Enumerated(*parameters()).expected_cd(x, 1))
    assert_expected(np.array(observed, dtype=np.float64), expected, "velocity")


def test_neighbouring_rows_make_independent_contributions() -> None:
    """The gradient's variance is that of ROWS independent chains; shared words would double it.

    Smallest fault: a ratio of variances of 0.90 or 1.10; emulated, of 1.6.
    """
    x = np.tile(np.float32([1, 0, 1, 0]), (ROWS, 1))
    rbm = model()
    observed = gradients(rbm, trainer(rbm, hidden_samples=True), x)[:, V * H : V * H + V]
    exact = Enumerated(*parameters())
    p_v = exact.sweep_v[index_of(x[:1])[0]]
    mean = p_v @ exact.v
    ratio = observed.var(axis=0, ddof=1) / (mean * (1 - mean) / ROWS)
    # The sample variance of near-normal values has a relative error of sqrt(2 / n).
    assert np.abs(ratio - 1).max() < 5.5 * np.sqrt(2 / steps()) * 1.1


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("hidden_samples", [False, True])
def test_parallel_tempering(k: int, hidden_samples: bool) -> None:
    """From known replicas at beta = 0 and 1: the negative phase takes what is at 1 after k sweeps
    and the exchange that the first of them ends with."""
    n_chains = 50
    rng = np.random.default_rng(10)
    replicas = [(rng.random((n_chains, H)) < p).astype(np.float32) for p in (0.8, 0.2)]
    x = rows(ROWS, seed=11)
    rbm = model()
    options = {"persistent": True, "n_chains": n_chains, "n_temperatures": 2}
    train = trainer(rbm, k=k, hidden_samples=hidden_samples, **options)
    start = train.state() | {"chains": np.concatenate(replicas)}
    state = {name: start[name] for name in ("chains", "ladder", "replicas")}
    table = TemperingTable([Enumerated(*parameters(), beta) for beta in (0.0, 1.0)])
    tuples = np.zeros((2**H, 2**H))
    np.add.at(tuples, (index_of(replicas[0]), index_of(replicas[1])), 1 / n_chains)
    exact = table.models[1]
    p_v = table.visible(tuples, k)
    h = exact.h_given_v @ exact.h
    negative = exact.v.T @ (p_v[:, None] * h), p_v @ exact.v, p_v @ h
    expected = tuple(p - n for p, n in zip(exact.expected_positive(x), negative))
    observed = gradients(rbm, train, x, state=state)
    assert_expected(observed, expected, f"tempering, {k} sweeps")
