"""The autoencoder as an estimator: scikit-learn's contract, variants, stages, input, refusals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse as sp
from gibbslab import Autoencoder, nn
from gibbslab.callbacks import EarlyStopping
from neural_cases import V, autoencoder, data, layers
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

CHECKED = [
    Autoencoder((4, 3), n_iter=2, n_threads=1),
    Autoencoder((3,), n_iter=1, n_threads=1, activation="sigmoid", noise="gaussian",
                contractive=0.1, sparsity_target=0.1, pretrain_iter=1),
]  # fmt: skip


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: Autoencoder, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


QUICK: dict[str, Any] = {"batch_size": 40, "learning_rate": 0.03, "n_iter": 60}

# ---- variants -------------------------------------------------------------------------------


def test_an_undercomplete_code_of_a_curve() -> None:
    """One number tells where on the curve a row is: measured against the variance of the data."""
    X, unseen = data(400), data(100, seed=1)
    net = autoencoder("plain", architecture=(16, 2), activation="tanh", **QUICK).fit(X)
    assert net.score(unseen) > -0.1 * unseen.var(axis=0).mean()
    codes = net.transform(unseen)
    assert codes.shape == (100, 2)
    np.testing.assert_array_equal(net.inverse_transform(codes), net.reconstruct(unseen))
    error = np.square(unseen - net.reconstruct(unseen)).mean(axis=1)
    np.testing.assert_allclose(net.score_samples(unseen), -error, rtol=1e-5, atol=1e-8)


def test_a_denoising_one_takes_noise_away() -> None:
    X, unseen = data(400), data(200, seed=1)
    noisy = unseen + np.random.default_rng(2).normal(0, 0.2, unseen.shape)
    net = autoencoder("plain", architecture=(32,), noise="gaussian", noise_level=0.2, **QUICK)
    error = np.square(unseen - net.fit(X).reconstruct(noisy)).mean()
    assert error < 0.5 * 0.2**2


def test_penalties_do_what_they_are_for() -> None:
    X = data(300)
    settings = {"architecture": (20,), "activation": "sigmoid", **QUICK}
    plain = autoencoder("plain", **settings).fit(X)
    norm = lambda net: net.model_.contraction(X)[1].item() / len(X)  # noqa: E731
    assert norm(autoencoder("plain", contractive=0.1, **settings).fit(X)) < 0.5 * norm(plain)
    sparse = autoencoder("plain", sparsity_target=0.1, sparsity_cost=1.0, **settings).fit(X)
    assert np.abs(sparse.transform(X).mean(axis=0) - 0.1).max() < 0.05
    assert np.abs(plain.transform(X).mean(axis=0) - 0.1).max() > 0.2
    small = autoencoder("plain", activity_l1=0.1, **settings).fit(X)
    assert small.transform(X).mean() < 0.5 * plain.transform(X).mean()


def test_cross_entropy_learns_probabilities() -> None:
    X = (data(300) > 0.5).astype(np.float32)
    net = autoencoder("plain", loss="bce", architecture=(16,), **QUICK).fit(X)
    p = net.reconstruct(X)
    assert p.dtype == np.float32
    assert ((p >= 0) & (p <= 1)).all()
    assert ((p > 0.5) == X).mean() > 0.95
    q = np.clip(np.float64(p), 1e-9, 1 - 1e-9)
    expected = (X * np.log(q) + (1 - X) * np.log1p(-q)).mean(axis=1)
    np.testing.assert_allclose(net.score_samples(X), expected, rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match=r"X must lie in \[0, 1\] with loss='bce', got values"):
        net.fit(2 * X)


def test_the_presets_are_those_of_the_tutorials() -> None:
    counts = {}
    for preset, width in (("dense", 784), ("dense_deep", 784), ("ecg", 140)):
        net = Autoencoder(preset, n_iter=0, n_threads=1).fit(np.zeros((2, width)))
        counts[preset] = net.model_.n_parameters
        assert net.model_.ends_in_sigmoid
    # 784-64-784 has 50,240 + 50,960 parameters.
    assert counts == {"dense": 101_200, "dense_deep": 100_480 + 8_256 + 50_960, "ecg": 10_484}


def test_the_convolutional_presets() -> None:
    """Images with noise; 1,320 and 1,897 parameters, as the tutorial's summaries say."""
    rng = np.random.default_rng(0)
    X = np.zeros((60, 8, 8))
    X[np.arange(60), rng.integers(8, size=60)] = 1  # a bright row in each
    for preset in ("conv", "conv_upsample"):
        net = Autoencoder(preset, n_iter=30, learning_rate=0.01, batch_size=20, random_state=0,
                          loss="bce", noise="gaussian", n_threads=1)  # fmt: skip
        net.fit(X.reshape(60, 64))
        counts = [part.n_parameters for part in (net.model_.encoder, net.model_.decoder)]
        assert counts == [1_320, 1_897]
        assert net.model_.code_size == 2 * 2 * 8
        assert net.history_["loss"][-1] < 0.1 * net.history_["loss"][0]
    with pytest.raises(ValueError, match="square images with a side divisible by 4, got 36 feat"):
        Autoencoder("conv").fit(np.zeros((3, 36)))


def test_the_contraction_of_convolutions() -> None:
    """Against central differences of the codes."""
    net = autoencoder("images", n_iter=1).fit(data())
    x, step = data()[:2].astype(np.float32), 1e-2
    shifts = step * np.eye(V, dtype=np.float32)
    rows = [[net.model_.encode(x + s).numpy() for s in (shift, -shift)] for shift in shifts]
    slopes = np.array([(above - below) / (2 * step) for above, below in rows], np.float64)
    norm = net.model_.contraction(x)[1]
    assert norm.item() == pytest.approx((slopes**2).sum(), rel=1e-2)
    norm.backward()
    assert np.abs(net.model_.encoder[1].weight.grad.numpy()).max() > 0


# ---- stages ---------------------------------------------------------------------------------


def test_pretraining_goes_layer_by_layer() -> None:
    """Each stage moves its own two layers and lowers their loss; then all move."""
    X = data(200)
    seen: list[dict[str, np.ndarray]] = []

    class Watch(EarlyStopping):
        def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool:
            seen.append(estimator.model_.state_dict())
            return False

        def on_train_end(self, estimator: Any, logs: dict[str, float]) -> None:
            pass

    net = autoencoder("plain", architecture=(6, 3), pretrain_iter=10, callbacks=[Watch()]).fit(X)
    history = net.history_
    assert history["stage"] == [0.0] * 10 + [1.0] * 10 + [2.0] * 10
    assert net.n_epochs_ == 30
    loss = np.array(history["loss"]).reshape(3, 10)
    assert (loss[:, -1] < loss[:, 0]).all()
    changes = [
        {name for name, value in now.items() if (value != before[name]).any()}
        for before, now in pairwise(seen)
    ]
    outer = {f"{part}.{kind}" for part in ("encoder.0", "decoder.2") for kind in ("weight", "bias")}
    inner = {f"{part}.{kind}" for part in ("encoder.2", "decoder.0") for kind in ("weight", "bias")}
    assert all(change == outer for change in changes[:9])
    assert all(change <= inner and change for change in changes[9:19])
    assert changes[19] == outer | inner


def test_history_tells_of_loss_penalty_and_validation() -> None:
    net = autoencoder("penalties").fit(data(), validation_data=data(20, seed=1))
    history = net.history_
    assert {"loss", "validation_loss", "reconstruction_error", "penalty"} <= set(history)
    assert history["epoch"] == list(range(10))
    assert history["loss"] == history["reconstruction_error"]  # squared error, no noise
    measured = -net.score(data(20, seed=1))
    assert history["validation_loss"][-1] == pytest.approx(measured, rel=1e-6)
    assert "penalty" not in autoencoder("plain", n_iter=1).fit(data()).history_


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    stop = EarlyStopping("validation_loss", patience=2)
    net = autoencoder("plain", learning_rate=0.5, n_iter=60, validation_fraction=0.3)
    net.set_params(callbacks=[stop]).fit(data())
    assert stop.stopped_epoch is not None
    assert net.n_epochs_ == stop.best_epoch + 1 < 60


# ---- input, composition ---------------------------------------------------------------------


def test_sparse_rows_train_as_dense_ones() -> None:
    X = np.where(data() > 0.6, data(), 0)
    dense, sparse = (autoencoder("plain", n_iter=2).fit(x) for x in (X, sp.csr_matrix(X)))
    np.testing.assert_array_equal(dense.transform(X), sparse.transform(sp.csr_matrix(X)))
    np.testing.assert_array_equal(dense.score_samples(X), sparse.score_samples(sp.csc_matrix(X)))


def test_pipelines_grids_and_frames() -> None:
    X = pandas.DataFrame(data(80), columns=[f"f{i}" for i in range(V)])
    y = X["f8"] > 0.5
    pipeline = make_pipeline(autoencoder("plain", n_iter=20), LogisticRegression(C=100)).fit(X, y)
    assert pipeline.score(X, y) > 0.8
    search = GridSearchCV(autoencoder("plain", n_iter=3), {"architecture": [(1,), (4,)]}, cv=2)
    assert search.fit(X).best_params_ == {"architecture": (4,)}
    out = autoencoder("plain", n_iter=1).set_output(transform="pandas").fit(X).transform(X)
    assert list(out.columns) == ["autoencoder0", "autoencoder1"]


def test_layers_are_trained_as_copies() -> None:
    given = layers()
    before = given[0][2].weight.numpy()
    net = autoencoder("layers", architecture=given)
    first, second = net.fit(data()).transform(data()), clone(net).fit(data()).transform(data())
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(given[0][2].weight.numpy(), before)
    assert (net.model_.encoder[2].weight.numpy() != before).any()
    assert first.shape == (45, 6)


def test_partial_fit_is_a_pass_in_order() -> None:
    """Without shuffling an epoch is a pass, but for counting it."""
    whole = autoencoder("plain", n_iter=2, shuffle=False).fit(data())
    net = autoencoder("plain").partial_fit(data()).partial_fit(data())
    for name, value in whole.model_.state_dict().items():
        np.testing.assert_array_equal(net.model_.state_dict()[name], value)
    assert (net.n_epochs_, net.history_) == (0, {})


# ---- refusals -------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no preset": ({"architecture": "conv9"}, ValueError, "architecture must be one of"),
    "a number": ({"architecture": 5}, TypeError, "architecture must be a preset's name, hidden"),
    "no layers": ({"architecture": ()}, TypeError, "architecture must be a preset's name, hidden"),
    "size": ({"architecture": (0,)}, ValueError, "architecture must be at least 1, got 0"),
    "activation": ({"activation": "swish"}, ValueError, "activation must be one of"),
    "output": ({"output_activation": 1}, ValueError, "output_activation must be one of"),
    "loss": ({"loss": "mae"}, ValueError, "loss must be one of"),
    "bce": ({"loss": "bce", "output_activation": "relu"}, ValueError, "loss='bce' needs a decoder"),
    "noise": ({"noise": "pink"}, ValueError, "noise must be one of"),
    "level": ({"noise": "masking", "noise_level": 2}, ValueError, r"noise_level must be in \[0, 1"),
    "contractive": ({"contractive": -1}, ValueError, "contractive must be finite and at least 0"),
    "target": ({"sparsity_target": 1.0}, ValueError, r"sparsity_target must be in \(0, 1\)"),
    "units": ({"sparsity_target": 0.1}, ValueError, "sparsity_target needs an encoder that ends"),
    "optimizer": ({"optimizer": "adagrad"}, ValueError, "optimizer must be one of"),
    "decay": ({"weight_decay": "x"}, TypeError, "weight_decay must be a real number"),
    "pretrain_iter": ({"pretrain_iter": -1}, ValueError, "pretrain_iter must be at least 0"),
    "mirror": ({"architecture": "dense_deep", "pretrain_iter": 1}, ValueError, "needs hidden size"),
    "unfit": ({"architecture": (layers()[0], [nn.Linear(5, V)])}, ValueError, "x must have shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters(case: str) -> None:
    params, error, message = BAD[case]
    with pytest.raises(error, match=rf"^\[\w+(\.fit)?\] .*{message}"):
        autoencoder("plain", **params).fit(data())


def test_what_must_stay_with_warm_start() -> None:
    net = autoencoder("stacked", warm_start=True, n_iter=1).fit(data())
    with pytest.raises(ValueError, match=r"\[Autoencoder.fit\] architecture must stay"):
        net.set_params(architecture=(5, 3)).fit(data())
    with pytest.raises(ValueError, match="pretrain_iter must stay 3 with warm_start, got 2"):
        net.set_params(architecture=(6, 3), pretrain_iter=2).fit(data())


def test_codes_of_another_width_are_refused() -> None:
    net = autoencoder("plain", n_iter=1).fit(data())
    with pytest.raises(ValueError, match=r"inverse_transform\] Z must have 2 columns"):
        net.inverse_transform(np.zeros((3, 4)))
