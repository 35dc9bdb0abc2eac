"""The Python face of layers of images: sizes, orders of dimensions, fusing, refusals."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle

import numpy as np
import pytest
from gibbslab import nn
from gibbslab.nn._sequential import _fuses, _normalises

X = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype(np.float32)


def conv(*args, **options) -> nn.Conv2d:
    return nn.Conv2d(*args, random_state=0, device="cpu", **options)


def transposed(*args, **options) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(*args, random_state=0, device="cpu", **options)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (conv(3, 4, 3), (5, 4)),
        (conv(3, 4, 3, padding="valid"), (5, 4)),
        (conv(3, 4, (5, 4), (2, 3), (2, 1)), (4, 2)),
        (conv(3, 4, 5, 2, "same"), (4, 3)),
        (conv(3, 4, 2, 3, "same"), (3, 2)),
        (transposed(3, 4, 3), (9, 8)),
        (transposed(3, 4, 5, 2, "same"), (14, 12)),
        (transposed(3, 4, 2, 3, "same"), (21, 18)),
        (transposed(3, 4, 3, 2, 1, 1), (14, 12)),
        (transposed(3, 4, (3, 5), (2, 3), (1, 2), (0, 1)), (13, 17)),
    ],
)
def test_sizes(layer: nn.Module, expected: tuple[int, int]) -> None:
    assert layer(X).shape == (2, *expected, 4)
    assert layer.summary((7, 6, 3)).splitlines()[2].split("(")[1].startswith(
        f"n, {expected[0]}, {expected[1]}, 4)"
    )  # fmt: skip


@pytest.mark.parametrize("make", [conv, transposed])
def test_orders_of_dimensions_agree(make) -> None:
    last = make(3, 4, 3, 2, 1)
    first = make(3, 4, 3, 2, 1, data_format="NCHW")
    np.testing.assert_array_equal(last.weight, first.weight)
    x = nn.Variable(X, requires_grad=True)
    z = nn.Variable(X.transpose(0, 3, 1, 2), requires_grad=True)
    y, t = last(x), first(z)
    np.testing.assert_array_equal(y.numpy().transpose(0, 3, 1, 2), t)
    (y * y).sum().backward()
    (t * t).sum().backward()
    np.testing.assert_allclose(x.grad.numpy().transpose(0, 3, 1, 2), z.grad, rtol=1e-5)


def test_a_transposed_layer_is_the_gradient_of_a_convolution() -> None:
    """With the same weights: <conv(x), y> = <x, transposed(y)>."""
    down = conv(3, 4, 3, 2, 1, bias=False)
    up = transposed(4, 3, 3, 2, 1, (0, 1), bias=False)
    up.weight.data = down.weight.numpy()
    y = np.random.default_rng(1).normal(size=down(X).shape).astype(np.float32)
    x = nn.Variable(X, requires_grad=True)
    (g,) = nn.grad(down(x), [x], y)
    np.testing.assert_array_equal(g, up(y))


def test_sequential_fuses_and_computes_the_same() -> None:
    for layer in (conv(3, 4, 3), transposed(3, 4, 3)):
        for activation in (nn.LeakyReLU(0.2), nn.Tanh()):
            assert _fuses(layer, activation)
            np.testing.assert_allclose(
                nn.Sequential(layer, activation)(X), activation(layer(X)), rtol=1e-6
            )


def test_networks_of_images() -> None:
    """Down, flat, and up again; all gradients are there, and a step lowers the loss."""
    net = nn.Sequential(
        conv(3, 4, 3, 2, "same"), nn.LeakyReLU(0.2), nn.Flatten(),
        nn.Linear(4 * 3 * 4, 12, random_state=1, device="cpu"), nn.Tanh(), nn.Reshape(2, 2, 3),
        transposed(3, 3, (4, 3), (3, 2), (0, 0), (0, 1)),
    )  # fmt: skip
    assert net.n_parameters == (3 * 9 * 4 + 4) + (48 * 12 + 12) + (3 * 12 * 3 + 3)
    assert "(n, 7, 6, 3)" in net.summary((7, 6, 3)).splitlines()[8]
    optimizer = nn.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.mse_loss(net(X), X)
        loss.backward()
        assert all(p.grad.shape == p.shape for p in net.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    state = net.state_dict()
    net.load_state_dict(state)
    assert state["0.weight"].shape == (4, 3, 3, 3)


@pytest.mark.parametrize("make", [conv, transposed])
@pytest.mark.parametrize(
    ("init", "deviation"),
    [("glorot", np.sqrt(2 / (9 * 70))), ("he", np.sqrt(2 / (9 * 30))), ("normal", 0.02)],
)
def test_initial_weights(make, init: str, deviation: float) -> None:
    weight = make(30, 40, 3, init=init).weight.numpy()
    assert weight.std() / deviation == pytest.approx(1, abs=5.5 / np.sqrt(2 * weight.size))
    np.testing.assert_array_equal(weight, make(30, 40, 3, init=init).weight)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Conv2d(0, 3, 3), ValueError, r"\[Conv2d\] in_channels must be at least 1"),
        (lambda: nn.Conv2d(3, 3, 0), ValueError, r"\[Conv2d\] kernel_size must be at least 1"),
        (lambda: nn.Conv2d(3, 3, (1, 2, 3)), ValueError, "kernel_size must be an integer or two"),
        (lambda: nn.Conv2d(3, 3, 2.5), TypeError, r"\[Conv2d\] kernel_size must be an integer"),
        (lambda: nn.Conv2d(3, 3, 3, 0), ValueError, r"\[Conv2d\] stride must be at least 1"),
        (lambda: nn.Conv2d(3, 3, 3, padding="full"), ValueError, "padding must be 'same', 'valid'"),
        (lambda: nn.Conv2d(3, 3, 3, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: nn.Conv2d(3, 3, 3, data_format="CHWN"), ValueError, "data_format must be one of"),
        (lambda: nn.Conv2d(3, 3, 3, init="ones"), ValueError, r"\[Conv2d\] init must be one of"),
        (lambda: nn.ConvTranspose2d(3, 3, 3, 2, 0, 2), ValueError, "output_padding must be below"),
        (lambda: nn.ConvTranspose2d(3, 3, 3, 2, "same", 1), ValueError, "and 0 with padding 'same"),
        (lambda: conv(4, 3, 3)(X), ValueError, r"x must have shape \(n, height, width, 4\), got"),
        (lambda: conv(3, 3, 3)(X[0]), ValueError, r"x must have shape \(n, height, width, 3\)"),
        (lambda: conv(3, 3, 3, data_format="NCHW")(X), ValueError, r"\(n, 3, height, width\)"),
        (lambda: conv(3, 3, 8)(X), ValueError, r"images large enough for the kernel \(8, 8\), got"),
        (lambda: nn.BatchNorm1d(0), ValueError, r"\[BatchNorm1d\] num_features must be at least"),
        (lambda: nn.BatchNorm1d(3, momentum=2.0), ValueError, "momentum must be at most 1"),
        (lambda: nn.BatchNorm1d(3, eps=-1.0), ValueError, r"\[BatchNorm1d\] eps must be"),
        (lambda: nn.BatchNorm1d(3)(X), ValueError, r"x must have shape \(n, 3\), got"),
        (lambda: nn.BatchNorm1d(3)(X[0, 0, :1]), ValueError, "more than one value for each"),
        (lambda: nn.BatchNorm2d(4)(X), ValueError, r"x must have shape \(n, height, width, 4\)"),
        (lambda: nn.Upsample(0), ValueError, r"\[Upsample\] scale_factor must be at least 1"),
        (lambda: nn.Upsample(2, "cubic"), ValueError, r"\[Upsample\] mode must be one of"),
        (lambda: nn.Upsample(2)(X[0]), ValueError, r"x must have shape \(n, height, width, chann"),
        (lambda: conv(3, 3, 3)("x"), TypeError, r"\[Conv2d\] operand must hold real numbers"),
    ],
)
def test_refusals(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_enlarged_images() -> None:
    y = nn.Upsample((2, 3))(X)
    np.testing.assert_array_equal(y, X.repeat(2, axis=1).repeat(3, axis=2))
    first = nn.Upsample((2, 3), "bilinear", data_format="NCHW")(X.transpose(0, 3, 1, 2))
    last = nn.Upsample((2, 3), "bilinear")(X)
    np.testing.assert_array_equal(first.numpy().transpose(0, 2, 3, 1), last)
    assert repr(nn.Upsample(2)) == "Upsample((2, 2), mode='nearest')"


def test_layers_print_what_they_are() -> None:
    assert repr(conv(1, 2, 3, padding="same")) == (
        "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding='same')"
    )


def test_running_moments_are_saved_moved_and_copied() -> None:
    net = nn.Sequential(conv(3, 4, 3, bias=False), nn.BatchNorm2d(4, device="cpu"), nn.ReLU())
    for _ in range(3):
        net(X)
    assert [name for name, _ in net.named_buffers()] == ["1.running_mean", "1.running_var"]
    assert net.n_parameters == 3 * 9 * 4 + 8
    state = net.state_dict()
    assert set(state) == {
        "0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var",
    }  # fmt: skip
    other = nn.Sequential(conv(3, 4, 3, bias=False), nn.BatchNorm2d(4, device="cpu"), nn.ReLU())
    other.load_state_dict(state)
    expected = net.eval()(X).numpy()
    for copied in (other, copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net.to("cpu")):
        np.testing.assert_array_equal(copied.eval()(X), expected)
    with pytest.raises(ValueError, match=r"state must have '1.running_var'"):
        other.load_state_dict({k: v for k, v in state.items() if k != "1.running_var"})


def test_use_changes_no_running_moments() -> None:
    layer = nn.BatchNorm1d(3, device="cpu").eval()
    x = X[0, 0]
    np.testing.assert_allclose(layer(x), x / np.sqrt(np.float32(1 + 1e-5)), rtol=1e-6)
    np.testing.assert_array_equal(layer.running_mean, np.zeros(3))
    layer.train()(x)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-5)


def test_batch_normalisation_fuses_and_computes_the_same() -> None:
    for layer, x in ((nn.BatchNorm1d(3, device="cpu"), X[0, 0]),
                     (nn.BatchNorm2d(3, device="cpu"), X)):  # fmt: skip
        activation = nn.LeakyReLU(0.2)
        assert _fuses(layer, activation)
        expected = activation(copy.deepcopy(layer)(x))
        np.testing.assert_allclose(nn.Sequential(layer, activation)(x), expected, rtol=1e-6)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_convolutions_fuse_with_their_normalisation(data_format: str) -> None:
    """Values, gradients and running moments are those of the layers one after the other."""
    x = X if data_format == "NHWC" else X.transpose(0, 3, 1, 2)
    form = {"data_format": data_format}
    for make in (conv, transposed):
        for last in ([], [nn.Tanh()]):
            layers = [make(3, 4, 3, **form), nn.BatchNorm2d(4, device="cpu", **form), *last]
            alone = copy.deepcopy(layers)
            assert _normalises(*layers[:2])
            net = nn.Sequential(*layers)
            for training in (True, True, False):
                net.train(training)
                y, z = net(x), x
                for layer in alone:
                    z = layer.train(training)(z)
                np.testing.assert_allclose(y, z, rtol=1e-5, atol=1e-6)
                for result in (y, z):
                    (result * result).sum().backward()
            for a, b in zip(net._kept().values(), nn.Sequential(*alone)._kept().values()):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
                if isinstance(a, nn.Parameter):
                    scale = np.abs(b.grad.numpy()).max()
                    np.testing.assert_allclose(a.grad, b.grad, rtol=1e-4, atol=1e-5 * scale)


def test_what_does_not_fit_a_convolution_is_not_fused_with_it() -> None:
    layer, norm = conv(3, 4, 3), nn.BatchNorm2d(4, device="cpu")
    assert not _normalises(layer, nn.BatchNorm2d(4, data_format="NCHW", device="cpu"))
    assert not _normalises(layer, nn.BatchNorm2d(5, device="cpu"))
    assert not _normalises(layer, nn.BatchNorm1d(4, device="cpu"))
    assert not _normalises(nn.Linear(3, 4, device="cpu"), norm)
    assert not _normalises(layer)
    with pytest.raises(ValueError, match=r"\[BatchNorm2d\] x must have shape"):
        nn.Sequential(layer, nn.BatchNorm2d(5, device="cpu"))(X)
    with pytest.raises(ValueError, match=r"\[BatchNorm2d\] x must have more than one value"):
        nn.Sequential(conv(3, 4, (7, 6)), norm)(X[:1])
    vars(norm)["forward"] = lambda x: x
    assert not _normalises(layer, norm)


@pytest.mark.parametrize("module", ["_convolution", "_normalisation", "_upsampling"])
def test_the_examples_of_the_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"gibbslab.nn.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
