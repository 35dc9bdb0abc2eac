"""What the plug-in says of machines that cannot serve; the emulator imitates them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

MACHINES = {
    "no driver": ({"GIBBSLAB_EMULATOR_DRIVER": "0"}, "no NVIDIA driver was found"),
    "old driver": (
        {"GIBBSLAB_EMULATOR_DRIVER": "11080"},
        "the NVIDIA driver supports CUDA 11.8, and 13.0 or later is needed: update the driver",
    ),
    "no card": ({"GIBBSLAB_EMULATOR_DEVICES": "0"}, "no CUDA device was found"),
    "old card": ({"GIBBSLAB_EMULATOR_CC": "60"}, "has compute capability 6.0, and 7.5 or later is"),
    "no cuBLAS": (
        {"GIBBSLAB_EMULATOR_NO_CUBLAS": "1"},
        "cuBLAS was not found: pip install 'gibbslab[cuda13]'",
    ),
}
CODE = """
import warnings
from gibbslab import show_config
from gibbslab.models import RBM
print(show_config("dicts")["cuda"])
try:
    RBM(3, 2, device="cuda")
except RuntimeError as error:
    print(error)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    print(RBM(3, 2).device, RBM(3, 2, device="auto").device)
print(*(w.message for w in told), sep="|")
"""


def lines_of(code: str, settings: dict[str, str]) -> list[str]:
    run = [sys.executable, "-c", code]
    done = subprocess.run(
        run, env=os.environ | settings, capture_output=True, text=True, check=True, timeout=300
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("machine", MACHINES)
def test_each_reason_has_its_sentence(machine: str) -> None:
    settings, reason = MACHINES[machine]
    config, error, devices, warned = lines_of(CODE, settings)
    assert config.startswith("absent: ")
    assert reason in config
    assert error.startswith("[RBM] device='cuda' cannot be used: ")
    assert reason in error
    assert devices == "cpu cpu"
    assert warned.startswith("device='auto' uses the CPU: ")
    assert reason in warned
    assert "|" not in warned


def test_a_plugin_of_another_version_is_refused() -> None:
    code = """
import ctypes
from pathlib import Path
from gibbslab import _core
library = ctypes.CDLL(str(Path(_core.__file__).with_name("_cuda.so")))
why = ctypes.create_string_buffer(200)
library.gibbslab_plugin.restype = ctypes.c_void_p
print(library.gibbslab_plugin(b"0.0.0", None, why, 200))
print(why.value.decode())
"""
    backend, why = lines_of(code, {})
    assert backend == "None"
    assert why.startswith("the plug-in is of version ")
    assert why.endswith(": reinstall")


def test_a_working_card_is_described_and_taken() -> None:
    code = """
import gibbslab
from gibbslab.models import RBM
print(gibbslab.show_config("dicts")["cuda"])
print(RBM(3, 2).device)
"""
    config, device = lines_of(code, {})
    assert "compute capability" in config
    assert "MiB" in config
    assert device == "cuda"
