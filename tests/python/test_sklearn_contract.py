"""scikit-learn's rules for estimators, and its own tests of the class whose place ours takes."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse as sp
from gibbslab import BernoulliRBM
from gibbslab.callbacks import EarlyStopping
from gibbslab.estimators import Linear
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import BernoulliRBM as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import minmax_scale
from sklearn.utils.estimator_checks import parametrize_with_checks
from thresholds import assert_means
from training_cases import V, assert_same_training, grey, make

CHECKED = [
    BernoulliRBM(n_components=8, n_threads=1),
    BernoulliRBM(n_components=3, n_threads=1, method="cd", momentum=0.5, centered=True),
]


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: BernoulliRBM, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


# Those that use private methods, and one that pins scikit-learn's own random stream; the tests
# below ask of ours what these ask of theirs.
NOT_FOR_OTHERS = ["test_transform", "test_sample_hiddens", "test_fit_gibbs"]
PUBLIC = {
    "test_fit", "test_partial_fit", "test_small_sparse", "test_small_sparse_partial_fit",
    "test_gibbs_smoke", "test_score_samples", "test_rbm_verbose", "test_sparse_and_verbose",
    "test_transformer_dtypes_casting", "test_convergence_dtype_consistency",
    "test_feature_names_out",
}  # fmt: skip


def test_their_tests_pass_with_ours(tmp_path: Path) -> None:
    module = "sklearn.neural_network.tests.test_rbm"
    choice = " and ".join(f"not {name}" for name in NOT_FOR_OTHERS)
    # "not test_transform" would exclude test_transformer_dtypes_casting too.
    choice = choice.replace("not test_transform ", "(not test_transform or transformer) ")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={tmp_path}"]
    command += ["-p", "no:cacheprovider", "-p", "in_our_place", "-rA", "--pyargs", module]
    paths = [str(Path(__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [*command, "-k", choice],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert set(re.findall(r"^PASSED .*::(\w+)", done.stdout, re.MULTILINE)) == PUBLIC
    assert "FAILED" not in done.stdout
    assert "SKIPPED" not in done.stdout


# ---- what the excluded three ask ------------------------------------------------------------


def test_hidden_samples_have_the_means_that_transform_gives() -> None:
    rbm = make("plain", n_iter=5).fit(grey())
    row = grey()[:1]
    samples = rbm.model_.sample_hidden(np.repeat(row, 20_000, axis=0))
    assert_means(samples, rbm.transform(row)[0], "hidden samples")


@pytest.mark.parametrize("container", [np.asarray, sp.csc_matrix])
def test_gibbs_recreates_what_was_learned(container: Any) -> None:
    """Two inputs of six equal bits: a sweep keeps each bit with high probability.

    Measured 0.930 to 0.952 over eight seeds; without weights it would be a half.
    """
    X = np.repeat([[0.0], [1.0]], 6, axis=1)
    rbm = BernoulliRBM(2, batch_size=2, n_chains=50, n_iter=1000, random_state=0, n_threads=1)
    rbm.fit(container(X))
    many = np.repeat(X, 5000, axis=0)
    kept = (rbm.gibbs(container(many)) == many).mean()
    assert kept > 0.85


# ---- beside scikit-learn's class ------------------------------------------------------------


def test_parameters_and_defaults_include_theirs() -> None:
    ours, theirs = BernoulliRBM().get_params(), Theirs().get_params()
    assert {name: ours[name] for name in theirs} == theirs


def test_the_same_weights_give_the_same_numbers() -> None:
    X = grey()
    theirs = Theirs(11, n_iter=3, random_state=0).fit(X)
    ours = make("plain", n_iter=0).fit(X)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(ours, name, getattr(theirs, name))
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-5)
    np.testing.assert_allclose(ours.free_energy(X), theirs._free_energy(X), rtol=1e-5)
    np.testing.assert_allclose(
        ours.model_.pseudo_likelihood(X, method="stochastic", random_state=0),
        theirs.score_samples(X),
        rtol=1e-4,
    )
    assert ours.h_samples_.shape == (9, 11)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


def test_it_learns_digits_as_well_as_theirs() -> None:
    """Mean pseudo-likelihood after ten epochs, from -44.5.

    Measured over four seeds: ours -19.6 to -19.8, theirs -20.1 to -20.5.
    """
    X = minmax_scale(load_digits(return_X_y=True)[0])
    params = {"n_components": 64, "n_iter": 10, "random_state": 0}
    ours, theirs = BernoulliRBM(**params, n_threads=1).fit(X), Theirs(**params).fit(X)
    scores = [np.mean([_score(r, X, seed) for seed in range(10)]) for r in (ours, theirs)]
    assert abs(scores[0] - scores[1]) < 3.0
    assert scores[0] > -23


def _score(rbm: Any, X: np.ndarray, seed: int) -> float:
    return float(rbm.set_params(random_state=seed).score_samples(X).mean())


# ---- composition ----------------------------------------------------------------------------


def test_pipeline_classifies_digits() -> None:
    """Measured 0.82 to 0.83 over three seeds; chance is 0.1."""
    X, y = load_digits(return_X_y=True)
    X = minmax_scale(X)
    rbm = BernoulliRBM(64, learning_rate=0.06, n_iter=10, random_state=0, n_threads=1)
    pipeline = make_pipeline(rbm, KNeighborsClassifier()).fit(X[:1200], y[:1200])
    assert pipeline.score(X[1200:], y[1200:]) > 0.75


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs: int) -> None:
    grid = {"n_components": [2, 11], "learning_rate": [0.01, Linear(0.1, 0.02, 5)]}
    search = GridSearchCV(make("plain", n_iter=5), grid, cv=2, n_jobs=n_jobs).fit(grey())
    assert search.best_params_["n_components"] == 11
    assert search.best_params_["learning_rate"] == Linear(0.1, 0.02, 5)
    alone = make("plain", n_iter=5, learning_rate=Linear(0.1, 0.02, 5)).fit(grey())
    assert_same_training(search.best_estimator_, alone)


def test_cross_validation_with_seeds() -> None:
    scores = cross_val_score(make("plain", n_iter=2), grey(), cv=3)
    np.testing.assert_array_equal(scores, cross_val_score(make("plain", n_iter=2), grey(), cv=3))


def test_data_frames_go_through() -> None:
    frame = pandas.DataFrame(grey(), columns=[f"pixel{i}" for i in range(V)])
    rbm = make("plain", n_iter=2).set_output(transform="pandas").fit(frame)
    out = rbm.transform(frame)
    assert list(out.columns) == [f"bernoullirbm{i}" for i in range(11)]
    assert list(rbm.feature_names_in_) == list(frame.columns)
    assert_same_training(rbm, make("plain", n_iter=2).fit(grey()))
    with pytest.raises(ValueError, match="feature names should match"):
        rbm.transform(frame[frame.columns[::-1]])


# ---- copies ---------------------------------------------------------------------------------


def test_clone_is_unfitted_with_equal_parameters() -> None:
    rbm = make("everything", callbacks=[EarlyStopping(patience=3)]).fit(grey())
    copy = clone(rbm)
    assert not hasattr(copy, "model_")
    assert copy.callbacks[0] is not rbm.callbacks[0]
    assert copy.set_params(callbacks=None).get_params() == {**rbm.get_params(), "callbacks": None}


@pytest.mark.parametrize("case", ["plain", "everything"])
@pytest.mark.parametrize("way", ["pickle", "deepcopy"])
def test_copies_go_on_like_the_original(case: str, way: str) -> None:
    rbm = make(case, n_iter=3, warm_start=True).fit(grey())
    copy = pickle.loads(pickle.dumps(rbm)) if way == "pickle" else deepcopy(rbm)
    assert copy._training.model is copy.model_
    assert_same_training(rbm, copy)
    np.testing.assert_array_equal(rbm.gibbs(grey()), copy.gibbs(grey()))
    np.testing.assert_array_equal(rbm.transform(grey()), copy.transform(grey()))
    assert_same_training(rbm.fit(grey()), copy.fit(grey()))


def test_a_copy_is_independent() -> None:
    rbm = make("plain", n_iter=1, warm_start=True).fit(grey())
    weights = rbm.components_
    pickle.loads(pickle.dumps(rbm)).fit(grey())
    np.testing.assert_array_equal(rbm.components_, weights)
