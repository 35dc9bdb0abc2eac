"""GaussianRBM: scikit-learn's rules, training that does not blow up, resuming, refusals."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import DivergenceError, FormatError, GaussianRBM
from model_files import joined, model_of, parts
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from training_cases import assert_same_training

CHECKED = [
    GaussianRBM(n_components=8, n_threads=1),
    GaussianRBM(n_components=3, n_threads=1, method="pcd", variance="learned", centered=True),
]


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: GaussianRBM, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def data(n: int = 53, features: int = 7, seed: int = 0) -> np.ndarray:
    """Two clusters and noise, of mean 0 and variance 1."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (2, features))
    rows = centres[rng.integers(2, size=n)] + rng.normal(0, 0.5, (n, features))
    return np.asarray(StandardScaler().fit_transform(rows))


def make(n_iter: int = 4, **params: Any) -> GaussianRBM:
    settings = {
        "batch_size": 9,
        "random_state": 5,
        "n_threads": 1,
        "learning_rate": 0.01,
        "n_components": 6,
    }
    return GaussianRBM(n_iter=n_iter, **{**settings, **params})


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "pcd": {"method": "pcd", "n_chains": 5, "k": 2},
    "learned": {"variance": "learned", "momentum": 0.5},
    "exact": {"method": "exact", "variance": "learned"},
    "everything": {
        "method": "pcd", "variance": "learned", "momentum": 0.5, "centered": True, "l1": 1e-4,
        "l2": 1e-3, "max_norm": 2.0, "sparsity_target": 0.2, "statistics": "sample",
        "validation_fraction": 0.2,
    },
}  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_resuming_changes_nothing(case: str, tmp_path: Path) -> None:
    """Four epochs, or two, a file, and two; and by warm_start."""
    X = data()
    whole = make(**CASES[case]).fit(X)
    half = make(2, **CASES[case], warm_start=True).fit(X)
    half.save(tmp_path / "model")
    loaded = gibbslab.load(tmp_path / "model")
    assert_same_training(pickle.loads(pickle.dumps(loaded)), half)
    assert_same_training(loaded.fit(X), whole)
    assert_same_training(half.fit(X), whole)
    np.testing.assert_array_equal(half.transform(X), whole.transform(X))


@every_case
def test_training_lowers_the_reconstruction_error(case: str) -> None:
    X = data(200)
    rbm = make(20, **CASES[case]).fit(X)
    assert rbm.history_["reconstruction_error"][-1] < 0.9 * np.square(X - X.mean(0)).mean()
    mean = rbm.model_.visible_mean(rbm.transform(X))
    assert rbm.score(X) == pytest.approx(-np.square(X - mean).mean(), rel=1e-5)


def test_exact_training_climbs_the_log_likelihood() -> None:
    X = data(100)
    rbm = make(1, method="exact", variance="learned", warm_start=True, batch_size=100)
    values = [rbm.fit(X).log_likelihood(X).mean() for _ in range(8)]
    assert (np.diff(values) > 0).all()


def test_learned_variances_find_the_noise() -> None:
    """Independent features of different variance: s is that variance."""
    scales = np.array([0.3, 1.0, 2.0])
    X = np.random.default_rng(1).normal(0, scales, (400, 3))
    more = {"variance": "learned", "method": "exact", "batch_size": 400, "n_components": 2}
    rbm = make(600, learning_rate=0.02, **more).fit(X)
    np.testing.assert_allclose(rbm.variance_, X.var(axis=0), rtol=0.1)


@pytest.mark.parametrize("params", [{}, {"method": "pcd"}, {"variance": "learned"}], ids=str)
def test_the_defaults_do_not_blow_up(params: dict[str, Any]) -> None:
    """Standardised digits, 300 hidden units: weights stay of order one, and it learns."""
    X = StandardScaler().fit_transform(load_digits().data[:600])
    rbm = GaussianRBM(300, n_iter=3, random_state=0, n_threads=1, **params).fit(X)
    assert np.abs(rbm.components_).max() < 3
    assert rbm.score(X) > -np.square(X).mean()


def test_sparse_data_and_partial_fit() -> None:
    X = np.where(data() > 0.5, data(), 0.0)
    dense, sparse = make().fit(X), make().fit(sp.csr_matrix(X))
    assert_same_training(dense, sparse)
    np.testing.assert_array_equal(dense.free_energy(X), sparse.free_energy(sp.csr_matrix(X)))
    chunks = make().partial_fit(X).partial_fit(X[:10])
    assert chunks.transform(X).shape == (53, 6)
    assert chunks.n_epochs_ == 0


def test_divergence_keeps_finite_weights() -> None:
    rbm = make(learning_rate=1e30)
    with pytest.raises(DivergenceError, match="would become non-finite in epoch 0, batch"):
        rbm.fit(1e10 * data())
    assert np.isfinite(rbm.components_).all()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"variance": "free"}, ValueError, r"\[GaussianRBM.fit\] variance must be a number, array"),
        ({"variance": -1.0}, ValueError, "variance must be"),
        ({"variance": None}, TypeError, "variance must be a number or 'learned', got None"),
        ({"variance_bounds": (2.0, 3.0)}, ValueError, "bounds must be above 0 and enclose 1"),
        ({"method": "adam"}, ValueError, "method must be one of"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be above 0"),
        ({"n_components": 0}, ValueError, "n_components must be at least 1"),
        ({"sparsity_target": 2.0}, ValueError, "sparsity_target must be in"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(**params).fit(data())


def test_exact_training_of_too_many_units_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 4194304 states"):
        GaussianRBM(30, method="exact", n_iter=1).fit(data())


def test_a_file_with_a_negative_variance_is_refused(tmp_path: Path) -> None:
    rbm = make(1).fit(data())
    rbm._training.model._rbm.v_variance = np.full(7, -1.0, np.float32)
    rbm.save(tmp_path / "model")
    with pytest.raises(FormatError, match=r"'v_variance' must be at least 1\.18e-38"):
        gibbslab.load(tmp_path / "model")


def test_a_file_with_a_wrong_parameter_is_refused(tmp_path: Path) -> None:
    make(1).fit(data()).save(tmp_path / "model")
    metadata, table, values = parts((tmp_path / "model").read_bytes())
    metadata["params"]["variance"] = "free"
    with pytest.raises(FormatError, match="variance must be"):
        model_of(joined(metadata, table, values))


def test_likelihood_estimates() -> None:
    X = data()
    rbm = make(10).fit(X)
    estimate = rbm.ais(X, n_temperatures=300, random_state=0)
    assert estimate.log_z == pytest.approx(rbm.log_partition(), abs=0.3)
    exact = rbm.log_likelihood(X)
    np.testing.assert_allclose(estimate.log_likelihood(X).mean, exact.mean(), atol=0.3)
