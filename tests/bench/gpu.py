"""Compare gibbslab on a CUDA card with torch on it: ``python tests/bench/gpu.py``.

First what the card itself takes for launches, barriers, products and copies (``micro*.cu``,
compiled by nvcc); then CD-1, PCD-1 and AIS, contestants in turn in one process, medians over the
rounds. The floor of a step is the longer of two times: its multiply-adds at the rate of bf16
products, and its weights read and written once and its batch read once, at the rate of a copy.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import cpu
import micro
import numpy as np
import peers
from gibbslab import metrics
from gibbslab._devices import cuda_absent
from gibbslab.models import RBM
from gpu_machine import machine_lines

# Ways of training by what the environment then says; the first is the default.
VARIANTS: dict[str, dict[str, str]] = {
    "gibbslab": {},
    "gibbslab bf16x2": {"GIBBSLAB_CUDA_MODE": "bf16x2"},
    "gibbslab, one launch": {"GIBBSLAB_CUDA_CD_RUN": "resident"},
    "gibbslab, graph": {"GIBBSLAB_CUDA_CD_RUN": "graph"},
    "gibbslab, batch by batch": {"GIBBSLAB_CUDA_CD_RUN": "plain"},
}


class Sizes(NamedTuple):
    """How large the problems are, and how often they are timed."""

    visible: int = 784
    hidden: tuple[int, ...] = (100, 500)
    batch: int = 100
    batches: int = 300
    rounds: int = 7
    chains: int = 1024
    temperatures: int = 14_500
    ais_rounds: int = 3


TINY = Sizes(20, (8,), 4, 10, 1, 6, 5, 1)  # to see that it works


class Rates(NamedTuple):
    """Of the card, as measured; operations and bytes in a second."""

    products: float
    memory: float

    @classmethod
    def of(cls, results: micro.Results) -> Rates | None:
        """None where they were not measured."""
        if micro.BF16 not in results or micro.COPY not in results:
            return None
        return cls(1e12 * results[micro.BF16][0], 1e9 * results[micro.COPY][0])


class Tee(io.TextIOBase):
    """Writes to several files at once."""

    def __init__(self, *files: Any) -> None:
        self._files = files

    def write(self, text: str) -> int:
        for file in self._files:
            file.write(text)
            file.flush()
        return len(text)


def under(settings: dict[str, str], run: Callable[..., Any]) -> Callable[..., Any]:
    """With none of the variables that variants set, but for these."""
    names = {name for variant in VARIANTS.values() for name in variant}

    def wrapped(*args: Any) -> Any:
        with mock.patch.dict(os.environ, settings):
            for name in names - set(settings):
                os.environ.pop(name, None)
            return run(*args)

    return wrapped


def torch_runs(make: Callable[[Any, str], Callable[..., Any]], device: str) -> dict[str, Any]:
    """torch's contestants by name; one that fails to start is named, and left out."""
    if not peers.HAS_TORCH:
        return {}
    import gpu_peers

    runs = {}
    for how in gpu_peers.usable_hows(device):
        try:
            runs[f"torch, {how}"] = make(gpu_peers, how)
        except Exception as error:
            print(f"torch, {how}: cannot be run here: {type(error).__name__}: {str(error)[:300]}")
    return runs


def started(run: cpu.Run) -> cpu.Run:
    """After its first batches, which compile it where it is compiled."""
    run(0, 10)
    return run


def cd_runs(X: np.ndarray, hidden: int, sizes: Sizes, persistent: bool, device: str) -> dict:
    def own(settings: dict[str, str]) -> cpu.Run:
        options = {"persistent": persistent, "batch": sizes.batch, "device": "cuda"}
        return under(settings, cpu.ours(X, hidden, threads=1, **options))

    def torchs(module: Any, how: str) -> cpu.Run:
        options = {"device": device, "persistent": persistent}
        return started(module.cd(X, hidden, sizes.batch, how, **options))

    runs = {name: own(settings) for name, settings in VARIANTS.items()}
    return runs | torch_runs(torchs, device)


def told(seconds: float, operations: float, moved: float, rates: Rates | None) -> str:
    """Achieved rates, and how far from the floor."""
    text = f"{1e-9 * operations / seconds:>12.1f} {1e-9 * moved / seconds:>9.2f}"
    if rates is None:
        return text
    floor = max(operations / rates.products, moved / rates.memory)
    return text + f" {seconds / floor:>9.1f}x"


def show(times: dict[str, float], work: tuple[float, float], rates: Rates | None) -> None:
    print(f"{'':<26}{'us':>12}{'GFLOP/s':>12}{'GB/s':>10}{'floor':>11}{'ratio':>10}")
    for name, t in times.items():
        ratio = t / times["gibbslab"]
        print(f"{name:<26}{1e6 * t:>12.2f}{told(t, *work, rates):<33}{ratio:>9.2f}x")


def cd_table(sizes: Sizes, hidden: int, persistent: bool, rates: Rates | None, device: str) -> None:
    V, B = sizes.visible, sizes.batch
    X = (np.random.default_rng(0).random((sizes.batches * B, V)) < cpu.DENSITY).astype(np.float32)
    print(f"\n{'PCD-1' if persistent else 'CD-1'}, {V}x{hidden}, batch {B}, 19 % ones; one step")
    medians = cpu.time_rounds(
        cd_runs(X, hidden, sizes, persistent, device), sizes.rounds, sizes.batches
    )
    show(medians, (10 * B * V * hidden, 4 * (2 * V * hidden + B * V)), rates)


def ais_parameters(sizes: Sizes, hidden: int) -> tuple[np.ndarray, ...]:
    """W, a, b, base biases, temperatures."""
    W = np.random.default_rng(0).normal(0, 0.05, (sizes.visible, hidden)).astype(np.float32)
    a, base = (np.full(sizes.visible, x, np.float32) for x in (-1.5, -1.45))
    return W, a, np.zeros(hidden, np.float32), base, np.linspace(0, 1, sizes.temperatures)


def own_ais(parameters: tuple[np.ndarray, ...], chains: int) -> Callable[[], float]:
    W, a, b, base, betas = parameters
    rbm = RBM(*W.shape, device="cuda")
    rbm.W, rbm.v_bias, rbm.h_bias = W, a, b

    def run() -> float:
        return metrics.ais(rbm, n_chains=chains, betas=betas, base=base, random_state=0,
                           n_temperatures=len(betas)).log_z  # fmt: skip

    return run


def ais_table(sizes: Sizes, rates: Rates | None, device: str) -> None:
    hidden, steps = sizes.hidden[-1], sizes.temperatures - 1
    parameters = ais_parameters(sizes, hidden)
    print(f"\nAIS, {sizes.visible}x{hidden}, {sizes.chains} chains x {sizes.temperatures} ", end="")
    print("temperatures; one temperature")
    runs: dict[str, Any] = {"gibbslab": own_ais(parameters, sizes.chains)}
    runs |= torch_runs(
        lambda peer, how: peer.ais(parameters, sizes.chains, how, device=device), device
    )
    found = {name: run() for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(sizes.ais_rounds):
        for name, run in runs.items():
            times[name].append(cpu.seconds(run))
    medians = {name: float(np.median(t)) / steps for name, t in times.items()}
    show(medians, (4 * sizes.chains * sizes.visible * hidden, 0), rates)
    print("log Z: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items()))


def micro_results(program: str | None, tiny: bool) -> micro.Results:
    """Of the program, or of one that nvcc makes; none, told so, where there is no nvcc."""
    if program is not None:
        return micro.run(Path(program), tiny=tiny)
    if shutil.which("nvcc") is None:
        print("\nno micro-benchmarks and no floors: nvcc was not found")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        return micro.run(micro.build(Path(folder) / "micro"), tiny=tiny)


def benchmark(sizes: Sizes, program: str | None, tiny: bool, precision: str) -> None:
    print("\n".join(machine_lines()))
    device = "cpu"
    if peers.HAS_TORCH:
        import torch

        torch.set_float32_matmul_precision(precision)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        print(f"torch on {device}, float32 matmul precision '{precision}'")
    results = micro_results(program, tiny)
    micro.show(results)
    rates = Rates.of(results)
    for hidden in sizes.hidden:
        for persistent in (False, True):
            cd_table(sizes, hidden, persistent, rates, device)
    ais_table(sizes, rates, device)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", default="gpu.log", help="where the output is written too")
    parser.add_argument("--tiny", action="store_true", help="sizes to see that it works")
    parser.add_argument("--micro", help="the compiled micro-benchmarks; nvcc makes them otherwise")
    parser.add_argument("--precision", default="high", choices=["highest", "high", "medium"],
                        help="of torch's float32 products; 'high' lets it use TF32")  # fmt: skip
    options = parser.parse_args(arguments)
    if cuda_absent():
        print(f"no CUDA device: {cuda_absent()}", file=sys.stderr)
        return 2
    sizes = TINY if options.tiny else Sizes()
    with open(options.log, "w") as log, contextlib.redirect_stdout(Tee(sys.stdout, log)):
        benchmark(sizes, options.micro, options.tiny, options.precision)
    return 0


if __name__ == "__main__":
    sys.exit(main())
