"""Layers of images against PyTorch's; collected where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gibbslab import nn
from on_device import core

CONVOLUTIONS = [
    {"kernel_size": 1},
    {"kernel_size": 2, "stride": 2},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (5, 4), "stride": (2, 1), "padding": (2, 1)},
]
TRANSPOSED = [
    *CONVOLUTIONS,
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"kernel_size": 5, "stride": (2, 3), "padding": 2, "output_padding": (1, 2)},
    {"kernel_size": 2, "stride": 3, "bias": False},
]
LAYERS = [("Conv2d", options) for options in CONVOLUTIONS] + [
    ("ConvTranspose2d", options) for options in TRANSPOSED
]


def as_theirs(ours: Any, theirs: Any) -> None:
    """Gives the peer our weights: (here, rows, columns, there) against (here, there, ...)."""
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(ours.weight.numpy().transpose(0, 3, 1, 2).copy()))
        if theirs.bias is not None:
            theirs.bias.copy_(torch.from_numpy(ours.bias.numpy().copy()))


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("data_format", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_values_and_gradients(name: str, options: dict[str, Any], data_format: str) -> None:
    net = getattr(nn, name)(3, 4, **options, data_format=data_format, random_state=0,
                            device=core.device)  # fmt: skip
    peer = getattr(torch.nn, name)(3, 4, **options)
    as_theirs(net, peer)
    last = data_format == "NHWC"
    for batch in (1, 2):
        x = images(batch, 3, 6, 5)
        ours = nn.Variable(x.transpose(0, 2, 3, 1) if last else x, True, device=core.device)
        theirs = torch.from_numpy(x).requires_grad_()
        y, z = net(ours), peer(theirs)
        seed = images(*z.shape)
        net.zero_grad()
        peer.zero_grad()
        y.backward(seed.transpose(0, 2, 3, 1) if last else seed)
        z.backward(torch.from_numpy(seed))
        back = lambda a: a.numpy().transpose(0, 3, 1, 2) if last else a.numpy()  # noqa: E731
        pairs = [(back(y), z.detach()), (back(ours.grad), theirs.grad),
                 (net.weight.grad.numpy().transpose(0, 3, 1, 2), peer.weight.grad)]  # fmt: skip
        if net.bias is not None:
            pairs.append((net.bias.grad.numpy(), peer.bias.grad))
        for a, b in pairs:
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-4, atol=2e-5)


def test_same_padding() -> None:
    """Of a stride of one torch has it too, and Keras's of a larger one is a pad by hand."""
    for kernel, stride, size in ((3, 1, 6), (4, 1, 5), (5, 2, 7), (5, 2, 8), (2, 3, 7)):
        net = nn.Conv2d(2, 3, kernel, stride, "same", random_state=0, device=core.device)
        peer = torch.nn.Conv2d(2, 3, kernel, stride)
        as_theirs(net, peer)
        x = images(2, 2, size, size)
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padded = np.pad(x, [(0, 0), (0, 0), *[(total // 2, total - total // 2)] * 2])
        y = net(x.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
        np.testing.assert_allclose(y, peer(torch.from_numpy(padded)).detach().numpy(), atol=1e-5)


def test_a_gradient_penalty_of_a_discriminator() -> None:
    """Second derivatives as WGAN-GP takes them: of the norm of the gradient by the image."""
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1, random_state=0, device=core.device), nn.Softplus(), nn.Flatten(),
        nn.Linear(16, 1, random_state=1, device=core.device),
    )  # fmt: skip
    peer = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, 2, 1), torch.nn.Softplus())
    as_theirs(net[0], peer[0])
    x = images(2, 1, 4, 4)
    w = torch.from_numpy(net[3].weight.numpy().copy())
    ours = nn.Variable(x.transpose(0, 2, 3, 1), requires_grad=True, device=core.device)
    theirs = torch.from_numpy(x).requires_grad_()
    (g,) = nn.grad(net(ours).sum(), [ours], create_graph=True)
    ((((g * g).reshape(2, 16).sum(axis=1) + 1e-12).sqrt() - 1) ** 2).mean().backward()
    z = peer(theirs).permute(0, 2, 3, 1).reshape(2, 16) @ w.T
    (h,) = torch.autograd.grad(z.sum(), theirs, create_graph=True)
    (((h * h).sum((1, 2, 3)) + 1e-12).sqrt() - 1).square().mean().backward()
    for a, b in ((net[0].weight.grad.numpy().transpose(0, 3, 1, 2), peer[0].weight.grad),
                 (net[0].bias.grad.numpy(), peer[0].bias.grad)):  # fmt: skip
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-3, atol=1e-5)


def there_and_back(net: Any, peer: Any, x: np.ndarray) -> list[tuple[Any, Any]]:
    """What both make of x, and the gradients by it; those of the parameters lie with them."""
    ours = nn.Variable(x, requires_grad=True, device=core.device)
    theirs = torch.from_numpy(x).requires_grad_()
    y, z = net(ours), peer(theirs)
    seed = images(*z.shape)
    net.zero_grad()
    peer.zero_grad()
    y.backward(seed)
    z.backward(torch.from_numpy(seed))
    return [(y, z.detach()), (ours.grad, theirs.grad)]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_batch_normalisation(name: str, affine: bool) -> None:
    """Three steps of training, then use: values, gradients and running moments."""
    options = {"eps": 1e-3, "momentum": 0.2, "affine": affine}
    own = {"data_format": "NCHW"} if name == "BatchNorm2d" else {}
    net = getattr(nn, name)(5, **options, **own, device=core.device)
    peer = getattr(torch.nn, name)(5, **options)
    if affine:
        scale = np.linspace(0.5, 2, 5, dtype=np.float32)
        net.weight.data = scale
        peer.weight.data = torch.from_numpy(scale)
    for step in range(4):
        if step == 3:
            net.eval()
            peer.eval()
        x = images(6, 5, *((4, 3) if name == "BatchNorm2d" else ())) + step
        pairs = [*there_and_back(net, peer, x), (net.running_mean, peer.running_mean),
                 (net.running_var, peer.running_var)]  # fmt: skip
        if affine:
            pairs += [(net.weight.grad, peer.weight.grad), (net.bias.grad, peer.bias.grad)]
        for a, b in pairs:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_convolutions_that_are_normalised(name: str, bias: bool) -> None:
    """As one operation: two steps of training, then use, with gradients in all of them."""
    options = {"kernel_size": 3, "stride": 2, "padding": 1, "bias": bias}
    conv = getattr(nn, name)(3, 4, **options, data_format="NCHW", random_state=0,
                             device=core.device)  # fmt: skip
    norm = nn.BatchNorm2d(4, momentum=0.3, data_format="NCHW", device=core.device)
    peers = getattr(torch.nn, name)(3, 4, **options), torch.nn.BatchNorm2d(4, momentum=0.3)
    as_theirs(conv, peers[0])
    net, peer = nn.Sequential(conv, norm, nn.ELU()), torch.nn.Sequential(*peers, torch.nn.ELU())
    for step in range(3):
        if step == 2:
            net.eval()
            peer.eval()
        x = images(4, 3, 5, 6) + step
        pairs = there_and_back(net, peer, x)
        pairs += [(getattr(norm, of), getattr(peers[1], of))
                  for of in ("running_mean", "running_var")]  # fmt: skip
        pairs += [(getattr(norm, of).grad, getattr(peers[1], of).grad)
                  for of in ("weight", "bias")]  # fmt: skip
        pairs += [(conv.bias.grad, peers[0].bias.grad) for _ in range(bias)]
        gradient = peers[0].weight.grad.permute(0, 2, 3, 1)
        for a, b in [*pairs, (conv.weight.grad, gradient)]:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=5e-5)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [2, (3, 1), (1, 4)])
def test_upsampling(factor: int | tuple[int, int], mode: str) -> None:
    net = nn.Upsample(factor, mode, data_format="NCHW")
    peer = torch.nn.Upsample(scale_factor=factor, mode=mode)
    for batch in (1, 3):
        x = images(batch, 2, 4, 5)
        ours = nn.Variable(x, requires_grad=True, device=core.device)
        theirs = torch.from_numpy(x).requires_grad_()
        y, z = net(ours), peer(theirs)
        seed = images(*z.shape)
        y.backward(seed)
        z.backward(torch.from_numpy(seed))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-5)
