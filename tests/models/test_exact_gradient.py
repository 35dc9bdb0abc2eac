"""Training by the exact gradient: enumeration in the core against enumeration in float64 NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gibbslab import BernoulliRBM
from on_device import core, sized
from reference import Enumerated

# Square and long both ways; 11 units take two blocks of states, 1 is the least.
SHAPES = [(1, 1), (4, 4), (5, 3), (3, 5), (11, 12), (12, 11), (2, 70), (70, 3)]


def parameters(visible: int, hidden: int, spread: float) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(visible * 100 + hidden)
    shapes = [(visible, hidden), (visible,), (hidden,)]
    return tuple(rng.normal(0, spread, s).astype(np.float32) for s in shapes)


def exact_moments(w: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """E v h^T, E v, E h in float64; by the smaller layer where the table would be too large."""
    if len(a) + len(b) <= 16:
        table = Enumerated(w, a, b)
        return table.v.T @ table.joint @ table.h, table.p_v @ table.v, table.p_h @ table.h
    if len(a) < len(b):
        products, hidden, visible = exact_moments(w.T, b, a)
        return products.T, visible, hidden
    w, a, b = (x.astype(np.float64) for x in (w, a, b))
    h = (np.arange(2 ** len(b))[:, None] >> np.arange(len(b)) & 1).astype(np.float64)
    score = h @ b + np.logaddexp(0, h @ w.T + a).sum(axis=1)
    p = np.exp(score - np.logaddexp.reduce(score))
    v = 1 / (1 + np.exp(-(h @ w.T + a)))
    return (p[:, None] * v).T @ h, p @ v, p @ h


def trained(visible: int, hidden: int, spread: float, x: np.ndarray, **options: Any) -> Any:
    """The change of W, a and b in one step of rate 1."""
    start = parameters(visible, hidden, spread)
    rbm = core.RBM(visible, hidden, seed=1, n_threads=1)
    rbm.W, rbm.v_bias, rbm.h_bias = start
    chosen = core.TrainOptions()
    for name, value in {"persistent": False, "exact": True, **options}.items():
        setattr(chosen, name, value)
    trainer = core.Trainer(rbm, chosen)
    assert trainer.train(core.Dataset(x), np.arange(len(x)), len(x), 0, 1, 1.0) == (1, "")
    after = (rbm.W, rbm.v_bias, rbm.h_bias)
    return [now.astype(np.float64) - old for now, old in zip(after, start)], rbm, trainer


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("spread", [0.1, 1.0])
@pytest.mark.parametrize("grey", [False, True])
def test_the_gradient_is_the_enumerated_one(
    shape: tuple[int, int], spread: float, grey: bool
) -> None:
    """To 1e-6, and what float32 parameters lose."""
    if min(shape) > 8:
        shape = sized(shape, (shape[0] - 3, shape[1] - 3))
    x = np.random.default_rng(0).random((13, shape[0]), dtype=np.float32)
    x = x if grey else (x < 0.4).astype(np.float32)
    w, a, b = (p.astype(np.float64) for p in parameters(*shape, spread))
    h = 1 / (1 + np.exp(-(x @ w + b)))
    positive = x.T @ h / len(x), x.mean(axis=0, dtype=np.float64), h.mean(axis=0)
    changes, _, _ = trained(*shape, spread, x)
    for change, old, plus, minus in zip(changes, (w, a, b), positive, exact_moments(w, a, b)):
        limit = 1e-6 + np.spacing(np.abs(old).astype(np.float32) + 1)
        assert (np.abs(change - (plus - minus)) < limit).all()


def test_it_draws_nothing_and_keeps_no_chains() -> None:
    x = (np.random.default_rng(1).random((7, 5)) < 0.5).astype(np.float32)
    _, rbm, trainer = trained(5, 4, 0.5, x)
    assert rbm.draws == 0
    assert "chains" not in trainer.state()


def test_centring_moves_the_same_distribution_to_first_order() -> None:
    """The centred gradient is another direction of ascent: the exact likelihood rises."""
    x = (np.random.default_rng(2).random((40, 6)) < 0.8).astype(np.float32)
    for centered in (False, True):
        rbm = BernoulliRBM(
            3, method="exact", centered=centered, learning_rate=0.2, batch_size=40, n_iter=1,
            random_state=0, n_threads=1, device=core.device, warm_start=True,
        )  # fmt: skip
        likelihoods = [rbm.fit(x).log_likelihood(x).mean() for _ in range(sized(30, 5))]
        assert (np.diff(likelihoods) > 0).all()


def test_large_models_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[exact_moments\] the smaller layer .* 25 .*, got 26"):
        trained(26, 27, 0.1, np.zeros((3, 26), np.float32))
    options = core.TrainOptions()
    options.persistent = options.exact = True
    options.n_chains = 1
    with pytest.raises(ValueError, match=r"\[train\] persistent chains have no part in exact"):
        core.Trainer(core.RBM(3, 3), options)
