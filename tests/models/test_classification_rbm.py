"""The classification RBM against enumeration: probabilities, sampler, gradients.

The emulated card draws fewer samples and steps, and sees faults that are larger in proportion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from on_device import core, sized
from reference import draw_states, index_of, states
from reference_classification import (
    EnumeratedClassifier,
    Parameters,
    discriminative_gradient,
    log_proba,
    parameters,
    scores,
)
from thresholds import Z_LIMIT, assert_distribution, assert_means, assert_z

NAMES = ("W", "U", "v_bias", "h_bias", "y_bias")
SIZES = [(1, 1, 1), (4, 3, 2), (3, 5, 4), (6, 4, 3)]
SAMPLED = (4, 3, 3)


def model(size: tuple[int, int, int], theta: Parameters, seed: int = 1, threads: int = 1) -> Any:
    rbm = core.ClassificationRBM(*size, seed=seed, n_threads=threads)
    for name, value in zip(NAMES, theta):
        setattr(rbm, name, value)
    return rbm


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_probabilities_are_the_enumerated_ones(size: tuple[int, int, int]) -> None:
    theta = parameters(*size)
    exact = EnumeratedClassifier(theta)
    rbm = model(size, theta)
    v = exact.v.astype(np.float32)
    np.testing.assert_allclose(rbm.log_proba(v), exact.log_proba, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(rbm.free_energy(v), exact.free_energy, rtol=1e-5, atol=2e-6)
    assert np.exp(rbm.log_proba(v)).sum(axis=1) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("size", [(33, 70, 10), (5, 17, 31), (64, 9, 2)], ids=str)
@pytest.mark.parametrize("rows", [1, 57])
@pytest.mark.parametrize("grey", [False, True])
def test_probabilities_of_larger_models(size: tuple[int, int, int], rows: int, grey: bool) -> None:
    theta = parameters(*size, spread=0.4)
    v = np.random.default_rng(rows).random((rows, size[0]), dtype=np.float32)
    v = v if grey else (v < 0.5).astype(np.float32)
    got = model(size, theta).log_proba(v)
    np.testing.assert_allclose(got, log_proba(theta, v), rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(model(size, theta, threads=2).log_proba(v), got)
    energy = -scores(theta, v) - (v.astype(float) @ theta[2])[:, None]
    np.testing.assert_allclose(model(size, theta).free_energy(v), energy, rtol=1e-5, atol=2e-5)


def test_extreme_inputs_do_not_overflow() -> None:
    theta = parameters(3, 2, 2)
    theta = (theta[0] * 0 + 3000, theta[1] * 0, *theta[2:])
    theta[1][1] = 5
    got = model((3, 2, 2), theta).log_proba(np.ones((1, 3), np.float32))
    np.testing.assert_allclose(got, log_proba(theta, np.ones((1, 3))), rtol=1e-4)


def test_many_rows_are_taken_in_blocks() -> None:
    """2^22 inputs of hidden units at most are held at a time: 3000 rows take two blocks."""
    size = (2, sized(150, 3), 10)
    theta = parameters(*size, spread=0.3)
    v = np.tile(states(2).astype(np.float32), (sized(750, 3), 1))
    got = model(size, theta).log_proba(v)
    np.testing.assert_array_equal(got, np.tile(got[:4], (len(v) // 4, 1)))
    np.testing.assert_allclose(got[:4], log_proba(theta, v[:4]), rtol=2e-5, atol=2e-5)


# ---- the sampler ----------------------------------------------------------------------------


def samples() -> int:
    return int(sized(2**18, 2**12))


def vy_index(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    return index_of(v) * y.shape[1] + y.argmax(axis=1)


def counts(index: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(index, minlength=n)


@pytest.mark.parametrize("sweeps", [1, 2])
def test_every_row_of_the_transition_matrix(sweeps: int) -> None:
    """From every h: h' after the sweeps. Smallest fault: 2.4 % rms of a row (8 states)."""
    theta = parameters(*SAMPLED, spread=1.2)
    exact = EnumeratedClassifier(theta)
    matrix = np.linalg.matrix_power(exact.sweep, sweeps)
    start = np.tile(states(3), (samples() // 8, 1)).astype(np.float32)
    *_, h = model(SAMPLED, theta, seed=sweeps).gibbs(start, sweeps)
    for state in range(8):
        got = counts(index_of(h[index_of(start) == state]), 8)
        assert_distribution(got, matrix[state], f"{sweeps} sweeps from h = {state}")


def test_exact_starts_stay_exact() -> None:
    """The table of (v, y), that of h, and v given h: 48 and 8 states, 1.4 % rms."""
    theta = parameters(*SAMPLED, spread=1.2)
    exact = EnumeratedClassifier(theta)
    start = draw_states(exact.p_h, samples(), seed=3)
    v_prob, v, y, h = model(SAMPLED, theta, seed=4).gibbs(start, 3)
    assert (y.sum(axis=1) == 1).all()
    p_vy = exact.joint.sum(axis=2).ravel()
    assert_distribution(counts(vy_index(v, y), len(p_vy)), p_vy, "(v, y)")
    assert_distribution(counts(index_of(h), 8), exact.p_h, "h")
    assert_means(v_prob, exact.joint.sum(axis=(1, 2)) @ exact.v, "probabilities of v")


def test_neighbouring_chains_are_independent() -> None:
    """Labels of neighbours from one h: 9 pairs, 1.5 % rms."""
    theta = parameters(*SAMPLED, spread=1.2)
    exact = EnumeratedClassifier(theta)
    start = np.tile(np.float32([1, 0, 1]), (samples(), 1))
    _, _, y, _ = model(SAMPLED, theta, seed=5).gibbs(start, 1)
    pairs = y.argmax(axis=1).reshape(-1, 2)
    p = exact.vy_given_h[5].reshape(16, 3).sum(axis=0)
    assert_distribution(counts(3 * pairs[:, 0] + pairs[:, 1], 9), np.outer(p, p), "pairs of labels")


# ---- training -------------------------------------------------------------------------------


def data(rows: int, size: tuple[int, int, int], grey: bool = False) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(rows)
    x = rng.random((rows, size[0]), dtype=np.float32)
    return x if grey else (x < 0.5).astype(np.float32), rng.integers(size[2], size=rows)


def trainer(rbm: Any, **options: Any) -> Any:
    chosen = core.ClassificationOptions()
    for name, value in {"discriminative": 1.0, "generative": 0.0, **options}.items():
        setattr(chosen, name, value)
    return core.ClassificationTrainer(rbm, chosen)


def labelled(x: np.ndarray, y: np.ndarray) -> Any:
    return core.LabelledDataset(core.Dataset(x), y.tolist())


def one_step(rbm: Any, train: Any, x: np.ndarray, y: np.ndarray, rate: float = 1.0) -> None:
    order = np.arange(len(x))
    assert train.train(labelled(x, y), order, len(x), 0, 1, rate) == (1, "")


def flat(theta: Any) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(part, np.float64)) for part in theta])


def now(rbm: Any) -> np.ndarray:
    return flat([getattr(rbm, name) for name in NAMES])


@pytest.mark.parametrize("size", [(4, 3, 2), (5, 6, 4), (3, 2, 1)], ids=str)
@pytest.mark.parametrize("rows", [1, 16, 37])
@pytest.mark.parametrize("grey", [False, True])
def test_the_discriminative_gradient_is_that_of_finite_differences(
    size: tuple[int, int, int], rows: int, grey: bool
) -> None:
    """To 1e-6 and what float32 parameters lose; also at another weight of the term."""
    theta = parameters(*size)
    x, y = data(rows, size, grey)
    expected = flat(discriminative_gradient(theta, x, y))
    for weight in (1.0, 0.5):
        rbm = model(size, theta)
        one_step(rbm, trainer(rbm, discriminative=weight), x, y)
        change = now(rbm) - flat(theta)
        np.testing.assert_allclose(change, weight * expected, atol=1.5e-6, rtol=1e-5)
        assert rbm.draws == 0


def test_steps_with_momentum_and_decay_equal_a_twin() -> None:
    """Twelve discriminative steps, the last batch of each epoch short, in float64 beside."""
    size = (5, 4, 3)
    theta = [part.astype(np.float64) for part in parameters(*size)]
    rbm = model(size, parameters(*size))
    options = {"momentum": 0.5, "l1": 0.01, "l2": 0.02}
    train = trainer(rbm, **options)
    x, y = data(11, size)
    velocity = [np.zeros_like(part) for part in theta]
    for _ in range(4):
        assert train.train(labelled(x, y), np.arange(11), 4, 0, 3, 0.1) == (3, "")
        for begin in (0, 4, 8):
            rows = slice(begin, min(begin + 4, 11))
            gradient = discriminative_gradient(tuple(theta), x[rows], y[rows])  # type: ignore[arg-type]
            for place, part in enumerate(theta):
                g = gradient[place]
                if place < 2:
                    g = g - 0.02 * part - 0.01 * np.sign(part)
                velocity[place] = 0.5 * velocity[place] + g
                theta[place] = part + 0.1 * velocity[place]
    np.testing.assert_allclose(now(rbm), flat(theta), atol=2e-5)
    state = train.state()
    got = flat([state[f"velocity_{name}"] for name in NAMES])
    np.testing.assert_allclose(got, flat(velocity), atol=2e-5)


def observed(
    size: tuple[int, int, int], x: np.ndarray, y: np.ndarray, chains: Any = None, **options: Any
) -> np.ndarray:
    """Changes of the parameters in one step of rate 1, drawn many times."""
    theta = parameters(*size)
    rbm = model(size, theta, seed=7)
    train = trainer(rbm, discriminative=0.0, **options)
    changes = []
    for _ in range(sized(6000, 150)):
        if chains is not None:
            train.restore({"chains": chains})
        one_step(rbm, train, x, y)
        changes.append(now(rbm) - flat(theta))
        for name, value in zip(NAMES, theta):
            setattr(rbm, name, value)
    return np.array(changes)


def assert_expected(got: np.ndarray, expected: Any, what: str) -> None:
    error = got.std(axis=0, ddof=1) / np.sqrt(len(got)) * sized(1.0, 1.4)
    assert np.abs(flat(expected)).max() > 5 * Z_LIMIT * error.max() * sized(1.0, 0.2)
    assert_z(got.mean(axis=0), flat(expected), error, what)


@pytest.mark.parametrize("k", [1, 3])
def test_the_joint_gradient_is_that_of_cd(k: int) -> None:
    """Smallest fault: 0.006 in an entry of up to 0.3, emulated 0.04."""
    size = (4, 3, 3)
    x, y = data(64, size)
    exact = EnumeratedClassifier(parameters(*size))
    p0 = exact.p_data(x, y)
    expected = exact.expected_cd(p0, p0 @ exact.h_given_vy, k)
    assert_expected(observed(size, x, y, generative=1.0, k=k), expected, f"CD-{k}")


@pytest.mark.parametrize("k", [1, 2])
def test_the_joint_gradient_with_persistent_chains(k: int) -> None:
    size = (4, 3, 3)
    x, y = data(64, size)
    chains = (np.random.default_rng(8).random((50, 3)) < 0.3).astype(np.float32)
    exact = EnumeratedClassifier(parameters(*size))
    p_h = counts(index_of(chains), 8) / 50
    expected = exact.expected_cd(exact.p_data(x, y), p_h, k)
    options = {"generative": 1.0, "k": k, "persistent": True, "n_chains": 50}
    assert_expected(observed(size, x, y, chains, **options), expected, f"PCD-{k}")


def test_the_hybrid_gradient_weighs_both() -> None:
    size, alpha = (4, 3, 3), 0.25
    theta = parameters(*size)
    x, y = data(64, size)
    exact = EnumeratedClassifier(theta)
    p0 = exact.p_data(x, y)
    joint = flat(exact.expected_cd(p0, p0 @ exact.h_given_vy, 1))
    expected = flat(discriminative_gradient(theta, x, y)) + alpha * joint
    rbm = model(size, theta, seed=9)
    train = trainer(rbm, generative=alpha)
    changes = []
    for _ in range(sized(6000, 150)):
        one_step(rbm, train, x, y)
        changes.append(now(rbm) - flat(theta))
        for name, value in zip(NAMES, theta):
            setattr(rbm, name, value)
    got = np.array(changes)
    error = got.std(axis=0, ddof=1) / np.sqrt(len(got)) * sized(1.0, 1.4) + 1e-6
    assert_z(got.mean(axis=0), expected, error, "hybrid")


def test_threads_change_nothing() -> None:
    size = (33, 20, 5)
    x, y = data(50, size)
    results = []
    for threads in (1, 2):
        rbm = model(size, parameters(*size, spread=0.2), threads=threads)
        train = trainer(rbm, generative=0.3, k=2, momentum=0.5)
        for _ in range(3):
            one_step(rbm, train, x, y, rate=0.1)
        results.append(now(rbm))
    np.testing.assert_array_equal(*results)


def test_bad_calls_of_the_core() -> None:
    rbm = core.ClassificationRBM(3, 2, 2)
    x = np.zeros((4, 3), np.float32)
    for options in ({"k": 0}, {"persistent": True}, {"generative": -1.0}):
        with pytest.raises(ValueError, match=r"^\[train\] "):
            trainer(rbm, **options)
    for labels in ([0, 1, 2, 0], [0, -1, 0, 0], [0, 1]):
        with pytest.raises(ValueError, match=r"^\[train\] y must"):
            one_step(rbm, trainer(rbm), x, np.array(labels))
    for name, shape in zip(NAMES, [(3, 3), (3, 2), (2,), (3,), (3,)]):
        with pytest.raises(ValueError, match=rf"^\[ClassificationRBM\] {name} must have shape"):
            setattr(rbm, name, np.zeros(shape, np.float32))
