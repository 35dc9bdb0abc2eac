"""The DBM's training step: against its float64 twin, in expectation, and all or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dbm_twin import DBMTwin
from gibbslab import DivergenceError, _core
from gibbslab.models import DBM
from on_device import core, sized
from small_dbms import enumerated, random_dbm
from test_dbm_sampler import exact_samples
from thresholds import Z_LIMIT

SIZES = [(5, 4, 3), (33, 17, 66), (4, 3, 5, 2), (3, 4, 2, 3, 2)]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two sweeps": {"k": 2, "n_chains": 5},
    "momentum": {"momentum": 0.6, "l2": 0.01, "l1": 0.001},
    "centred": {"centered": True, "offset_rate": 0.2},
    "centred, momentum": {"centered": True, "offset_rate": 0.2, "momentum": 0.6, "l2": 0.01},
    "sampled input": {"sample_input": True},
}
DEFAULTS = {"k": 1, "n_chains": 7, "mean_field_iterations": 6, "mean_field_tolerance": 0.0}


def trainer_of(model: DBM, options: dict[str, Any]) -> _core.DBMTrainer:
    given = _core.DBMTrainOptions()
    for name, value in options.items():
        setattr(given, name, value)
    return _core.DBMTrainer(model._dbm, given)


def train(trainer: _core.DBMTrainer, x: np.ndarray, batch: int, rate: float) -> tuple[int, str]:
    order = np.arange(len(x), dtype=np.int64)
    batches = -(-len(x) // batch)
    return trainer.train(core.Dataset(x), order, batch, 0, batches, rate)


def assert_equal_to_twin(model: DBM, trainer: _core.DBMTrainer, twin: DBMTwin) -> None:
    for got, want in zip((*model.weights, *model.biases), (*twin.weights, *twin.biases)):
        np.testing.assert_allclose(got, want, atol=3e-6, rtol=3e-6)
    state = trainer.state()
    for layer, chains in twin.chains.items():
        np.testing.assert_array_equal(state[f"chains{layer}"], chains)
    for layer, offset in enumerate(twin.offsets):
        np.testing.assert_allclose(state[f"offset{layer}"], offset, atol=1e-6)
    assert model.draws == twin.draws


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", ["bits", "grey"])
def test_steps_equal_the_twin(sizes: tuple[int, ...], name: str, kind: str) -> None:
    """Three steps, the last of a short batch."""
    options = DEFAULTS | OPTIONS[name]
    model = random_dbm(sizes, seed=5, spread=0.4)
    x = np.random.default_rng(2).random((14, sizes[0]), dtype=np.float32)
    if kind == "bits":
        x = (x < 0.4).astype(np.float32)
    twin = DBMTwin(model.weights, model.biases, model.seed, options, model.draws)
    trainer = trainer_of(model, options)
    assert train(trainer, x, 6, 0.2) == (3, "")
    for begin in (0, 6, 12):
        twin.step(x[begin : begin + 6], 0.2)
    assert_equal_to_twin(model, trainer, twin)
    assert trainer.iterations == 6


def test_the_expected_gradient() -> None:
    """Chains that are samples of the model: W_l moves by data minus model moments.

    Sees an error of a moment of 3e-4; on the emulated card of 7e-3.
    """
    model = random_dbm((4, 3, 3), seed=3, spread=0.7)
    exact, n = enumerated(model), int(sized(2**18, 2**10))
    options = DEFAULTS | {"n_chains": n}
    trainer = trainer_of(model, options)
    trainer.restore({"chains1": exact_samples(exact, n, 1)[1]})
    x = np.random.default_rng(4).integers(0, 2, (50, 4)).astype(np.float32)
    data = exact.mean_field(x, 6)
    before = model.weights, model.biases
    assert train(trainer, x, 50, 1.0) == (1, "")
    limit = Z_LIMIT * 0.5 / np.sqrt(n) + 1e-5  # what is averaged lies in [0, 1]
    for layer in range(2):
        expected = data[layer].T @ data[layer + 1] / 50 - exact.moment(layer)
        moved = model.weights[layer].astype(float) - before[0][layer]
        assert np.abs(moved - expected).max() < limit
    for layer in range(3):
        expected = data[layer].mean(axis=0) - exact.mean(layer)
        moved = model.biases[layer].astype(float) - before[1][layer]
        assert np.abs(moved - expected).max() < limit


def test_mean_field_of_a_step_stops_at_the_tolerance() -> None:
    model = random_dbm((5, 4, 3), spread=0.2)
    options = DEFAULTS | {"mean_field_iterations": 50, "mean_field_tolerance": 1e-3}
    trainer = trainer_of(model, options)
    x = np.eye(5, dtype=np.float32)
    expected = model.infer(x, max_iterations=50, tolerance=1e-3).iterations
    train(trainer, x, 5, 0.0)
    assert trainer.iterations == expected < 50


@pytest.mark.parametrize("options", [{}, {"centered": True, "momentum": 0.5}], ids=str)
def test_a_diverging_step_leaves_everything_as_it_was(options: dict[str, Any]) -> None:
    model = random_dbm((5, 4, 3))
    trainer = trainer_of(model, DEFAULTS | options)
    x = np.eye(5, dtype=np.float32)
    train(trainer, x, 5, 0.1)
    before = (*model.weights, *model.biases), trainer.state(), model.draws
    done, tensor = train(trainer, 100 * x, 5, 3e38)
    assert (done, tensor[:7]) == (0, "weights")
    for old, new in zip(before[0], (*model.weights, *model.biases)):
        np.testing.assert_array_equal(old, new)
    for name, value in trainer.state().items():
        np.testing.assert_array_equal(value, before[1][name], err_msg=name)
    assert model.draws == before[2]


def test_a_step_of_the_model_that_diverges_is_an_error() -> None:
    model = random_dbm((5, 4, 3))
    message = r"\[DBM.update_weights_for_batch\] weights\[0\] would become non-finite"
    model.update_weights_for_batch(np.eye(5), 0.1)
    with pytest.raises(DivergenceError, match=message):
        model.update_weights_for_batch(100 * np.eye(5), 3e38)


@pytest.mark.parametrize("centered", [False, True])
def test_training_resumes_bit_for_bit(centered: bool) -> None:
    options = DEFAULTS | {"centered": centered, "momentum": 0.5}
    x = np.random.default_rng(1).integers(0, 2, (40, 33)).astype(np.float32)
    whole = random_dbm((33, 17, 66), spread=0.1)
    part = random_dbm((33, 17, 66), spread=0.1)
    trainer = trainer_of(whole, options)
    for _ in range(2):
        train(trainer, x, 10, 0.1)
    first = trainer_of(part, options)
    train(first, x, 10, 0.1)
    again = DBM((33, 17, 66), random_state=part.seed, device=core.device, n_threads=2)
    again.weights, again.biases, again.draws = part.weights, part.biases, part.draws
    second = trainer_of(again, options)
    second.restore(first.state())
    train(second, x, 10, 0.1)
    for a, b in zip((*whole.weights, *whole.biases), (*again.weights, *again.biases)):
        np.testing.assert_array_equal(a, b)


def test_training_raises_the_likelihood() -> None:
    """Of four patterns among 64, from ln(1/64) towards ln(1/4)."""
    x = np.array([[1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 1], [1, 0, 1, 0, 1, 1], [0, 1, 0, 1, 0, 0]])
    model = DBM((6, 5, 4), n_chains=50, centered=True, cd_k=2, random_state=1, device=core.device)
    before = model.log_likelihood(x).mean()
    for _ in range(int(sized(1500, 300))):
        model.update_weights_for_batch(np.repeat(x, 5, axis=0), 0.2)
    after = model.log_likelihood(x).mean()
    assert after > before + float(sized(1.0, 0.5)), (before, after)
