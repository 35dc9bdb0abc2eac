"""Hold every kernel to its budget: registers, shared memory, no spills.

    python tests/tools/kernel_budget.py [--architectures 80 90] [--include FOLDER ...] [--log FILE]

Compiles the kernels with nvcc; those of the package are taken from FILE where that is given, the
output of a build with -DCMAKE_CUDA_FLAGS="-Xptxas -v". Prints a table of what each kernel uses;
exits with 1 if one uses more than its budget allows, or if nvcc warns.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# By the start of the kernel's name, the first that fits: registers a thread, static shared bytes.
# 128 registers let two blocks of 256 threads share a multiprocessor; the tensor-core tiles hold
# their sums in registers and run one block.
BUDGET = {
    "half_step_bf16_kernel": (184, 36864),
    "half_step_int8_kernel": (184, 36864),
    "cd_bf16_kernel": (128, 36864),
    "cd_resident_kernel": (255, 0),
    "half_step_fp32_kernel": (104, 16384),
    "cd_fp32_kernel": (104, 16384),
    "conv_tensor_": (128, 38400),
    "conv_": (120, 16384),
    "cd_half_step_kernel": (112, 37888),
    "cd_step_update_kernel": (128, 37888),
    "anneal_kernel": (128, 0),
    "sweep_kernel": (128, 0),
    "bench::": (128, 0),
    "": (80, 16384),
}
NVCC = ("nvcc", "-std=c++20", "--expt-relaxed-constexpr", "-Xptxas", "-v", "-c")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
COMPILED = re.compile(r"entry function '(\S+)' for 'sm_(\d+)'")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


class Use(NamedTuple):
    kernel: str
    architecture: str
    registers: int
    shared: int
    spilled: int


def compiled(source: Path, architectures: list[str], include: list[str]) -> str:
    """What nvcc says of a file."""
    folders = [flag for folder in include for flag in ("-isystem", folder)]
    version = ['-DGIBBSLAB_VERSION="0"', f"-I{ROOT}", *folders]
    with tempfile.TemporaryDirectory() as folder:
        for_each = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in architectures]
        command = [*NVCC, *version, *for_each, "-o", f"{folder}/kernel.o", str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
    text = done.stdout + done.stderr
    if done.returncode != 0:
        raise SystemExit(text)
    return text


def uses(text: str) -> list[Use]:
    """What each kernel uses on each architecture, as nvcc has printed it."""
    if re.search(r"\bwarning\b", text):
        raise SystemExit(text)
    return [use_of(block) for block in text.split("ptxas info    : Compiling")[1:]]


def use_of(block: str) -> Use:
    match = COMPILED.search(block)
    assert match is not None, block
    name = subprocess.run(["c++filt", match[1]], capture_output=True, text=True).stdout
    short = re.sub(r"\(anonymous namespace\)::|gibbslab::|cuda::|^void |\(.*\)$", "", name.strip())
    spills, used = SPILLS.search(block), USED.search(block)
    assert used is not None, block
    shared = SHARED.search(block)
    spilled = int(spills[1]) + int(spills[2]) if spills else 0
    return Use(short, match[2], int(used[1]), int(shared[1]) if shared else 0, spilled)


def budget_of(kernel: str) -> tuple[int, int]:
    return next(limit for name, limit in BUDGET.items() if kernel.startswith(name))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--architectures", nargs="+", default=["80", "90"])
    parser.add_argument("--include", nargs="*", default=[])
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    texts = [options.log.read_text()] if options.log else []
    folders = ("tests/bench",) if options.log else ("kernels", "tests/bench")
    for source in [path for folder in folders for path in sorted((ROOT / folder).glob("*.cu"))]:
        texts.append(compiled(source, options.architectures, options.include))
    found = [use for text in texts for use in uses(text)]
    missing = set(options.architectures) - {use.architecture for use in found}
    if missing:
        raise SystemExit(f"no kernel was compiled for {sorted(missing)}")
    over = 0
    print(f"{'kernel':<58}{'sm':>4}{'registers':>11}{'shared':>8}{'spills':>8}")
    for use in found:
        registers, shared = budget_of(use.kernel)
        wrong = use.registers > registers or use.shared > shared or use.spilled > 0
        over += wrong
        print(
            f"{use.kernel[:57]:<58}{use.architecture:>4}{use.registers:>11}{use.shared:>8}"
            f"{use.spilled:>8}{'  OVER' if wrong else ''}"
        )
    print(f"{over} over their budget")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
