"""The step-level DBM: parameters, bad calls, copies, files, threads."""

from __future__ import annotations

import copy
import pickle
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab.models import DBM, RBM
from small_dbms import random_dbm

SIZES = (6, 4, 3)
V = SIZES[0]


def model() -> DBM:
    return random_dbm(SIZES, seed=2)


BATCH_METHODS: dict[str, tuple[str, Callable[[DBM, Any], Any]]] = {
    "DBM.infer": ("v", lambda m, x: m.infer(x)),
    "DBM.reconstruction_error": ("v", lambda m, x: m.reconstruction_error(x)),
    "DBM.gibbs": ("v", lambda m, x: m.gibbs(x)),
    "DBM.sample": ("start", lambda m, x: m.sample(n_steps=1, start=x)),
    "DBM.inpaint": ("v", lambda m, x: m.inpaint(x, np.arange(V) < 3)),
    "DBM.log_likelihood": ("v", lambda m, x: m.log_likelihood(x)),
    "DBM.log_likelihood_bound": ("v", lambda m, x: m.log_likelihood_bound(x)),
    "DBM.ais": ("X", lambda m, x: m.ais(x, n_chains=2, n_temperatures=3)),
    "DBM.update_weights_for_batch": ("batch", lambda m, x: m.update_weights_for_batch(x)),
}
BAD_BATCHES = {
    "too wide": (np.zeros((5, V + 1)), ValueError),
    "empty": (np.zeros((0, V)), ValueError),
    "NaN": (np.full((2, V), np.nan), ValueError),
    "string": (np.full((2, V), "x"), TypeError),
}


@pytest.mark.parametrize("kind", BAD_BATCHES)
@pytest.mark.parametrize("method", BATCH_METHODS)
def test_bad_batches(method: str, kind: str) -> None:
    dbm = model()
    before, draws = dbm.weights[0], dbm.draws
    name, call = BATCH_METHODS[method]
    bad, error = BAD_BATCHES[kind]
    with pytest.raises(error, match=rf"^\[{re.escape(method)}\] {name} must"):
        call(dbm, bad)
    np.testing.assert_array_equal(dbm.weights[0], before)
    assert dbm.draws == draws


ROWS = [np.zeros((5, n)) for n in SIZES]
BAD_CALLS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "two layers": (lambda: DBM((4, 3)), ValueError, r"\[DBM\] layer_sizes must name at least 3"),
    "no layers": (lambda: DBM(5), TypeError, r"\[DBM\] layer_sizes must be a sequence"),  # type: ignore[arg-type]
    "empty layer": (lambda: DBM((4, 0, 3)), ValueError, "layer_sizes must be at least 1, got 0"),
    "no sweeps": (lambda: DBM(SIZES, cd_k=0), ValueError, "cd_k must be at least 1"),
    "no chains": (lambda: DBM(SIZES, n_chains=0), ValueError, "n_chains must be at least 1"),
    "no iterations": (
        lambda: DBM(SIZES, mean_field_iterations=0), ValueError, "mean_field_iterations must be",
    ),
    "tolerance": (
        lambda: DBM(SIZES, mean_field_tolerance=-1.0), ValueError, "mean_field_tolerance must be",
    ),
    "centred": (lambda: DBM(SIZES, centered=1), TypeError, "centered must be True or False"),  # type: ignore[arg-type]
    "layers missing": (
        lambda: model().energy(ROWS[:2]), ValueError, r"\[DBM.energy\] states must be 3 arrays",
    ),
    "rows differ": (
        lambda: model().energy([*ROWS[:2], np.zeros((4, 3))]), ValueError,
        r"\[DBM.energy\] states\[2\] must have 5 rows, got 4",
    ),
    "no such layer": (
        lambda: model().sample_layer(ROWS, 3), ValueError, "layer must be at most 2, got 3",
    ),
    "beta": (lambda: model().infer(ROWS[0], beta=-1), ValueError, "beta must be"),
    "known alone": (
        lambda: model().gibbs(ROWS[0], known=ROWS[0]), ValueError, "mask must be given with known",
    ),
    "known rows": (
        lambda: model().gibbs(ROWS[0], mask=np.ones(V), known=np.zeros((2, V))), ValueError,
        "known must have 1 or 5 rows, got 2",
    ),
    "start": (
        lambda: model().sample(start="data"), ValueError, "start must be 'random' or an array",
    ),
    "grey likelihood": (
        lambda: model().log_likelihood(np.full((1, V), 0.5)), ValueError, "must hold only 0 and 1",
    ),
    "too large": (
        lambda: DBM((40, 30, 20)).log_partition(), ValueError, r"\[log_partition\]",
    ),
    "rbms": (
        lambda: DBM.from_rbms([RBM(4, 3), RBM(2, 3)]), ValueError, "rbms must fit layer to layer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_calls(case: str) -> None:
    call, error, message = BAD_CALLS[case]
    with pytest.raises(error, match=message):
        call()


def test_parameters_are_read_only_and_assigned_together() -> None:
    dbm = model()
    with pytest.raises(ValueError, match="read-only"):
        dbm.weights[0][0, 0] = 1
    before = dbm.weights
    with pytest.raises(ValueError, match=r"\[DBM\] weights\[1\] must have shape \(4, 3\)"):
        dbm.weights = [np.ones((6, 4)), np.ones((3, 4))]
    with pytest.raises(ValueError, match=r"\[DBM\] biases must be 3 arrays, got 1"):
        dbm.biases = [np.zeros(6)]
    np.testing.assert_array_equal(dbm.weights[0], before[0])
    assert "layer_sizes=(6, 4, 3)" in repr(dbm)


def test_from_rbms_takes_the_weights_and_shares_the_biases() -> None:
    lower, upper = RBM(6, 4, random_state=0), RBM(4, 3, random_state=1)
    lower.h_bias, upper.v_bias = np.arange(4), np.ones(4)
    dbm = DBM.from_rbms([lower, upper], random_state=3)
    np.testing.assert_array_equal(dbm.weights[0], lower.W)
    np.testing.assert_array_equal(dbm.weights[1], upper.W)
    np.testing.assert_array_equal(dbm.biases[1], (np.arange(4) + 1) / 2)
    assert dbm.seed == 3


WAYS: dict[str, Callable[[DBM, Path], DBM]] = {
    "copy": lambda m, _: copy.copy(m),
    "deepcopy": lambda m, _: copy.deepcopy(m),
    "pickle": lambda m, _: pickle.loads(pickle.dumps(m)),
    "file": lambda m, path: (m.save(path), gibbslab.load(path))[1],  # type: ignore[func-returns-value]
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("centered", [False, True])
def test_copies_go_on_exactly(way: str, centered: bool, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((20, 30))
    dbm = DBM((30, 12, 20), cd_k=2, n_chains=7, centered=centered, random_state=4, n_threads=1)
    dbm.update_weights_for_batch(x, 0.1)
    twin = WAYS[way](dbm, tmp_path / "model")
    assert (twin.cd_k, twin.n_chains, twin.n_threads, twin.seed) == (2, 7, 1, 4)
    for m in (dbm, twin):
        m.update_weights_for_batch(x, 0.1)
    for one, two in zip((*dbm.weights, *dbm.biases), (*twin.weights, *twin.biases)):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(dbm.gibbs(x, 3), twin.gibbs(x, 3))
    twin.weights = [np.zeros_like(w) for w in twin.weights]
    assert np.any(dbm.weights[0])


@pytest.mark.parametrize("threads", [2, 3])
def test_training_and_samples_do_not_depend_on_threads(threads: int) -> None:
    x = (np.random.default_rng(0).random((70, 130)) < 0.3).astype(np.float32)
    models = [DBM((130, 70, 200), random_state=1, n_threads=n) for n in (1, threads)]
    for m in models:
        for _ in range(3):
            m.update_weights_for_batch(x, 0.05)
    for one, two in zip(models[0].weights, models[1].weights):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(models[0].sample(9, 5)[1], models[1].sample(9, 5)[1])


def test_one_model_serves_one_thread_at_a_time() -> None:
    dbm = DBM((784, 300, 300), random_state=0, n_threads=1)
    errors: list[str] = []

    def use() -> None:
        try:
            dbm.sample(100, 60)
        except RuntimeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors
    assert all("is in use by another thread" in error for error in errors)


@pytest.mark.parametrize("kind", [np.float64, np.int8, bool, ">f4"])
def test_inputs_of_every_type_and_order_give_the_same(kind: Any) -> None:
    x = np.random.default_rng(0).integers(0, 2, (8, V))
    expected = model().infer(x.astype(np.float32)).means
    for layout in (x.astype(kind), np.asfortranarray(x.astype(kind)), x[::-1].astype(kind)[::-1]):
        for got, want in zip(model().infer(layout).means, expected):
            np.testing.assert_array_equal(got, want)
