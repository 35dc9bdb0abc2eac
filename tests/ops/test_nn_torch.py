"""Layers, losses and optimisers against PyTorch's; collected where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gibbslab import nn
from on_device import core

RNG_SEED = 4
ACTIVATIONS = {
    "Softplus": (nn.Softplus, torch.nn.Softplus),
    "Sigmoid": (nn.Sigmoid, torch.nn.Sigmoid),
    "Tanh": (nn.Tanh, torch.nn.Tanh),
    "ReLU": (nn.ReLU, torch.nn.ReLU),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), lambda: torch.nn.LeakyReLU(0.2)),
    "ELU": (lambda: nn.ELU(0.7), lambda: torch.nn.ELU(0.7)),
}
F = torch.nn.functional
LOSSES = {
    "mse": (nn.mse_loss, F.mse_loss),
    "bce": (
        lambda p, t, reduction: nn.bce_loss(nn.sigmoid(p), t, reduction=reduction),
        lambda p, t, reduction: F.binary_cross_entropy(torch.sigmoid(p), t, reduction=reduction),
    ),
    "bce_with_logits": (nn.bce_with_logits_loss, F.binary_cross_entropy_with_logits),
}
OPTIMISERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "RMSprop": {"lr": 0.01, "alpha": 0.9, "weight_decay": 0.01},
    "Adam": {"lr": 0.01, "betas": (0.5, 0.99), "weight_decay": 0.01},
    "AdamW": {"lr": 0.01, "weight_decay": 0.1},
}


def networks(activation: str) -> tuple[nn.Sequential, torch.nn.Sequential]:
    """Two networks of the same weights."""
    ours, theirs = ACTIVATIONS[activation]
    net = nn.Sequential(
        nn.Linear(17, 9, random_state=0, device=core.device),
        ours(),
        nn.Linear(9, 5, random_state=1, device=core.device),
    )
    peer = torch.nn.Sequential(torch.nn.Linear(17, 9), theirs(), torch.nn.Linear(9, 5))
    with torch.no_grad():
        for a, b in zip(net.parameters(), peer.parameters()):
            b.copy_(torch.from_numpy(a.numpy().copy()))
    return net, peer


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(RNG_SEED)
    return (
        rng.normal(size=(rows, 17)).astype(np.float32),
        rng.random((rows, 5), dtype=np.float32),
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_and_gradients(activation: str, loss: str, reduction: str) -> None:
    net, peer = networks(activation)
    our_loss, their_loss = LOSSES[loss]
    for rows in (1, 7):
        x, t = data(rows)
        net.zero_grad()
        peer.zero_grad()
        ours = our_loss(net(x), t, reduction=reduction)
        theirs = their_loss(peer(torch.from_numpy(x)), torch.from_numpy(t), reduction=reduction)
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
        ours.backward()
        theirs.backward()
        for a, b in zip(net.parameters(), peer.parameters()):
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(name: str) -> None:
    net, peer = networks("Tanh")
    ours = getattr(nn, name)(net.parameters(), **OPTIMISERS[name])
    theirs = getattr(torch.optim, name)(peer.parameters(), **OPTIMISERS[name])
    x, t = data(7)
    for _ in range(5):
        ours.zero_grad()
        theirs.zero_grad()
        nn.mse_loss(net(x), t).backward()
        F.mse_loss(peer(torch.from_numpy(x)), torch.from_numpy(t)).backward()
        ours.step()
        theirs.step()
    for a, b in zip(net.parameters(), peer.parameters()):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-3, atol=2e-5)


def test_gaussian_losses() -> None:
    rng = np.random.default_rng(RNG_SEED)
    mean, log_variance, t = (rng.normal(size=(3, 5)).astype(np.float32) for _ in range(3))
    ours = nn.gaussian_nll_loss(mean, t, log_variance, reduction="sum")
    theirs = F.gaussian_nll_loss(*map(torch.from_numpy, (mean, t, np.exp(log_variance))),
                                 full=True, reduction="sum")  # fmt: skip
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    normal = lambda m, v: torch.distributions.Normal(  # noqa: E731
        torch.from_numpy(m), torch.from_numpy(np.exp(v / 2))
    )
    other = t, mean * 0.5
    for given in ((), other):
        kl = nn.kl_normal(mean, log_variance, *given).item()
        q = normal(*given) if given else torch.distributions.Normal(0.0, 1.0)
        p = torch.distributions.kl_divergence(normal(mean, log_variance), q).sum()
        assert kl == pytest.approx(p.item(), rel=1e-5)


def test_a_gradient_penalty() -> None:
    """Second derivatives as WGAN-GP takes them: of the norm of the gradient by the input."""
    net, peer = networks("Softplus")
    x, _ = data(3)
    ours_x = nn.Variable(x, requires_grad=True, device=core.device)
    theirs_x = torch.from_numpy(x).requires_grad_()
    (g,) = nn.grad(net(ours_x).sum(), [ours_x], create_graph=True)
    ((((g * g).sum(axis=1) + 1e-12).sqrt() - 1) ** 2).mean().backward()
    (h,) = torch.autograd.grad(peer(theirs_x).sum(), theirs_x, create_graph=True)
    (((h * h).sum(1) + 1e-12).sqrt() - 1).square().mean().backward()
    for a, b in zip(net.parameters(), peer.parameters()):
        expected = np.zeros(a.shape) if b.grad is None else b.grad.numpy()
        got = np.zeros(a.shape) if a.grad is None else a.grad.numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
