"""Labels in the deep belief network: probabilities, samplers and passes against enumeration.

Each sampler test draws 2^20 samples, 2^14 on the emulated card; the smallest faults that they see
are those of test_rbm_sampler.py: 1 % to 5 % rms in the probabilities of a table's row.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from gibbslab import _core
from gibbslab.models import DeepBeliefNetwork
from on_device import core, sized
from reference import draw_states, index_of, sigmoid, states
from reference_classification import log_proba
from reference_dbn import random_parameters, size_id
from reference_labelled_dbn import EnumeratedLabelledDBN, hidden_mean, top_of
from test_dbn_sampler import assert_rows, counts_of, every_state, samples
from thresholds import assert_distribution

SIZES = [[4, 3, 3], [3, 4, 4, 3], [4, 3]]
K = 3


@cache
def exact(sizes: tuple[int, ...]) -> EnumeratedLabelledDBN:
    parameters = random_parameters(list(sizes), seed=sum(sizes), classes=K)
    return EnumeratedLabelledDBN(list(sizes), parameters)


def model(sizes: list[int], seed: int) -> _core.DBN:
    dbn = core.DBN(sizes, seed=seed, classes=K)
    for name, value in exact(tuple(sizes)).p.items():
        dbn.set(name, value)
    return dbn


def network(sizes: list[int], seed: int = 1, **params: Any) -> DeepBeliefNetwork:
    dbn = DeepBeliefNetwork(sizes, n_classes=K, random_state=seed, device=core.device, **params)
    dbn.set_parameters(**exact(tuple(sizes)).p)
    return dbn


def label_counts(y: np.ndarray) -> np.ndarray:
    assert (y.sum(axis=1) == 1).all()
    return np.bincount(y.argmax(axis=1), minlength=K)


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_label_probabilities_are_the_enumerated_ones(sizes: list[int]) -> None:
    dbn, tables = model(sizes, seed=1), exact(tuple(sizes))
    x = states(sizes[-2]).astype(np.float32)
    got = dbn.label_log_proba(x)
    np.testing.assert_allclose(got, tables.top.log_proba, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(np.exp(got).sum(axis=1), 1.0, atol=1e-12)
    assert dbn.draws == 0


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_classification_takes_the_means_of_the_up_pass(sizes: list[int]) -> None:
    """Of grey rows, with nothing drawn: p(y | means), and the means of the top layer."""
    dbn, p = network(sizes), exact(tuple(sizes)).p
    v = np.random.default_rng(5).random((37, sizes[0]), dtype=np.float32)
    x = v.astype(np.float64)
    for level in range(len(sizes) - 2):
        x = sigmoid(x @ p[f"recognition_{level}"] + p[f"up_bias_{level}"])
    np.testing.assert_allclose(dbn.log_proba(v), log_proba(top_of(p), x), rtol=1e-5, atol=5e-6)
    np.testing.assert_allclose(dbn.hidden_mean(v), hidden_mean(top_of(p), x), rtol=1e-5, atol=2e-6)
    assert dbn.draws == network(sizes).draws


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_every_row_of_the_top_layers_tables(sizes: list[int]) -> None:
    """Upwards with the label summed out, and held (on the emulated card, at one); downwards."""
    dbn, tables = model(sizes, seed=2), exact(tuple(sizes))
    some, above = every_state(sizes[-2]), every_state(sizes[-1])
    assert_rows(some, dbn.top_up(some)[1], tables.h_given_x, "up")
    below = every_state(sizes[-2], 4)
    for label in range(sized(0, K - 1), K):
        held = dbn.top_up(below, labels=np.full(len(below), label))[1]
        assert_rows(below, held, tables.h_given_xy(label), f"up with label {label}")
    assert_rows(above, dbn.top_down(above)[1], tables.x_given_h, "down")


@pytest.mark.parametrize("sizes", SIZES[:2], ids=size_id)
@pytest.mark.parametrize("sweeps", [1, 2])
def test_every_row_of_the_transition_matrix(sizes: list[int], sweeps: int) -> None:
    """Free labels, and held ones; with a free one, its distribution beside that of the rest."""
    dbn, tables = model(sizes, seed=3), exact(tuple(sizes))
    start = every_state(sizes[-1])
    (_, h), (_, x), y = dbn.top_gibbs(start, sweeps)
    before = np.linalg.matrix_power(tables.top.sweep, sweeps - 1)
    assert_rows(start, h, before @ tables.top.sweep, "free")
    xy = np.bincount(index_of(x) * K + y.argmax(axis=1), minlength=2 ** sizes[-2] * K)
    even = np.full(2 ** sizes[-1], 0.5 ** sizes[-1])  # every state of the start is as frequent
    assert_distribution(xy, even @ before @ tables.top.vy_given_h, "x and labels")
    for label in range(K):
        codes = np.full(len(start), label)
        (_, h), _, y = dbn.top_gibbs(start, sweeps, codes)
        assert label_counts(y)[label] == len(start)
        matrix = np.linalg.matrix_power(tables.held_sweep(label), sweeps)
        assert_rows(start, h, matrix, f"held at {label}")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_exact_starts_stay_exact_with_and_without_a_label(sizes: list[int]) -> None:
    """Of the whole network: p(v), and p(v | label) where the label is held."""
    dbn, tables = model(sizes, seed=4), exact(tuple(sizes))
    joint = tables.top.joint
    for label in (None, *range(K)):
        part = joint if label is None else joint[:, label : label + 1] / joint[:, label].sum()
        start = draw_states(part.sum(axis=(0, 1)), samples(), seed=5)
        codes = None if label is None else np.full(len(start), label)
        (_, h), (_, x), _ = dbn.top_gibbs(start, 1, codes)
        assert_distribution(counts_of(h), part.sum(axis=(0, 1)), f"the top layer, label {label}")
        v = dbn.generate(x)[-1][1] if len(sizes) > 2 else x
        expected = tables.generated(part.sum(axis=(1, 2)))
        assert_distribution(counts_of(v), expected, f"v, label {label}")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_a_pass_with_labels_is_wake_sweeps_and_sleep(sizes: list[int]) -> None:
    """From one row of data and one label: every state of the pass has its distribution."""
    dbn, tables, label = model(sizes, seed=6), exact(tuple(sizes)), 1
    row, codes = states(sizes[0])[3:4], np.full(samples(), label)
    data = np.broadcast_to(row.astype(np.float32), (samples(), sizes[0]))
    out = dbn.up_down(data, 2, labels=codes)
    p_h = tables.wake(row, np.array([label])) @ tables.top.h_given_vy
    assert_distribution(counts_of(out["h0"][1]), p_h, "h0")
    p = p_h @ tables.top.sweep @ tables.top.vy_given_h
    seen = np.bincount(index_of(out["v1"][1]) * K + out["y1"].argmax(axis=1), minlength=len(p))
    assert_distribution(seen, p, "v1 and y1")
    assert_distribution(counts_of(out["h1"][1]), p @ tables.top.h_given_vy, "h1")
    x = p.reshape(-1, K).sum(axis=1)
    for level in reversed(tables.directed):
        x = x @ tables.down[level]
        assert_distribution(counts_of(out["generated"][level][1]), x, f"sleep {level}")


def test_neighbours_labels_are_independent() -> None:
    """Labels of neighbouring chains from one state of the top: 9 pairs."""
    sizes = SIZES[0]
    dbn, tables = model(sizes, seed=7), exact(tuple(sizes))
    start = np.tile(np.float32([1, 0, 1]), (samples(), 1))
    _, _, y = dbn.top_gibbs(start, 1)
    pairs = y.argmax(axis=1).reshape(-1, 2)
    p = tables.top.vy_given_h[5].reshape(-1, K).sum(axis=0)
    counts = np.bincount(K * pairs[:, 0] + pairs[:, 1], minlength=K * K)
    assert_distribution(counts, np.outer(p, p), "pairs of labels")


@pytest.mark.parametrize("sizes", SIZES, ids=size_id)
def test_log_weights_sum_the_labels_out(sizes: list[int]) -> None:
    dbn, tables = model(sizes, seed=8), exact(tuple(sizes))
    rng = np.random.default_rng(4)
    x = [rng.integers(0, 2, (50, n)).astype(np.float32) for n in sizes[:-1]]
    log_z = np.logaddexp.reduce(tables.top.minus_energy, axis=None)
    expected = np.log(tables.p_x)[index_of(x[-1])] + log_z
    for level in tables.directed:
        below, above = index_of(x[level]), index_of(x[level + 1])
        expected += np.log(tables.down[level][above, below])
        expected -= np.log(tables.up[level][below, above])
    np.testing.assert_allclose(dbn.log_weights(x), expected, rtol=1e-6, atol=1e-6)
    whole = network(sizes)
    tops = [whole.top_rbm(label).log_partition() for label in range(K)]
    summed = np.logaddexp.reduce(tops + tables.p["top_y_bias"].astype(np.float64))
    np.testing.assert_allclose(summed, log_z, rtol=1e-6)


def test_sampling_of_the_step_level_model_holds_labels() -> None:
    """`sample` with labels is sweeps from coins with these held, then the way down."""
    sizes = SIZES[1]
    dbn, twin = network(sizes, cd_k=2), network(sizes, cd_k=2)
    labels = np.arange(12) % K
    _, v = dbn.sample(12, 4, labels=labels)
    top = twin._dbn.fair_states(3, 12)
    x = twin._dbn.top_gibbs(top, 4, labels)[1][1]
    np.testing.assert_array_equal(v, twin._dbn.generate(x)[-1][1])
    rows = states(3).astype(np.float32)
    shapes = {part.shape for part in dbn.sample(start=rows, n_steps=2, labels=1)}
    assert shapes == {(8, 3)}
    known = np.array([True, False, True])
    np.testing.assert_array_equal(dbn.inpaint(rows, known, 3)[1][:, known], rows[:, known])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda dbn, x: dbn.top_up(x, labels=[0, 1]), r"^\[DBN.top_up\] y must have 4 labels"),
        (lambda dbn, x: dbn.top_gibbs(x, 1, [0, 1, 2, K]), r"y must be at least 0 and below 3"),
        (lambda dbn, x: dbn.top_gibbs(x, 1, [0, 1, 2, -1]), r"y must be at least 0 and below 3"),
        (lambda dbn, x: dbn.up_down(x, 1), r"^\[DBN\] labels must be given"),
    ],
)
def test_bad_labels(call: Any, text: str) -> None:
    x = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=text):
        call(core.DBN([3, 3], classes=K), x)


def test_models_without_labels_refuse_them() -> None:
    x, dbn = np.zeros((4, 3), np.float32), core.DBN([3, 3])
    assert (dbn.classes, dbn.top_gibbs(x, 1)[2]) == (0, None)
    with pytest.raises(ValueError, match=r"^\[DBN.top_up\] y must be"):
        dbn.top_up(x, labels=[0, 0, 0, 0])
    with pytest.raises(ValueError, match=r"the model has no labels"):
        dbn.label_log_proba(x)
    with pytest.raises(ValueError, match=r"^\[DBN\] classes must be at least 0, got -1"):
        core.DBN([3, 3], classes=-1)
