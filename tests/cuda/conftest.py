"""What only the CUDA backend has: collected where one works, emulated or real."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

from gibbslab import _core
from gibbslab._devices import cuda_absent

sys.path.append(str(Path(__file__).parents[1] / "bench"))  # for tests of the benchmark

LIBRARIES = ("cupy", "torch")


def _on_the_card(library: str) -> bool:
    """Whether the library is here, and not in a build for the CPU alone."""
    if find_spec(library) is None:
        return False
    module = importlib.import_module(library)
    return bool(module.cuda.is_available())


EMULATED = not cuda_absent() and "emulated" in _core.device_info("cuda")
if cuda_absent():
    collect_ignore_glob = ["test_*.py"]
elif EMULATED:
    collect_ignore_glob = ["test_gpu_*.py"]  # marked gpu: other libraries need a real card
else:
    collect_ignore_glob = ["test_emulated_*.py"]  # imitate machines and failures
    collect_ignore_glob += [f"test_gpu_{name}.py" for name in LIBRARIES if not _on_the_card(name)]
if find_spec("torch") is None:
    collect_ignore_glob += ["test_bench_torch.py"]
