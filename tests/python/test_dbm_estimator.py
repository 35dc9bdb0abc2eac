"""The DBM estimator: scikit-learn's contract, history, callbacks, pre-training, going on."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import DBM, DivergenceError
from gibbslab.estimators import Linear
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from stopping import StopAfter

CHECKED = [
    DBM((4, 3), n_threads=1, n_iter=3),
    DBM((4, 3, 2), n_threads=1, n_iter=2, pretrain_iter=2, centered=False, momentum=0.5),
]
V = 17


@parametrize_with_checks(CHECKED)
def test_check_estimator(estimator: DBM, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def data(n: int = 50, seed: int = 0) -> np.ndarray:
    """Noisy copies of three patterns."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(9).random((3, V)) < 0.5
    flips = rng.random((n, V)) < 0.05
    return (patterns[rng.integers(0, 3, n)] ^ flips).astype(np.float32)


def make(**params: Any) -> DBM:
    defaults: dict[str, Any] = {"n_iter": 4, "batch_size": 20, "random_state": 1, "n_threads": 1}
    return DBM((9, 6), **defaults | params)


CASES: dict[str, dict[str, Any]] = {
    "centred": {},
    "plain": {"centered": False, "momentum": 0.5, "l2": 1e-3},
    "sampled": {"sample_input": True, "k": 2, "n_chains": 7},
    "pre-trained": {"pretrain_iter": 2, "learning_rate": Linear(0.1, 0.01, 4)},
}


def assert_same(one: DBM, two: DBM) -> None:
    a, b = one._training.state(), two._training.state()
    assert a["counters"] == b["counters"]
    assert a["arrays"].keys() == b["arrays"].keys()
    for name, value in a["arrays"].items():
        np.testing.assert_array_equal(value, b["arrays"][name], err_msg=name)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["file", "pickle"])
def test_training_resumes_bit_for_bit(case: str, way: str, tmp_path: Path) -> None:
    X = data()
    whole = make(**CASES[case]).fit(X)
    part = make(**CASES[case], warm_start=True).set_params(n_iter=2).fit(X)
    if way == "file":
        part.save(tmp_path / "dbm")
        part = gibbslab.load(tmp_path / "dbm")
        assert part.hidden_layer_sizes == (9, 6)
    else:
        part = pickle.loads(pickle.dumps(part))
    part.fit(X)
    assert_same(part, whole)
    for name, column in whole.history_.items():
        if name != "time":
            np.testing.assert_array_equal(part.history_[name], column, err_msg=name)


@pytest.mark.parametrize(("case", "stop", "stage"), [
    ("centred", 4, 0), ("pre-trained", 1, 0), ("pre-trained", 5, 0), ("pre-trained", 7, 1),
    ("pre-trained", 11, 1), ("pre-trained", 14, 2),
])  # fmt: skip
def test_training_resumes_within_an_epoch(case: str, stop: int, stage: int, tmp_path: Path) -> None:
    """Three batches an epoch, two epochs in each of the two greedy stages."""
    whole = make(**CASES[case]).fit(data())
    part = make(callbacks=[StopAfter(stop)], warm_start=True, **CASES[case]).fit(data())
    assert (part._training.epoch, part._training.batch) == divmod(stop, 3)
    if case == "pre-trained":
        assert part._training.stage == stage
    part.save(tmp_path / "dbm")
    resumed = gibbslab.load(tmp_path / "dbm")
    done = max(0, resumed.n_epochs_ - resumed._training.greedy_epochs)
    assert_same(resumed.set_params(n_iter=4 - done).fit(data()), whole)


def test_training_does_not_depend_on_threads_or_layout() -> None:
    one = make().fit(data())
    assert_same(make(n_threads=2).fit(data()), one)
    assert_same(clone(one).fit(np.asfortranarray(data())), one)
    sparse = make().fit(sp.csr_matrix(data()))  # the data's means are summed in another order
    for mine, theirs in zip(sparse.model_.weights, one.model_.weights):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_training_raises_the_bound_and_the_history_tells() -> None:
    X, valid = data(200), data(100, seed=5)
    dbm = make(n_iter=60, learning_rate=0.1).fit(X, validation_data=valid)
    history = dbm.history_
    assert history["epoch"] == list(range(60))
    for name in ("reconstruction_error", "validation_reconstruction_error"):
        assert history[name][-1] < 0.5 * history[name][0]
    assert {"bound_gap", "mean_field_iterations", "unnormalised_bound"} <= history.keys()
    independent = np.log(np.where(valid == 1, X.mean(axis=0), 1 - X.mean(axis=0))).sum(axis=1)
    assert dbm.score(valid) > independent.mean() + 1.0
    exact = dbm.model_.log_likelihood(valid)
    scores = dbm.score_samples(valid)
    assert (scores <= exact + 1e-5).all()
    assert scores.mean() > exact.mean() - 1.0


def test_pretraining_is_a_better_start() -> None:
    X = data(200)
    start = make(n_iter=0).fit(X).score(X)
    greedy = make(n_iter=0, pretrain_iter=30, pretrain_learning_rate=0.1, batch_size=10).fit(X)
    assert greedy.score(X) > start + 1.0


def test_doubled_inputs_are_those_of_the_layer_that_is_missing() -> None:
    """First RBM up, last RBM down, those between both ways."""
    training = DBM((5, 4, 3), pretrain_iter=1, n_iter=0, random_state=0).fit(data())._training
    seen = []
    for stage in range(3):
        rbm = training._layer(stage)
        v, h = np.eye(1, rbm.v_size, dtype=np.float32), np.eye(1, rbm.h_size, dtype=np.float32)
        rbm.W = np.ones((rbm.v_size, rbm.h_size))
        rbm.v_bias, rbm.h_bias = np.zeros(rbm.v_size), np.zeros(rbm.h_size)
        logits = [np.log(p / (1 - p)).flat[0] for p in (rbm.hidden_mean(v), rbm.visible_mean(h))]
        seen.append(np.round(logits, 3).tolist())
    assert seen == [[2.0, 1.0], [2.0, 2.0], [1.0, 2.0]]


def test_a_layer_between_two_rbms_gets_the_mean_of_its_biases() -> None:
    still = {"pretrain_iter": 2, "pretrain_learning_rate": 1e-30, "n_iter": 0}
    part = make(callbacks=[StopAfter(8)], warm_start=True, **still).fit(data())
    bottom, _, top = part.model_.biases
    part.model_.biases = [bottom, np.full(9, 3.0), top]
    part._training._down = [np.ones(9, np.float32)]
    part = pickle.loads(pickle.dumps(part))  # the stage's RBM is made of these
    np.testing.assert_array_equal(part.fit(data()).model_.biases[1], np.full(9, 2.0))


def test_greedy_layers_learn_on_the_means_below() -> None:
    """The stages are two RBMs by CD-1 trained one after the other, and the history tells."""
    dbm = make(pretrain_iter=20, pretrain_learning_rate=0.1, n_iter=1).fit(data(200))
    history = dbm.history_
    assert history["stage"] == [0.0] * 20 + [1.0] * 20 + [2.0]
    error = np.array(history["reconstruction_error"])
    assert error[19] < 0.8 * error[0]
    assert error[39] < 0.8 * error[20]
    assert np.isfinite(history["unnormalised_bound"]).tolist() == [False] * 40 + [True]


@pytest.mark.parametrize(("stop", "changed"), [(1, [0]), (4, [1]), (99, [0, 1])])
def test_partial_fit_trains_the_layer_whose_turn_it_is(stop: int, changed: list[int]) -> None:
    dbm = make(pretrain_iter=1, n_iter=0, callbacks=[StopAfter(stop)]).fit(data())
    before = dbm.model_.weights
    after = dbm.partial_fit(data(seed=1)).model_.weights
    assert [i for i in (0, 1) if (after[i] != before[i]).any()] == changed
    assert dbm.n_epochs_ == min(stop // 3, 2)


def test_samples_reconstructions_and_inpainting() -> None:
    X = data(200)
    dbm = make(n_iter=60, learning_rate=0.1).fit(X)
    drawn = dbm.sample(50, 50)
    assert drawn.shape == (50, V)
    assert drawn.dtype == bool
    assert np.abs(dbm.reconstruct(X) - X).mean() < 0.2
    mask = np.arange(V) < V // 2
    out = dbm.inpaint(X, mask)
    np.testing.assert_array_equal(out[:, mask], X[:, mask])
    assert np.abs(out - X)[:, ~mask].mean() < 0.3


def test_more_chains_go_round_the_old_ones() -> None:
    dbm = make(n_chains=3, warm_start=True).fit(data())
    before = dbm._training.trainer.state()["chains1"]
    dbm.set_params(n_chains=5, n_iter=0).fit(data())
    after = dbm._training.trainer.state()["chains1"]
    np.testing.assert_array_equal(after, before[[0, 1, 2, 0, 1]])


BAD_PARAMS = {
    "one layer": ({"hidden_layer_sizes": (5,)}, ValueError, "at least two layers"),
    "a number": ({"hidden_layer_sizes": 5}, TypeError, "must be a sequence of integers"),
    "pretrain_iter": ({"pretrain_iter": -1}, ValueError, "pretrain_iter must be at least 0"),
    "rate": ({"pretrain_learning_rate": 0.0}, ValueError, "pretrain_learning_rate must be above"),
    "k": ({"k": 0}, ValueError, "k must be at least 1"),
    "centered": ({"centered": "yes"}, TypeError, "centered must be True or False"),
    "iterations": ({"mean_field_iterations": 0}, ValueError, "mean_field_iterations must be"),
}


@pytest.mark.parametrize("case", BAD_PARAMS)
def test_bad_parameters(case: str) -> None:
    params, error, message = BAD_PARAMS[case]
    with pytest.raises(error, match=rf"^\[DBM.fit\] .*{message}"):
        make().set_params(**params).fit(data())


def test_a_warm_start_keeps_the_layers() -> None:
    dbm = make(warm_start=True).fit(data())
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must stay \(9, 6\)"):
        dbm.set_params(hidden_layer_sizes=(9, 7)).fit(data())
    with pytest.raises(ValueError, match="pretrain_iter must stay 0 with warm_start, got 2"):
        dbm.set_params(hidden_layer_sizes=(9, 6), pretrain_iter=2).fit(data())


def test_divergence_is_told() -> None:
    with pytest.raises(DivergenceError, match=r"\[DBM.fit\] .* would become non-finite in epoch 0"):
        make(learning_rate=3e38).fit(1000 * data())
    with pytest.raises(DivergenceError, match=r"\[DBM.fit\] .* would become non-finite in epoch"):
        make(pretrain_iter=9, pretrain_learning_rate=3e38).fit(data())


def test_large_models_are_scored_by_an_estimate_made_once() -> None:
    X = data()
    dbm = DBM((40, 30), n_iter=1, random_state=0, n_threads=1).fit(X)
    first = dbm.score(X)
    made = dbm._estimated
    assert dbm.score(X) == first
    assert dbm._estimated is made
    dbm.model_.biases = [b + 0.1 for b in dbm.model_.biases]
    dbm.score(X)
    assert dbm._estimated is not made
