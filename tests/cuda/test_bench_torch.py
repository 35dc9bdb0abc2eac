"""torch's contestants of the card's benchmark compute what ours do."""

from __future__ import annotations

import gpu
import gpu_peers
import numpy as np
import pytest
import torch
from gibbslab.models import RBM

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HOWS = gpu_peers.usable_hows(DEVICE)


@pytest.mark.parametrize("how", HOWS)
def test_annealing_finds_log_z(how: str) -> None:
    parameters = gpu.ais_parameters(gpu.TINY._replace(temperatures=41), 8)
    W, a, b = parameters[:3]
    rbm = RBM(*W.shape, device="cpu")
    rbm.W, rbm.v_bias, rbm.h_bias = W, a, b
    torch.manual_seed(1)
    got = gpu_peers.ais(parameters, 100, how, device=DEVICE)()
    # The weights are so small that one chain is off by about 0.01.
    assert got == pytest.approx(rbm.log_partition(), abs=0.02)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_steps_are_run(how: str, persistent: bool) -> None:
    x = (np.random.default_rng(0).random((40, 20)) < 0.2).astype(np.float32)
    gpu_peers.cd(x, 8, 4, how, device=DEVICE, persistent=persistent)(0, 10)


def test_a_step_follows_the_gradient() -> None:
    """One unit on, chains that have nothing to do with it: its weights and bias grow."""
    step = gpu_peers.peers.torch_cd(6, 3, 50, device=DEVICE)
    weights = dict(zip(step.__code__.co_freevars, (c.cell_contents for c in step.__closure__)))
    v = torch.zeros(50, 6, device=DEVICE)
    v[:, 2] = 1
    for _ in range(20):
        step(v)
    grown = weights["a"].cpu().numpy()
    assert grown[2] > 0.1
    assert (np.delete(grown, 2) < -0.1).all()


def test_a_contestant_that_cannot_start_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def make(_: object, how: str) -> object:
        raise RuntimeError(f"no {how}")

    assert gpu.torch_runs(make, "cpu") == {}
    assert "torch, eager: cannot be run here: RuntimeError: no eager" in capsys.readouterr().out
