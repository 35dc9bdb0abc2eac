"""The step-level autoencoder: penalties against their definitions, noise, shapes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import reference_autoencoder as reference
from gibbslab import nn
from gibbslab.estimators._autoencoder_objective import objective
from gibbslab.models import Autoencoder
from gibbslab.models.autoencoder import corrupted, sparsity_divergence
from on_device import core
from reference_nn import gradients

LAYERS = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
ONE, DEEP = (7, 5), (7, 6, 5, 3)  # the first has a closed form


def stack(sizes: tuple[int, ...], name: str, seed: int = 0) -> list[nn.Module]:
    out: list[nn.Module] = []
    for i, (below, above) in enumerate(pairwise(sizes)):
        out += [nn.Linear(below, above, random_state=seed + i, device=core.device), LAYERS[name]()]
        out[-2].bias.data = np.random.default_rng(seed + i).normal(0, 0.3, above)
    return out


def model(sizes: tuple[int, ...], name: str = "sigmoid") -> Autoencoder:
    decoder = stack(sizes[::-1], "sigmoid", seed=9)
    return Autoencoder(stack(sizes, name), decoder, sizes[0], random_state=3, device=core.device)


def in_float64(layers: Any, name: str) -> list[reference.Layer]:
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    return [(np.float64(x.weight.data), np.float64(x.bias.data), name) for x in linear]


def rows(n: int = 4, width: int = 7) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, width)).astype(np.float32)


# ---- penalties ------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [ONE, DEEP])
@pytest.mark.parametrize("name", LAYERS)
def test_contraction_is_the_norm_of_the_jacobian(
    name: str, sizes: tuple[int, ...], device: str
) -> None:
    net, x = model(sizes, name), rows()
    codes, norm = net.contraction(x)
    layers = in_float64(net.encoder.layers, name)
    expected = reference.contraction(np.float64(x), layers)
    assert norm.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(codes.numpy(), reference.output(np.float64(x), layers), atol=1e-6)


@pytest.mark.parametrize("sizes", [ONE, DEEP])
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_contraction_has_the_gradient_of_its_definition(
    name: str, sizes: tuple[int, ...], device: str
) -> None:
    net, x = model(sizes, name), rows()
    net.contraction(x)[1].backward()
    layers = in_float64(net.encoder.layers, name)

    def value(*arrays: np.ndarray) -> np.ndarray:
        pairs = zip(arrays[::2], arrays[1::2])
        return np.array(reference.contraction(np.float64(x), [(w, b, name) for w, b in pairs]))

    arrays = [part for weight, bias, _ in layers for part in (weight, bias)]
    for found, expected in zip(net.encoder.parameters(), gradients(value, arrays, np.ones(()))):
        np.testing.assert_allclose(found.grad.numpy(), expected, atol=1e-5, rtol=1e-3)


def test_the_closed_form_is_the_general_one(device: str) -> None:
    """A layer that does nothing in front hides that there is one layer."""
    plain, x = model(ONE), rows(5)
    general = Autoencoder([nn.Identity(), *plain.encoder.layers], plain.decoder, 7, device=device)
    assert plain.contraction(x)[1].item() == pytest.approx(general.contraction(x)[1].item(), 1e-6)


@pytest.mark.parametrize("target", [0.05, 0.5])
def test_sparsity_divergence_and_its_gradient(target: float, device: str) -> None:
    values = np.random.default_rng(1).uniform(0.02, 0.9, (6, 4)).astype(np.float32)
    codes = nn.Variable(values, requires_grad=True, device=device)
    found = sparsity_divergence(codes, target)
    expected = reference.sparsity_divergence(np.float64(values), target)
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    found.backward()
    of = lambda x: np.array(reference.sparsity_divergence(x, target))  # noqa: E731
    (slope,) = gradients(of, [np.float64(values)], np.ones(()))
    np.testing.assert_allclose(codes.grad.numpy(), slope, atol=1e-5, rtol=1e-3)


def test_sparsity_divergence_is_finite_for_dead_units(device: str) -> None:
    codes = nn.Variable(np.array([[0.0, 1.0, 0.1]] * 3), requires_grad=True, device=device)
    found = sparsity_divergence(codes, 0.1)
    assert 10 < found.item() < 20
    found.backward()
    assert np.isfinite(codes.grad.numpy()).all()
    assert (np.sign(codes.grad.numpy()[:, :2]) == [-1, 1]).all()


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_the_objective_is_the_sum_of_its_parts(loss: str, device: str) -> None:
    """Loss of x from noisy x', mean over elements; contraction and L1, means over rows."""
    net, noisy = model(DEEP), rows(5)
    x = np.random.default_rng(2).random((5, 7), dtype=np.float32)
    options = {
        "loss": loss, "contractive": 0.3, "sparsity_target": 0.2, "sparsity_cost": 0.7,
        "activity_l1": 0.05,
    }  # fmt: skip
    encoder, decoder = (in_float64(m.layers, "sigmoid") for m in (net.encoder, net.decoder))
    codes = reference.output(np.float64(noisy), encoder)
    p = reference.output(codes, decoder)
    crossentropy = -(x * np.log(p) + (1 - x) * np.log1p(-p)).mean()
    expected = crossentropy if loss == "bce" else ((x - p) ** 2).mean()
    expected += 0.3 * reference.contraction(np.float64(noisy), encoder) / 5
    expected += 0.7 * reference.sparsity_divergence(codes, 0.2)
    expected += 0.05 * np.abs(codes).sum() / 5
    assert objective(net, noisy, x, options).item() == pytest.approx(expected, rel=1e-6)
    only = {**options, "contractive": 0.0, "sparsity_target": 0.0, "activity_l1": 0.0}
    plain = crossentropy if loss == "bce" else ((x - p) ** 2).mean()
    assert objective(net, noisy, x, only).item() == pytest.approx(plain, rel=1e-6)


# ---- noise ----------------------------------------------------------------------------------

N = 2**15


@pytest.mark.parametrize("level", [0.2, 0.5])
def test_masking_sets_a_share_to_zero(level: float) -> None:
    """Sees a share that is wrong by 5.5 standard errors, 0.003."""
    x = np.full((N // 8, 8), 3.0, np.float32)
    out = corrupted(x, "masking", level, seed=1, draw=2)
    assert set(np.unique(out)) == {0.0, 3.0}
    assert abs((out == 0).mean() - level) < 5.5 * np.sqrt(level * (1 - level) / N)


def test_salt_and_pepper_come_equally_often() -> None:
    x = np.full((N // 8, 8), 0.5, np.float32)
    out = corrupted(x, "salt_and_pepper", 0.3, seed=1, draw=2)
    for value, share in ((0.0, 0.15), (1.0, 0.15), (0.5, 0.7)):
        assert abs((out == value).mean() - share) < 5.5 * np.sqrt(share * (1 - share) / N)


def test_gaussian_noise_has_the_level_as_deviation() -> None:
    x = np.full((N // 8, 8), 0.5, np.float32)
    noise = np.float64(corrupted(x, "gaussian", 0.3, seed=1, draw=2)) - 0.5
    assert abs(noise.mean()) < 5.5 * 0.3 / np.sqrt(N)
    assert abs(noise.var() / 0.09 - 1) < 5.5 * np.sqrt(2 / N)


@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper"])
def test_noise_is_addressed_by_draw_and_row(noise: str) -> None:
    x = np.random.default_rng(0).random((9, 5), dtype=np.float32)
    whole = corrupted(x, noise, 0.5, seed=1, draw=2)
    np.testing.assert_array_equal(whole[4:], corrupted(x[4:], noise, 0.5, 1, 2, first_row=4))
    assert (whole != corrupted(x, noise, 0.5, seed=1, draw=3)).any()
    net = model((5, 3))
    net.seed, net.draws = 1, 2
    np.testing.assert_array_equal(net.corrupt(x, noise, 0.5), whole)
    assert net.draws == 3


@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper"])
def test_no_noise_and_all_noise(noise: str) -> None:
    x = np.full((50, 6), 0.5, np.float32)
    np.testing.assert_array_equal(corrupted(x, noise, 0.0, 1, 2), x)
    assert not (corrupted(x, noise, 1.0, 1, 2) == x).any()


# ---- shapes ---------------------------------------------------------------------------------


def test_images_and_flat_rows_are_the_same(device: str) -> None:
    """Layers that want images; codes are flat whatever the encoder gives."""
    encoder = [nn.Reshape(3, 2), nn.Flatten(), *stack((6, 4), "tanh"), nn.Reshape(2, 2)]
    net = Autoencoder(encoder, [nn.Flatten(), *stack((4, 6), "sigmoid")], 6, device=device)
    x = rows(5, 6)
    assert net.code_size == 4
    assert net.encode(x).shape == (5, 4)
    np.testing.assert_array_equal(net.encode(x.reshape(5, 3, 2)).numpy(), net.encode(x).numpy())
    np.testing.assert_array_equal(net.decode(net.encode(x)).numpy(), net(x).numpy())
    logits = net.logits(net.encode(x)).numpy()
    np.testing.assert_allclose(net(x).numpy(), 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert net.training


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"decoder must give 7 values for each sample, got 6"):
        Autoencoder(stack((7, 3), "tanh"), stack((3, 6), "tanh"), 7)
    with pytest.raises(TypeError, match="layers must be a sequence of modules, got 7"):
        Autoencoder(7, stack((3, 6), "tanh"), 7)  # type: ignore[arg-type]
    net = Autoencoder(stack((7, 3), "tanh"), stack((3, 7), "tanh"), 7)
    with pytest.raises(ValueError, match=r"\[Autoencoder.encode\] x must reshape to \(-1, 7\)"):
        net(np.zeros(6))
    with pytest.raises(ValueError, match=r"z must have shape \(n, 3\), got \(2, 4\)"):
        net.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"the decoder must end in nn\.Sigmoid"):
        net.logits(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="noise must be one of"):
        net.corrupt(rows(), "pink", 0.1)
    with pytest.raises(ValueError, match=r"level must be in \[0, 1\] with 'masking' noise"):
        net.corrupt(rows(), "masking", 1.5)
