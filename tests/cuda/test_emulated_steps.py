"""What a step of a VAE asks of the card; the emulator counts it."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import ctypes
from pathlib import Path
import numpy as np
import gibbslab
from gibbslab import nn
from gibbslab.models import VAE
plugin = ctypes.CDLL(str(Path(gibbslab.__file__).parent / "_cuda.so"))
plugin.gibbslab_emulator_calls.restype = ctypes.c_long
vae = VAE(2, 9, (5,), random_state=0, device="cuda")
optimizer = nn.Adam(vae.parameters(), lr=1e-3)
launches = []
for rows in (4, 4, 4, 4, 4, 3, 4, 4, 4, 4):
    calls = [plugin.gibbslab_emulator_calls(kind) for kind in (b"launch", b"graph", b"blas")]
    optimizer.lr *= 0.9
    vae.training_step(np.full((rows, 9), 0.5, np.float32), optimizer, beta=rows / 4)
    after = [plugin.gibbslab_emulator_calls(kind) for kind in (b"launch", b"graph", b"blas")]
    print(*(b - a for a, b in zip(calls, after)))
"""


def test_a_step_of_known_shapes_is_one_launch() -> None:
    """The first one is plain, and two are recorded: weights and their spares change places."""
    run = [sys.executable, "-c", CODE]
    done = subprocess.run(run, env=dict(os.environ), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    steps = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    plain, recorded, again, *replayed = steps[:5]
    assert plain[0] > 10
    assert plain[1] == 0
    assert recorded[0] == again[0] == plain[0] + 1
    assert recorded[1] > 0
    assert replayed == [(1, 0, 0)] * 2
    # Other shapes, and the first ones once more: what was recorded has gone with the buffers.
    assert [launches > 10 for launches, _, _ in steps[5:]] == [True, True, True, True, False]
