"""Training steps against the NumPy twin that draws the same words: deterministic, to float32.

These see what statistics cannot: an option that acts on the wrong tensor, a draw in the wrong
place, a formula off by a small factor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cd_twin import Twin
from gibbslab import _core
from on_device import core

V, H, ROWS, BATCH, CHAINS = 37, 19, 41, 16, 12
RATE = 0.05
STATE = {"velocity_W": "w", "velocity_v_bias": "a", "velocity_h_bias": "b"}

OPTIONS: dict[str, dict[str, Any]] = {
    "CD-1": {},
    "CD-3": {"k": 3},
    "samples": {"hidden_samples": True},
    "PCD-1": {"persistent": True, "n_chains": BATCH},
    "PCD-2, other chains": {"persistent": True, "n_chains": CHAINS, "k": 2},
    "PCD samples": {"persistent": True, "n_chains": 33, "hidden_samples": True},
    "momentum": {"momentum": 0.75},
    "L1": {"l1": 0.01},
    "L2": {"l2": 0.02},
    "max norm": {"max_norm": 1.5},
    "sparsity": {"sparsity_target": 0.1, "sparsity_cost": 0.3, "sparsity_decay": 0.8},
    "centred": {"centered": True, "offset_rate": 0.3},
    "centred samples": {"centered": True, "offset_rate": 1.0, "hidden_samples": True},
    "sampled input": {"sample_input": True},
    "everything": {
        "persistent": True, "n_chains": CHAINS, "k": 2, "momentum": 0.5, "l1": 1e-3, "l2": 1e-2,
        "max_norm": 1.5, "centered": True, "offset_rate": 0.1, "sparsity_target": 0.2,
        "sparsity_cost": 0.1, "sparsity_decay": 0.5, "sample_input": True, "hidden_samples": True,
    },
}  # fmt: skip


def parameters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return (
        rng.normal(0, 0.3, (V, H)).astype(np.float32),
        rng.normal(0, 0.5, V).astype(np.float32),
        rng.normal(0, 0.5, H).astype(np.float32),
    )


def pair(options: dict[str, Any], seed: int) -> tuple[_core.RBM, _core.Trainer, Twin]:
    rbm = core.RBM(V, H, seed=seed)
    rbm.W, rbm.v_bias, rbm.h_bias = parameters()
    settings = {"persistent": False, **options}
    chosen = core.TrainOptions()
    for name, value in settings.items():
        setattr(chosen, name, value)
    trainer = core.Trainer(rbm, chosen)
    return rbm, trainer, Twin(*parameters(), seed=seed, options=settings)


def rows(kind: str) -> np.ndarray:
    x = np.random.default_rng(4).random((ROWS, V), dtype=np.float32)
    return x if kind == "grey" else (x < 0.25).astype(np.float32)


def assert_same(rbm: _core.RBM, trainer: _core.Trainer, twin: Twin) -> None:
    for name, expected in {"W": twin.w, "v_bias": twin.a, "h_bias": twin.b}.items():
        np.testing.assert_allclose(getattr(rbm, name), expected, atol=2e-6, err_msg=name)
    state = trainer.state()
    for name, short in STATE.items() if twin.option("momentum") else ():
        expected = twin.velocity[short]
        np.testing.assert_allclose(state[name], expected, rtol=1e-5, atol=2e-6, err_msg=name)
    if twin.option("centered"):
        np.testing.assert_allclose(state["visible_offset"], twin.mu, atol=1e-6)
        np.testing.assert_allclose(state["hidden_offset"], twin.lam, atol=1e-6)
    if twin.option("sparsity_cost"):
        np.testing.assert_allclose(state["hidden_activity"], twin.activity, atol=1e-6)
    if twin.option("persistent"):
        np.testing.assert_array_equal(state["chains"], twin.chains)
    assert rbm.draws == twin.draws


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["bits", "grey"])
def test_steps_equal_the_twin(options: dict[str, Any], kind: str, blas: str) -> None:
    """Two epochs in two orders, the last batch of each short."""
    rbm, trainer, twin = pair(options, seed=5)
    x = rows(kind)
    data = core.Dataset(x)
    assert data.binary == (kind == "bits")
    batches = -(-ROWS // BATCH)
    for epoch in range(2):
        order = np.random.default_rng(epoch).permutation(ROWS)
        done = trainer.train(data, order, BATCH, 0, batches, RATE)
        assert done == (batches, "")
        for first in range(0, ROWS, BATCH):
            twin.step(x[order[first : first + BATCH]], RATE)
    assert_same(rbm, trainer, twin)


@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("name", ["CD-1", "PCD-1", "sampled input", "everything"])
def test_sparse_data_train_like_dense_data(kind: str, name: str) -> None:
    x = rows(kind) * (np.random.default_rng(5).random((ROWS, V)) < 0.4)
    at_row, at_column = np.nonzero(x)
    starts = np.searchsorted(at_row, np.arange(ROWS + 1)).astype(np.int64)
    sparse = core.Dataset.from_csr(starts, at_column.astype(np.int32), x[at_row, at_column], V)
    models = []
    for data in (core.Dataset(x), sparse):
        rbm, trainer, _ = pair(OPTIONS[name], seed=6)
        trainer.train(data, np.arange(ROWS), BATCH, 0, 3, RATE)
        models.append(rbm)
    for tensor in ("W", "v_bias", "h_bias"):
        np.testing.assert_array_equal(getattr(models[0], tensor), getattr(models[1], tensor))


@pytest.mark.parametrize("name", ["CD-1", "PCD-2, other chains", "everything"])
def test_a_restored_run_goes_on_bit_for_bit(name: str) -> None:
    """4 epochs equal 2, a new model and trainer from the saved state, and 2 more."""
    x = rows("grey")
    data, order = core.Dataset(x), np.random.default_rng(7).permutation(ROWS)
    whole, trainer, _ = pair(OPTIONS[name], seed=8)
    for _ in range(4):
        trainer.train(data, order, BATCH, 0, 3, RATE)
    first, half, _ = pair(OPTIONS[name], seed=8)
    for _ in range(2):
        half.train(data, order, BATCH, 0, 3, RATE)
    second, rest, _ = pair(OPTIONS[name], seed=8)
    second.W, second.v_bias, second.h_bias = first.W, first.v_bias, first.h_bias
    second.draws = first.draws
    rest.restore(half.state())
    for _ in range(2):
        rest.train(data, order, BATCH, 0, 3, RATE)
    for tensor in ("W", "v_bias", "h_bias"):
        np.testing.assert_array_equal(getattr(second, tensor), getattr(whole, tensor))
    for key, value in trainer.state().items():
        np.testing.assert_array_equal(rest.state()[key], value, err_msg=key)
    assert second.draws == whole.draws


@pytest.mark.parametrize(("name", "tensor"), [("CD-1", "W"), ("PCD-1", "W"), ("everything", "W")])
def test_a_step_that_diverges_is_undone(name: str, tensor: str) -> None:
    """Weights, biases, chains and the place in the random stream are those before the batch."""
    rbm, trainer, _ = pair(OPTIONS[name], seed=9)
    data, order = core.Dataset(rows("bits")), np.arange(ROWS)
    trainer.train(data, order, BATCH, 0, 1, RATE)
    before = [rbm.W, rbm.v_bias, rbm.h_bias, rbm.draws, trainer.state()]
    assert trainer.train(data, order, BATCH, 1, 3, float("inf")) == (0, tensor)
    for old, new in zip(before[:3], (rbm.W, rbm.v_bias, rbm.h_bias)):
        np.testing.assert_array_equal(new, old)
    assert rbm.draws == before[3]
    for key, value in trainer.state().items():
        np.testing.assert_array_equal(value, before[4][key], err_msg=key)
    assert trainer.train(data, order, BATCH, 1, 3, RATE) == (2, "")


def leave_nan_behind() -> None:
    """Give blocks of NaN, of the sizes that a step asks for, back to the core's memory."""
    sizes = [(V, 32), (BATCH, 32), (BATCH, 48), (ROWS % BATCH, 32), (ROWS % BATCH, 48), (1, 48)]
    models = [core.RBM(*size) for size in sizes for _ in range(8)]
    for rbm in models:
        rbm.W = np.full((rbm.visible_size, rbm.hidden_size), np.nan, dtype=np.float32)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["bits", "grey"])
def test_what_memory_held_before_never_matters(options: dict[str, Any], kind: str) -> None:
    """Rows are padded to 16 floats: stale NaN in the padding must not look like a divergence."""
    data = core.Dataset(rows(kind))
    weights = []
    for poison in (False, True):
        rbm, trainer, _ = pair(options, seed=13)
        for batch in range(3):
            if poison:
                leave_nan_behind()
            assert trainer.train(data, np.arange(ROWS), BATCH, batch, batch + 1, RATE) == (1, "")
        weights.append(rbm.W)
    np.testing.assert_array_equal(weights[1], weights[0])


def test_a_batch_is_the_rows_that_the_order_names() -> None:
    """Batch 1 of an order trains on exactly those rows, in that order."""
    x = rows("grey")
    order = np.random.default_rng(10).permutation(ROWS)
    rbm, trainer, twin = pair({}, seed=11)
    assert trainer.train(core.Dataset(x), order, BATCH, 1, 2, RATE) == (1, "")
    twin.step(x[order[BATCH : 2 * BATCH]], RATE)
    assert_same(rbm, trainer, twin)


def test_rows_that_are_not_there_are_refused() -> None:
    _, trainer, _ = pair({}, seed=12)
    data = core.Dataset(rows("bits"))
    for bad in (-1, ROWS):
        with pytest.raises(ValueError, match=r"\[train\] order must name rows of the data set"):
            trainer.train(data, np.array([0, bad]), BATCH, 0, 1, RATE)
    with pytest.raises(ValueError, match=r"\[train\] X must have 37 columns, got 5"):
        trainer.train(core.Dataset(np.zeros((3, 5), np.float32)), np.arange(3), 2, 0, 1, RATE)


@pytest.mark.parametrize("columns", [784, 300], ids=["even", "ones in the first half"])
def test_wide_training_does_not_depend_on_threads(columns: int) -> None:
    """Sees an up pass whose order of sums follows the sharing of its visible units."""
    X = np.zeros((60, 784), np.float32)
    X[:, :columns] = np.random.default_rng(0).random((60, columns)) < 0.19
    weights = []
    for threads in (1, 2, 3):
        rbm = _core.RBM(784, 40, 0, threads)
        rbm.initialize(0.01)
        options = _core.TrainOptions()
        options.persistent = False
        trainer = _core.Trainer(rbm, options)
        assert trainer.train(_core.Dataset(X), np.arange(60), 20, 0, 3, 0.05) == (3, "")
        weights.append(rbm.W)
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[0], weights[2])
