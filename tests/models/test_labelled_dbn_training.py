"""Up-down steps with labels: against their twin, and against enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dbn_twin import LabelledDbnTwin
from on_device import core, sized
from reference_dbn import random_parameters, size_id
from reference_labelled_dbn import EnumeratedLabelledDBN
from test_cd_gradient import standard_error
from test_dbn_training import OPTIONS, TWIN_SIZES, rows, trainer
from thresholds import assert_z

K = 5


def labelled(x: np.ndarray, y: np.ndarray) -> Any:
    return core.LabelledDataset(core.Dataset(x), y.tolist())


def codes(n: int, classes: int = K) -> np.ndarray:
    return np.random.default_rng(8).integers(classes, size=n)


@pytest.mark.parametrize("sizes", TWIN_SIZES, ids=size_id)
@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("case", OPTIONS)
def test_steps_equal_the_twin(sizes: list[int], kind: str, case: str) -> None:
    """Deterministic: a draw in the wrong place or a wrong sign in any parameter shows."""
    options, x, seed = OPTIONS[case], rows(kind, sizes[0]), 21
    y, order = codes(len(x)), np.arange(len(x))[::-1].copy()
    start = random_parameters(sizes, seed=2, spread=0.4, classes=K)
    dbn, twin = core.DBN(sizes, seed=seed, classes=K), LabelledDbnTwin(start, seed)
    for name, value in start.items():
        dbn.set(name, value)
    train = trainer(dbn, **options)
    for _ in range(2):
        assert train.train(labelled(x, y), order, 16, 0, 3, 0.05) == (3, "")
        for at in range(0, len(x), 16):
            twin.y = y[order[at : at + 16]]
            twin.step(x[order[at : at + 16]], 0.05, **options)
    assert dbn.draws == twin.draws
    for name, value in twin.p.items():
        np.testing.assert_allclose(dbn.get(name), value, atol=3e-6, err_msg=name)
    for name, value in train.state().items():
        if options.get("momentum"):
            expected = twin.velocity[name.removeprefix("velocity_")]
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=3e-6, err_msg=name)


@pytest.mark.parametrize("sizes", [[4, 3, 3], [3, 4, 3, 3]], ids=size_id)
@pytest.mark.parametrize("k", [1, 2])
def test_expected_gradient(sizes: list[int], k: int) -> None:
    """Steps of learning rate 1, each taken back: their mean is the enumerated expectation."""
    start = random_parameters(sizes, seed=5, classes=3)
    tables, x, y = EnumeratedLabelledDBN(sizes, start), rows("bits", sizes[0], 64), codes(64, 3)
    dbn = core.DBN(sizes, seed=6, n_threads=1, classes=3)
    train, data, order = trainer(dbn, k=k), labelled(x, y), np.arange(len(x))
    seen: dict[str, list[np.ndarray]] = {name: [] for name in start}
    for _ in range(sized(6000, 150)):
        for name, value in start.items():
            dbn.set(name, value)
        assert train.train(data, order, len(x), 0, 1, 1.0) == (1, "")
        for name, value in start.items():
            seen[name].append((dbn.get(name) - value).ravel())
    for name, expected in tables.expected_labelled_up_down(x, y, k).items():
        observed = np.array(seen[name], np.float64)
        assert_z(observed.mean(0), expected.ravel(), standard_error(observed), name)


def test_divergence_leaves_the_model_before_the_batch() -> None:
    dbn = core.DBN([6, 5, 4], seed=7, classes=K)
    dbn.initialize(0.1)
    before, draws = {name: dbn.get(name) for name in dbn.names}, dbn.draws
    data = labelled(rows("bits", 6, 10), codes(10))
    done, tensor = trainer(dbn, l2=1e3).train(data, np.arange(10), 10, 0, 1, 3e38)
    assert done == 0
    assert tensor in dbn.names
    assert dbn.draws == draws
    for name, value in before.items():
        np.testing.assert_array_equal(dbn.get(name), value)


def test_training_does_not_depend_on_the_threads() -> None:
    sizes, x, results = [70, 65, 40], rows("bits", 70), []
    for threads in (1, 2):
        dbn = core.DBN(sizes, seed=8, n_threads=threads, classes=K)
        dbn.initialize(0.1)
        data, train = labelled(x, codes(41)), trainer(dbn, k=2, momentum=0.5)
        train.train(data, np.arange(41), 10, 0, 5, 0.1)
        results.append({name: dbn.get(name) for name in dbn.names})
    assert {"top_U", "top_y_bias"} <= set(results[0])
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value, err_msg=name)


def test_data_and_model_both_have_labels_or_neither() -> None:
    x = rows("bits", 6, 10)
    with_labels, plain = core.DBN([6, 5, 4], classes=K), core.DBN([6, 5, 4])
    with pytest.raises(ValueError, match=r"^\[train\] data must have labels"):
        trainer(with_labels).train(core.Dataset(x), np.arange(10), 10, 0, 1, 0.1)
    with pytest.raises(ValueError, match=r"^\[train\] data must have no labels"):
        trainer(plain).train(labelled(x, codes(10)), np.arange(10), 10, 0, 1, 0.1)
    for y in (codes(9), codes(10) + K):
        with pytest.raises(ValueError, match=r"^\[train\] y must"):
            trainer(with_labels).train(labelled(x, y), np.arange(10), 10, 0, 1, 0.1)
    with pytest.raises(TypeError):
        trainer(with_labels).train(None, np.arange(10), 10, 0, 1, 0.1)
