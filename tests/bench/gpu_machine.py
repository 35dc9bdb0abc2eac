"""What the benchmark of a card ran on, line by line: ``python tests/bench/gpu_machine.py``."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import shutil
import subprocess

import cpu
import gibbslab

CARD = "name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit"
PACKAGES = ("numpy", "scipy", "torch", "triton", "cupy-cuda13x", "cupy-cuda12x", "nvidia-cublas")


def told_by(*command: str) -> str:
    """The output of a program, or that it is missing or failed."""
    if shutil.which(command[0]) is None:
        return "not found"
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip()[:200]}"


def version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def machine_lines() -> list[str]:
    """Machine, cards, driver, compilers, packages, version and commit."""
    config = gibbslab.show_config("dicts")
    assert config is not None
    cards = told_by("nvidia-smi", f"--query-gpu={CARD}", "--format=csv,noheader")
    nvcc = told_by("nvcc", "--version").splitlines()
    commit = told_by("git", "describe", "--always", "--dirty")
    versions = {name: version_of(name) for name in PACKAGES}
    return [
        f"date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"machine: {platform.node()}, {cpu.machine()}",
        *(f"card: {line}" for line in cards.splitlines()),
        f"nvcc: {nvcc[-2] if len(nvcc) > 1 else nvcc[0]}",
        f"gibbslab: {config['version']}, commit {commit}",
        f"device: {config['cuda']}",
        "packages: " + ", ".join(f"{name} {v}" for name, v in versions.items() if v),
    ]


if __name__ == "__main__":
    print("\n".join(machine_lines()))
