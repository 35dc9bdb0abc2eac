"""`RBM(visible=..., hidden=...)` as callers see it: dispatch, refusals, copies, files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab import FormatError, units
from gibbslab.models import RBM, UnitRBM
from small_unit_rbms import KINDS, PAIRS, some_states

every_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)
UNITS = {kind: unit for kind, (unit, _) in KINDS.items()}


def make(visible: str, hidden: str, **more: Any) -> UnitRBM:
    model = RBM(
        6, 6, 2, visible=UNITS[visible], hidden=UNITS[hidden], random_state=1, temperature=1.3,
        n_threads=1, device="cpu", **more,
    )  # fmt: skip
    assert isinstance(model, UnitRBM)
    rng = np.random.default_rng(0)
    model.v_bias, model.h_bias = rng.normal(0, 0.5, (2, 6))
    return model


def rows(kind: str, n: int = 5) -> np.ndarray:
    return some_states(kind, 6 // KINDS[kind][1].columns, n)


def assert_same(one: RBM, other: RBM) -> None:
    assert type(one) is type(other)
    assert repr(one) == repr(other)
    for name in one._parameter_names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.seed, one.draws) == (other.seed, other.draws)


def test_bernoulli_pairs_stay_the_bernoulli_rbm() -> None:
    for more in ({}, {"visible": "bernoulli"}, {"hidden": units.Bernoulli(), "temperature": 1}):
        assert type(RBM(3, 2, **more)) is RBM  # type: ignore[arg-type]
    assert type(RBM(3, 2, temperature=2.0)) is UnitRBM
    assert type(RBM(3, 2, visible="gaussian")) is UnitRBM
    assert isinstance(RBM(3, 2, hidden="relu"), RBM)


@pytest.mark.parametrize("name", ["bernoulli", "binary", "gaussian", "relu", "spin"])
def test_names(name: str) -> None:
    model = RBM(3, 2, visible=name, temperature=2.0)
    assert isinstance(model, UnitRBM)
    assert model.visible == units.as_unit(name, "visible", "RBM")


@every_pair
def test_a_pass_has_the_shapes_of_the_layers(visible: str, hidden: str) -> None:
    model = make(visible, hidden)
    h0_mean, h0, h1_mean, h1, v1_mean, v1 = model(rows(visible))
    assert {x.shape for x in (h0_mean, h0, h1_mean, h1, v1_mean, v1)} == {(5, 6)}
    assert model.visible.is_state(v1).all()
    assert model.hidden.is_state(h1).all()
    assert model.reconstruct(h0, 2)[3].shape == (5, 6)


@every_pair
def test_copies_and_files(visible: str, hidden: str, tmp_path: Path) -> None:
    model = make(visible, hidden)
    model.update_weights_for_batch(rows(visible), 0.01)
    model.save(tmp_path / "model")
    others = [
        copy.deepcopy(model),
        copy.copy(model),
        pickle.loads(pickle.dumps(model)),
        gibbslab.load(tmp_path / "model"),
    ]
    for other in others:
        assert_same(model, other)
    model.update_weights_for_batch(rows(visible), 0.01)
    expected = model.sample(n_samples=3, n_steps=2)[1]
    for other in others:
        other.update_weights_for_batch(rows(visible), 0.01)
        np.testing.assert_array_equal(other.sample(n_samples=3, n_steps=2)[1], expected)


def test_learned_variances_come_back(tmp_path: Path) -> None:
    unit = units.Gaussian("learned", bounds=(0.1, 5.0))
    model = RBM(3, 2, visible=unit, random_state=1)
    model.update_weights_for_batch(some_states("gaussian", 3, 8), 0.05)
    model.save(tmp_path / "model")
    loaded = gibbslab.load(tmp_path / "model")
    assert (loaded.v_variance != 1).any()
    assert_same(model, loaded)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"visible": "gaussian", "hidden": "gaussian"}, "precision matrix .* positive definite"),
        ({"visible": "gaussian", "hidden": "relu"}, "grow without limit"),
        ({"visible": "relu", "hidden": "relu"}, "Make one layer bounded"),
        ({"hidden": units.Gaussian("learned")}, "must have a fixed variance"),
        ({"visible": "cosine"}, "visible must be one of"),
        ({"visible": units.Categorical(4)}, "multiple of the 4 states of a unit, got 3"),
        ({"visible": units.Gaussian([1.0, 2.0])}, r"variance must have shape \(3,\), got \(2,\)"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": float("nan")}, "temperature must be finite"),
    ],
)
def test_inadmissible_models_are_refused_with_the_reason(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        RBM(3, 2, **options)


@pytest.mark.parametrize(
    ("make_unit", "error", "message"),
    [
        (lambda: units.Gaussian(0.0), ValueError, "variance must be finite and above 0"),
        (lambda: units.Gaussian(1e-39), ValueError, "variance must be finite and above 0"),
        (lambda: units.Gaussian(float("inf")), ValueError, "variance must be finite"),
        (lambda: units.Gaussian("free"), ValueError, "'learned', got 'free'"),
        (lambda: units.Gaussian([[1.0]]), ValueError, r"one dimension, got shape \(1, 1\)"),
        (lambda: units.Gaussian("learned", (2.0, 3.0)), ValueError, "enclose 1"),
        (lambda: units.Binomial(0), ValueError, "n must be at least 1"),
        (lambda: units.Binomial(1001), ValueError, "n must be at most 1000"),
        (lambda: units.Categorical(1), ValueError, "states must be at least 2"),
        (lambda: units.Categorical(2.0), TypeError, "states must be an integer"),  # type: ignore[arg-type]
        (lambda: units.ReLU("yes"), TypeError, "noisy must be True or False"),  # type: ignore[arg-type]
        (lambda: RBM(3, 2, visible=3), TypeError, "a string or a gibbslab.units object"),  # type: ignore[arg-type]
    ],
)
def test_wrong_units_are_refused(make_unit: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_unit()


@pytest.mark.parametrize(
    ("kind", "bad"),
    [("spin", 0.0), ("bernoulli", 0.5), ("potts", 1.0), ("binomial", 4.0), ("relu", -1.0)],
)
def test_likelihoods_take_states_only(kind: str, bad: float) -> None:
    model = make(kind, "bernoulli")
    v = rows(kind)
    v[2] = bad
    with pytest.raises(ValueError, match=r"v must hold .*, got another state in row 2"):
        model.log_likelihood(v)


def test_calls_that_make_no_sense() -> None:
    model = make("gaussian", "bernoulli")
    v = rows("gaussian")
    for call, error, message in [
        (lambda: model.free_energy(v[:, :4]), ValueError, "must have 6 columns"),
        (lambda: model.free_energy(v * np.nan), ValueError, "must be finite"),
        (lambda: model.energy(v, v[:2]), ValueError, "as many rows as v, 5, got 2"),
        (lambda: model.hidden_mean(v.astype(str)), TypeError, "must hold real numbers"),
        (lambda: model.visible_mean(v, beta=0.0), ValueError, "beta must be above 0"),
        (lambda: model.pseudo_likelihood(v), ValueError, "must be Bernoulli at temperature 1"),
        (lambda: model.parallel_tempering(), ValueError, "must have Bernoulli units"),
        (lambda: model.zero_sum_gauge(), ValueError, "a layer must be categorical"),
        (
            lambda: setattr(model, "v_variance", np.zeros(6)),
            ValueError,
            r"at least 1\.18e-38, got 0",
        ),
        (lambda: setattr(model, "h_variance", np.full(6, 2.0)), ValueError, "Gaussian units only"),
        (lambda: setattr(model, "v_variance", [1.0]), ValueError, r"must have shape \(6,\)"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_units_compare_by_what_they_are() -> None:
    assert units.Spin() == units.Spin() != units.Bernoulli()
    assert units.Gaussian([1.0, 2.0]) == units.Gaussian([1.0, 2.0]) != units.Gaussian([1.0, 3.0])
    assert hash(units.Categorical(3)) == hash(units.Categorical(3))
    assert units.Binomial(3) != units.Binomial(4)
    assert repr(units.Binomial(3)) == "Binomial(n=3)"


def test_categorical_columns() -> None:
    unit = units.Categorical(3)
    x = np.array([[0, 2], [1, 1]])
    columns = unit.encode(x)
    np.testing.assert_array_equal(columns, [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]])
    np.testing.assert_array_equal(unit.decode(columns), x)
    for bad in (np.array([[0, 3]]), np.array([0, 1])):
        with pytest.raises(ValueError, match=r"x must hold 0 \.\.\. 2 in two dimensions"):
            unit.encode(bad)


@pytest.mark.parametrize("kind", list(KINDS))
def test_base_biases_reproduce_the_means(kind: str) -> None:
    """Up to the smoothing that keeps them off the extremes."""
    model = make(kind, "bernoulli")
    model.W = np.zeros((6, 6))
    v = rows(kind, 400)
    means = v.mean(axis=0, dtype=np.float64)
    model.v_bias = model._base_biases(means)
    got = model.visible_mean(np.zeros((1, 6)))[0]
    np.testing.assert_allclose(got, means, atol=0.15)


@pytest.mark.parametrize("kind", ["gaussian", "potts", "relu"])
def test_damaged_files_are_refused(kind: str, tmp_path: Path) -> None:
    from model_files import joined, model_of, parts

    path = tmp_path / "model"
    make(kind, "bernoulli").save(path)
    content = path.read_bytes()
    for field, value, message in [
        ("visible", {"kind": "cosine"}, "visible.kind must be one of"),
        ("visible", 3, "visible.kind must be one of"),
        ("hidden", {"kind": "bernoulli", "n": 3}, "params.hidden"),
        ("hidden", {"kind": "binomial", "n": "3"}, "n must be an integer"),
        ("hidden", {"kind": "gaussian", "variance": 1.0, "bounds": 3}, "bounds must be a list"),
        ("hidden", {"kind": "gaussian", "variance": None, "bounds": [0.5, 2]}, "variance must be"),
        ("temperature", -1.0, "temperature must be"),
        ("temperature", "hot", "temperature must be"),
    ]:
        metadata, table, data = parts(content)
        metadata["params"][field] = value
        with pytest.raises(FormatError, match=message):
            model_of(joined(metadata, table, data))
