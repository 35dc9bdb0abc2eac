"""Ctrl-C: back within half a second, with a model that can be used, saved and trained on."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab import BernoulliRBM
from gibbslab.callbacks import Callback, Checkpoint, CSVLogger
from gibbslab.datasets import ising2d
from neural_cases import NEURAL, data, finished
from neural_cases import assert_same_training as assert_same_neural_training
from training_cases import CASES, assert_same_training, grey, make

LIMIT_SECONDS = 0.5
TIMES = 12


def interrupted(work: Callable[[], Any], delay: float) -> float:
    """Seconds from the signal to the return of `work`, or of the sleep after it.

    Without garbage collection: an interrupt that falls into a callback of it is lost, as Python
    ignores what is raised there, and hypothesis has such a callback.
    """
    sent = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, interrupt)
    gc.disable()
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            timer.start()  # which a short delay may end
            work()
            for _ in range(6000):  # a signal that comes just before a sleep does not end it
                time.sleep(0.01)
        back = time.perf_counter()
    finally:
        gc.enable()
    timer.join()
    return back - sent[0]


def assert_usable(rbm: BernoulliRBM, X: Any) -> None:
    """Finite weights; measuring and training on work."""
    rbm.set_params(callbacks=None).partial_fit(X)
    assert np.isfinite(rbm.components_).all()
    assert np.isfinite(rbm.score_samples(X)).all()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_training_goes_on_as_if_it_had_not_been_interrupted(case: str, n_threads: int) -> None:
    """At random times within 60 epochs, then finished: the same bits as without."""
    start = time.perf_counter()
    whole = make(case, n_iter=60).fit(grey())
    seconds = time.perf_counter() - start
    times = random.Random(0)
    for _ in range(3):
        rbm = make(case, n_iter=60, n_threads=n_threads)
        assert interrupted(lambda rbm=rbm: rbm.fit(grey()), times.uniform(0, seconds)) < 5
        done = getattr(rbm, "n_epochs_", 0)
        assert_same_training(rbm.set_params(warm_start=True, n_iter=60 - done).fit(grey()), whole)


@pytest.mark.parametrize("case", NEURAL)
def test_networks_go_on_as_if_they_had_not_been_interrupted(case: str) -> None:
    """At random times within ten epochs, then finished: the same bits as without."""
    start = time.perf_counter()
    whole = NEURAL[case]().fit(data())
    seconds = time.perf_counter() - start
    times = random.Random(0)
    for _ in range(4):
        part = NEURAL[case]()
        interrupted(lambda part=part: part.fit(data()), times.uniform(0, seconds))
        if hasattr(part, "model_"):
            assert_same_neural_training(finished(part), whole)


LARGE = (np.random.default_rng(0).random((4000, 784)) < 0.2).astype(np.float32)


@pytest.mark.parametrize("scale", [1.0, 0.5], ids=["bits", "grey"])
@pytest.mark.parametrize("batch_size", [10, 100, 500])
def test_fit_returns_within_half_a_second(batch_size: int, scale: float) -> None:
    """The median of the times, so that a busy machine does not decide."""
    X, times, taken = LARGE * np.float32(scale), random.Random(1), []
    for _ in range(5):
        rbm = BernoulliRBM(200, batch_size=batch_size, n_iter=10**6, n_threads=1, random_state=0)
        taken.append(interrupted(lambda rbm=rbm: rbm.fit(X), times.uniform(0.05, 0.5)))
        assert_usable(rbm, X[:100])
    assert np.median(taken) < LIMIT_SECONDS


@pytest.mark.parametrize("case", ["autoencoder, plain", "vae, plain"])
def test_fit_of_a_network_returns_within_half_a_second(case: str) -> None:
    sizes = {"architecture": (200, 50)} if "auto" in case else {"hidden_layer_sizes": (200, 200)}
    times, taken = random.Random(1), []
    for _ in range(3):
        net = NEURAL[case](n_iter=10**6, batch_size=500, **sizes)
        taken.append(interrupted(lambda net=net: net.fit(LARGE), times.uniform(0.05, 0.5)))
        assert np.isfinite(net.partial_fit(LARGE[:100]).score_samples(LARGE[:100])).all()
    assert np.median(taken) < LIMIT_SECONDS


WORK: dict[str, Callable[[BernoulliRBM], Any]] = {
    "partial_fit": lambda rbm: rbm.partial_fit(np.tile(LARGE, (50, 1))),
    "gibbs": lambda rbm: rbm.gibbs(LARGE[:100], k=10**6),
    "transform": lambda rbm: [rbm.transform(LARGE) for _ in range(10**4)],
    "score_samples": lambda rbm: [rbm.score_samples(LARGE) for _ in range(10**4)],
    "pseudo_likelihood": lambda rbm: [rbm.pseudo_likelihood(LARGE) for _ in range(10**4)],
    "ais": lambda rbm: rbm.ais(n_chains=100, n_temperatures=10**6),
    "tempering": lambda rbm: rbm.model_.parallel_tempering(100, 5).burn_in(10**6),
    "log_partition": lambda rbm: [rbm.log_partition() for _ in range(10**4)],
}


@pytest.mark.parametrize("name", WORK)
def test_methods_return_within_half_a_second(name: str) -> None:
    hidden = 18 if name == "log_partition" else 100
    rbm = BernoulliRBM(hidden, n_iter=1, n_threads=1, random_state=0).fit(LARGE[:100])
    taken = [interrupted(lambda: WORK[name](rbm), delay) for delay in (0.1, 0.2, 0.4)]
    assert np.median(taken) < LIMIT_SECONDS
    assert_usable(rbm, LARGE[:100])


@pytest.mark.parametrize("size", [8, 1024])
def test_ising2d_returns_within_half_a_second(size: int) -> None:
    def work() -> Any:
        return ising2d(size, 2.3, 10, 0, burn_in=10**8, n_threads=1)

    assert np.median([interrupted(work, delay) for delay in (0.1, 0.2, 0.4)]) < LIMIT_SECONDS


def test_an_interrupt_in_a_callback() -> None:
    class Interrupting(Callback):
        def on_batch_end(self, estimator: Any, epoch: int, batch: int, logs: Any) -> None:
            if (epoch, batch) == (2, 3):
                raise KeyboardInterrupt

    rbm = make("everything", callbacks=[Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(grey())
    rbm.set_params(callbacks=None, warm_start=True, n_iter=10 - rbm.n_epochs_).fit(grey())
    assert_same_training(rbm, make("everything").fit(grey()))


def test_an_interrupted_run_leaves_a_checkpoint_and_a_log(tmp_path: Path) -> None:
    """Whatever the moment, the checkpoint loads, and leads where the whole run leads."""
    times, loaded = random.Random(2), 0
    whole = make("everything", n_iter=60).fit(grey())
    for trial in range(TIMES):
        path, log = tmp_path / f"rbm{trial}", tmp_path / f"log{trial}.csv"
        rbm = make("everything", n_iter=60, callbacks=[CSVLogger(log), Checkpoint(path)])
        interrupted(lambda rbm=rbm: rbm.fit(grey()), times.uniform(0, 0.2))
        if path.exists():
            loaded += 1
            resumed = gibbslab.load(path).set_params(callbacks=[CSVLogger(log)], warm_start=True)
            resumed.set_params(n_iter=60 - resumed.n_epochs_).fit(grey())
            assert_same_training(resumed, whole)
            assert resumed.n_epochs_ == 60
    assert loaded > TIMES // 2
