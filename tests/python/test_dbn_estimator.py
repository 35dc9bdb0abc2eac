"""The DBN estimator: scikit-learn's contract, stages, going on bit for bit, the bound."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import DBN, BernoulliRBM, DivergenceError
from gibbslab.callbacks import Callback, CSVLogger, EarlyStopping
from gibbslab.estimators import Linear
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from stopping import StopAfter, StopIn
from training_cases import V, assert_same_training, binary, grey

CHECKED = [
    DBN((4, 3), n_threads=1, n_iter=3),
    DBN((4, 3, 2), n_threads=1, n_iter=2, fine_tune_iter=2, method="pcd", momentum=0.5),
]


@parametrize_with_checks(CHECKED)
def test_check_estimator(estimator: DBN, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of scikit-learn's, with no expected failure."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def make(**params: Any) -> DBN:
    defaults: dict[str, Any] = {
        "n_iter": 3, "fine_tune_iter": 2, "batch_size": 9, "random_state": 1, "n_threads": 1,
    }  # fmt: skip
    return DBN((9, 7, 5), **defaults | params)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "pcd": {"method": "pcd", "n_chains": 7, "k": 2},
    "momentum": {"momentum": 0.5, "l2": 1e-3, "fine_tune_k": 3},
    "everything": {
        "sample_input": True, "init_visible_bias": "data", "learning_rate": Linear(0.1, 0.01, 3),
        "validation_fraction": 0.2, "momentum": 0.3, "method": "pcd", "centered": True,
    },
}  # fmt: skip
EPOCHS = 11


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["file", "pickle", "memory"])
@pytest.mark.parametrize("epoch", [0, 2, 4, 8, 9])
def test_training_resumes_bit_for_bit(case: str, way: str, epoch: int, tmp_path: Path) -> None:
    """From within and from the ends of greedy stages, and from the up-down stage."""
    whole = make(**CASES[case]).fit(grey())
    part = make(**CASES[case], callbacks=[StopIn(epoch)]).fit(grey())
    assert part.n_epochs_ == epoch + 1
    if way == "file":
        part.save(tmp_path / "dbn")
        part = gibbslab.load(tmp_path / "dbn")
        assert part.hidden_layer_sizes == (9, 7, 5)
    elif way == "pickle":
        part = pickle.loads(pickle.dumps(part))
    part.set_params(warm_start=True, callbacks=None).fit(grey())
    assert whole.n_epochs_ == EPOCHS
    assert_same_training(part, whole)


@pytest.mark.parametrize("batches", [4, 22, 57])
def test_training_resumes_within_an_epoch(batches: int, tmp_path: Path) -> None:
    whole = make().fit(grey())
    part = make(callbacks=[StopAfter(batches)]).fit(grey())
    assert (part._training.epoch, part._training.batch) == divmod(batches, 6)
    part.save(tmp_path / "dbn")
    loaded = gibbslab.load(tmp_path / "dbn").set_params(warm_start=True)
    assert_same_training(loaded.fit(grey()), whole)


def test_sampling_while_training_is_part_of_it(tmp_path: Path) -> None:
    """A callback that draws moves the stream: a run resumed after it goes on from there."""

    class Draws(Callback):
        def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
            estimator.sample(2, 3)

    whole = make(callbacks=[Draws()]).fit(grey())
    part = make(callbacks=[Draws(), StopIn(4)]).fit(grey())
    part.save(tmp_path / "dbn")
    loaded = gibbslab.load(tmp_path / "dbn")
    loaded.set_params(warm_start=True, callbacks=[Draws()]).fit(grey())
    assert_same_training(loaded, whole)


def test_more_up_down_epochs_may_be_added() -> None:
    part = make(fine_tune_iter=0).fit(grey())
    assert_same_training(
        part.set_params(warm_start=True, fine_tune_iter=2).fit(grey()), make().fit(grey())
    )


def test_the_first_stage_is_an_rbm() -> None:
    """The same steps as `BernoulliRBM`: its weights, upwards and downwards."""
    options = {"n_iter": 3, "batch_size": 9, "random_state": 1, "n_threads": 1, "method": "cd"}
    dbn = DBN((9, 7), **options).fit(binary())
    start = DBN((9, 7), **options | {"n_iter": 0}).fit(binary())
    rbm = BernoulliRBM(9, **options).fit(binary())
    rbm.set_params(n_iter=0).fit(binary())
    p, first = dbn.model_.parameters, start.model_.parameters
    rbm.model_.W, rbm.model_.draws = first["generative_0"], start.model_.draws
    rbm.set_params(n_iter=3, warm_start=True).fit(binary())
    np.testing.assert_array_equal(p["generative_0"], rbm.model_.W)
    np.testing.assert_array_equal(p["recognition_0"], p["generative_0"])
    np.testing.assert_array_equal(p["up_bias_0"], rbm.model_.h_bias)
    np.testing.assert_array_equal(p["down_bias_0"], rbm.model_.v_bias)
    assert not np.array_equal(p["top_W"], first["top_W"])


def test_history_tells_of_the_stages(tmp_path: Path) -> None:
    dbn = make(callbacks=[CSVLogger(tmp_path / "log.csv")]).fit(grey(), validation_data=grey(1))
    history = dbn.history_
    assert history["epoch"] == list(range(EPOCHS))
    assert history["stage"] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 2
    assert history["learning_rate"] == [0.1] * 9 + [0.01] * 2
    assert np.isfinite(history["validation_reconstruction_error"]).all()
    assert np.isfinite(history["pseudo_likelihood"][:9]).all()
    assert np.isnan(history["pseudo_likelihood"][9:]).all()
    assert len((tmp_path / "log.csv").read_text().splitlines()) == EPOCHS + 1


def test_schedules_begin_anew_with_every_layer() -> None:
    dbn = make(learning_rate=Linear(0.3, 0.1, 3), fine_tune_learning_rate=Linear(0.02, 0.01, 2))
    expected = [0.3, 0.2, 0.1] * 3 + [0.02, 0.01]
    np.testing.assert_allclose(dbn.fit(grey()).history_["learning_rate"], expected)


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    stop = EarlyStopping("reconstruction_error", patience=20, mode="max")
    dbn = make(callbacks=[stop]).fit(grey())
    assert stop.best_epoch is not None
    assert dbn.n_epochs_ == stop.best_epoch + 1
    assert_same_training(
        dbn.set_params(warm_start=True, callbacks=None).fit(grey()), make().fit(grey())
    )


def test_verbose_prints_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    make(verbose=1).fit(grey())
    printed = capsys.readouterr()
    assert printed.out.count("[DBN] Iteration ") == EPOCHS
    assert "reconstruction-error = " in printed.out
    assert f"{EPOCHS}/{EPOCHS}" in printed.err


def test_training_does_not_depend_on_threads_or_layout() -> None:
    one = make().fit(grey())
    assert_same_training(make(n_threads=2).fit(grey()), one)
    assert_same_training(clone(one).fit(np.asfortranarray(grey())), one)
    assert_same_training(make().fit(sp.csr_matrix(grey())), one)


def test_training_raises_the_bound() -> None:
    X, valid = binary(0, 300), binary(0, 400)[300:]
    dbn = DBN((12, 8), n_iter=60, batch_size=20, fine_tune_iter=10, random_state=2, n_threads=1)
    untrained = clone(dbn).set_params(n_iter=1, fine_tune_iter=0).fit(X)
    dbn.set_params(init_visible_bias="data").fit(X)
    p = np.clip(X.mean(axis=0), 0.01, 0.99)
    independent = np.log(np.where(valid == 1, p, 1 - p)).sum(axis=1).mean()
    assert dbn.score(valid) > independent + 1.0
    assert dbn.score(valid) > untrained.score(valid) + 3.0
    scores = dbn.score_samples(valid)
    np.testing.assert_allclose(dbn.score_samples(valid[::-1]), scores[::-1], atol=1e-9)
    draws = dbn.model_.log_weights(valid, 400) - dbn.model_.top_rbm().log_partition()
    spread = np.sqrt(draws.var(axis=0) * (1 / 400 + 1 / 10))
    assert (np.abs(scores - draws.mean(axis=0)) < 5.5 * spread + 1e-3).all()


def test_methods_and_their_shapes() -> None:
    X, dbn = binary(), make().fit(binary())
    assert dbn.transform(X).shape == (len(X), 5)
    assert dbn.get_feature_names_out().tolist() == [f"dbn{i}" for i in range(5)]
    assert dbn.reconstruct(X.astype(np.float32)).dtype == np.float32
    assert dbn.sample(6, 4).shape == (6, V)
    assert dbn.sample(6, 4).dtype == bool
    known = np.arange(V) < 12
    filled = dbn.inpaint(X, known, 3)
    np.testing.assert_array_equal(filled[:, known], X[:, known])
    assert set(np.unique(filled)) == {0.0, 1.0}
    np.testing.assert_array_equal(dbn.transform(sp.csr_matrix(X)), dbn.transform(X))


def test_a_single_hidden_layer() -> None:
    dbn = DBN((6,), n_iter=3, fine_tune_iter=1, random_state=0, n_threads=1).fit(binary())
    assert dbn.history_["stage"] == [0, 0, 0, 1]
    exact = dbn.model_.top_rbm().log_likelihood(binary())
    np.testing.assert_allclose(dbn.score_samples(binary()), exact, rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"hidden_layer_sizes": ()}, ValueError, "hidden_layer_sizes must name at least one layer"),
        ({"hidden_layer_sizes": 5}, TypeError, "hidden_layer_sizes must be a sequence"),
        ({"hidden_layer_sizes": (5, 0)}, ValueError, "hidden_layer_sizes must be at least 1"),
        ({"method": "pt"}, ValueError, "method must be one of"),
        ({"k": 0}, ValueError, "k must be at least 1"),
        ({"fine_tune_k": 0}, ValueError, "fine_tune_k must be at least 1"),
        ({"fine_tune_iter": -1}, ValueError, "fine_tune_iter must be at least 0"),
        ({"fine_tune_learning_rate": 0}, ValueError, "fine_tune_learning_rate must be above 0"),
        ({"l2": -1.0}, ValueError, "l2 must be"),
        ({"momentum": 1.0}, ValueError, "momentum must be in [0, 1)"),
        ({"init_visible_bias": "ones"}, ValueError, "init_visible_bias must be one of"),
        ({"device": "tpu"}, ValueError, "device must be"),
    ],
)
def test_bad_parameters(params: dict[str, Any], error: type[Exception], text: str) -> None:
    dbn = make().fit(grey()).set_params(**params)
    before = dbn._training.state()["arrays"]
    with pytest.raises(error) as caught:
        dbn.fit(grey())
    assert str(caught.value).startswith("[DBN.fit] ")
    assert text in str(caught.value)
    for name, value in dbn._training.state()["arrays"].items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("change", [{"hidden_layer_sizes": (9, 7)}, {"n_iter": 4}])
def test_the_stages_stay_with_warm_start(change: dict[str, Any]) -> None:
    dbn = make(warm_start=True).fit(grey())
    with pytest.raises(ValueError, match=f"{next(iter(change))} must stay"):
        dbn.set_params(**change).fit(grey())


@pytest.mark.parametrize("stage", ["greedy", "up-down"])
def test_divergence_keeps_the_last_good_weights(stage: str) -> None:
    rates = {"greedy": "learning_rate", "up-down": "fine_tune_learning_rate"}
    dbn = make(**{rates[stage]: 1e38}, l2=1e3)
    with pytest.raises(DivergenceError, match="would become non-finite") as caught:
        dbn.fit(grey())
    assert caught.value.epoch == (0 if stage == "greedy" else 9)
    assert np.isfinite(dbn.transform(grey())).all()
