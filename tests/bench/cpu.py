"""Compare gibbslab's CPU backend with its peers: ``python tests/bench/cpu.py``.

Each round times every contestant once, one after another, so that a drifting machine drifts for
all; the table gives medians over the rounds and the ratio of each peer to gibbslab. Beside them
stands the time over the dense floor: the step's multiply-adds at the sgemm rate of the moment.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import gibbslab
import numpy as np
import peers
import scipy
import sklearn
from gibbslab import _core
from gibbslab.datasets import load_mnist_sample
from scipy.linalg.blas import sgemm
from threadpoolctl import threadpool_limits

Run = Callable[[int, int], None]
BATCH, VISIBLE, DENSITY = 100, 784, 0.19
DBM_NAME = "dbm-mnist-500-1000"


def ours(
    X: np.ndarray,
    hidden: int,
    *,
    persistent: bool,
    threads: int,
    batch: int = BATCH,
    device: str = "cpu",
) -> Run:
    rbm = _core.RBM(X.shape[1], hidden, 0, threads, device)
    rbm.initialize(0.01)
    options = _core.TrainOptions()
    options.persistent, options.n_chains = persistent, batch
    trainer, data = _core.Trainer(rbm, options), _core.Dataset(X, device)
    order = np.arange(len(X))

    def run(first: int, last: int) -> None:
        trainer.train(data, order, batch, first, last, 0.05)
        _ = rbm.h_bias  # a copy, for which a device has to finish

    return run


def our_dbm(X: np.ndarray, most: int, tolerance: float, k: int, rate: float, threads: int) -> Run:
    dbm = gibbslab.load_pretrained(DBM_NAME, random_state=0, n_threads=threads, device="cpu")
    options = _core.DBMTrainOptions()
    options.n_chains, options.k = BATCH, k
    options.mean_field_iterations, options.mean_field_tolerance = most, tolerance
    trainer, data = _core.DBMTrainer(dbm._dbm, options), _core.Dataset(X)
    order = np.arange(len(X))

    def run(first: int, last: int) -> None:
        trainer.train(data, order, BATCH, first, last, rate)

    return run


def dbm_table(rounds: int, threads: int) -> None:
    """Steps of a trained 784-500-1000 DBM: mean field to a tolerance, and PCD-k."""
    most, tolerance, rate, batches = 30, 1e-3, 1e-4, 20
    grey = load_mnist_sample("train")[0][: batches * BATCH]
    X = (np.random.default_rng(0).random(grey.shape) < grey).astype(np.float32)
    model = gibbslab.load_pretrained(DBM_NAME)
    fields = [model.infer(X[i : i + BATCH], max_iterations=most, tolerance=tolerance)
              for i in range(0, len(X), BATCH)]  # fmt: skip
    iterations = np.mean([field.iterations for field in fields])
    print(
        f"\nDBM 784-500-1000 trained on MNIST, batch {BATCH}; mean field to {tolerance:g}: ", end=""
    )
    print(f"{iterations:.1f} iterations, extrapolated; torch iterates plainly")
    for k in (1, 5):
        runs = {"gibbslab": our_dbm(X, most, tolerance, k, rate, threads)}
        if peers.HAS_TORCH:
            runs["torch eager"] = peers.torch_dbm(X, model, BATCH, most, tolerance, k, rate)
        medians = time_rounds(runs, rounds, batches)
        for name, t in medians.items():
            ratio = t / medians["gibbslab"]
            print(f"{f'{name} PCD-{k}':<20}{1e6 * t:>10.0f} us/step{ratio:>8.2f}x")


def contestants(X: np.ndarray, hidden: int, threads: int) -> dict[str, Run]:
    runs = {
        "gibbslab CD-1": ours(X, hidden, persistent=False, threads=threads),
        "gibbslab PCD-1": ours(X, hidden, persistent=True, threads=threads),
        "scikit-learn PCD-1": peers.sklearn_step(X, hidden, BATCH),
    }
    if peers.HAS_TORCH:
        runs["torch eager CD-1"] = peers.torch_step(X, hidden, BATCH, compiled=False)
        runs["torch.compile CD-1"] = peers.torch_step(X, hidden, BATCH, compiled=True)
    return runs


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def sgemm_rate() -> float:
    """FLOP/s of SciPy's sgemm now, on a product that fits the caches: best of 20."""
    a = np.asfortranarray(np.random.default_rng(0).random((768, 768), dtype=np.float32))
    return 2 * 768**3 / min(seconds(lambda: sgemm(1.0, a, a)) for _ in range(20))


def warm_up(run: Run, batches: int, enough: float = 0.1) -> None:
    start = time.perf_counter()
    while time.perf_counter() - start < enough:
        run(0, batches)


def time_rounds(
    runs: dict[str, Run], rounds: int, batches: int, warm: int = 10
) -> dict[str, float]:
    """Median seconds of one batch, per contestant.

    Every turn begins with batches that are not timed: the contestant before leaves its own data in
    the caches and, torch, threads that spin for some 15 ms on the other cores.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            warm_up(run, warm)
            times[name].append(seconds(lambda run=run: run(0, batches)) / batches)
    return {name: float(np.median(t)) for name, t in times.items()}


def cd_table(hidden: int, rounds: int, batches: int, threads: int) -> None:
    X = (np.random.default_rng(0).random((batches * BATCH, VISIBLE)) < DENSITY).astype(np.float32)
    medians = time_rounds(contestants(X, hidden, threads), rounds, batches)
    rate = sgemm_rate()
    floor = 5 * 2 * BATCH * VISIBLE * hidden / rate
    print(f"\nCD-1 / PCD-1, {VISIBLE}x{hidden}, batch {BATCH}, 19 % ones;")
    print(f"sgemm {rate / 1e9:.0f} GFLOP/s, ", end="")
    print(f"dense floor {1e6 * floor:.0f} us a step")
    print(f"{'':<20}{'us/step':>10}{'s/epoch':>10}{'x floor':>10}{'ratio':>10}")
    for name, t in medians.items():
        base = medians["gibbslab PCD-1" if "PCD" in name else "gibbslab CD-1"]
        print(f"{name:<20}{1e6 * t:>10.0f}{600 * t:>10.3f}{t / floor:>10.2f}{t / base:>9.1f}x")


def ais_table(hidden: int, rounds: int, temperatures: int, threads: int) -> None:
    rng = np.random.default_rng(0)
    rbm = _core.RBM(VISIBLE, hidden, 0, threads)
    rbm.W = rng.normal(0, 0.05, (VISIBLE, hidden)).astype(np.float32)
    rbm.v_bias = np.full(VISIBLE, -1.5, np.float32)
    base, betas = np.full(VISIBLE, -1.45, np.float32), np.linspace(0, 1, temperatures + 1)
    W, a, b = rbm.W, rbm.v_bias, rbm.h_bias
    runs = {
        "gibbslab": lambda: _core.AIS(rbm, base, list(betas), 100, None, 1).advance(temperatures),
        "NumPy, same BLAS": lambda: peers.numpy_ais(W, a, b, base, betas.astype(np.float32), 100),
    }
    times = {name: [seconds(run) for _ in range(rounds)] for name, run in runs.items()}
    medians = {name: float(np.median(t)) / temperatures for name, t in times.items()}
    floor = 2 * 2 * 100 * VISIBLE * hidden / sgemm_rate()
    print(f"\nAIS, {VISIBLE}x{hidden}, 100 chains; dense floor {1e6 * floor:.0f} us a temperature")
    for name, t in medians.items():
        print(
            f"{name:<20}{1e6 * t:>10.0f} us{t / floor:>8.2f}x floor{t / medians['gibbslab']:>8.1f}x"
        )


def machine() -> str:
    model = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), model
        )
    return f"{model}, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--temperatures", type=int, default=300)
    args = parser.parse_args()
    gibbslab.show_config()
    torch_version = __import__("torch").__version__ if peers.HAS_TORCH else "not installed"
    print(
        f"{machine()}; {args.threads} threads; numpy {np.__version__}, scipy {scipy.__version__},"
    )
    print(f"scikit-learn {sklearn.__version__}, torch {torch_version}")
    with threadpool_limits(args.threads):
        if peers.HAS_TORCH:
            __import__("torch").set_num_threads(args.threads)
        for hidden in (100, 500):
            cd_table(hidden, args.rounds, args.batches, args.threads)
        dbm_table(args.rounds, args.threads)
        ais_table(500, args.rounds, args.temperatures, args.threads)


if __name__ == "__main__":
    main()
