"""The calls of a course notebook on RBMs, in their order, with arrays in place of tensors."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.datasets import load_mnist_sample
from gibbslab.models import RBM

SIDE, HIDDEN_SIDE = 28, 10
V, H = SIDE * SIDE, HIDDEN_SIDE * HIDDEN_SIDE
BATCH = 100


class Loader:
    """Batches of grey images (n, 1, 28, 28) and labels, as a data loader gives them."""

    def __init__(self, split: str, n_batches: int) -> None:
        images, self.labels = load_mnist_sample(split=split, flatten=False)
        self.images = np.asarray(images[: n_batches * BATCH], np.float32)[:, None]

    def __iter__(self):
        for at in range(0, len(self.images), BATCH):
            yield self.images[at : at + BATCH], self.labels[at : at + BATCH]


@pytest.fixture(scope="module")
def test_batch():
    images, _ = next(iter(Loader("test", 1)))
    return images


@pytest.fixture(scope="module")
def trained():
    rbm = RBM(visible_size=V, hidden_size=H, cd_k=1, random_state=0)
    for _ in range(3):
        for images, _ in Loader("train", 20):
            drawn = (np.random.default_rng(1).random(images.shape) < images).astype(np.float32)
            rbm.update_weights_for_batch(drawn.reshape(-1, V), 0.1)
    return rbm


def is_picture(image, shape):
    return image.shape == shape and np.isfinite(image).all()


def test_loader_gives_grey_images(test_batch):
    assert test_batch.shape == (BATCH, 1, SIDE, SIDE)
    assert test_batch.min() == 0.0
    assert test_batch.max() == 1.0


def test_filters_can_be_drawn_one_by_one(trained):
    assert trained.W.shape == (V, H)
    for unit in range(H):
        assert is_picture(trained.W[..., unit].reshape(SIDE, SIDE), (SIDE, SIDE))


def test_reconstructions_and_states_can_be_drawn(trained, test_batch):
    h0_prob, h0, h1_prob, h1, v1_prob, v1 = trained(test_batch)
    for hidden in (h0_prob, h0, h1_prob, h1):
        assert hidden.shape == (BATCH, H)
    for visible in (v1_prob, v1):
        assert visible.shape == (BATCH, V)
    for states in (h0, h1, v1):
        assert set(np.unique(states)) == {0.0, 1.0}
    for probabilities in (h0_prob, h1_prob, v1_prob):
        assert 0.0 <= probabilities.min() < probabilities.max() <= 1.0
    for row in range(20):
        assert is_picture(test_batch[row, ...].reshape(SIDE, SIDE), (SIDE, SIDE))
        assert is_picture(v1_prob[row, ...].reshape(SIDE, SIDE), (SIDE, SIDE))
        assert is_picture(h1[row, ...].reshape(HIDDEN_SIDE, HIDDEN_SIDE), (HIDDEN_SIDE,) * 2)


def test_training_makes_reconstructions_resemble_the_images(trained, test_batch):
    untrained = RBM(V, H, random_state=0)
    error = {
        name: np.square(model(test_batch)[4] - test_batch.reshape(-1, V)).mean()
        for name, model in (("trained", trained), ("untrained", untrained))
    }
    assert error["trained"] < 0.25 * error["untrained"]


def test_one_image_built_up_hidden_unit_by_hidden_unit(trained, test_batch):
    single = test_batch[0, ...].reshape(-1, V)
    _, _, _, h1, _, _ = trained(single)
    weights, total = trained.W, trained.v_bias.copy()
    for unit in np.flatnonzero(h1[0] > 0):
        total = total + weights[:, unit]
        assert is_picture(1 / (1 + np.exp(-total.reshape(SIDE, SIDE))), (SIDE, SIDE))
    np.testing.assert_allclose(1 / (1 + np.exp(-total)), trained.visible_mean(h1)[0], atol=1e-5)


def test_filters_sorted_by_activation_frequency(trained, test_batch):
    outputs = [*trained(test_batch), trained.W, trained.v_bias]
    _, _, _, h1, _, _, weights, biases = [np.asarray(array) for array in outputs]
    frequency = (h1.sum(0) / h1.shape[0]).reshape(HIDDEN_SIDE, HIDDEN_SIDE)
    order = (-frequency).argsort(None)
    ranked = frequency.ravel()[order]
    assert (np.diff(ranked) <= 0).all()
    assert weights[:, order].shape == (V, H)
    assert biases.shape == (V,)


def test_reconstruction_from_exaggerated_hidden_states(trained):
    states = 20.0 * (np.random.default_rng(2).random((H, H)) > 0.9)
    for unit in range(7):
        states[unit] = 0.0
        states[unit, unit] = 10.0
    h1_prob, h1, v1_prob, v1 = trained.reconstruct(states, 19)
    assert h1_prob.shape == h1.shape == (H, H)
    assert v1_prob.shape == v1.shape == (H, V)
    for row in range(19):
        assert is_picture(h1[row, ...].reshape(HIDDEN_SIDE, HIDDEN_SIDE), (HIDDEN_SIDE,) * 2)
        assert is_picture(v1_prob[row, ...].reshape(SIDE, SIDE), (SIDE, SIDE))


def test_parameters_may_be_assigned_as_a_template_does(test_batch):
    """The template's own update, written out with its attributes and calls."""
    rbm = RBM(V, H, random_state=3)
    before = rbm.W, rbm.v_bias, rbm.h_bias
    batch = test_batch.reshape(-1, V)
    h0_prob, _, h1_prob, _, _, v1 = rbm(batch)
    rbm.W = rbm.W + 0.1 * (batch.T @ h0_prob - v1.T @ h1_prob) / batch.shape[0]
    rbm.v_bias = rbm.v_bias + 0.1 * (batch - v1).mean(0)
    rbm.h_bias = rbm.h_bias + 0.1 * (h0_prob - h1_prob).mean(0)
    same = RBM(V, H, random_state=3)
    for name, value in zip(("W", "v_bias", "h_bias"), before):
        np.testing.assert_array_equal(getattr(same, name), value)
    same.update_weights_for_batch(test_batch, 0.1)
    for name in ("W", "v_bias", "h_bias"):
        np.testing.assert_allclose(getattr(same, name), getattr(rbm, name), atol=1e-6)


def test_attributes_and_defaults():
    rbm = RBM(6, 4, 3)
    assert (rbm.v_size, rbm.h_size, rbm.cd_k) == (6, 4, 3)
    assert RBM(6, 4).cd_k == 1
    assert (rbm.v_bias == 0).all()
    assert (rbm.h_bias == 0).all()
