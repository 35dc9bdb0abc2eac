"""The DBM's sampler against enumeration: invariance, transitions, moments, independence.

Each test draws 2^20 samples; the emulated card draws 2^13.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from gibbslab.models import DBM
from on_device import core, sized
from reference import index_of, states
from reference_dbm import EnumeratedDBM
from small_dbms import enumerated, random_dbm
from thresholds import assert_distribution, assert_means

# Two and three hidden layers; in the first, W_1 is square and would fit transposed.
SIZES = [(4, 3, 3), (2, 2, 3, 2)]
# Their stand-ins on the emulated card, whose cells expect enough of fewer samples.
SMALL = {(4, 3, 3): (2, 2, 2), (2, 2, 3, 2): (1, 2, 1, 1)}


def samples() -> int:
    return int(sized(2**20, 2**13))


def fitting(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sized(sizes, SMALL[sizes]))


def model_of(sizes: tuple[int, ...], seed: int = 7) -> DBM:
    model = random_dbm(sizes, seed=11, spread=0.8)
    moved = DBM(sizes, random_state=seed, device=core.device)
    moved.weights, moved.biases = model.weights, model.biases
    return moved


@cache
def exact_of(sizes: tuple[int, ...], beta: float = 1.0) -> EnumeratedDBM:
    return enumerated(random_dbm(sizes, seed=11, spread=0.8), beta)


def joint_index(x: list[np.ndarray]) -> np.ndarray:
    """The place of each row in a table whose last layer counts fastest."""
    index = np.zeros(len(x[0]), dtype=int)
    for layer in x:
        index = index * 2 ** layer.shape[1] + index_of(layer)
    return index


def exact_samples(exact: EnumeratedDBM, n: int, seed: int) -> list[np.ndarray]:
    """Rows of every layer from the joint distribution."""
    flat = np.random.default_rng(seed).choice(exact.joint.size, size=n, p=exact.joint.ravel())
    places = np.unravel_index(flat, exact.joint.shape)
    return [x[place].astype(np.float32) for x, place in zip(exact.x, places)]


def odd_starts(sizes: tuple[int, ...]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Which odd states the rows start from, all equally often, and all layers of these rows."""
    odd = sizes[1::2]
    state = np.arange(samples()) % 2 ** sum(odd)
    layers: list[np.ndarray] = [np.zeros((samples(), n), np.float32) for n in sizes]
    rest = state
    for layer in range(len(sizes) - 1 - len(sizes) % 2, 0, -2):
        layers[layer] = states(sizes[layer])[rest % 2 ** sizes[layer]].astype(np.float32)
        rest = rest // 2 ** sizes[layer]
    return state, layers


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_one_sweep_leaves_the_joint_distribution_invariant(
    sizes: tuple[int, ...], beta: float
) -> None:
    sizes = fitting(sizes)
    exact = exact_of(sizes, beta)
    after = model_of(sizes).gibbs_layers(exact_samples(exact, samples(), 1), beta=beta)
    counts = np.bincount(joint_index(list(after)), minlength=exact.joint.size)
    assert_distribution(counts, exact.joint.ravel(), "all layers")


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("steps", [1, 2])
def test_every_row_of_the_transition_matrix(sizes: tuple[int, ...], steps: int) -> None:
    """From every odd state: the even states of the last sweep, and the odd ones after them."""
    sizes = fitting(sizes)
    exact = exact_of(sizes)
    sweep = exact.even_given_odd @ exact.odd_given_even
    before = np.linalg.matrix_power(sweep, steps - 1) @ exact.even_given_odd
    start, layers = odd_starts(sizes)
    after = model_of(sizes).gibbs_layers(layers, steps)
    even, odd = joint_index(list(after[::2])), joint_index(list(after[1::2]))
    for state in range(len(sweep)):
        here = start == state
        for found, table in ((even, before), (odd, before @ exact.odd_given_even)):
            counts = np.bincount(found[here], minlength=table.shape[1])
            assert_distribution(counts, table[state], f"{steps} sweeps from odd state {state}")


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_moments(sizes: tuple[int, ...]) -> None:
    """After a sweep from exact samples, products of neighbours have the model's means."""
    exact = exact_of(sizes)
    after = model_of(sizes, seed=8).gibbs_layers(exact_samples(exact, samples(), 2))
    for layer in range(len(sizes) - 1):
        pairs = after[layer][:, :, None] * after[layer + 1][:, None, :]
        expected = exact.moment(layer).ravel()
        assert_means(pairs.reshape(len(pairs), -1), expected, f"layers {layer}, {layer + 1}")


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_neighbouring_chains_are_independent(sizes: tuple[int, ...]) -> None:
    """Pairs of rows that start alike end as two independent draws."""
    sizes = fitting(sizes)
    exact = exact_of(sizes)
    layers = [np.zeros((samples(), n), np.float32) for n in sizes]
    v = model_of(sizes, seed=9).gibbs_layers(layers)[0]
    p = exact.even_given_odd[0].reshape(2 ** sizes[0], -1).sum(axis=1)
    pairs = index_of(v[::2]) * 2 ** sizes[0] + index_of(v[1::2])
    assert_distribution(np.bincount(pairs, minlength=len(p) ** 2), np.outer(p, p), "pairs")


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_layers_are_drawn_from_their_conditionals(layer: int) -> None:
    exact = exact_of((4, 3, 3))
    model, x = model_of((4, 3, 3)), exact_samples(exact, 64, 5)
    np.testing.assert_allclose(model.layer_mean(x, layer), exact.layer_mean(x, layer), atol=1e-6)
    same = [np.repeat(a[:1], samples(), axis=0) for a in x]
    drawn = model.sample_layer(same, layer)
    assert_means(drawn, exact.layer_mean(x, layer)[0], f"layer {layer}")


def test_long_chains_reach_the_model() -> None:
    """`sample` and `gibbs` end in p(v) from any start; the emulated card takes fewer sweeps."""
    exact = exact_of((4, 3, 3))
    n = samples() // 8
    model = model_of((4, 3, 3))
    for v in (model.sample(n, 40)[1], model.gibbs(np.ones((n, 4), np.float32), 40)):
        counts = np.bincount(index_of(v), minlength=16)
        assert_distribution(counts, np.exp(exact.log_p_v), "v")


def test_clamped_chains_reach_the_conditional() -> None:
    """In-painting draws p(unknown | known), and known units are as given."""
    exact = exact_of((4, 3, 3))
    n = samples() // 8
    mask = np.array([True, False, True, False])
    given = np.tile(np.array([1, 0, 0, 1], np.float32), (n, 1))
    _, v = model_of((4, 3, 3)).inpaint(given, mask, 40)
    assert (v[:, mask] == given[:, mask]).all()
    p = np.exp(exact.log_p_v)
    possible = (exact.x[0][:, mask] == given[0, mask]).all(axis=1)
    p = np.where(possible, p, 0.0)
    assert_distribution(np.bincount(index_of(v), minlength=16), p / p.sum(), "unknown units")


def test_a_clamp_may_differ_from_row_to_row() -> None:
    model = model_of((4, 3, 3))
    known = states(4).astype(np.float32)
    mask = np.random.default_rng(0).random((16, 4)) < 0.5
    out = model.gibbs(np.zeros((16, 4)), 5, mask=mask, known=known)
    assert (out[mask] == known[mask]).all()
