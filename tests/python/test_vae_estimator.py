"""The VAE as an estimator: scikit-learn's contract, scores, decoders, beta, samples, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import VAE, AnomalyDetector
from gibbslab.callbacks import EarlyStopping
from gibbslab.estimators import Linear
from gibbslab.estimators._vae_training import elbo_of_rows
from neural_cases import data, vae
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

CHECKED = [
    VAE(2, (4,), decoder="gaussian", n_iter=2, n_threads=1),
    VAE(1, (), decoder="gaussian", variance="shared", n_latent_samples=2, n_iter=1, n_threads=1),
]
QUICK: dict[str, Any] = {"batch_size": 50, "learning_rate": 0.02, "n_iter": 60}


@parametrize_with_checks(CHECKED)
def test_check_estimator(estimator: VAE, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def test_scores_are_unbiased_estimates_of_the_elbo() -> None:
    """Against Gauss-Hermite quadrature of E_q over one latent; 2000 seeds, one sample each."""
    X = (data() > 0.5).astype(np.float32)[[0, 10, 20, 30]]
    net = vae("plain", latent_size=1, **QUICK).fit((data(200) > 0.5).astype(np.float32)).model_
    mu, logvar = (np.float64(y.numpy()) for y in net.encode(X))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    z = mu + np.exp(logvar / 2) * nodes
    logits = np.float64(net.logits(z.reshape(-1, 1)).numpy()).reshape(4, 40, -1)
    log_p = (X[:, None] * logits - np.logaddexp(0, logits)).sum(axis=2)
    share = weights / weights.sum()
    mean = log_p @ share
    deviation = np.sqrt(((log_p - mean[:, None]) ** 2) @ share)
    expected = mean - 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).ravel()
    scores = []
    for seed in range(2000):
        net.seed = seed
        scores.append(elbo_of_rows(net, X))
    error = np.mean(scores, axis=0) - expected
    assert (np.abs(error) < 5.5 * deviation / np.sqrt(2000) + 1e-5).all()


def test_scores_are_a_row_s_own_and_the_bounds_are_ordered() -> None:
    X = data(200)
    net = vae("gaussian", **QUICK).fit(X)
    scores = net.score_samples(X)
    np.testing.assert_array_equal(net.score_samples(X), scores)
    np.testing.assert_allclose(net.score_samples(X[::-1])[::-1], scores, rtol=1e-6)
    np.testing.assert_allclose(net.score_samples(sp.csr_matrix(X)), scores, rtol=1e-6)
    elbo = net.model_.elbo(X, 50).mean()
    assert net.score(X) == pytest.approx(elbo, abs=0.5)
    assert net.importance_weighted_bound(X, 50).mean() > elbo


def test_a_latent_space_of_a_curve() -> None:
    """The ELBO of unseen rows, against the likelihood of independent normal features."""
    X, unseen = data(300), data(100, seed=1)
    net = vae("plain", decoder="gaussian", variance="shared", hidden_layer_sizes=(16,), **QUICK)
    net.fit(X, validation_data=unseen)
    variance = X.var(axis=0)
    independent = -0.5 * (
        ((unseen - X.mean(axis=0)) ** 2 / variance) + np.log(2 * np.pi * variance)
    )
    assert net.score(unseen) > independent.sum(axis=1).mean() + 5
    history = net.history_
    assert history["validation_elbo"][-1] > history["validation_elbo"][0]
    assert history["elbo"][-1] == pytest.approx(net.score(X), abs=1.0)
    statistics = net.latent_statistics(X)
    assert history["kl"][-1] == pytest.approx(statistics.kl.sum(), rel=0.3)
    assert statistics.active.any()
    error = np.square(net.reconstruct(unseen) - unseen).mean()
    assert error < 0.2 * variance.mean()
    codes = net.transform(unseen)
    np.testing.assert_array_equal(net.inverse_transform(codes), net.reconstruct(unseen))


def test_beta_weighs_the_divergence() -> None:
    X = data(200)
    free, held = (vae("plain", beta=beta, **QUICK).fit(X) for beta in (0.0, 4.0))
    assert free.history_["kl"][-1] > 2 * held.history_["kl"][-1]
    warm = vae("plain", beta=Linear(0, 1, 5)).fit(data())
    assert warm.history_["beta"] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_partial_fit_takes_the_beta_of_its_epoch() -> None:
    one, other = (vae("plain", beta=Linear(b, 1, 5)).partial_fit(data()) for b in (0.0, 1.0))
    assert (one.model_.enc_mu.weight.numpy() != other.model_.enc_mu.weight.numpy()).any()


def test_samples_and_interpolation() -> None:
    X = data(100).astype(np.float32)
    net = vae("plain", n_iter=5).fit(X)
    drawn, means = net.sample(200), net.sample(50, means=True)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn.dtype == means.dtype == np.float32
    assert ((means > 0) & (means < 1)).all()
    assert abs(drawn.mean() - means.mean()) < 0.2
    line = net.interpolate(X[:3], X[3:6], 5)
    assert line.shape == (3, 5, 9)
    np.testing.assert_allclose(line[:, 0], net.reconstruct(X[:3]), rtol=1e-5)
    np.testing.assert_allclose(line[:, -1], net.reconstruct(X[3:6]), rtol=1e-5)


def test_composition() -> None:
    X = data(100)
    y = X[:, 8] > 0.5
    pipeline = make_pipeline(vae("plain", beta=0.1, **QUICK), LogisticRegression(C=100))
    assert pipeline.fit(X, y).score(X, y) > 0.8
    detector = AnomalyDetector(vae("gaussian", n_iter=2)).fit(X)
    assert (detector.predict(X) == -1).sum() == 5
    stop = EarlyStopping("validation_elbo", patience=2)
    net = vae("gaussian", n_iter=300, learning_rate=0.05, callbacks=[stop]).fit(X)
    assert stop.best == max(net.history_["validation_elbo"])
    assert stop.stopped_epoch is not None


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "latents": ({"latent_size": 0}, ValueError, "latent_size must be at least 1, got 0"),
    "sizes": ({"hidden_layer_sizes": 5}, TypeError, "hidden_layer_sizes must be a sequence"),
    "preset": ({"hidden_layer_sizes": "wide"}, ValueError, "hidden_layer_sizes must be integers"),
    "decoder": ({"decoder": "poisson"}, ValueError, "decoder must be one of"),
    "variance": ({"variance": "full", "decoder": "gaussian"}, ValueError, "variance must be one"),
    "zero": ({"variance": 0.0, "decoder": "gaussian"}, ValueError, "variance must be above 0"),
    "whose": ({"variance": 2.0}, ValueError, "variance is for decoder='gaussian'"),
    "beta": ({"beta": -1.0}, ValueError, "beta must be finite and at least 0"),
    "samples": ({"n_latent_samples": 0}, ValueError, "n_latent_samples must be at least 1"),
    "optimizer": ({"optimizer": "lbfgs"}, ValueError, "optimizer must be one of"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters(case: str) -> None:
    params, error, message = BAD[case]
    with pytest.raises(error, match=rf"^\[VAE.fit\] {message}"):
        vae("plain", **params).fit(data())


def test_bad_data_and_what_must_stay() -> None:
    with pytest.raises(ValueError, match=r"X must lie in \[0, 1\] with decoder='bernoulli'"):
        vae("plain").fit(2 * data())
    net = vae("gaussian", warm_start=True, n_iter=1).fit(data())
    with pytest.raises(ValueError, match=r"\[VAE.fit\] latent_size must stay 2 with warm_start"):
        net.set_params(latent_size=3).fit(data())
    with pytest.raises(ValueError, match="variance must stay per_pixel with warm_start"):
        net.set_params(latent_size=2, variance="shared").fit(data())
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must stay \(6, 4\) with warm_start"):
        net.set_params(variance="per_pixel", hidden_layer_sizes="conv").fit(data())
    with pytest.raises(ValueError, match=r"'conv' needs square images, got 8 features"):
        vae("images").fit(data()[:, 1:])
    with pytest.raises(ValueError, match=r"inverse_transform\] Z must have 2 columns"):
        net.inverse_transform(np.zeros((3, 4)))
