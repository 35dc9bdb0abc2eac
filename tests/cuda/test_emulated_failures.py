"""What happens when the device fails: the user is told, the model is whole, the CPU works on."""

from __future__ import annotations

import os
import subprocess
import sys

HEAD = """
import ctypes
from pathlib import Path
import numpy as np
from gibbslab import _core
from gibbslab.models import RBM
emulator = ctypes.CDLL(str(Path(_core.__file__).with_name("_cuda.so")))
emulator.gibbslab_emulator_calls.restype = ctypes.c_long
x = (np.random.default_rng(0).random((20, 30)) < 0.3).astype(np.float32)
model = RBM(30, 12, random_state=1, device="cuda")
twin = RBM(30, 12, random_state=1, device="cuda")
for m in (model, twin):
    m.update_weights_for_batch(x)
def same():
    names = ("W", "v_bias", "h_bias")
    return all(np.array_equal(getattr(model, n), getattr(twin, n)) for n in names)
"""


def output_of(code: str, **settings: str) -> list[str]:
    run = [sys.executable, "-c", HEAD + code]
    done = subprocess.run(
        run, env=os.environ | settings, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_out_of_memory_names_the_bytes_and_the_next_call_works() -> None:
    code = """
emulator.gibbslab_emulator_set_memory.argtypes = [ctypes.c_size_t]
emulator.gibbslab_emulator_set_memory(1 << 24)
try:
    RBM(4000, 3000, device="cuda")
except MemoryError as error:
    print(error)
model.update_weights_for_batch(x); twin.update_weights_for_batch(x)
print(same(), bool(np.isfinite(model.W).all()))
"""
    told, after = output_of(code)
    assert told.startswith("[cuda] out of device memory: asked for ")
    assert " bytes, " in told
    assert told.endswith(" are free")
    assert after == "True True"


def test_a_failed_allocation_anywhere_in_a_step_changes_nothing() -> None:
    code = """
failures = 0
for n in range(1, 40):
    emulator.gibbslab_emulator_fail(f"malloc:{n}+".encode())
    big = np.zeros((40 + n, 30), np.float32)  # sizes that no cached block serves
    try:
        model.update_weights_for_batch(big, 0.0)
        done = True
    except MemoryError:
        done, failures = False, failures + 1
    emulator.gibbslab_emulator_fail(b"")
    if not done:
        assert same() and model.draws == twin.draws, n
    else:
        twin.draws = model.draws
print(failures > 3)
"""
    assert output_of(code) == ["True"]


def test_a_lost_device_says_so_and_leaves_the_cpu() -> None:
    code = """
emulator.gibbslab_emulator_fail(b"launch:2=700")
for _ in range(2):
    try:
        model.update_weights_for_batch(x)
        print("no error")
    except RuntimeError as error:
        print(error)
cpu = RBM(30, 12, random_state=1, device="cpu")
cpu.update_weights_for_batch(x)
print(bool(np.isfinite(cpu.W).all()))
"""
    first, second, cpu = output_of(code)
    for told in (first, second):
        assert told.startswith("[cuda] ")
        assert "cudaErrorIllegalAddress" in told
        assert "the device is lost to this process" in told
    assert cpu == "True"
