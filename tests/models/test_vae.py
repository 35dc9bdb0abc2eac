"""The planned step of a VAE against the same step by variables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from gibbslab import nn
from gibbslab.errors import DivergenceError
from gibbslab.models import VAE
from on_device import core

SIZES = {"latent_size": 3, "data_size": 33, "hidden_sizes": (17, 9)}
NAMES = ["enc_fc1", "enc_fc2", "enc_mu", "enc_logvar", "dec_fc1", "dec_fc2", "dec_out"]


def model(seed: int = 0) -> VAE:
    return VAE(**SIZES, random_state=seed, device=core.device)


def batch(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).random((rows, 33), dtype=np.float32)


def eager_loss(vae: VAE, x: np.ndarray, beta: float = 1.0) -> tuple[nn.Variable, nn.Variable]:
    """Reconstruction from logits, and beta times the KL divergence."""
    mu, logvar = vae.encode(x)
    logits = vae.logits(vae.reparametrize(mu, logvar))
    reconstruction = nn.bce_with_logits_loss(logits, x, reduction="sum")
    return reconstruction, nn.kl_normal(mu, logvar) * beta


@pytest.mark.parametrize("rows", [1, 5, 31])
@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_gradients_equal_those_of_variables(rows: int, beta: float) -> None:
    """The gradients that the planned step leaves with the parameters, and its losses."""
    planned, eager = model(), model()
    x = batch(rows)
    optimizer = nn.SGD(planned.parameters(), lr=0.0)
    got = planned.training_step(x, optimizer, beta=beta)
    reconstruction, kl = eager_loss(eager, x, beta)
    (reconstruction + kl).backward()
    assert got.reconstruction == pytest.approx(reconstruction.item(), rel=2e-6)
    assert beta * got.kl == pytest.approx(kl.item(), rel=2e-6)
    for (name, a), (_, b) in zip(planned.named_parameters(), eager.named_parameters()):
        expected = b.grad.numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(a.grad.numpy(), expected, atol=3e-6 * scale, err_msg=name)


def test_steps_equal_those_of_variables() -> None:
    """Batches of two sizes, so that the buffers change; the same draws."""
    planned, eager = model(), model()
    by_plan, by_hand = (nn.Adam(m.parameters(), lr=1e-3) for m in (planned, eager))
    for rows in (5, 3, 5, 5):
        x = batch(rows)
        planned.training_step(x, by_plan)
        by_hand.zero_grad()
        sum(eager_loss(eager, x)).backward()
        by_hand.step()
    assert planned.draws == eager.draws == 4
    for (name, a), (_, b) in zip(planned.named_parameters(), eager.named_parameters()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-5, err_msg=name)


def test_variables_and_planned_steps_may_take_turns() -> None:
    vae = model()
    optimizer = nn.Adam(vae.parameters(), lr=1e-2)
    x = (batch(16) < 0.2).astype(np.float32)
    losses = []
    for step in range(30):
        if step % 2:
            losses.append(sum(vae.training_step(x, optimizer)))
            continue
        optimizer.zero_grad()
        loss = vae.loss_fn(*(lambda r, z, mu, logvar: (r, x, mu, logvar))(*vae(x)))
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_the_noise_has_the_deviation_that_logvar_says() -> None:
    """Var z = exp(logvar): 2^14 samples see a factor of 1.1."""
    vae = VAE(2, 5, (4,), random_state=0, device=core.device)
    n = 2**14
    logvar = np.tile(np.float32([-1.0, 1.5]), (n, 1))
    z = vae.reparametrize(np.full((n, 2), 3.0), logvar).numpy()
    error = 5.5 * np.sqrt(2 / n)
    np.testing.assert_allclose(z.var(axis=0) / np.exp(logvar[0]), 1.0, atol=error)
    np.testing.assert_allclose(
        (z.mean(axis=0) - 3) / np.exp(logvar[0] / 2), 0.0, atol=5.5 / np.sqrt(n)
    )


def test_a_diverging_step_leaves_the_model() -> None:
    vae = model()
    before = vae.state_dict()
    optimizer = nn.SGD(vae.parameters(), lr=3e38)
    with pytest.raises(DivergenceError, match=r"\[SGD.step\] parameter \d+ of shape .* non-finite"):
        vae.training_step(batch(5), optimizer)
    for name, value in vae.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert np.isfinite(vae(batch(5))[0].numpy()).all()


def test_training_is_the_same_every_time_and_resumes_exactly() -> None:
    def run(vae: VAE, optimizer: nn.Optimizer, steps: range) -> None:
        for step in steps:
            vae.training_step(batch(3 + step % 2), optimizer)

    whole, first = model(), model()
    run(whole, nn.Adam(whole.parameters()), range(6))
    before = nn.Adam(first.parameters())
    run(first, before, range(3))
    second = model(seed=5)
    second.load_state_dict(first.state_dict())
    second.seed, second.draws = first.seed, first.draws
    after = nn.Adam(second.parameters())
    after.load_state_dict(before.state_dict())
    run(second, after, range(3, 6))
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], value)


def test_copies_go_on_alike_and_apart() -> None:
    vae = model()
    optimizer = nn.Adam(vae.parameters())
    vae.training_step(batch(5), optimizer)
    other, other_optimizer = pickle.loads(pickle.dumps((vae, optimizer)))
    assert other.device == core.device
    assert vae.training_step(batch(3), optimizer) == other.training_step(batch(3), other_optimizer)
    for name, value in vae.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)


def test_the_elbo_is_below_the_likelihood() -> None:
    """Exact log p(x) by quadrature over one latent: the mean of the bound stays below it."""
    vae = VAE(1, 6, (5,), random_state=3, device=core.device)
    x = (np.random.default_rng(0).random((4, 6)) < 0.5).astype(np.float64)
    grid = np.linspace(-10, 10, 2001)
    p = vae.decode(grid[:, None]).numpy().astype(np.float64)
    log_joint = x @ np.log(p).T + (1 - x) @ np.log1p(-p).T
    log_joint += -0.5 * grid**2 - 0.5 * np.log(2 * np.pi)
    log_p = np.log(np.exp(log_joint).sum(axis=1) * (grid[1] - grid[0]))
    mu, logvar = (a.numpy().astype(np.float64) for a in vae.encode(x))
    # E_q by the same quadrature.
    q = np.exp(-0.5 * (grid - mu) ** 2 / np.exp(logvar)) / np.sqrt(2 * np.pi * np.exp(logvar))
    log_x = x @ np.log(p).T + (1 - x) @ np.log1p(-p).T
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).ravel()
    elbo = (q * log_x).sum(axis=1) * (grid[1] - grid[0]) - kl
    assert (elbo <= log_p + 1e-6).all()
    # What the model reports is an unbiased estimate of that bound.
    many = np.repeat(x[:1], 4000, axis=0)
    loss = vae.training_step(many, nn.SGD(vae.parameters(), lr=0.0))
    deviation = np.sqrt((q[0] * log_x[0] ** 2).sum() * 0.01 - ((q[0] * log_x[0]).sum() * 0.01) ** 2)
    assert -sum(loss) / 4000 == pytest.approx(elbo[0], abs=5.5 * deviation / np.sqrt(4000) + 1e-5)
