"""What the benchmarks of training steps have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import gibbslab
import peers
from cpu import Run, machine, sgemm_rate, time_rounds
from threadpoolctl import threadpool_limits


def batches(X: Any, batch: int, first: int, last: int) -> Iterator[Any]:
    """Rows of X, from the start again where they end."""
    for i in range(first, last):
        start = i * batch % (len(X) - batch + 1)
        yield X[start : start + batch]


def print_table(
    title: str, runs: dict[str, Run], rounds: int, steps: int, multiply_adds: int, warm: int = 10
) -> None:
    """Median milliseconds of a step, over the floor and over those of the first contestant."""
    medians = time_rounds(runs, rounds, steps, warm)
    rate = sgemm_rate()
    floor, least = 2 * multiply_adds / rate, next(iter(medians.values()))
    print(f"\n{title};")
    print(f"sgemm {rate / 1e9:.0f} GFLOP/s, floor {1e3 * floor:.2f} ms a step")
    for name, t in medians.items():
        print(f"{name:<20}{1e3 * t:>10.2f} ms{t / floor:>8.2f}x floor{t / least:>8.2f}x")


def run_tables(
    description: str | None,
    table: Callable[[argparse.Namespace, int], None],
    *,
    steps: int,
    batches: list[int],
    compiled: bool = False,
) -> None:
    """A script: `table(options, batch)` for every batch size that its user asks for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=steps, help="of a round")
    parser.add_argument("--batches", type=int, nargs="+", default=batches)
    parser.add_argument(
        "--compiled", action=argparse.BooleanOptionalAction, default=compiled, help="torch.compile"
    )
    options = parser.parse_args()
    gibbslab.show_config()
    print(f"{machine()}; {options.threads} threads")
    with threadpool_limits(options.threads):
        if peers.HAS_TORCH:
            __import__("torch").set_num_threads(options.threads)
        for batch in options.batches:
            table(options, batch)
