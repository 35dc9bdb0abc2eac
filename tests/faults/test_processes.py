"""The estimator in forked, spawned and pooled processes, and in threads: nothing hangs."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from children import LIMIT_SECONDS, forked
from gibbslab import BernoulliRBM
from joblib import Parallel, delayed
from training_cases import assert_same_training, grey, make

X = np.tile(grey(rows=400), (1, 8))  # enough for several threads to take part


def fitted(n_threads: int = 2, n_iter: int = 2) -> BernoulliRBM:
    return make("everything", n_iter=n_iter, batch_size=200, n_threads=n_threads).fit(X)


def trained_on(rbm: BernoulliRBM) -> BernoulliRBM:
    """What a worker does: measure, train on, and send the model back."""
    rbm.transform(X)
    rbm.score_samples(X)
    return rbm.set_params(warm_start=True).fit(X)


@pytest.fixture(scope="module")
def expected() -> BernoulliRBM:
    return fitted(n_threads=1, n_iter=4)


def test_a_forked_child_trains_on_with_threads(expected: BernoulliRBM) -> None:
    rbm = fitted()
    for _ in range(5):
        assert forked(lambda: assert_same_training(trained_on(rbm), expected)) == 0
    # The parent's model and threads are as they were.
    assert_same_training(trained_on(rbm), expected)


def test_a_child_forked_while_another_thread_trains(expected: BernoulliRBM) -> None:
    stop = threading.Event()

    def keep_training() -> None:
        while not stop.is_set():
            fitted()

    worker = threading.Thread(target=keep_training)
    worker.start()
    try:
        for _ in range(10):
            assert forked(lambda: assert_same_training(trained_on(fitted()), expected)) == 0
    finally:
        stop.set()
        worker.join(LIMIT_SECONDS)
    assert not worker.is_alive()


def test_a_forked_grandchild(expected: BernoulliRBM) -> None:
    rbm = fitted()

    def child() -> None:
        assert forked(lambda: assert_same_training(trained_on(rbm), expected)) == 0

    assert forked(child) == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process_pools(method: str, expected: BernoulliRBM) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        results = [pool.submit(trained_on, fitted()) for _ in range(3)]
        for result in results:
            assert_same_training(result.result(timeout=3 * LIMIT_SECONDS), expected)


def test_loky(expected: BernoulliRBM) -> None:
    parallel = Parallel(n_jobs=2, backend="loky", timeout=3 * LIMIT_SECONDS)
    for rbm in parallel(delayed(trained_on)(fitted()) for _ in range(3)):
        assert_same_training(rbm, expected)


def test_models_in_threads_of_their_own(expected: BernoulliRBM) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(lambda: trained_on(fitted())) for _ in range(8)]
        for result in results:
            assert_same_training(result.result(timeout=3 * LIMIT_SECONDS), expected)


def test_one_model_in_two_threads_is_refused() -> None:
    """`RuntimeError` in whichever comes second; the state is never torn."""
    rbm = fitted(n_threads=1)
    stop, errors = threading.Event(), []

    def measure() -> None:
        while not stop.is_set():
            errors.extend(refused(lambda: rbm.model_.hidden_mean(X)))

    worker = threading.Thread(target=measure)
    worker.start()
    rbm.set_params(warm_start=True, n_iter=1)
    end = time.monotonic() + LIMIT_SECONDS
    while not errors and time.monotonic() < end:
        errors.extend(refused(lambda: rbm.fit(X)))
    stop.set()
    worker.join(LIMIT_SECONDS)
    assert "in use by another thread" in str(errors[0])
    rbm.fit(X)
    assert_same_training(rbm, fitted(n_threads=1, n_iter=rbm.n_epochs_))


def refused(work: Callable[[], Any]) -> list[RuntimeError]:
    """The error with which the model refused, if it did."""
    try:
        work()
    except RuntimeError as error:
        return [error]
    return []


def test_a_pickle_from_another_process(tmp_path: Any, expected: BernoulliRBM) -> None:
    path = tmp_path / "rbm.pickle"
    assert forked(lambda: path.write_bytes(pickle.dumps(fitted()))) == 0
    assert_same_training(trained_on(pickle.loads(path.read_bytes())), expected)


def test_the_child_draws_what_the_parent_would_have_drawn() -> None:
    """A fork copies the place in the random stream: no new seed, no shared position."""
    rbm = fitted()
    reader, writer = os.pipe()
    assert forked(lambda: os.write(writer, rbm.gibbs(X[:5]).tobytes())) == 0
    np.testing.assert_array_equal(
        np.frombuffer(os.read(reader, 1 << 16), bool), rbm.gibbs(X[:5]).ravel()
    )
    os.close(reader)
    os.close(writer)
