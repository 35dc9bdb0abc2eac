"""The micro-benchmarks of a card: compiled by nvcc, run, and read."""

from __future__ import annotations

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = ("micro.cu", "micro_launch.cu", "micro_barrier.cu", "micro_rates.cu")
BF16 = "products: bf16, warp tile 64x32"
COPY = "memory: read and written by a copy"
Results = dict[str, tuple[float, str]]


def build(program: Path, architecture: str = "native") -> Path:
    """Compile them for the card of this machine, or for another; returns the program."""
    flags = ["-std=c++20", "--expt-relaxed-constexpr", "-O3", f"-arch={architecture}"]
    sources = [str(FOLDER / name) for name in SOURCES]
    command = ["nvcc", *flags, f"-I{FOLDER.parents[1]}", "-o", str(program), *sources]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"nvcc failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return program


def run(program: Path, *, tiny: bool = False) -> Results:
    """Value and unit by name."""
    command = [str(program), "--tiny"] if tiny else [str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the micro-benchmarks failed: {done.stderr[-2000:]}")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {name: (float(value), unit) for name, value, unit in rows}


def show(results: Results) -> None:
    print(f"\n{'micro-benchmark':<44}{'':>12}")
    for name, (value, unit) in results.items():
        print(f"{name:<44}{value:>12.4g} {unit}")
