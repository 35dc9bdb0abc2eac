"""`ClassificationRBM`: scikit-learn's rules, labels of any kind, resuming, files, bad calls."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pandas
import pytest
import scipy.sparse as sp
from gibbslab import ClassificationRBM
from gibbslab.callbacks import Callback, EarlyStopping
from gibbslab.estimators import Exponential
from gibbslab.io._classification_rbm import describe
from gibbslab.io._encode import encode
from gibbslab.io._models import build
from gibbslab.io._reader import decode
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

ROWS, V, H = 53, 17, 6
CASES: dict[str, dict[str, Any]] = {
    "discriminative": {"objective": "discriminative", "momentum": 0.5},
    "joint": {"objective": "joint", "k": 2},
    "hybrid": {"alpha": 0.3, "learning_rate": Exponential(0.1, 0.9)},
    "persistent": {"alpha": 0.3, "method": "pcd", "n_chains": 7, "l1": 1e-3, "l2": 1e-2},
    "sampled input": {"alpha": 0.1, "sample_input": True, "validation_fraction": 0.2},
    "in order": {"shuffle": False},
}

CHECKED = [ClassificationRBM(8, n_threads=1), ClassificationRBM(8, n_threads=1, method="pcd")]


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: ClassificationRBM, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three patterns with noise, and the pattern's number."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=ROWS)
    patterns = np.random.default_rng(1).random((3, V))
    return np.clip(np.round((patterns[y] + rng.normal(0, 0.1, (ROWS, V))) * 16) / 16, 0, 1), y


def make(case: str, n_iter: int = 6, **params: Any) -> ClassificationRBM:
    settings = {"batch_size": 9, "random_state": 5, "n_threads": 1, **CASES[case], **params}
    return ClassificationRBM(H, n_iter=n_iter, **settings)


def state(rbm: ClassificationRBM) -> dict[str, Any]:
    now = rbm._training.state()
    history = {name: column for name, column in rbm.history_.items() if name != "time"}
    return {**now["arrays"], **now["counters"], "seed": rbm.model_.seed, **history}


def assert_same(one: ClassificationRBM, other: ClassificationRBM) -> None:
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name, strict=True)
    np.testing.assert_array_equal(one.classes_, other.classes_, strict=True)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["warm start", "file", "pickle", "copy"])
def test_training_in_two_parts_equals_training_in_one(case: str, way: str, tmp_path: Path) -> None:
    X, y = rows()
    half = make(case, n_iter=3, warm_start=True).fit(X, y)
    if way == "file":
        half.save(tmp_path / "half.safetensors")
        half = gibbslab.load(tmp_path / "half.safetensors")
    elif way == "pickle":
        half = pickle.loads(pickle.dumps(half))
    elif way == "copy":
        half = deepcopy(half)
    whole = make(case).fit(X, y)
    assert_same(half.fit(X, y), whole)
    np.testing.assert_array_equal(half.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("case", ["hybrid", "persistent"])
def test_threads_and_callbacks_change_nothing(case: str) -> None:
    class Listening(Callback):
        heard = 0

        def on_batch_end(self, estimator: Any, epoch: int, batch: int, logs: Any) -> None:
            self.heard += 1

    X, y = rows()
    listening = Listening()
    plain = make(case).fit(X, y)
    assert_same(make(case, n_threads=2).fit(X, y), plain)
    assert_same(make(case, callbacks=[listening]).fit(X, y), plain)
    assert listening.heard == 6 * 6


LABELS: dict[str, list[Any]] = {
    "int": [-3, 0, 7],
    "uint8": list(np.array([0, 1, 255], np.uint8)),
    "str": ["a cat", "dog", "mouse"],
    "float": [0.0, 1.0, 2.0],
    "object": list(np.array(["x", "yy", "zzz"], object)),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind: str, tmp_path: Path) -> None:
    X, codes = rows()
    labels = np.array(LABELS[kind], dtype=object if kind == "object" else None)
    rbm = make("hybrid").fit(X, labels[codes])
    np.testing.assert_array_equal(rbm.classes_, labels, strict=True)
    plain = make("hybrid").fit(X, codes)
    np.testing.assert_array_equal(rbm.predict(X), labels[plain.predict(X)])
    rbm.save(tmp_path / "rbm")
    again = gibbslab.load(tmp_path / "rbm")
    np.testing.assert_array_equal(again.classes_, labels, strict=True)
    np.testing.assert_array_equal(again.predict(X), rbm.predict(X), strict=True)


def test_boolean_labels_and_one_label(tmp_path: Path) -> None:
    X, y = rows()
    rbm = make("hybrid").fit(X, y == 1)
    rbm.save(tmp_path / "rbm")
    assert gibbslab.load(tmp_path / "rbm").predict(X).dtype == np.bool_
    only = make("hybrid").fit(X, np.full(ROWS, "all"))
    np.testing.assert_array_equal(only.predict_proba(X), np.ones((ROWS, 1)))


@pytest.mark.parametrize("objective", ["joint", "discriminative", "hybrid"])
def test_digits_are_learnt(objective: str) -> None:
    """1797 images of 8 x 8; a guess is right once in ten."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    rbm = ClassificationRBM(
        60, objective=objective, n_iter=30, learning_rate=0.1, random_state=0, n_threads=1
    )
    assert rbm.fit(X[:1300], y[:1300]).score(X[1300:], y[1300:]) > 0.85
    np.testing.assert_allclose(rbm.predict_proba(X).sum(axis=1), 1.0, atol=1e-12)
    history = rbm.history_
    assert history["log_likelihood"][-1] > history["log_likelihood"][0]
    assert history["accuracy"][-1] > 0.85


def test_sparse_input_equals_dense() -> None:
    X, y = rows()
    dense, sparse = make("hybrid").fit(X, y), make("hybrid").fit(sp.csr_matrix(X), y)
    assert_same(dense, sparse)
    np.testing.assert_array_equal(sparse.predict_proba(sp.csr_matrix(X)), dense.predict_proba(X))


def test_partial_fit_knows_all_classes_from_the_first_chunk() -> None:
    X, y = rows()
    rbm = make("hybrid").partial_fit(X[y < 2], y[y < 2], classes=[2, 0, 1])
    assert rbm.classes_.tolist() == [0, 1, 2]
    rbm.partial_fit(X, y)
    assert rbm.n_epochs_ == 0
    with pytest.raises(ValueError, match=r"y must hold labels of classes_ only, \[0, 1, 2\], got"):
        rbm.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"^\[ClassificationRBM.partial_fit\] y must hold labels"):
        make("hybrid").partial_fit(X, y, classes=[0, 1])


def test_validation_data_and_stopping() -> None:
    X, y = rows()
    other, labels = rows(seed=3)
    rbm = make("hybrid").fit(X, y, validation_data=(other, labels))
    assert len(rbm.history_["validation_accuracy"]) == 6
    stop = EarlyStopping("validation_log_likelihood", patience=2, mode="max")
    make("hybrid", n_iter=500, callbacks=[stop]).fit(X, y, validation_data=(other, labels))
    for bad, error in [(other, TypeError), ((other, labels[1:]), ValueError)]:
        with pytest.raises(error):
            make("hybrid").fit(X, y, validation_data=bad)
    with pytest.raises(ValueError, match="exclude each other"):
        make("sampled input").fit(X, y, validation_data=(other, labels))


def test_feature_names() -> None:
    X, y = rows()
    table = pandas.DataFrame(X, columns=[f"pixel {i}" for i in range(V)])
    rbm = make("hybrid").fit(table, y)
    assert rbm.feature_names_in_[3] == "pixel 3"
    np.testing.assert_array_equal(rbm.predict(table), make("hybrid").fit(X, y).predict(X))


def test_divergence_keeps_the_last_finite_weights() -> None:
    X, y = rows()
    rbm = make("discriminative", learning_rate=1e38, l2=1e3)
    with pytest.raises(gibbslab.DivergenceError, match=r"\[ClassificationRBM.fit\] \w+ would beco"):
        rbm.fit(X, y)
    assert np.isfinite(rbm.model_.W).all()
    assert np.isfinite(rbm.predict_log_proba(X)).all()


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"objective": "best"}, ValueError, "objective must be one of"),
    ({"alpha": -1}, ValueError, "alpha"),
    ({"alpha": "x"}, TypeError, "alpha"),
    ({"n_hidden": 0}, ValueError, "n_hidden must be at least 1, got 0"),
    ({"method": "pt"}, ValueError, "method must be one of"),
    ({"k": 0}, ValueError, "k must be at least 1"),
    ({"learning_rate": 0}, ValueError, "learning_rate must be above 0"),
    ({"sample_input": 1}, TypeError, "sample_input must be True or False"),
]


@pytest.mark.parametrize(("params", "error", "text"), BAD, ids=[text for *_, text in BAD])
def test_bad_parameters(params: dict[str, Any], error: type[Exception], text: str) -> None:
    X, y = rows()
    rbm = make("hybrid").set_params(**params)
    with pytest.raises(error, match=r"^\[ClassificationRBM.fit\] " + text):
        rbm.fit(X, y)
    assert not hasattr(rbm, "model_")


def test_bad_calls() -> None:
    X, y = rows()
    with pytest.raises(NotFittedError):
        make("hybrid").predict(X)
    with pytest.raises(ValueError, match="requires y to be passed"):
        make("hybrid").fit(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make("hybrid").fit(X, y[1:])
    with pytest.raises(ValueError, match="Unknown label type"):
        make("hybrid").fit(X, y + 0.5)
    rbm = make("hybrid", warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="n_hidden must stay 6 with warm_start, got 7"):
        rbm.set_params(n_hidden=7).fit(X, y)
    with pytest.raises(ValueError, match="y must hold labels of classes_ only"):
        rbm.set_params(n_hidden=H).fit(X, y + 1)


DAMAGE: dict[str, dict[str, Any]] = {
    "too few classes": {"classes": [0, 1]},
    "classes of another type": {"classes": ["0", "1", "2"]},
    "classes out of order": {"classes": [0, 2, 1]},
    "a class twice": {"classes": [0, 1, 1]},
    "numbers beyond their type": {"classes": [0, 1, 2**63]},
    "an unknown type": {"classes_dtype": "U1000000000"},
    "no list": {"classes": 3},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_files_with_impossible_classes_are_refused(damage: str) -> None:
    metadata, tensors = describe(make("hybrid", n_iter=1).fit(*rows()))
    metadata["state"] |= DAMAGE[damage]
    document = decode(encode("ClassificationRBM", metadata, tensors))
    with pytest.raises(gibbslab.FormatError, match=r"^\[test\] state.classes"):
        build(document, "[test]")


def test_the_step_level_model() -> None:
    from gibbslab.models import ClassificationRBM as Model

    model = Model(4, 3, 2, random_state=0, device="cpu")
    with pytest.raises(ValueError, match="read-only"):
        model.W[0] = 0
    model.y_bias = [0.0, 5.0]
    assert (model.log_proba(np.zeros((2, 4))).argmax(axis=1) == 1).all()
    v_prob, v, y, h = model.gibbs(np.zeros((6, 3)), 2)
    assert (v_prob.shape, v.shape, y.shape, h.shape) == ((6, 4), (6, 4), (6,), (6, 3))
    assert y.dtype == np.int64
    again = pickle.loads(pickle.dumps(model))
    assert again.draws == model.draws
    np.testing.assert_array_equal(again.gibbs(h, 1)[1], model.gibbs(h, 1)[1])
    with pytest.raises(ValueError, match=r"^\[ClassificationRBM\] U must have shape \(2, 3\)"):
        model.U = np.zeros((3, 3))
    for method in (model.log_proba, model.free_energy):
        with pytest.raises(ValueError, match="v must have 4 columns"):
            method(np.zeros((2, 3)))
