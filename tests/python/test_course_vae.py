"""The step-level VAE serves what the driver of the course's VAE task does with its model."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab import nn
from gibbslab.datasets import load_mnist_sample
from gibbslab.models import VAE

LATENT, BATCH = 2, 50


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """Grey images (n, 1, 28, 28), as a loader of the course gives them, and their labels."""
    x, y = load_mnist_sample("train")[:2]
    return x[:500].reshape(-1, 1, 28, 28).astype(np.float32), np.asarray(y[:500])


@pytest.fixture(scope="module")
def trained(images: tuple[np.ndarray, np.ndarray]) -> tuple[VAE, list[float]]:
    """By the loop of the driver, and its losses per image."""
    model = VAE(LATENT, random_state=0)
    model = model.to("cpu")
    optimizer = nn.Adam(model.parameters(), lr=1e-3)
    model.train()
    losses = []
    for _ in range(4):
        train_loss = 0.0
        for first in range(0, 500, BATCH):
            batch = images[0][first : first + BATCH]
            optimizer.zero_grad()
            reconstructed, _, mu, logvar = model(batch)
            loss = model.loss_fn(reconstructed, batch, mu, logvar)
            train_loss += loss.item()
            loss.backward()
            optimizer.step()
        losses.append(train_loss / 500)
    model.eval()
    return model, losses


def test_the_loss_falls(trained: tuple[VAE, list[float]]) -> None:
    losses = trained[1]
    assert losses[0] > losses[-1]
    assert 100 < losses[-1] < 260  # nats an image; untrained, 784 log 2 = 543


def test_reconstructions_and_states(trained: tuple[VAE, list[float]], images) -> None:
    model, batch = trained[0], images[0][:10]
    recons, zs, mus, logvars = model(batch)
    assert recons.shape == (10, 784)
    assert zs.shape == mus.shape == logvars.shape == (10, LATENT)
    picture = recons[3, ...].reshape(28, 28)
    assert isinstance(picture, np.ndarray)
    assert (picture >= 0).all()
    assert (picture <= 1).all()
    assert zs[3, ...].reshape(2, 1).shape == (2, 1)


def test_latent_frames(trained: tuple[VAE, list[float]], images) -> None:
    """Means and log-variances are collected row by row; weights of the first decoder layer."""
    model = trained[0]
    mu_acc: list[np.ndarray] = []
    logvar_acc: list[np.ndarray] = []
    for first in range(0, 100, BATCH):
        mu, logvar = model.encode(images[0][first : first + BATCH])
        mu_acc.extend(mu.numpy())
        logvar_acc.extend(np.asarray(logvar))
    assert np.array(mu_acc).shape == np.array(logvar_acc).shape == (100, LATENT)
    assert model.dec_fc1.weight.T.shape[0] == LATENT
    columns = [list(model.dec_fc1.weight.T[i, ...]) for i in range(LATENT)]
    assert [len(column) for column in columns] == [200, 200]
    np.testing.assert_array_equal(columns, model.dec_fc1.weight.numpy().T)


def test_a_walk_in_latent_space(trained: tuple[VAE, list[float]]) -> None:
    z = np.zeros((9, LATENT))
    z[:, 0] = z[:, 1] = np.linspace(-1.5, 1.5, 9)
    pictures = trained[0].decode(z)
    assert pictures[4, ...].reshape(28, 28).shape == (28, 28)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(np.ones((2, 100))), r"\[VAE.encode\] x must reshape to \(-1, 784\)"),
        (lambda m: m(np.full((1, 784), np.nan)), r"\[VAE.encode\] x must be finite"),
        (lambda m: m.decode(np.ones((2, 3))), r"\[VAE.decode\] z must have shape \(n, 2\), got"),
        (lambda m: m.reparametrize(np.ones((2, 2)), np.ones((2, 3))), r"must have one shape"),
        (lambda m: m.training_step(np.ones(3), nn.SGD(m.parameters())), r"batch must reshape"),
        (lambda m: m.training_step(np.ones(784), nn.SGD(m.parameters()), beta=-1), r"beta must"),
        (lambda m: VAE(0), r"\[VAE\] latent_size must be at least 1"),
        (
            lambda m: VAE(2, 783, "conv"),
            r"\[VAE\] hidden_sizes='conv' needs square images",
        ),
        (
            lambda m: VAE(2, 784, "deep"),
            r"\[VAE\] hidden_sizes must be integers or one of",
        ),
        (lambda m: VAE(2, 784, (0,)), r"\[VAE\] hidden_sizes must be at least 1, got 0"),
        (lambda m: VAE(2, decoder="poisson"), r"decoder must be one of \('bernoulli', 'gaussian'"),
        (lambda m: VAE(2, variance=0.5), r"variance is for decoder='gaussian'"),
        (lambda m: VAE(2, decoder="gaussian", variance=0), r"variance must be above 0, got 0"),
        (lambda m: VAE(2, decoder="gaussian", variance="own"), r"variance must be a number or in"),
        (lambda m: m.elbo(np.ones((2, 784)), 0), r"\[VAE.elbo\] samples must be at least 1, got 0"),
        (lambda m: m.importance_weighted_bound(np.ones(3)), r"weighted_bound\] x must reshape to"),
        (
            lambda m: m.log_likelihood(np.ones(784), max_points=5),
            r"max_points must be at least 130",
        ),
        (
            lambda m: m.latent_statistics(np.ones(784), threshold=-1),
            r"threshold must be finite and",
        ),
        (lambda m: VAE(3).log_likelihood(np.ones(784)), r"latent_size must be 1 or 2, got 3"),
        (lambda m: m.sample(0), r"\[VAE.sample\] n_samples must be at least 1, got 0"),
        (
            lambda m: m.interpolate(np.ones(784), np.ones(784), 1),
            r"steps must be at least 2, got 1",
        ),
        (lambda m: m.interpolate(np.ones(784), np.ones(1568)), r"end must have 1 rows, got 2"),
        (
            lambda m: m.training_step(np.ones(784), nn.SGD(m.parameters()), samples=0),
            r"samples must",
        ),
    ],
)
def test_refusals(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(VAE(2, random_state=0, device="cpu"))


def test_sizes_and_parameters() -> None:
    model = VAE(20, random_state=0, device="cpu")
    names = dict(model.named_parameters())
    assert names["enc_fc1.weight"].shape == (200, 784)
    assert names["dec_out.bias"].shape == (784,)
    assert (
        model.n_parameters
        == 784 * 200
        + 200
        + 2 * (200 * 200 + 200)
        + 2 * (200 * 20 + 20)
        + (20 * 200 + 200)
        + 200 * 784
        + 784
    )
    deep = VAE(3, 12, (9, 7, 5), random_state=0, device="cpu")
    assert deep.dec_fc1.weight.shape == (5, 3)
    assert deep.dec_fc3.weight.shape == (9, 7)
    x = np.random.default_rng(0).random((4, 12))
    assert deep(x)[0].shape == (4, 12)
    assert sum(deep.training_step(x, nn.Adam(deep.parameters()))) > 0
