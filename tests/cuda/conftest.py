"""What only the CUDA backend has: collected where one works, emulated or real.

Where the package has one and the machine has no driver, what that is like.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

from gibbslab import _core
from gibbslab._devices import cuda_absent

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "bench"))  # for tests of the benchmark

LIBRARIES = ("cupy", "torch")


def _on_the_card(library: str) -> bool:
    """Whether the library is here, and not in a build for the CPU alone."""
    if find_spec(library) is None:
        return False
    module = importlib.import_module(library)
    return bool(module.cuda.is_available())


EMULATED = not cuda_absent() and "emulated" in _core.device_info("cuda")
NO_DRIVER = cuda_absent() == "no NVIDIA driver was found"
ONLY_WITHOUT = "test_no_driver.py"
if NO_DRIVER:
    collect_ignore_glob = [
        path.name for path in HERE.glob("test_*.py") if path.name != ONLY_WITHOUT
    ]
elif cuda_absent():
    collect_ignore_glob = ["test_*.py"]
elif EMULATED:
    collect_ignore_glob = [ONLY_WITHOUT, "test_gpu_*.py"]  # gpu: other libraries need a real card
else:
    collect_ignore_glob = [ONLY_WITHOUT, "test_emulated_*.py"]  # imitate machines and failures
    collect_ignore_glob += [f"test_gpu_{name}.py" for name in LIBRARIES if not _on_the_card(name)]
if find_spec("torch") is None:
    collect_ignore_glob += ["test_bench_torch.py"]
