"""Training that blows up stops at the last finite weights; training that does not, goes on."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from gibbslab import DivergenceError
from gibbslab.callbacks import Callback
from training_cases import CASES, V, assert_same_training, binary, grey, make

# Weight decay with rate * l2 > 2 overshoots zero farther at every step, without bound.
EXPLODING = {"learning_rate": 1e6, "l2": 1e6}


@pytest.mark.parametrize("data", [grey, binary])
@pytest.mark.parametrize("case", CASES)
def test_a_huge_learning_rate_leaves_a_finite_model(case: str, data: Any) -> None:
    rbm = make(case, learning_rate=1e6)
    with contextlib.suppress(DivergenceError):
        rbm.fit(data())
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        assert np.isfinite(getattr(rbm, name)).all()
    assert np.isfinite(rbm.score_samples(data())).all()
    assert np.isfinite(rbm.transform(data())).all()


@pytest.mark.parametrize("case", [name for name in CASES if CASES[name].get("max_norm") is None])
def test_divergence_names_epoch_batch_and_tensor(case: str) -> None:
    rbm = make(case, **EXPLODING)
    with pytest.raises(DivergenceError, match=r"^\[BernoulliRBM.fit\] W would become") as caught:
        rbm.fit(grey())
    error = caught.value
    batches = 6
    done = error.epoch * batches + error.batch
    assert 0 < done < 10 * batches
    assert (error.tensor, rbm.n_epochs_) == ("W", error.epoch)
    assert len(rbm.history_.get("epoch", [])) == error.epoch
    assert f"in epoch {error.epoch}, batch {error.batch}" in str(error)


class StopAfter(Callback):
    """Ends the training where so many batches of an epoch are done."""

    def __init__(self, epoch: int, batches: int) -> None:
        self.place = epoch, batches

    def on_batch_end(self, estimator: Any, epoch: int, batch: int, logs: dict[str, float]) -> bool:
        return (epoch, batch + 1) == self.place


@pytest.mark.parametrize("case", ["plain", "centred", "sparsity", "momentum schedule"])
def test_the_state_is_that_before_the_diverging_batch(case: str) -> None:
    rbm = make(case, **EXPLODING)
    with pytest.raises(DivergenceError) as caught:
        rbm.fit(grey())
    stop = StopAfter(caught.value.epoch, caught.value.batch)
    stopped = make(case, **EXPLODING, callbacks=[stop]).fit(grey())
    assert_same_training(rbm, stopped)
    with pytest.raises(DivergenceError) as again:
        stopped.set_params(callbacks=None, warm_start=True).fit(grey())
    assert str(again.value) == str(caught.value)


@pytest.mark.parametrize("case", ["plain", "centred", "sparsity"])
def test_training_can_go_on_after_a_divergence(case: str) -> None:
    rbm = make(case, **EXPLODING)
    with pytest.raises(DivergenceError):
        rbm.fit(grey())
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(rbm, name, np.zeros_like(getattr(rbm, name)))
    rbm.set_params(learning_rate=0.1, l2=0.0, warm_start=True).fit(grey())
    rbm.partial_fit(grey())
    assert np.isfinite(rbm.components_).all()
    assert rbm.score(grey()) > -V


def test_a_diverging_chunk_is_named() -> None:
    rbm = make("plain", **EXPLODING)
    X = np.tile(grey(), (20, 1))
    with pytest.raises(DivergenceError, match=r"^\[BernoulliRBM.partial_fit\] W would") as caught:
        rbm.partial_fit(X)
    assert caught.value.epoch == 0
    assert np.isfinite(rbm.components_).all()
