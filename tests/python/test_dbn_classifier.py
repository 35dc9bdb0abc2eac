"""The DBN with labels: scikit-learn's contract, going on bit for bit, files, generation."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import DBN, DBNClassifier, DivergenceError
from gibbslab.callbacks import EarlyStopping
from gibbslab.estimators import Linear
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from stopping import StopAfter, StopIn
from test_dbn_estimator import CASES
from training_cases import ROWS, assert_same_training, binary, grey

CHECKED = [
    DBNClassifier((64, 32), n_threads=1),
    DBNClassifier((20, 20), n_threads=1, n_iter=60, fine_tune_iter=3, method="pcd"),
]
EPOCHS = 11


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: DBNClassifier, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def labels(seed: int = 3) -> np.ndarray:
    return np.array(["one", "three", "two"])[np.random.default_rng(seed).integers(3, size=ROWS)]


def make(**params: Any) -> DBNClassifier:
    defaults: dict[str, Any] = {
        "n_iter": 3, "fine_tune_iter": 2, "batch_size": 9, "random_state": 1, "n_threads": 1,
    }  # fmt: skip
    return DBNClassifier((9, 7, 5), **defaults | params)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["file", "pickle", "memory"])
@pytest.mark.parametrize("epoch", [0, 4, 5, 7, 8, 9])
def test_training_resumes_bit_for_bit(case: str, way: str, epoch: int, tmp_path: Path) -> None:
    """From a greedy stage below the labels, from that with them, and from the up-down stage."""
    whole = make(**CASES[case]).fit(grey(), labels())
    part = make(**CASES[case], callbacks=[StopIn(epoch)]).fit(grey(), labels())
    assert part.n_epochs_ == epoch + 1
    if way == "file":
        part.save(tmp_path / "dbn")
        part = gibbslab.load(tmp_path / "dbn")
        assert type(part) is DBNClassifier
        assert part.hidden_layer_sizes == (9, 7, 5)
    elif way == "pickle":
        part = pickle.loads(pickle.dumps(part))
    part.set_params(warm_start=True, callbacks=None).fit(grey(), labels())
    assert whole.n_epochs_ == EPOCHS
    assert_same_training(part, whole)
    np.testing.assert_array_equal(part.classes_, whole.classes_, strict=True)
    np.testing.assert_array_equal(part.predict_proba(grey()), whole.predict_proba(grey()))


@pytest.mark.parametrize("batches", [4, 40, 57])
def test_training_resumes_within_an_epoch(batches: int, tmp_path: Path) -> None:
    whole = make().fit(grey(), labels())
    part = make(callbacks=[StopAfter(batches)]).fit(grey(), labels())
    assert (part._training.epoch, part._training.batch) == divmod(batches, 6)
    part.save(tmp_path / "dbn")
    loaded = gibbslab.load(tmp_path / "dbn").set_params(warm_start=True)
    assert_same_training(loaded.fit(grey(), labels()), whole)


def test_labels_do_not_reach_the_greedy_stages_below() -> None:
    """Other labels train the same first layers, and another top."""
    one, other = (make(fine_tune_iter=0).fit(grey(), labels(seed)).model_ for seed in (3, 4))
    for name, value in one.parameters.items():
        same = np.array_equal(value, other.parameters[name])
        assert same == (not name.startswith("top_")), name


def test_history_tells_of_the_labels_where_they_take_part() -> None:
    dbn = make().fit(grey(), labels(), validation_data=(grey(1), labels(4)))
    history = dbn.history_
    assert history["stage"] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 2
    for name in ("accuracy", "log_likelihood", "validation_accuracy", "validation_log_likelihood"):
        assert np.isnan(history[name][:6]).all()
        assert np.isfinite(history[name][6:]).all()
    for name in ("reconstruction_error", "validation_reconstruction_error"):
        assert np.isfinite(history[name]).all()
    assert np.isnan(history["pseudo_likelihood"][6:]).all()
    assert history["accuracy"][-1] == dbn.score(grey(), labels())
    assert history["validation_accuracy"][-1] == dbn.score(grey(1), labels(4))


def test_verbose_prints_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    make(verbose=1).fit(grey(), labels())
    printed = capsys.readouterr()
    assert printed.out.count("[DBNClassifier] Iteration ") == EPOCHS
    assert printed.out.count("accuracy = ") == 5
    assert f"{EPOCHS}/{EPOCHS}" in printed.err


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    stop = EarlyStopping("reconstruction_error", patience=20, mode="max")
    dbn = make(callbacks=[stop]).fit(grey(), labels())
    assert stop.best_epoch is not None
    assert dbn.n_epochs_ == stop.best_epoch + 1
    dbn.set_params(warm_start=True, callbacks=None).fit(grey(), labels())
    assert_same_training(dbn, make().fit(grey(), labels()))


def test_training_does_not_depend_on_threads_or_layout() -> None:
    one = make().fit(grey(), labels())
    assert_same_training(make(n_threads=2).fit(grey(), labels()), one)
    assert_same_training(clone(one).fit(np.asfortranarray(grey()), labels()), one)
    assert_same_training(make().fit(sp.csr_matrix(grey()), labels()), one)


@pytest.fixture(scope="module")
def digits() -> tuple[DBNClassifier, np.ndarray, np.ndarray]:
    """Trained on 1300 of 1797 images of 8 x 8; the others."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    dbn = DBNClassifier(
        (64, 100), n_iter=30, learning_rate=0.1, fine_tune_iter=10, fine_tune_k=3,
        fine_tune_learning_rate=Linear(0.05, 0.01, 10), sample_input=True,
        init_visible_bias="data", random_state=0, n_threads=1,
    )  # fmt: skip
    return dbn.fit(X[:1300], y[:1300]), X[1300:], y[1300:]


def test_digits_are_learnt(digits: tuple[DBNClassifier, np.ndarray, np.ndarray]) -> None:
    """Measured 0.89; a guess is right once in ten."""
    dbn, X, y = digits
    assert is_classifier(dbn)
    assert dbn.score(X, y) > 0.85
    np.testing.assert_allclose(dbn.predict_proba(X).sum(axis=1), 1.0, atol=1e-12)
    assert dbn.transform(X).shape == (len(X), 100)
    assert dbn.history_["log_likelihood"][-1] > dbn.history_["log_likelihood"][30]


def test_images_of_a_class_are_generated(
    digits: tuple[DBNClassifier, np.ndarray, np.ndarray],
) -> None:
    """Told by the network itself, and by the class whose mean image is nearest.

    Measured 0.66 and 0.60; chance is 0.1.
    """
    dbn, X, y = digits
    wanted = np.repeat(np.arange(10), 30)
    v = dbn.sample(300, 50, y=wanted)
    assert (v.dtype, v.shape) == (bool, (300, 64))
    assert (dbn.predict(v.astype(float)) == wanted).mean() > 0.5
    means = np.array([X[y == k].mean(axis=0) for k in range(10)])
    nearest = ((v[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == wanted).mean() > 0.4
    assert dbn.sample(4, 3, y=7).shape == dbn.sample(4, 3).shape == (4, 64)


def test_the_bound_sums_the_labels_out() -> None:
    X, y = binary(), labels()
    dbn = make().fit(X, y)
    model = dbn.model_
    tops = [model.top_rbm(label).log_partition() for label in range(3)]
    log_z = np.logaddexp.reduce(tops + model.parameters["top_y_bias"].astype(float))
    draws = model.log_weights(X, 400) - log_z
    spread = np.sqrt(draws.var(axis=0) * (1 / 400 + 1 / 10))
    assert (np.abs(dbn.score_samples(X) - draws.mean(axis=0)) < 5.5 * spread + 1e-3).all()


def test_it_composes() -> None:
    X, y = 3 * binary() - 1, labels()
    pipeline = make_pipeline(MinMaxScaler(), make(n_iter=1))
    search = GridSearchCV(pipeline, {"dbnclassifier__k": [1, 2]}, cv=2).fit(X, y)
    assert set(search.predict(X)) <= set(y)
    names = search.best_estimator_[-1].get_feature_names_out()
    assert names.tolist() == [f"dbnclassifier{i}" for i in range(5)]


def test_one_layer_one_label_and_other_labels(tmp_path: Path) -> None:
    dbn = DBNClassifier((6,), n_iter=3, fine_tune_iter=1, random_state=0, n_threads=1)
    only = clone(dbn).fit(binary(), np.full(ROWS, "all"))
    np.testing.assert_array_equal(only.predict_proba(binary()), np.ones((ROWS, 1)))
    numbers = np.random.default_rng(0).integers(-2, 2, ROWS)
    dbn.fit(binary(), numbers)
    assert dbn.history_["stage"] == [0, 0, 0, 1]
    assert np.isfinite(dbn.history_["accuracy"]).all()
    dbn.save(tmp_path / "dbn")
    again = gibbslab.load(tmp_path / "dbn")
    np.testing.assert_array_equal(again.classes_, np.arange(-2, 2), strict=True)
    np.testing.assert_array_equal(again.predict(binary()), dbn.predict(binary()), strict=True)


@pytest.mark.parametrize("stage", ["greedy", "up-down"])
def test_divergence_keeps_the_last_good_weights(stage: str) -> None:
    rates = {"greedy": "learning_rate", "up-down": "fine_tune_learning_rate"}
    dbn = DBNClassifier((7,), n_iter=2, fine_tune_iter=1, l2=1e3, random_state=1, n_threads=1)
    dbn.set_params(**{"learning_rate": 1e-5, rates[stage]: 1e38})
    with pytest.raises(DivergenceError, match=r"\[DBNClassifier.fit\] \w+ would become") as caught:
        dbn.fit(grey(), labels())
    assert caught.value.epoch == (0 if stage == "greedy" else 2)
    assert np.isfinite(dbn.predict_log_proba(grey())).all()


def test_bad_calls() -> None:
    X, y = grey(), labels()
    with pytest.raises(NotFittedError):
        make().predict(X)
    with pytest.raises(NotFittedError):
        make().sample(y="one")
    for bad, text in (
        ((X,), "requires y to be passed"),
        ((X, y[1:]), "inconsistent numbers of samples"),
        ((X, X[:, 0] + 0.01), "Unknown label type"),
    ):
        with pytest.raises(ValueError, match=text):
            make().fit(*bad)
    with pytest.raises(TypeError, match="validation_data must be a pair of X and y"):
        make().fit(X, y, validation_data=X)
    dbn = make(n_iter=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"^\[DBNClassifier.sample\] y must hold labels of class"):
        dbn.sample(2, 3, y="four")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        dbn.sample(2, 3, y=["one"])
    with pytest.raises(ValueError, match="y must hold labels of classes_ only"):
        dbn.fit(X, np.where(y == "one", "four", y))
    with pytest.raises(ValueError, match="hidden_layer_sizes must stay"):
        dbn.set_params(hidden_layer_sizes=(9, 7)).fit(X, y)


def test_a_file_needs_its_labels(tmp_path: Path) -> None:
    from model_files import joined, model_of, parts

    make(n_iter=1).fit(grey(), labels()).save(tmp_path / "dbn")
    metadata, table, data = parts((tmp_path / "dbn").read_bytes())
    metadata["state"]["classes"] = ["one", "two"]
    with pytest.raises(gibbslab.FormatError, match=r"state.classes must be a list of 3 labels"):
        model_of(joined(metadata, table, data))
    make_plain = DBN((9, 7, 5), n_iter=1, n_threads=1).fit(grey())
    make_plain.save(tmp_path / "plain")
    metadata, table, data = parts((tmp_path / "plain").read_bytes())
    metadata["class"] = "DBNClassifier"
    with pytest.raises(gibbslab.FormatError, match="tensor 'top_U' must be there"):
        model_of(joined(metadata, table, data))
