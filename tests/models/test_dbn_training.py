"""Up-down steps of the deep belief network: against their twin, and against enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dbn_twin import DbnTwin
from gibbslab import _core
from on_device import core, sized
from reference_dbn import EnumeratedDBN, random_parameters, size_id
from test_cd_gradient import standard_error
from thresholds import assert_z

TWIN_SIZES = [[37, 19, 11], [37, 19, 11, 7], [37, 19]]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "k": {"k": 3},
    "momentum": {"momentum": 0.7},
    "decay": {"l2": 0.05},
    "top only": {"top_only": True, "k": 2},
    "sampled input": {"sample_input": True},
    "everything": {"k": 2, "momentum": 0.5, "l2": 0.01, "sample_input": True},
}


def trainer(dbn: _core.DBN, **options: Any) -> _core.UpDownTrainer:
    chosen = core.UpDownOptions()
    for name, value in options.items():
        setattr(chosen, name, value)
    return core.UpDownTrainer(dbn, chosen)


def rows(kind: str, units: int, n: int = 41) -> np.ndarray:
    x = np.random.default_rng(4).random((n, units), dtype=np.float32)
    return x if kind == "grey" else (x < 0.4).astype(np.float32)


@pytest.mark.parametrize("sizes", TWIN_SIZES, ids=size_id)
@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("case", OPTIONS)
def test_steps_equal_the_twin(sizes: list[int], kind: str, case: str) -> None:
    """Deterministic: a draw in the wrong place or a wrong sign in any parameter shows."""
    options, x, seed = OPTIONS[case], rows(kind, sizes[0]), 14
    start = random_parameters(sizes, seed=2, spread=0.4)
    dbn, twin = core.DBN(sizes, seed=seed), DbnTwin(start, seed)
    for name, value in start.items():
        dbn.set(name, value)
    train, data, order = trainer(dbn, **options), core.Dataset(x), np.arange(len(x))[::-1].copy()
    for _ in range(2):
        assert train.train(data, order, 16, 0, 3, 0.05) == (3, "")
        for at in range(0, len(x), 16):
            twin.step(x[order[at : at + 16]], 0.05, **options)
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
    start = random_parameters(sizes, seed=5)
    tables, x = EnumeratedDBN(sizes, start), rows("bits", sizes[0], 64)
    dbn = core.DBN(sizes, seed=6, n_threads=1)
    train, data, order = trainer(dbn, k=k), core.Dataset(x), np.arange(len(x))
    seen: dict[str, list[np.ndarray]] = {name: [] for name in start}
    for _ in range(sized(6000, 150)):
        for name, value in start.items():
            dbn.set(name, value)
        assert train.train(data, order, len(x), 0, 1, 1.0) == (1, "")
        for name, value in start.items():
            seen[name].append((dbn.get(name) - value).ravel())
    for name, expected in tables.expected_up_down(x, k).items():
        observed = np.array(seen[name], np.float64)
        assert_z(observed.mean(0), expected.ravel(), standard_error(observed), name)


def test_divergence_leaves_the_model_before_the_batch() -> None:
    sizes = [6, 5, 4]
    dbn = core.DBN(sizes, seed=7)
    dbn.initialize(0.1)
    before, draws = {name: dbn.get(name) for name in dbn.names}, dbn.draws
    x = rows("bits", 6, 10)
    done, tensor = trainer(dbn, l2=1e3).train(core.Dataset(x), np.arange(10), 10, 0, 1, 3e38)
    assert done == 0
    assert tensor in dbn.names
    assert dbn.draws == draws
    for name, value in before.items():
        np.testing.assert_array_equal(dbn.get(name), value)


def test_training_does_not_depend_on_the_threads() -> None:
    sizes, x, results = [70, 65, 40], rows("bits", 70), []
    for threads in (1, 2):
        dbn = core.DBN(sizes, seed=8, n_threads=threads)
        dbn.initialize(0.1)
        trainer(dbn, k=2, momentum=0.5).train(core.Dataset(x), np.arange(41), 10, 0, 5, 0.1)
        results.append({name: dbn.get(name) for name in dbn.names})
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value, err_msg=name)
