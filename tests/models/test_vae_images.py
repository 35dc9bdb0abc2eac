"""The convolutional preset of the VAE: its float64 twin, gradients, bounds, samples, copies."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import reference
from gibbslab import nn
from gibbslab.models import VAE
from on_device import core, sized
from reference_vae import LATENT, ConvolutionalTwin
from small_vaes import DECODERS

SIDES = [4, 5]  # the sides of the layers' images: 4, 2, 1 and 5, 3, 2


def model(side: int, decoder: str = "bernoulli", latent: int = 2) -> VAE:
    """Parameters that are not small, biases too, so that q(z|x) is not p(z|x)."""
    options: dict[str, Any] = {"random_state": 3, "device": core.device, **DECODERS[decoder]}
    vae = VAE(latent, side * side, "conv", **options)
    rng = np.random.default_rng(side)
    for name, parameter in vae.named_parameters():
        if not name.endswith("weight"):
            parameter.data = rng.normal(0, 0.3, parameter.shape)
    return vae


def images(rows: int, side: int) -> np.ndarray:
    return np.random.default_rng(rows).random((rows, side * side), dtype=np.float32)


@pytest.mark.parametrize("decoder", ["bernoulli", "per_pixel"])
@pytest.mark.parametrize("side", SIDES)
def test_bounds_equal_the_twin(side: int, decoder: str) -> None:
    """Encoder, decoder and loss; more rows than are computed at once, the draws named by row."""
    vae, x = model(side, decoder), images(sized(1003, 3), side)
    twin = ConvolutionalTwin(vae)
    for found, exact in zip(vae.encode(x), twin.encode(x)):
        np.testing.assert_allclose(found.numpy(), exact, rtol=1e-5, atol=3e-5)
    close = {"rtol": 2e-5, "atol": 1e-4}
    np.testing.assert_allclose(vae.elbo(x, 2), twin.elbo(x, 2, vae.seed, 0), **close)
    bound = vae.importance_weighted_bound(x, 3)
    np.testing.assert_allclose(bound, twin.importance_weighted(x, 3, vae.seed, 2), **close)
    assert vae.draws == 5


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("decoder", ["bernoulli", "shared"])
def test_gradients_equal_those_of_the_loss(decoder: str, samples: int) -> None:
    planned, eager = model(5, decoder), model(5, decoder)
    x = images(4, 5).reshape(4, 5, 5)
    got = planned.training_step(x, nn.SGD(planned.parameters(), lr=0.0), samples=samples)
    reconstruction, z, mu, logvar = eager(x, samples)
    loss = eager.loss_fn(reconstruction, x, mu, logvar)
    loss.backward()
    assert z.shape == (4 * samples, 2)
    assert planned.draws == eager.draws == 1
    assert sum(got) == pytest.approx(loss.item(), rel=2e-5)
    for (name, a), (_, b) in zip(planned.named_parameters(), eager.named_parameters()):
        expected = b.grad.numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(a.grad.numpy(), expected, atol=2e-5 * scale, err_msg=name)


def test_the_divergence_counts_beta_times() -> None:
    """The gradient by the log-variances' biases, which at beta 0 is that of the samples alone."""
    x, found = images(3, 4), {}
    for beta in (0.0, 1.0, 3.0):
        vae = model(4)
        vae.training_step(x, nn.SGD(vae.parameters(), lr=0.0), beta=beta)
        found[beta] = vae.enc_logvar.bias.grad.numpy()
    np.testing.assert_allclose(found[3.0] - found[0.0], 3 * (found[1.0] - found[0.0]), rtol=1e-3,
                               atol=1e-5)  # fmt: skip


def test_the_elbo_is_below_the_likelihood() -> None:
    """By quadrature over one latent; the bound is a mean over many samples."""
    vae, x = model(4, latent=1), (images(2, 4) > 0.5).astype(np.float32)
    exact = vae.log_likelihood(x, max_points=sized(1025, 130), tolerance=sized(1e-4, 1.0))
    copies = sized(2000, 20)
    for row, log_p in zip(x, exact):
        bounds = vae.elbo(np.repeat(row[None], copies, axis=0))
        assert bounds.mean() <= log_p + 5.5 * bounds.std() / np.sqrt(copies)


def test_samples_are_the_addressed_draws() -> None:
    vae = model(5)
    mean, x = vae.sample(4)
    z = reference.normal(4, 2, vae.seed, reference.stream_of(0, LATENT))
    output = ConvolutionalTwin(vae).output(z)
    np.testing.assert_allclose(mean, 1 / (1 + np.exp(-output)), atol=3e-6)
    stream = reference.stream_of(0, reference.VISIBLE)
    np.testing.assert_array_equal(x, reference.uniforms(4, 25, vae.seed, stream) < mean)
    line = vae.interpolate(images(2, 5), images(2, 5)[::-1], 3)
    np.testing.assert_allclose(line[:, 0], line[::-1, -1], atol=1e-6)


def test_copies_go_on_alike() -> None:
    vae = model(4)
    optimizer = nn.Adam(vae.parameters())
    vae.training_step(images(5, 4), optimizer)
    other, other_optimizer = pickle.loads(pickle.dumps((vae, optimizer)))
    assert other.device == core.device
    x = images(3, 4)
    assert vae.training_step(x, optimizer) == other.training_step(x, other_optimizer)
    for name, value in vae.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)
    np.testing.assert_array_equal(other.elbo(x), vae.elbo(x))
