"""Threads: several models at once, one model at a time, the limits honoured, the same results."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from gibbslab import _core
from joblib.externals.loky import get_reusable_executor

V, H, ROWS, BATCH = 200, 70, 330, 100
BUSY = "this model is in use by another thread; give each thread its own"
OPTIONS: dict[str, dict[str, Any]] = {
    "CD-1": {"persistent": False},
    "PCD-2": {"n_chains": 130, "k": 2, "momentum": 0.5, "l2": 1e-3},
    "samples": {"n_chains": 64, "hidden_samples": True, "sample_input": True},
    "centred": {"persistent": False, "centered": True, "max_norm": 2.0, "sparsity_cost": 0.1},
}


def rows(kind: str) -> np.ndarray:
    x = np.random.default_rng(1).random((ROWS, V), dtype=np.float32)
    return x if kind == "grey" else (x < 0.3).astype(np.float32)


def trained(seed: int, n_threads: int, kind: str, options: dict[str, Any]) -> list[np.ndarray]:
    """Everything that five epochs leave: parameters, optimiser, chains, measures."""
    rbm = _core.RBM(V, H, seed=seed, n_threads=n_threads)
    rbm.initialize(0.1)
    chosen = _core.TrainOptions()
    for name, value in options.items():
        setattr(chosen, name, value)
    trainer = _core.Trainer(rbm, chosen)
    x = rows(kind)
    data, batches = _core.Dataset(x), -(-ROWS // BATCH)
    for epoch in range(5):
        order = _core.permutation(ROWS, seed, epoch)
        assert trainer.train(data, order, BATCH, 0, batches, 0.05) == (batches, "")
    _, h, _, v = rbm.gibbs(rows("bits"), False, 3)
    measures = [rbm.free_energy(x), rbm.pseudo_likelihood(v), rbm.energy(v, h)]
    return [rbm.W, rbm.v_bias, rbm.h_bias, *trainer.state().values(), h, v, *measures]


def assert_identical(got: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["bits", "grey"])
def test_training_does_not_depend_on_the_number_of_threads(
    kind: str, options: dict[str, Any], blas: str
) -> None:
    one = trained(3, 1, kind, options)
    for n_threads in (2, 3, 0):
        assert_identical(trained(3, n_threads, kind, options), one)


def in_threads(tasks: list[Callable[[], Any]]) -> list[Any]:
    """Results of tasks that start together; an exception of any of them is raised here."""
    results: list[Any] = [None] * len(tasks)
    errors: list[BaseException] = []
    start = threading.Barrier(len(tasks))

    def run(place: int) -> None:
        start.wait()
        try:
            results[place] = tasks[place]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
    return results


def test_different_models_in_different_threads() -> None:
    """Six at once, each wanting two threads and the BLAS: the results of one after another."""
    kinds = zip(["bits", "grey"] * 2, OPTIONS.values())
    jobs = [(seed, 2, *kind) for kind in list(kinds)[:3] for seed in (5, 6)]
    alone = [trained(*job) for job in jobs]
    together = in_threads([lambda job=job: trained(*job) for job in jobs])
    for got, expected in zip(together, alone):
        assert_identical(got, expected)


def uses(rbm: _core.RBM, trainer: _core.Trainer) -> dict[str, Callable[[], Any]]:
    """Every way to reach into a model."""
    v, h = rows("bits")[:3], np.zeros((3, H), dtype=np.float32)
    data, zero = _core.Dataset(rows("bits")), np.zeros((V, H), dtype=np.float32)
    return {
        "W": lambda: rbm.W,
        "v_bias": lambda: rbm.v_bias,
        "h_bias": lambda: rbm.h_bias,
        "set W": lambda: setattr(rbm, "W", zero),
        "set v_bias": lambda: setattr(rbm, "v_bias", zero[:, 0]),
        "set h_bias": lambda: setattr(rbm, "h_bias", zero[0]),
        "initialize": lambda: rbm.initialize(0.1),
        "hidden_mean": lambda: rbm.hidden_mean(v),
        "visible_mean": lambda: rbm.visible_mean(h),
        "sample_hidden": lambda: rbm.sample_hidden(v),
        "sample_visible": lambda: rbm.sample_visible(h),
        "cd_pass": lambda: rbm.cd_pass(v, 1),
        "gibbs": lambda: rbm.gibbs(v, False, 1),
        "free_energy": lambda: rbm.free_energy(v),
        "energy": lambda: rbm.energy(v, h),
        "pseudo_likelihood": lambda: rbm.pseudo_likelihood(v),
        "log_partition": lambda: rbm.log_partition(),
        "AIS": lambda: _core.AIS(rbm, zero[:, 0], [0.0, 1.0], 2),
        "train": lambda: trainer.train(data, np.arange(BATCH), BATCH, 0, 1, 0.1),
        "state": trainer.state,
        "restore": lambda: trainer.restore({"hidden_offset": zero[0]}),
        "momentum": lambda: setattr(trainer, "momentum", 0.5),
    }


def refused(use: Callable[[], Any]) -> bool:
    """Whether `use` raises because another thread is at work."""
    try:
        use()
    except RuntimeError as error:
        return BUSY in str(error)
    except ValueError:  # log_partition of so large a model, when its turn had come
        return False
    return False


@contextmanager
def busy(work: Callable[[], Any]) -> Iterator[None]:
    """Another thread does `work` over and over meanwhile."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            refused(work)  # also when the main thread was quicker

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=300)


def never_refused(use: Callable[[], Any], seconds: float = 20.0) -> bool:
    """Whether `use` succeeds each time while another thread is at work nearly all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if refused(use):
            return False
    return True


@pytest.mark.parametrize("worker", ["gibbs", "train"])
def test_one_model_from_two_threads_raises(worker: str) -> None:
    """Whatever the first thread does, every use by the second raises, and does no harm."""
    rbm = _core.RBM(V, H, seed=7)
    rbm.initialize(0.1)
    options = _core.TrainOptions()
    options.n_chains = 64
    trainer = _core.Trainer(rbm, options)
    data, v, order = _core.Dataset(rows("bits")), rows("bits"), np.tile(np.arange(BATCH), 200)
    work = {
        "gibbs": lambda: rbm.gibbs(v, False, 200),
        "train": lambda: trainer.train(data, order, BATCH, 0, 200, 0.01),
    }
    with busy(work[worker]):
        assert [name for name, use in uses(rbm, trainer).items() if never_refused(use)] == []
    for name, use in uses(rbm, trainer).items():
        if name != "log_partition":  # too large to enumerate
            use()


def test_one_ais_run_from_two_threads_raises() -> None:
    rbm = _core.RBM(V, H, seed=8)
    run = _core.AIS(rbm, np.zeros(V, np.float32), list(np.linspace(0, 1, 10**6)), 100)
    with busy(lambda: run.advance(100)):
        assert not never_refused(lambda: run.log_weights)
        assert not never_refused(lambda: run.advance(1))
    assert run.advance(1) < 10**6 - 100


def test_the_same_model_in_turns_from_many_threads() -> None:
    """One after another is fine: a thread of its own for every call."""
    rbm = _core.RBM(V, H, seed=9)
    expected = _core.RBM(V, H, seed=9).gibbs(rows("bits"), False, 2)
    got: list[Any] = []
    for _ in range(2):
        rbm.draws = 0
        thread = threading.Thread(target=lambda: got.append(rbm.gibbs(rows("bits"), False, 2)))
        thread.start()
        thread.join()
    for result in got:
        assert_identical(list(result), list(expected))


THREADS_STARTED = """
import os
import numpy as np
from gibbslab import _core
{before}
tasks = lambda: len(os.listdir("/proc/self/task"))
begin = tasks()
rbm = _core.RBM(200, 100, n_threads={n_threads})
for kind in (np.zeros, np.ones):
    rbm.gibbs(kind((500, 200), dtype=np.float32), False, 3)
rbm.hidden_mean(np.full((500, 200), 0.5, dtype=np.float32))
print(tasks() - begin)
"""


def threads_started(n_threads: int, before: str = "") -> int:
    """Operating-system threads that a fresh process adds to do the work of a model."""
    code = THREADS_STARTED.format(n_threads=n_threads, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_n_threads_is_honoured(n_threads: int) -> None:
    """The calling thread works too, so n threads are n - 1 more."""
    assert threads_started(n_threads) == n_threads - 1


def test_no_request_means_as_many_as_allowed() -> None:
    processors = sorted(os.sched_getaffinity(0))[:4]
    assert threads_started(0, f"os.sched_setaffinity(0, {processors})") == len(processors) - 1
    assert threads_started(0, "_core.set_thread_limit(3)") == 2


def test_threadpoolctl_limits_every_model() -> None:
    limit = "import threadpoolctl; threadpoolctl.threadpool_limits({limits})"
    for limits in ("1", "{'gibbslab': 1}", "limits=1, user_api='gibbslab'"):
        assert threads_started(3, limit.format(limits=limits)) == 0
    assert threads_started(8, limit.format(limits="2")) == 1


def test_after_threadpoolctl_there_is_no_limit_where_there_was_none() -> None:
    passing = "import threadpoolctl as t; t.threadpool_limits({}).restore_original_limits()"
    assert threads_started(5, passing.format(1)) == 4
    nested = "outer = t.threadpool_limits(2); t.threadpool_limits(1).restore_original_limits()"
    nested = f"import threadpoolctl as t; {nested}"
    assert threads_started(5, nested) == 1
    assert threads_started(5, f"{nested}; outer.restore_original_limits()") == 4


def test_threadpoolctl_sees_and_restores_the_limit() -> None:
    ours = [x for x in threadpoolctl.threadpool_info() if x["user_api"] == "gibbslab"]
    assert len(ours) == 1
    assert ours[0]["num_threads"] == _core.thread_limit()
    assert ours[0]["version"] == _core.__version__
    before = _core.thread_limit()
    with threadpoolctl.threadpool_limits(1):
        assert _core.thread_limit() == 1
        inside = trained(10, 2, "grey", OPTIONS["CD-1"])
    assert _core.thread_limit() == before
    assert_identical(inside, trained(10, 2, "grey", OPTIONS["CD-1"]))


def test_the_blas_keeps_its_own_number_of_threads() -> None:
    """Dense products run the BLAS on one thread inside our own, and put its number back."""

    def blas_threads() -> list[int]:
        info = threadpoolctl.threadpool_info()
        return [x["num_threads"] for x in info if x["user_api"] == "blas"]

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        trained(11, 2, "grey", OPTIONS["CD-1"])
        in_threads([lambda s=s: trained(s, 2, "grey", OPTIONS["CD-1"]) for s in (12, 13)])
        assert blas_threads() == before


def ready() -> bool:
    """Called first in a child, which then has imported what it needs."""
    return True


def in_a_child(method: str) -> list[np.ndarray]:
    """What `trained` gives in a child process, within 20 s of its start."""
    if method == "loky":
        pool = get_reusable_executor(max_workers=1, timeout=60)
    else:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method))
    with pool:
        assert pool.submit(ready).result(timeout=120)
        return pool.submit(trained, 14, 2, "grey", OPTIONS["PCD-2"]).result(timeout=20)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn", "loky"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_computes_like_its_parent(method: str) -> None:
    """Also a forked one, which has none of the threads that its parent's pool had."""
    expected = trained(14, 2, "grey", OPTIONS["PCD-2"])
    assert_identical(in_a_child(method), expected)
    assert_identical(trained(14, 2, "grey", OPTIONS["PCD-2"]), expected)
