"""Training steps of a VAE that are recorded and replayed, against steps that are not.

Bit for bit: draws, learning rate, the bias correction of Adam and beta change from step to step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gibbslab import nn
from gibbslab.errors import DivergenceError
from gibbslab.models import VAE

VISIBLE = 19
KINDS: dict[str, dict[str, Any]] = {
    "bernoulli": {},
    "no encoder": {"hidden_sizes": ()},
    "variance learned": {"decoder": "gaussian", "variance": "per_pixel"},
}


def batch(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, VISIBLE), dtype=np.float32)


class Run:
    """A model with its optimiser, and all that its steps have told."""

    def __init__(self, kind: str, rule: type = nn.Adam) -> None:
        sizes = {"hidden_sizes": (7, 5)} | KINDS[kind]
        self.vae = VAE(3, VISIBLE, **sizes, random_state=0, device="cuda")
        self.optimizer = rule(self.vae.parameters(), lr=1e-2)
        self.told: list[Any] = []

    def step(self, rows: int, *, lr: float = 1e-2, beta: float = 1.0, samples: int = 1) -> None:
        self.optimizer.lr = lr
        x = batch(rows, len(self.told))
        self.told.append(
            tuple(self.vae.training_step(x, self.optimizer, beta=beta, samples=samples))
        )

    def state(self) -> list[np.ndarray]:
        return [np.array(self.told), *(p.numpy() for p in self.vae.parameters())]


def epochs(run: Run) -> None:
    """Short last batches, a warm-up of beta, a falling learning rate, a look at other data."""
    for step in range(6):
        run.step(5, lr=1e-2 / (step + 1), beta=0.2 * step)
    run.step(2)
    run.vae.elbo(batch(9, 0))
    for step in range(5):
        run.step(5, beta=1.0 - 0.1 * step)
    for _ in range(4):
        run.step(5, samples=2)


def runs(monkeypatch: pytest.MonkeyPatch, work: Callable[[Run], None], *of: Any) -> list[Run]:
    """What becomes of two runs, by steps that are replayed, and by plain ones."""
    out = []
    for how in ("graph", "plain"):
        monkeypatch.setenv("GIBBSLAB_CUDA_STEPS", how)
        out.append(Run(*of))
        work(out[-1])
    return out


def assert_same(replayed: Run, plain: Run) -> None:
    for a, b in zip(replayed.state(), plain.state()):
        np.testing.assert_array_equal(a, b)
    moving = (run.optimizer.state_dict() for run in (replayed, plain))
    for one, other in zip(*(state["first"] + state["second"] for state in moving)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_replayed_steps_equal_plain_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(*runs(monkeypatch, epochs, kind))


def test_other_rules_optimisers_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a recording takes for granted may change between two steps."""

    def work(run: Run) -> None:
        for rule in (nn.SGD, nn.RMSprop):
            run.optimizer = rule(run.vae.parameters(), lr=1e-3)
            for _ in range(4):
                run.step(3, lr=1e-3)
            weight = run.vae.enc_mu.weight
            weight.data = 0.5 * weight.numpy()
            for _ in range(3):
                run.optimizer.zero_grad()
                run.step(3, lr=1e-3)
            assert all(p.grad is not None for p in run.vae.parameters())

    assert_same(*runs(monkeypatch, work, "bernoulli", nn.AdamW))


def test_a_step_that_diverges_is_told_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(run: Run) -> None:
        for _ in range(5):
            run.step(3)
        before = [p.numpy() for p in run.vae.parameters()]
        with pytest.raises(DivergenceError, match=r"\[SGD.step\] parameter \d"):
            run.step(3, lr=3e38)
        for a, p in zip(before, run.vae.parameters()):
            np.testing.assert_array_equal(a, p.numpy())
        for _ in range(5):
            run.step(3)

    assert_same(*runs(monkeypatch, work, "bernoulli", nn.SGD))


def test_another_kind_of_steps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("bernoulli")
    monkeypatch.setenv("GIBBSLAB_CUDA_STEPS", "graphs")
    run.step(2)
    with pytest.raises(RuntimeError, match="CUDA_STEPS must be plain or graph, got 'graphs'"):
        run.step(2)
