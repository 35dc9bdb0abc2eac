"""The calls of a course notebook on deep belief networks, in their order, on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.models import DBN, RBM, DBNWithFineTuning
from test_course_template import BATCH, HIDDEN_SIDE, SIDE, H, Loader, V, is_picture

STATE = (HIDDEN_SIDE, HIDDEN_SIDE)
PICTURE = (SIDE, SIDE)


def drawn(split: str, n_batches: int):
    """Batches of flat 0/1 images, drawn once."""
    for images, _ in Loader(split, n_batches):
        uniform = np.random.default_rng(1).random(images.shape)
        yield (uniform < images).astype(np.float32).reshape(-1, V)


@pytest.fixture(scope="module")
def model():
    rbm = RBM(visible_size=V, hidden_size=H, cd_k=1, random_state=0)
    for _ in range(3):
        for sample in drawn("train", 20):
            rbm.update_weights_for_batch(sample, 0.1)
    return rbm


@pytest.fixture(scope="module")
def dbnmodel(model):
    dbn = DBN(model, second_hidden_size=100, cd_k=2, random_state=1)
    for _ in range(3):
        for sample in drawn("train", 20):
            dbn.update_weights_for_batch(sample, learning_rate=0.1)
    return dbn


@pytest.fixture(scope="module")
def dbnmodel_ft(dbnmodel):
    tuned = DBNWithFineTuning(dbnmodel, cd_k=2, random_state=2)
    for _ in range(2):
        for sample in drawn("train", 20):
            tuned.update_weights_for_batch(sample, 0.01)
    return tuned


@pytest.fixture(scope="module")
def sample():
    return next(drawn("test", 1))


def exaggerated(gain: float) -> np.ndarray:
    states = gain * (np.random.default_rng(2).random((BATCH, H)) > 0.9)
    for unit in range(7):
        states[unit] = 0.0
        states[unit, unit] = 10.0
    return states


def assert_states(probabilities, states, width):
    assert probabilities.shape == states.shape == (len(states), width)
    assert 0.0 <= probabilities.min() <= probabilities.max() <= 1.0
    assert set(np.unique(states)) <= {0.0, 1.0}


def test_attributes_of_the_greedy_network(model, dbnmodel):
    assert (dbnmodel.v_size, dbnmodel.h1_size, dbnmodel.h2_size, dbnmodel.cd_k) == (V, H, 100, 2)
    np.testing.assert_array_equal(dbnmodel.W1, model.W)
    np.testing.assert_array_equal(dbnmodel.v_bias, model.v_bias)
    assert not np.array_equal(dbnmodel.h1_bias, model.h_bias)  # the top RBM moves it
    assert DBN(model, 5).cd_k == 1
    assert dbnmodel.W2.shape == (H, 100)
    for unit in range(100):
        assert is_picture(dbnmodel.W2[..., unit].reshape(STATE), STATE)


def test_eight_states_of_a_pass(dbnmodel, sample):
    for rows in (sample, sample[0, ...]):
        out = dbnmodel(rows)
        assert len(out) == 8
        for probabilities, states in zip(out[::2], out[1::2]):
            assert_states(probabilities, states, 100)
    assert len(dbnmodel.forward(sample, 3)) == 8


def test_reconstructions_one_by_one(dbnmodel, sample):
    for idx in range(20):
        _, _, _, _, _, _, _, h2down = dbnmodel(sample[idx, ...])
        v_prob, v, _, _ = dbnmodel.reconstruct(h2down)
        assert_states(v_prob, v, V)
        assert is_picture(v_prob[0, ...].reshape(PICTURE), PICTURE)
        assert is_picture(h2down.reshape(STATE), STATE)


def test_generation_from_exaggerated_states(dbnmodel, dbnmodel_ft):
    for network, gain in ((dbnmodel, 20.0), (dbnmodel_ft, 1.0)):
        v_out_prob, v_out, h2down_prob, h2down = network.reconstruct(exaggerated(gain), 100)
        assert_states(v_out_prob, v_out, V)
        assert_states(h2down_prob, h2down, 100)


def test_reconstruct_honours_its_steps(dbnmodel, dbnmodel_ft):
    """From a state far from the model's own, 200 sweeps lead elsewhere than one."""
    start = np.ones((BATCH, 100))
    for network in (dbnmodel, dbnmodel_ft):
        draws = network.draws
        one, default, many = (network.reconstruct(start, n)[3].mean() for n in (1, None, 200))
        assert one != many
        assert network.draws > draws + 2 * 200
        assert default != many


def test_greedy_training_makes_reconstructions_resemble_the_images(model, dbnmodel, sample):
    untrained = DBN(model, 100, cd_k=2, random_state=1)
    error = {}
    for name, network in (("trained", dbnmodel), ("untrained", untrained)):
        *_, h2down = network(sample)
        error[name] = np.square(network.reconstruct(h2down, 1)[0] - sample).mean()
    assert error["trained"] < 0.95 * error["untrained"]


def test_the_templates_own_update_of_the_top(model, sample):
    dbn = DBN(model, 30, cd_k=2, random_state=3)
    before = dbn.W2, dbn.h1_bias, dbn.h2_bias
    _, h1up, h2up_prob, _, _, h1down, h2down_prob, _ = dbn(sample)
    dbn.W2 = dbn.W2 + 0.1 * (h1up.T @ h2up_prob - h1down.T @ h2down_prob) / h1up.shape[0]
    dbn.h1_bias = dbn.h1_bias + 0.1 * (h1up - h1down).mean(0)
    dbn.h2_bias = dbn.h2_bias + 0.1 * (h2up_prob - h2down_prob).mean(0)
    same = DBN(model, 30, cd_k=2, random_state=3)
    for name, value in zip(("W2", "h1_bias", "h2_bias"), before):
        np.testing.assert_array_equal(getattr(same, name), value)
    same.update_weights_for_batch(sample, 0.1)
    for name, value in dbn.parameters.items():
        np.testing.assert_allclose(same.parameters[name], value, atol=2e-6, err_msg=name)


def test_attributes_of_the_tuned_network(dbnmodel, dbnmodel_ft):
    start = DBNWithFineTuning(dbnmodel, cd_k=2)
    for name, value in (
        ("R1", dbnmodel.W1), ("W1_down", dbnmodel.W1.T), ("v1_bias", dbnmodel.v_bias),
        ("h1_up_bias", dbnmodel.h1_bias), ("h1_down_bias", dbnmodel.h1_bias),
        ("W2", dbnmodel.W2), ("h2_bias", dbnmodel.h2_bias),
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(start, name), value, err_msg=name)
        assert not np.array_equal(getattr(dbnmodel_ft, name), value), name
    difference = np.abs(dbnmodel_ft.R1 - dbnmodel_ft.W1_down.T)
    assert difference.max() > 0
    for unit in range(100):
        assert is_picture(difference[..., unit].reshape(PICTURE), PICTURE)


def test_three_reconstructions_side_by_side(model, dbnmodel, dbnmodel_ft, sample):
    for idx in range(20):
        _, _, _, _, recon1, _ = model(sample[idx, ...])
        _, _, _, _, _, _, _, h2down = dbnmodel.forward(sample[idx, ...])
        recon2, _, _, _ = dbnmodel.reconstruct(h2down)
        _, _, _, _, _, _, _, _, _, h2_down, _, _, _, _ = dbnmodel_ft(sample[idx, ...])
        recon3, _, _, _ = dbnmodel_ft.reconstruct(h2_down, 2)
        for picture in (recon1, recon2, recon3):
            assert is_picture(picture.reshape(PICTURE), PICTURE)
        assert is_picture(h2_down.reshape(STATE), STATE)


def test_the_templates_own_update_of_the_tuned_network(dbnmodel, sample):
    """Written out with the fourteen states of a pass; predictions enter as probabilities."""
    old = DBNWithFineTuning(dbnmodel, cd_k=1, random_state=4)
    new = {name: [] for name in ("R1", "W1_down", "v1_bias", "h1_up_bias", "h1_down_bias", "W2")}
    steps = {name: [] for name in new}
    for _ in range(60):
        (_, h1_up, v1_up_down_prob, _, h2_up_prob, _, _, h1_down, h2_down_prob, _,
         _, v1_down, h1_down_up_prob, _) = old(sample)  # fmt: skip
        n = len(sample)
        new["W1_down"].append(h1_up.T @ (sample - v1_up_down_prob) / n)
        new["v1_bias"].append((sample - v1_up_down_prob).mean(0))
        new["R1"].append(v1_down.T @ (h1_down - h1_down_up_prob) / n)
        new["h1_up_bias"].append((h1_down - h1_down_up_prob).mean(0))
        new["h1_down_bias"].append((h1_up - h1_down).mean(0))
        new["W2"].append((h1_up.T @ h2_up_prob - h1_down.T @ h2_down_prob) / n)
        tuned = DBNWithFineTuning(dbnmodel, cd_k=1, random_state=old.draws)
        tuned.update_weights_for_batch(sample, 0.5)
        for name in steps:
            steps[name].append((getattr(tuned, name) - getattr(old, name)) / 0.5)
    for name in new:
        expected, found = np.mean(new[name], 0), np.mean(steps[name], 0)
        noise = np.std(new[name], 0).mean() / np.sqrt(30)
        assert np.sqrt(np.square(found - expected).mean()) < 3 * noise, name


def test_unrolled_start(model, sample):
    """W2 = W1.T: the top layer looks like an image, and the network models what the RBM does."""
    dbn = DBN(model, V, cd_k=1, unrolled=True, random_state=5)
    np.testing.assert_array_equal(dbn.W2, model.W.T)
    np.testing.assert_array_equal(dbn.h2_bias, model.v_bias)
    *_, h2down_prob, _ = dbn(sample)
    assert is_picture(h2down_prob[0].reshape(PICTURE), PICTURE)
    with pytest.raises(ValueError, match="second_hidden_size must be 784 with unrolled, got 100"):
        DBN(model, 100, unrolled=True)
