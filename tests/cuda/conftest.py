"""What only the CUDA backend has: collected where one works, emulated or real."""

from __future__ import annotations

from gibbslab import _core
from gibbslab._devices import cuda_absent

EMULATED = not cuda_absent() and "emulated" in _core.device_info("cuda")
if cuda_absent():
    collect_ignore_glob = ["test_*.py"]
elif not EMULATED:
    collect_ignore_glob = ["test_emulated_*.py"]  # imitate machines and failures
