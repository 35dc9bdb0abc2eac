"""The anomaly detector: scikit-learn's contract, its rules, its curves, going on, its file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gibbslab
import matplotlib
import numpy as np
import pytest
from gibbslab import AnomalyDetector, Autoencoder, BernoulliRBM, DivergenceError
from matplotlib.figure import Figure
from neural_cases import assert_same_training, autoencoder, data
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from stopping import StopAfter

matplotlib.use("agg")

CHECKED = [
    AnomalyDetector(Autoencoder((3,), n_iter=2, random_state=0, n_threads=1)),
]


@parametrize_with_checks(CHECKED)
def test_check_estimator(
    estimator: AnomalyDetector, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def outliers(n: int = 60) -> np.ndarray:
    """Rows that are not near the curve."""
    return np.random.default_rng(5).random((n, data().shape[1]))


def detector(n_iter: int = 40, **params: Any) -> AnomalyDetector:
    model = autoencoder("plain", architecture=(16, 2), activation="tanh", warm_start=True)
    model.set_params(n_iter=n_iter, batch_size=40, learning_rate=0.03)
    return AnomalyDetector(model, **params)


def test_outliers_are_found_and_the_displays_take_the_decisions() -> None:
    found = detector().fit(data(400))
    X = np.concatenate([data(300, seed=1), outliers()])
    y = np.repeat([1, -1], [300, 60])
    decision = found.decision_function(X)
    assert ((decision < 0) == (found.predict(X) == -1)).all()
    assert (found.predict(X) == y).mean() > 0.9
    left, right = Figure().subplots(1, 2)  # of no window that other tests would find open
    assert RocCurveDisplay.from_predictions(y, decision, ax=left).roc_auc > 0.98
    curve = PrecisionRecallDisplay.from_predictions(y, -decision, pos_label=-1, ax=right)
    assert curve.average_precision > 0.95


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25])
def test_the_quantile_lets_a_share_be_outliers(share: float) -> None:
    X = data(200)
    found = detector(n_iter=5, contamination=share).fit(X)
    assert (found.predict(X) == -1).sum() == round(share * 200)


def test_the_other_rules_are_those_stated() -> None:
    X = data(200)
    found = detector(n_iter=5, threshold="deviation", n_deviations=2.0).fit(X)
    scores = found.score_samples(X)
    assert found.offset_ == pytest.approx(scores.mean() - 2 * scores.std())
    found.set_params(threshold=0.03).calibrate(X)
    assert found.offset_ == -0.03
    error = np.square(X - found.estimator_.reconstruct(X)).mean(axis=1)
    np.testing.assert_array_equal(found.predict(X) == -1, error > 0.03)


def test_any_model_with_scores_serves() -> None:
    X = (data(100) > 0.5).astype(float)
    rbm = AnomalyDetector(BernoulliRBM(4, n_iter=2, random_state=0, n_threads=1)).fit(X)
    assert (rbm.predict(X) == -1).sum() <= 5
    pipeline = make_pipeline(MinMaxScaler(), detector(n_iter=2)).fit(data())
    assert pipeline.predict(data()).shape == (45,)


@pytest.mark.parametrize("way", ["file", "pickle"])
def test_training_goes_on_bit_for_bit(way: str, tmp_path: Path) -> None:
    X, path = data(), tmp_path / "detector"
    whole = detector(n_iter=10).fit(X)
    part = detector(n_iter=5).fit(X)
    if way == "file":
        part.save(path)
        loaded = gibbslab.load(path)
    else:
        loaded = pickle.loads(pickle.dumps(part))
    np.testing.assert_array_equal(loaded.decision_function(X), part.decision_function(X))
    assert loaded.offset_ == part.offset_
    loaded.fit(X)
    assert_same_training(loaded.estimator_, whole.estimator_)
    assert loaded.offset_ == whole.offset_
    assert not hasattr(clone(loaded), "estimator_")


def test_the_default_model_comes_back_as_such(tmp_path: Path) -> None:
    found = AnomalyDetector(contamination=0.2).fit(data())
    found.save(tmp_path / "detector")
    loaded = gibbslab.load(tmp_path / "detector")
    assert loaded.get_params() == found.get_params()
    assert loaded.n_features_in_ == 9


def test_what_was_reached_is_kept_when_training_ends_early(tmp_path: Path) -> None:
    found = detector()
    found.set_params(estimator__learning_rate=3e38, estimator__optimizer="sgd")
    with pytest.raises(DivergenceError):
        found.fit(1e3 * data())
    assert np.isfinite(found.score_samples(data())).all()
    with pytest.raises(NotFittedError):
        found.predict(data())
    found.save(tmp_path / "detector")
    loaded = gibbslab.load(tmp_path / "detector").calibrate(data())
    assert (loaded.predict(data()) == -1).sum() <= 3


def test_an_interrupt_leaves_a_model_to_go_on_with() -> None:
    class Interrupt(StopAfter):
        def on_batch_end(self, *args: Any) -> bool:
            if super().on_batch_end(*args):
                raise KeyboardInterrupt
            return False

    found = detector(n_iter=10)
    found.set_params(estimator__callbacks=[Interrupt(17)])
    with pytest.raises(KeyboardInterrupt):
        found.fit(data())
    done = found.estimator_.n_epochs_
    found.set_params(estimator__callbacks=None, estimator__n_iter=10 - done).fit(data())
    assert_same_training(found.estimator_, detector(n_iter=10).fit(data()).estimator_)


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no scores": ({"estimator": MinMaxScaler()}, TypeError, "estimator must have score_samples"),
    "rule": ({"threshold": "best"}, ValueError, "threshold must be"),
    "share": ({"contamination": 1.0}, ValueError, r"contamination must be in \[0, 1\)"),
    "deviations": ({"n_deviations": -1}, ValueError, "n_deviations must be finite and at least 0"),
    "number": ({"threshold": np.nan}, ValueError, "threshold must be finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters(case: str) -> None:
    params, error, message = BAD[case]
    with pytest.raises(error, match=rf"^\[AnomalyDetector.fit\] {message}"):
        detector().set_params(**params).fit(data())
