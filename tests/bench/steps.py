"""What the benchmarks of training steps have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cpu import Run, sgemm_rate, time_rounds


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
