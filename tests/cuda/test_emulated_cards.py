"""Two cards: a caller's current device is no matter to us, and stays the caller's."""

from __future__ import annotations

import os
import subprocess
import sys

HEAD = """
import ctypes, threading
from pathlib import Path
import numpy as np
from gibbslab import BernoulliRBM, DeviceArray, _core, metrics
from gibbslab.models import RBM
emulator = ctypes.CDLL(str(Path(_core.__file__).with_name("_cuda.so")))
x = (np.random.default_rng(0).random((20, 30)) < 0.3).astype(np.float32)

def results():
    model = RBM(30, 12, random_state=1, device="cuda", n_threads=1)
    for _ in range(2):
        model.update_weights_for_batch(x)
    centred = BernoulliRBM(5, batch_size=10, n_iter=2, random_state=0, device="cuda",
                           centered=True, momentum=0.5).fit(x)
    graph = BernoulliRBM(5, batch_size=2, n_iter=1, random_state=0, device="cuda").fit(x)
    mean = model.hidden_mean(DeviceArray.from_numpy(x))
    mean.__dlpack__(stream=1)
    return [model.W, model.v_bias, centred.components_, graph.components_, mean.to_numpy(),
            mean.copy().to_numpy(), *model.sample(8, 3), model.free_energy(x),
            model.pseudo_likelihood(x),
            metrics.ais(model, n_chains=4, n_temperatures=5, random_state=0).log_z]

def same(a, b):
    return all(np.array_equal(i, j) for i, j in zip(a, b, strict=True))
"""


def output_of(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code],
        env=os.environ | {"GIBBSLAB_EMULATOR_DEVICES": "2"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_another_current_card_stays_current() -> None:
    code = """
expected = results()
emulator.gibbslab_emulator_set_current(1)
print(same(results(), expected), emulator.gibbslab_emulator_current())
"""
    assert output_of(code) == ["True 1"]


def test_the_plugin_is_opened_while_another_card_is_current() -> None:
    code = """
emulator.gibbslab_emulator_set_current(1)
found = results()
print(emulator.gibbslab_emulator_current())
emulator.gibbslab_emulator_set_current(0)
print(same(results(), found))
"""
    assert output_of(code) == ["1", "True"]


def test_every_thread_has_a_current_card_of_its_own() -> None:
    code = """
expected, found = results(), []

def work():
    emulator.gibbslab_emulator_set_current(1)
    found.append((results(), emulator.gibbslab_emulator_current()))

thread = threading.Thread(target=work)
thread.start()
thread.join()
print(same(found[0][0], expected), found[0][1], emulator.gibbslab_emulator_current())
"""
    assert output_of(code) == ["True 1 0"]


def test_memory_of_another_card_is_refused() -> None:
    code = """
model = RBM(30, 12, device="cuda")
there = DeviceArray.from_numpy(x)
class Other:
    shape = x.shape
    def __dlpack_device__(self):
        return 2, 1
try:
    model.hidden_mean(Other())
except ValueError as error:
    print(error)
"""
    told = "[RBM.hidden_mean] v must lie on the first CUDA device, (2, 0), got (2, 1)"
    assert output_of(code) == [told]
