"""Decoders of a VAE: planned steps against variables, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from gibbslab import nn
from gibbslab.models import VAE
from on_device import core, sized
from reference_vae import LATENT, Twin
from small_vaes import DECODERS, VISIBLE, data, small


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("hidden", [(6, 5), ()], ids=["deep", "linear"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_gradients_equal_those_of_the_loss(
    decoder: str, hidden: tuple[int, ...], samples: int
) -> None:
    planned, eager = small(3, decoder, hidden), small(3, decoder, hidden)
    x = data(5, decoder)
    got = planned.training_step(x, nn.SGD(planned.parameters(), lr=0.0), samples=samples)
    reconstruction, z, mu, logvar = eager(x, samples)
    loss = eager.loss_fn(reconstruction, x, mu, logvar)
    loss.backward()
    assert z.shape == (5 * samples, 3)
    assert reconstruction.shape == (5 * samples, VISIBLE)
    assert sum(got) == pytest.approx(loss.item(), rel=2e-5)
    for (name, a), (_, b) in zip(planned.named_parameters(), eager.named_parameters()):
        expected = b.grad.numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(a.grad.numpy(), expected, atol=1e-5 * scale, err_msg=name)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_loss_of_several_samples_is_the_twins(decoder: str) -> None:
    """From the samples themselves, which lie sample by sample."""
    vae, x, samples = small(2, decoder), data(4, decoder), 3
    reconstruction, z, mu, logvar = vae(x, samples)
    twin = Twin(vae)
    noise = reference.normal(12, 2, vae.seed, reference.stream_of(0, LATENT))
    expected = np.tile(twin.encode(x)[0], (3, 1)) + (
        np.tile(np.exp(twin.encode(x)[1] / 2), (3, 1)) * noise
    )
    np.testing.assert_allclose(z.numpy(), expected, atol=1e-5)
    errors = twin.log_p(np.tile(x, (3, 1)), expected).sum() / samples
    loss = vae.loss_fn(reconstruction, x, mu, logvar).item()
    assert loss == pytest.approx(twin.kl(x).sum() - errors, rel=1e-5)


def test_a_linear_model_learns_probabilistic_pca() -> None:
    """Its likelihood comes within 0.05 nats of the largest one, which is known in closed form."""
    rng = np.random.default_rng(0)
    n, size = 500, 5
    x = rng.normal(size=(n, 2)) @ rng.normal(size=(2, size)) + 0.3 * rng.normal(size=(n, size))
    vae = VAE(2, size, (), decoder="gaussian", variance="shared", random_state=0,
              device=core.device)  # fmt: skip
    optimizer = nn.Adam(vae.parameters(), lr=0.02)
    steps = sized(1500, 3)
    for step in range(steps):
        optimizer.lr = 0.02 * (1 - step / steps)
        vae.training_step(x, optimizer, samples=2)
    reached = Twin(vae).log_marginal(x).mean()
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    rest = values[2:].mean()
    largest = -0.5 * (size * np.log(2 * np.pi) + np.log(values[:2]).sum() + 3 * np.log(rest) + size)
    assert reached <= largest + 1e-6
    assert reached > largest - sized(0.05, 50)
    assert np.exp(vae.dec_logvar.item()) == pytest.approx(rest, rel=sized(0.25, 30))


def test_samples_are_the_addressed_draws() -> None:
    for decoder in DECODERS:
        vae = small(2, decoder)
        vae.draws = 3
        mean, x = vae.sample(6)
        twin = Twin(vae)
        z = reference.normal(6, 2, vae.seed, reference.stream_of(3, LATENT))
        output = twin.output(z)
        stream = reference.stream_of(3, reference.VISIBLE)
        if decoder == "bernoulli":
            np.testing.assert_allclose(mean, 1 / (1 + np.exp(-output)), atol=2e-6)
            np.testing.assert_array_equal(
                x, reference.uniforms(6, VISIBLE, vae.seed, stream) < mean
            )
        else:
            np.testing.assert_allclose(mean, output, atol=2e-5)
            noise = reference.normal(6, VISIBLE, vae.seed, stream)
            np.testing.assert_allclose(x - mean, np.exp(twin.logvar / 2) * noise, atol=2e-5)
        assert vae.draws == 4


def test_interpolation_goes_from_one_to_the_other() -> None:
    vae = small(2)
    a, b = data(3), 1 - data(3)
    found = vae.interpolate(a, b, 5)
    assert found.shape == (3, 5, VISIBLE)
    mu_a, mu_b = (vae.encode(x)[0] for x in (a, b))
    np.testing.assert_allclose(found[:, 0], vae.decode(mu_a).numpy(), atol=1e-6)
    np.testing.assert_allclose(found[:, -1], vae.decode(mu_b).numpy(), atol=1e-6)
    middle = vae.decode((mu_a.numpy() + mu_b.numpy()) / 2)
    np.testing.assert_allclose(found[:, 2], middle.numpy(), atol=1e-6)
